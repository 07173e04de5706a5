"""The board with its script: a visit at the side, keys, moving, booking over it, and what others change."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts import clock
from accounts.models import User
from audit.actor import Actor
from booking import actions
from booking.models import Appointment, Practitioner, Service
from patients.models import Patient
from tests.factories import next_weekday_at
from tests.looks.conftest import violations

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.journey]


@pytest.fixture
def board(window: Callable[..., Page], appointment: Appointment, reception: User) -> Callable[..., Page]:
    """The day of Maya's visit, on a wide screen."""
    return partial(window, reception, f"/desk/day/{clock.local(appointment.starts_at).date()}/")


def test_enter_opens_a_visit_at_the_side_and_escape_goes_back_to_it(board: Callable[..., Page], appointment: Appointment) -> None:
    page = board(theme="dark")
    page.get_by_role("link", name="Maya Chowdhury").focus()
    page.keyboard.press("Enter")
    side = page.locator(".tray [data-picked]")
    expect(side).to_be_focused()
    expect(side).to_contain_text("519-555-0181")
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.locator(f"#v-{appointment.public_id} .nm")).to_be_focused()
    assert page.complaints == []  # type: ignore[attr-defined]


def test_c_confirms_the_visit_that_has_the_focus_and_z_undoes_it(board: Callable[..., Page], appointment: Appointment) -> None:
    page = board()
    page.keyboard.press("d")
    expect(page.locator(".strip-bar")).to_contain_text("Choose a visit first")
    page.get_by_role("link", name="Maya Chowdhury").focus()
    page.keyboard.press("d")
    expect(page.locator(".strip-bar")).to_contain_text("does not go with a visit that is")
    page.keyboard.press("l")
    expect(page.locator(".strip-bar")).to_have_text(
        "Choose an opening first, with the arrows: L says who on the waiting list fits it."
    )
    page.keyboard.press("c")
    expect(page.locator(".toast")).to_contain_text("Maya Chowdhury is confirmed")
    page.wait_for_load_state()  # the strip stands there before the page's scripts hear a key
    page.keyboard.press("z")
    expect(page.locator(".toast")).to_contain_text("Undone. Maya Chowdhury, 10:00\xa0a.m.: Not confirmed")
    page.keyboard.press("d")
    expect(page.locator("p.toast")).to_contain_text("does not go with a visit that is")
    expect(page.locator("form.toast")).to_be_hidden()
    appointment.refresh_from_db()
    assert appointment.status == "booked"


def slowly(page: Page) -> None:
    """A step takes its time."""
    page.route("**/desk/day/**", lambda route: (page.wait_for_timeout(400), route.continue_()))


def test_keys_pressed_while_a_step_is_under_way_act_on_the_page_that_comes_of_it(
    board: Callable[..., Page], appointment: Appointment
) -> None:
    page, before = board(), Appointment.objects.get(pk=appointment.pk).version
    page.get_by_role("link", name="Maya Chowdhury").focus()
    slowly(page)
    page.keyboard.type("czcn")
    expect(page.get_by_role("dialog", name="New booking")).to_be_visible(timeout=15000)
    expect(page.locator(".toast")).to_contain_text("Maya Chowdhury is confirmed")
    appointment.refresh_from_db()
    assert (appointment.status, appointment.version) == ("confirmed", before + 3)


def test_keys_pressed_before_a_refusal_do_not_act_after_it(board: Callable[..., Page], appointment: Appointment) -> None:
    page = board()
    page.get_by_role("link", name="Maya Chowdhury").focus()
    seen = Appointment.objects.get(pk=appointment.pk)
    actions.confirm(seen, by=Actor.system(), now=clock.now(), version=seen.version)
    slowly(page)
    page.keyboard.type("cu")
    expect(page.get_by_role("alert")).to_contain_text("Here is where it is now")
    page.wait_for_timeout(600)
    appointment.refresh_from_db()
    assert appointment.status == "confirmed"


