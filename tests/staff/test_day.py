"""`/desk/day/<date>/`: the day as lists, its filters, its buttons, its undo, its conflicts."""

import re
from collections.abc import Callable
from datetime import date, time, timedelta
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError
from django.test import Client

from accounts import clock
from accounts.models import User
from audit.actor import Actor
from audit.models import AuditEvent
from booking import actions
from booking.models import Appointment, Practitioner, Service
from notifications import rounds
from notifications.models import Delivery
from patients.models import Patient
from staff.board import steps_of
from tests.factories import next_weekday_at
from tests.staff.conftest import Statements, at


def day_of(visit: Appointment) -> str:
    return f"/desk/day/{clock.local(visit.starts_at).date()}/"


def press(client: Client, visit: Appointment, verb: str, version: int | None = None) -> Any:
    return client.post(day_of(visit), {"do": f"{verb}:{visit.public_id}:{version or visit.version}"})


def test_the_desk_opens_today_and_any_date(desk: Client) -> None:
    assert desk.get("/desk/")["Location"] == f"/desk/day/{clock.today()}/"
    assert desk.get("/desk/?date=2027-03-01")["Location"] == "/desk/day/2027-03-01/"
    assert desk.get("/desk/?date=tomorrow")["Location"] == f"/desk/day/{clock.today()}/"
    assert desk.get("/desk/day/2027-02-30/").status_code == 404


def test_a_visit_shows_who_when_what_and_that_it_is_not_confirmed(desk: Client, appointment: Appointment) -> None:
    page = desk.get(day_of(appointment)).content.decode()
    for text in ("Maya Chowdhury", "10:00", "First assessment", "Not confirmed", "Dr. Osei", "First visit"):
        assert text in page
    assert "<b>1</b> booked" in page


def test_nobody_arrives_before_the_day_of_the_visit(desk: Client, appointment: Appointment) -> None:
    assert f'value="arrive:{appointment.public_id}' not in desk.get(day_of(appointment)).content.decode()
    morning = clock.instant(clock.today(appointment.starts_at), time(0, 1), clock.clinic_zone())
    assert "arrive" not in dict(steps_of(appointment, morning - timedelta(minutes=2)))
    assert "arrive" in dict(steps_of(appointment, morning))


def test_openings_start_a_booking_at_that_time(desk: Client, appointment: Appointment) -> None:
    page = desk.get(day_of(appointment)).content.decode()
    links = re.findall(r'href="(/desk/new/\?at=[^"]+)"', page)
    assert len(links) == 3, "before the visit, after it, and the afternoon"
    assert "9:00" in page
    answer = desk.get(links[0].replace("&amp;", "&"))
    assert b"Dr. Osei" in answer.content


@pytest.mark.parametrize(
    ("show", "names"),
    [
        ("", {"Ann", "Bea", "Cleo"}),
        ("waiting", {"Cleo"}),
        ("unconfirmed", {"Ann"}),
        ("missing", {"Ann", "Bea", "Cleo"}),
        ("openings", set()),
        ("nonsense", {"Ann", "Bea", "Cleo"}),
    ],
)
def test_chips_filter_the_list(
    desk: Client, make_patient: Any, make_visit: Any, service: Service, show: str, names: set[str]
) -> None:
    service.questionnaire = "hair-loss-intake"
    service.save()
    start = next_weekday_at(9)
    for n, (name, status) in enumerate((("Ann", "booked"), ("Bea", "confirmed"), ("Cleo", "arrived"))):
        make_visit(make_patient(name, "Test"), start + timedelta(minutes=40 * n), status, arrived_at=clock.now())
    page = desk.get(f"/desk/day/{clock.local(start).date()}/?show={show}").content.decode()
    assert {n for n in ("Ann", "Bea", "Cleo") if re.search(f'class="nm"[^>]*>{n} Test</a>', page)} == names


def test_nobody_waits_on_a_day_that_is_past(desk: Client, make_patient: Any, make_visit: Any) -> None:
    came = clock.now() - timedelta(days=3)
    make_visit(make_patient("Cleo", "Test"), came, "arrived", arrived_at=came)
    day = f"/desk/day/{clock.local(came).date()}/"
    page = desk.get(day)
    assert (page.context["board"].waiting, page.context["board"].counts["waiting"]) == ([], 0)
    assert "Waiting 4320 min" not in page.content.decode()
    assert "Cleo Test" in desk.get(f"{day}?show=unfinished").content.decode()


def test_what_was_to_be_done_before_a_visit_is_not_asked_for_on_a_past_day(
    desk: Client, patient: Patient, make_visit: Any, service: Service
) -> None:
    Service.objects.filter(pk=service.pk).update(questionnaire="hair-loss-intake")
    came = clock.now() - timedelta(days=3)
    make_visit(patient, came, "booked")
    page = desk.get(f"/desk/day/{clock.local(came).date()}/")
    found = page.context["board"].counts
    assert [found[kind] for kind in ("unconfirmed", "missing", "unfinished")] == [0, 0, 1]
    assert "Intake missing" not in page.content.decode()


def test_the_whole_way_through_a_visit(desk: Client, appointment: Appointment) -> None:
    for verb, status in (("confirm", "confirmed"), ("arrive", "arrived"), ("to_room", "in_room"), ("fulfil", "fulfilled")):
        appointment.refresh_from_db()
        answer = press(desk, appointment, verb)
        assert answer.status_code == 303
        appointment.refresh_from_db()
        assert appointment.status == status
        assert AuditEvent.objects.filter(action=f"booking.{verb}", actor_kind="staff", object_id=appointment.pk).exists()


def test_every_step_can_be_undone_from_the_strip(desk: Client, appointment: Appointment) -> None:
    page = desk.get(press(desk, appointment, "arrive")["Location"]).content.decode()
    assert "Maya Chowdhury is waiting" in page
    undo = re.search(r'class="toast".*?value="(undo:[^"]+)"', page, re.DOTALL).group(1)  # type: ignore[union-attr]
    answer = desk.post(day_of(appointment), {"do": undo})
    assert b"Undone" in desk.get(answer["Location"]).content
    appointment.refresh_from_db()
    assert appointment.status == "booked"


def test_a_no_show_is_offered_once_the_visit_should_have_started(
    reception: User, signed_in: Callable[[User], Client], appointment: Appointment
) -> None:
    assert b"mark_noshow" not in signed_in(reception).get(day_of(appointment)).content
    with time_machine.travel(appointment.starts_at + timedelta(minutes=15), tick=False):
        desk = signed_in(reception)
        assert b"mark_noshow" in desk.get(day_of(appointment)).content
        assert press(desk, appointment, "mark_noshow").status_code == 303
        page = desk.get(day_of(appointment) + f"?did=mark_noshow&visit={appointment.public_id}").content.decode()
        assert "did not come" in page
        assert "Message goes out at 10:18" in page.replace("\xa0", " ")


def test_a_no_show_of_days_ago_promises_no_message_for_none_goes(desk: Client, appointment: Appointment, reception: User) -> None:
    with time_machine.travel(appointment.starts_at + timedelta(days=6), tick=False):
        desk.force_login(reception)
        assert press(desk, appointment, "mark_noshow").status_code == 303
        rounds.once(now=clock.now())
        assert not Delivery.objects.filter(message__kind="missed").exclude(reason="too_late").exists()
        page = desk.get(day_of(appointment) + f"?did=mark_noshow&visit={appointment.public_id}").content.decode()
        assert "did not come" in page
        assert "Message goes out" not in page


def test_a_stale_button_says_who_moved_it_and_where_it_is(
    desk: Client, appointment: Appointment, make_user: Callable[..., User]
) -> None:
    sam = make_user("reception", "Sam Okoro")
    seen = appointment.version
    actions.move(appointment, appointment.practitioner, next_weekday_at(14), by=Actor.staff(sam), now=clock.now(), version=seen)
    answer = press(desk, appointment, "arrive", seen)
    assert answer.status_code == 409
    page = answer.content.decode()
    assert re.search(r"Sam moved this at \d+:\d\d.[ap]\.m\. Here is where it is now\.", page)
    assert "2:00" in page
    appointment.refresh_from_db()
    assert appointment.status == "booked"