def test_the_printer_button_prints_once(board: Callable[..., Page]) -> None:
    page = board()
    page.evaluate("() => { window.printed = 0; window.print = () => { window.printed += 1; }; }")
    page.locator("[data-print]").first.click()
    assert page.evaluate("window.printed") == 1


def test_arrows_walk_from_visit_to_opening(board: Callable[..., Page]) -> None:
    page = board()
    page.get_by_role("link", name="Maya Chowdhury").focus()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("link", name="Open 9:00 to 9:50")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="Maya Chowdhury")).to_be_focused()


def test_m_and_arrows_move_a_visit_and_escape_leaves_it(board: Callable[..., Page], appointment: Appointment) -> None:
    page = board()
    page.get_by_role("link", name="Maya Chowdhury").focus()
    page.keyboard.press("m")
    expect(page.locator(".target.on")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(".target")).to_have_count(0)
    expect(page.get_by_role("link", name="Maya Chowdhury")).to_be_focused()
    page.keyboard.press("m")
    expect(page.locator(".target.on")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(page.locator("[data-say]")).to_contain_text(", free")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("Moved Maya Chowdhury to")
    before = appointment.starts_at
    appointment.refresh_from_db()
    assert before < appointment.starts_at < before + timedelta(hours=1)


def test_the_mouse_moves_a_visit_too(board: Callable[..., Page], appointment: Appointment) -> None:
    page = board()
    card = page.locator(f"#v-{appointment.public_id}")
    card.hover()
    page.mouse.down()
    box = card.bounding_box()
    assert box
    page.mouse.move(box["x"] + 40, box["y"] + 90)
    expect(page.locator(".target").first).to_be_attached()
    page.mouse.move(box["x"] + 40, box["y"] + 100, steps=3)
    expect(page.locator(".target.on")).to_have_count(1)
    page.mouse.up()
    expect(page.locator(".toast")).to_contain_text("Moved Maya Chowdhury to")


def test_a_caller_is_booked_over_the_board_and_it_can_be_taken_back(board: Callable[..., Page], appointment: Appointment) -> None:
    page = board()
    page.get_by_role("link", name="Open 1:00").click()
    dialog = page.get_by_role("dialog", name="New booking")
    expect(dialog.get_by_label("Phone, name or reference")).to_be_focused()
    page.keyboard.type("519 555 01")
    expect(dialog.get_by_role("link", name="Maya Chowdhury")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("button", name="Book")).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast")).to_contain_text("Booked Maya Chowdhury for 1:00")
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(".toast")).to_contain_text("Took back the booking")
    assert Appointment.objects.filter(status="cancelled").count() == 1


def test_who_types_on_before_the_dialog_is_there_types_into_it_and_no_letter_is_a_key(
    board: Callable[..., Page], appointment: Appointment
) -> None:
    page = board()
    page.get_by_role("link", name="Maya Chowdhury").focus()
    page.route("**/desk/new/", lambda route: (page.wait_for_timeout(400), route.continue_()))
    page.keyboard.type("nCraig")
    expect(page.get_by_label("Phone, name or reference")).to_have_value("Craig")
    appointment.refresh_from_db()
    assert appointment.status == "booked"


def test_another_visit_type_shows_its_times_at_once(
    board: Callable[..., Page], patient: Patient, appointment: Appointment, practitioner: Practitioner
) -> None:
    longer = Service.objects.create(slug="longer", name="Longer", minutes=60, step_minutes=60, position=9)
    longer.practitioners.add(practitioner)
    page = board()
    page.get_by_role("link", name="Open 1:00").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("519 555 01")
    page.get_by_role("dialog").get_by_role("link", name="Maya Chowdhury").click()
    page.get_by_label("Visit type").focus()
    page.get_by_label("Visit type").select_option(label="Longer, 60 min")
    expect(page.locator("[data-times-say]")).to_contain_text("1:00")
    expect(page.get_by_label("Visit type")).to_be_focused()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast")).to_contain_text("Booked Maya Chowdhury for 1:00")
    assert Appointment.objects.filter(service=longer).count() == 1