def test_a_step_that_does_not_fit_is_refused_in_words(desk: Client, appointment: Appointment) -> None:
    answer = press(desk, appointment, "fulfil")
    assert answer.status_code == 409
    assert "does not go with a visit" in answer.content.decode()


@pytest.mark.parametrize("do", ["", "arrive", "delete:x:1", "arrive:00000000-0000-0000-0000-000000000000:1", "arrive:x:y:z"])
def test_a_button_that_is_not_ours_is_not_found(desk: Client, appointment: Appointment, do: str) -> None:
    assert desk.post(day_of(appointment), {"do": do}).status_code == 404


def test_cancelled_visits_are_folded_away(desk: Client, appointment: Appointment, reception: User) -> None:
    actions.cancel(appointment, by=Actor.staff(reception), now=clock.now())
    page = desk.get(day_of(appointment)).content.decode()
    assert "1 cancelled" in page
    assert "<b>0</b> booked" in page


def test_holds_are_shown_without_a_name_until_they_end(desk: Client, make_visit: Any) -> None:
    start = next_weekday_at(11)
    make_visit(None, start, "held", hold_key="a", hold_expires_at=clock.now() + timedelta(minutes=10))
    make_visit(None, next_weekday_at(15), "held", hold_key="b", hold_expires_at=clock.now() - timedelta(minutes=10))
    page = desk.get(f"/desk/day/{clock.local(start).date()}/").content.decode()
    assert page.count("Web booking") == 1


def test_a_closed_day_says_so(desk: Client, practitioner: Practitioner) -> None:
    assert b"Closed. Nobody works" in desk.get("/desk/day/2027-02-13/").content


def test_who_is_to_be_called_is_said_to_be_called_from_a_closed_day_too(desk: Client, appointment: Appointment) -> None:
    Appointment.objects.update(needs_call=True, call_reason="New photos")
    page = desk.get("/desk/day/2027-02-13/").content.decode()
    assert "Closed. Nobody works" in page
    form = re.search(rf'form="([^"]+)"\s*name="do"\s*value="called:{appointment.public_id}', page).group(1)  # type: ignore[union-attr]
    assert re.search(rf'<form[^>]*id="{form}"[^>]*method="post"', page)
    answer = desk.post("/desk/day/2027-02-13/?view=list", {"do": f"called:{appointment.public_id}:{appointment.version}"})
    assert answer["Location"].startswith("/desk/day/2027-02-13/?did=called"), "the desk goes on where it was"
    assert "view=list" in answer["Location"]
    assert "Maya Chowdhury was called" in desk.get(answer["Location"]).content.decode()


def test_who_waits_now_is_said_beside_today_only(
    reception: User, signed_in: Callable[[User], Client], make_patient: Any, make_visit: Any
) -> None:
    start = next_weekday_at(10)
    make_visit(make_patient("Cleo", "Test"), start, "arrived", arrived_at=start)
    with time_machine.travel(start, tick=False):
        desk = signed_in(reception)
        assert "Waiting now" in desk.get(f"/desk/day/{clock.today()}/").content.decode()
        assert "Waiting now" not in desk.get(f"/desk/day/{clock.today() + timedelta(days=1)}/").content.decode()