def test_a_step_without_a_connection_keeps_the_board_and_says_so(board: Callable[..., Page], appointment: Appointment) -> None:
    page = board()
    page.context.set_offline(True)
    page.get_by_role("link", name="Maya Chowdhury").focus()
    page.keyboard.press("c")
    expect(page.locator(".toast")).to_contain_text("You can look, not change")
    page.context.set_offline(False)
    expect(page.locator(".toast")).to_have_count(0)
    page.evaluate("Object.defineProperty(navigator, 'onLine', { value: false })")  # as in a house with nothing but its own server
    page.keyboard.press("c")
    expect(page.locator(".toast")).to_contain_text("Maya Chowdhury is confirmed")


def test_a_step_leaves_the_board_where_it_was_and_the_side_can_be_closed(
    board: Callable[..., Page], appointment: Appointment
) -> None:
    page = board()
    page.set_viewport_size({"width": 1440, "height": 640})
    page.get_by_role("link", name="Maya Chowdhury").focus()
    at = page.locator("#board").evaluate("board => { board.scrollTop = 24; return board.scrollTop; }")
    page.keyboard.press("c")
    expect(page.locator(".toast")).to_contain_text("Maya Chowdhury is confirmed")
    page.wait_for_load_state()
    assert page.locator("#board").evaluate("board => board.scrollTop") == at == 24
    page.locator(".tray").get_by_role("link", name="Close").click()
    expect(page.locator(".tray [data-picked]")).to_have_count(0)
    expect(page.get_by_role("link", name="Maya Chowdhury")).to_be_focused()


@pytest.mark.parametrize("width", [1440, 1280])
def test_the_board_stays_where_it_is_when_the_strip_comes(
    board: Callable[..., Page], appointment: Appointment, width: int
) -> None:
    Service.objects.filter(pk=appointment.service_id).update(questionnaire="hair-loss-intake")
    Patient.objects.filter(pk=appointment.patient_id).update(legal_first_name="Anne-Marie", legal_last_name="Bouchard-Tremblay")
    page = board()
    page.set_viewport_size({"width": width, "height": 900})
    top = page.locator("#board").bounding_box()["y"]  # type: ignore[index]
    page.goto(f"{page.url}?did=book&visit={appointment.public_id}")
    expect(page.locator(".toast")).to_contain_text("Message goes out")
    expect(page.locator(".toast").get_by_role("button")).to_have_count(2)
    assert page.locator("#board").bounding_box()["y"] == top  # type: ignore[index]
    page.keyboard.press("d")
    expect(page.locator("p.toast")).to_contain_text("does not go with a visit that is")
    assert page.locator("#board").bounding_box()["y"] == top  # type: ignore[index]


def test_what_was_typed_is_there_when_the_dialog_opens_again(board: Callable[..., Page]) -> None:
    page = board()
    page.keyboard.press("n")
    box = page.get_by_role("dialog", name="New booking").get_by_label("Phone, name or reference")
    expect(box).to_be_focused()
    page.keyboard.type("ra")
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="New booking N")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#board a:focus")).to_be_visible()
    page.keyboard.press("n")
    expect(box).to_have_value("ra")


def test_x_texts_the_patient_and_escape_goes_back_to_the_visit(board: Callable[..., Page], appointment: Appointment) -> None:
    page = board()
    card = page.locator(f"#v-{appointment.public_id} .nm")
    card.focus()
    page.keyboard.press("x")
    dialog = page.get_by_role("dialog", name="Text Maya Chowdhury")
    expect(dialog.get_by_role("link", name="Call us")).to_be_focused()
    assert violations(page) == []
    page.keyboard.press("1")
    expect(dialog.get_by_role("button", name="Send")).to_be_focused()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(card).to_be_focused()
    page.keyboard.press("x")
    dialog.get_by_role("link", name="Call us").press("Enter")
    dialog.get_by_role("button", name="Send").press("Enter")
    expect(page.locator(".toast")).to_contain_text("Text to Maya Chowdhury")
    expect(card).to_be_focused()
    page.keyboard.press("z")
    expect(page.locator(".toast")).to_contain_text("Taken back")


def test_what_was_done_elsewhere_is_said_where_the_strip_is(board: Callable[..., Page], appointment: Appointment) -> None:
    page = board()
    top = page.locator("#board").bounding_box()["y"]  # type: ignore[index]
    page.get_by_role("link", name="Maya Chowdhury").focus()
    page.keyboard.press("i")
    expect(page.locator(".strip-bar")).to_contain_text("The link is on its way.")
    assert page.locator("#board").bounding_box()["y"] == top  # type: ignore[index]


def test_on_a_phone_the_week_begins_with_today_in_view(board: Callable[..., Page], live_server: Any) -> None:
    page = board()
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{live_server.url}/desk/week/{clock.today()}/")
    if clock.today().weekday() < 5:  # a week has no weekend where nobody works then
        expect(page.locator(".wk .is-today")).to_be_in_viewport(ratio=1)


def test_on_a_phone_a_new_booking_is_a_page(board: Callable[..., Page]) -> None:
    page = board()
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("link", name="New booking").last.click()
    expect(page.get_by_role("heading", name="New booking", level=1)).to_be_visible()


def test_what_others_change_is_drawn_and_the_focus_stays(
    board: Callable[..., Page], appointment: Appointment, make_user: Any, make_patient: Any, make_visit: Any
) -> None:
    page = board()
    page.get_by_role("link", name="Maya Chowdhury").focus()
    sam = make_user("reception", "Sam Okoro")
    actions.confirm(appointment, by=Actor.staff(sam), now=clock.now(), version=appointment.version)
    make_visit(make_patient("Ravi", "Pillai"), next_weekday_at(14))
    page.evaluate("pulse()")
    expect(page.get_by_role("link", name="Ravi Pillai")).to_be_visible()
    expect(page.locator(f"#v-{appointment.public_id} .st")).to_have_text("Confirmed")
    expect(page.get_by_role("link", name="Maya Chowdhury")).to_be_focused()
    expect(page.locator("#filters")).to_contain_text("2 booked")


def test_a_booking_half_typed_is_not_taken_away_by_what_others_change(
    board: Callable[..., Page], make_patient: Any, make_visit: Any
) -> None:
    page = board()
    page.keyboard.press("n")
    box = page.get_by_role("dialog", name="New booking").get_by_label("Phone, name or reference")
    expect(box).to_be_focused()
    page.keyboard.type("ra")
    make_visit(make_patient("Ravi", "Pillai"), next_weekday_at(14))
    page.evaluate("pulse()")
    expect(page.locator("[data-stale]")).to_be_attached()
    expect(box).to_have_value("ra")
    expect(box).to_be_focused()


def test_initials_only_while_others_can_see_the_screen(board: Callable[..., Page]) -> None:
    page = board()
    page.keyboard.press("p")
    expect(page.locator("#board .ap .nm")).to_have_text("M. C.")
    page.keyboard.press("p")
    expect(page.locator("#board .ap .nm")).to_have_text("Maya Chowdhury")


def test_shift_and_arrows_place_a_visit_where_something_is_and_the_server_asks(
    board: Callable[..., Page], appointment: Appointment, make_patient: Any, make_visit: Any
) -> None:
    make_visit(make_patient("Ravi", "Pillai"), appointment.starts_at + timedelta(minutes=30))
    page = board()
    page.get_by_role("link", name="Maya Chowdhury").focus()
    page.keyboard.press("m")
    expect(page.locator(".target.on")).to_have_count(1)
    for _ in range(4):
        page.keyboard.press("Shift+ArrowDown")
    expect(page.locator("[data-say]")).to_contain_text("whatever is there")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Book anyway")).to_be_visible()


def test_the_keys_work_in_the_table_too(board: Callable[..., Page], appointment: Appointment) -> None:
    page = board()
    page.get_by_role("link", name="List", exact=True).click()
    page.wait_for_url("**view=list")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent") == "Maya Chowdhury", "after an opening"
    with page.expect_navigation():
        page.keyboard.press("c")
    appointment.refresh_from_db()
    assert appointment.status == "confirmed"
    assert page.evaluate("document.activeElement.textContent") == "Maya Chowdhury"