def test_a_day_of_160_visits_takes_at_most_four_statements(
    desk: Client, clinic: Any, make_practitioner: Any, service: Service
) -> None:
    day, now = clock.local(next_weekday_at(9)).date(), clock.now()
    people = [make_practitioner(f"Dr. Number{n}") for n in range(10)]
    service.practitioners.add(*people)
    patients = Patient.objects.bulk_create(
        Patient(legal_first_name=f"P{n}", legal_last_name="Test", date_of_birth=date(1980, 1, 1), created_at=now)
        for n in range(160)
    )
    Appointment.objects.bulk_create(
        Appointment(
            patient=patient, practitioner=people[n % 10], service=service, status="confirmed", local_start="", zone="x",
            starts_at=at(day, 9 + n // 10 // 3, n // 10 % 3 * 20), ends_at=at(day, 9 + n // 10 // 3, n // 10 % 3 * 20 + 19),
            created_at=now, changed_at=now,
        )
        for n, patient in enumerate(patients)
    )  # fmt: skip
    desk.get("/desk/")
    with Statements() as statements:
        page = desk.get(f"/desk/day/{day}/").content.decode()
    assert page.count('class="nm"') == 160
    assert len(statements.of_page()) <= 4, "\n".join(statements.of_page())
    Appointment.objects.filter(patient__in=patients[150:]).update(needs_call=True, call_reason="New photos")
    Appointment.objects.filter(patient=patients[159]).update(
        starts_at=at(day + timedelta(1), 9), ends_at=at(day + timedelta(1), 10)
    )
    for query, names in (("", 3), ("?view=list", 0)):
        with Statements() as statements:
            calls = desk.get(f"/desk/day/{day}/{query}")
        assert len(statements.of_page()) <= 4, "\n".join(statements.of_page())
        assert calls.content.decode().count(" · New photos") == names
        assert calls.content.decode().count('id="v-') == 159, "who is to be called on another day is not on this one"
    empty = desk.get(f"/desk/day/{day + timedelta(7)}/").content.decode()
    assert (len(page) - len(empty)) / 160 < 600, "bytes a visit"


def test_looking_at_the_day_is_in_the_trail(desk: Client, appointment: Appointment, reception: User) -> None:
    desk.get(day_of(appointment))
    event = AuditEvent.objects.filter(action="staff.day_read").latest("pk")
    assert (event.actor_id, event.detail["date"]) == (reception.pk, str(clock.local(appointment.starts_at).date()))


def test_without_a_trail_there_is_no_page(desk: Client, appointment: Appointment, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise DatabaseError("no trail")

    monkeypatch.setattr("staff.reading.record", broken)
    desk.raise_request_exception = False
    answer = desk.get(day_of(appointment))
    assert answer.status_code == 500
    assert b"Maya" not in answer.content


def test_no_answer_and_no_reason_is_on_the_page(desk: Client, appointment: Appointment) -> None:
    page = desk.get(day_of(appointment)).content.decode().lower()
    assert "hair" not in page


@pytest.mark.parametrize("path", ["/desk/", "/desk/calls/", "/desk/new/", "/desk/find/", "/desk/day/2027-02-10/"])
def test_physicians_have_no_desk_and_strangers_sign_in_first(
    physician: User, signed_in: Callable[[User], Client], path: str
) -> None:
    assert signed_in(physician).get(path).status_code == 404
    assert Client().get(path)["Location"].startswith("/staff/login/?next=%2Fdesk%2F")


def test_the_clinic_lead_has_the_desk_too(clinic: Any, lead_user: User, signed_in: Callable[[User], Client]) -> None:
    assert signed_in(lead_user).get("/desk/").status_code == 302


def test_the_pulse_changes_with_every_change_of_the_day(desk: Client, appointment: Appointment) -> None:
    url = f"/staff/pulse/?day={clock.local(appointment.starts_at).date()}"
    before = desk.get(url).json()["mark"]
    assert f'data-stale="{before}"' in desk.get(day_of(appointment)).content.decode()
    press(desk, appointment, "confirm")
    assert desk.get(url).json()["mark"] != before


def test_lunch_and_time_off_are_said(desk: Client, practitioner: Practitioner) -> None:
    from booking.models import TimeOff

    day = clock.local(next_weekday_at(9)).date()
    TimeOff.objects.create(practitioner=practitioner, starts_at=at(day, 15, 30), ends_at=at(day, 18), kind="meeting")
    page = desk.get(f"/desk/day/{day}/").content.decode()
    assert "Lunch until 1:00" in page
    assert "out at 3:30" in page


def test_a_whole_day_off_says_so_without_lunch_or_midnight(desk: Client, practitioner: Practitioner) -> None:
    from booking.models import TimeOff

    day = clock.local(next_weekday_at(9)).date()
    since, until = clock.day_bounds(day, clock.clinic_zone())
    TimeOff.objects.create(practitioner=practitioner, starts_at=since, ends_at=until, kind="vacation")
    page = desk.get(f"/desk/day/{day}/").content.decode()
    assert "Dr. Osei is out all day" in page or "Closed. Nobody works on this day" in page
    assert "Lunch" not in page
    assert "12:00" not in page
