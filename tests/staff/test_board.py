"""`/desk/day/<date>/` as a board: where a visit stands, what overlaps, what is closed, and where the moment is."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts import clock
from accounts.models import User
from audit.models import AuditEvent
from booking.models import Appointment, Availability, Practitioner, TimeOff
from staff.grid import lay
from staff.lines import Column, Entry
from tests.factories import next_weekday_at
from tests.staff.conftest import at


def place_of(page: str, name: str) -> str:
    """The classes of the card that carries a name."""
    return re.search(rf'<li id="v-[^"]+" class="([^"]+)"[^>]*>(?:(?!</li>).)*>{name}</a>', page).group(1)  # type: ignore[union-attr]


def column_of(*entries: Entry, spans: list[tuple[datetime, datetime]] | None = None) -> Any:
    person: Any = SimpleNamespace(short_name="Dr. Osei")
    return Column(person, list(entries), spans=spans or [])


def visit_at(start: datetime, minutes: int, lane: int = 0) -> Entry:
    seen: Any = SimpleNamespace(lane=lane)
    return Entry("visit", start, "", seen, end=start + timedelta(minutes=minutes))


def test_a_visit_stands_at_its_time_and_is_as_long_as_it_takes(desk: Client, appointment: Appointment) -> None:
    page = desk.get(f"/desk/day/{clock.local(appointment.starts_at).date()}/").content.decode()
    # From nine, when the day begins: one hour down; thirty minutes are six rows.
    assert {"h-1", "s-6"} <= set(place_of(page, "Maya Chowdhury").split())


def test_visits_at_the_same_time_stand_side_by_side(desk: Client, make_patient: Any, make_visit: Any) -> None:
    start = next_weekday_at(10)
    make_visit(make_patient("Ann", "Test"), start)
    make_visit(make_patient("Bea", "Test"), start + timedelta(minutes=10), lane=1)
    make_visit(make_patient("Cleo", "Test"), start + timedelta(minutes=60))
    page = desk.get(f"/desk/day/{clock.local(start).date()}/").content.decode()
    assert "x12" in place_of(page, "Ann Test")
    assert "x22" in place_of(page, "Bea Test")
    assert "x" not in place_of(page, "Cleo Test").replace("box", "")


def test_what_lies_outside_the_hours_and_lunch_is_closed(desk: Client, make_practitioner: Any) -> None:
    early, late = make_practitioner("Dr. Amara Osei"), make_practitioner("Dr. Priya Raman")
    day = clock.local(next_weekday_at(9)).date()
    Availability.objects.filter(practitioner=late, local_start="09:00").update(local_start="10:00")
    page = desk.get(f"/desk/day/{day}/").content.decode()
    assert page.count("Starts 10:00") == 1
    assert page.count("Lunch until 1:00") == 2
    assert early.short_name in page


def test_an_opening_is_as_tall_as_it_is_long(desk: Client, appointment: Appointment) -> None:
    page = desk.get(f"/desk/day/{clock.local(appointment.starts_at).date()}/").content.decode()
    assert re.search(r'<li class="dopen s-10"><a href="/desk/new/\?at=', page), "nine to ten to ten"


def test_time_off_is_shown_from_when_to_when(desk: Client, appointment: Appointment, practitioner: Practitioner) -> None:
    day = clock.local(appointment.starts_at).date()
    TimeOff.objects.create(practitioner=practitioner, starts_at=at(day, 15, 30), ends_at=at(day, 23), kind="meeting")
    page = desk.get(f"/desk/day/{day}/").content.decode()
    assert re.search(r'<li class="doff h-6 m-6 t-1 s-6"><span><time>3:30</time> Dr. Osei out</span>', page)


def test_a_sick_physician_is_closed_all_day_and_the_visits_stay_in_sight(
    desk: Client, appointment: Appointment, practitioner: Practitioner
) -> None:
    day = clock.local(appointment.starts_at).date()
    since, until = clock.day_bounds(day, clock.clinic_zone())
    TimeOff.objects.create(practitioner=practitioner, starts_at=since, ends_at=until, kind="sick")
    page = desk.get(f"/desk/day/{day}/").content.decode()
    assert "Dr. Osei is out all day" in page
    assert "h-1" in place_of(page, "Maya Chowdhury")
    assert "In time off" in page


def test_the_line_of_this_moment_is_there_today_only(
    reception: User, signed_in: Callable[[User], Client], appointment: Appointment
) -> None:
    day = clock.local(appointment.starts_at).date()
    with time_machine.travel(at(day, 10, 20), tick=False):
        desk = signed_in(reception)
        assert re.search(r'class="now h-1 m-4 s-1"', desk.get(f"/desk/day/{day}/").content.decode())
        assert "h-1 m-4 s-1" not in desk.get(f"/desk/day/{day + timedelta(7)}/").content.decode()


@pytest.mark.parametrize(("look", "hour", "after"), [("", 10, "Maya"), ("?view=list", 10, "Maya"), ("?view=list", 11, "Open to 11:50"), ("", 17, "")])  # fmt: skip
def test_now_stands_once_before_what_is_not_over_on_a_board_and_in_a_table(
    reception: User, signed_in: Callable[[User], Client], appointment: Appointment, look: str, hour: int, after: str
) -> None:
    day = clock.local(appointment.starts_at).date()
    with time_machine.travel(at(day, hour, 20), tick=False):
        desk = signed_in(reception)
        page = desk.get(f"/desk/day/{day}/{look}").content.decode()
        assert page.count('id="now"') == 1
        rest = page.partition('id="now"')[2]
        found = re.search(r'class="nm"[^>]*>(\w+)|<span>(Open [^<]*)|(Open to \d+:\d+)', rest)
        assert after in found[0] if found else not after
        assert 'id="now"' not in desk.get(f"/desk/day/{day + timedelta(7)}/{look}").content.decode()


@pytest.mark.parametrize(
    ("day", "first", "second", "words"),
    [
        # 1:30 twice: an hour apart. And from 1 to 3 a.m. it is one hour.
        (date(2026, 11, 1), datetime(2026, 11, 1, 5, 30, tzinfo=clock.UTC), datetime(2026, 11, 1, 6, 30, tzinfo=clock.UTC), 2),
        (date(2027, 3, 14), datetime(2027, 3, 14, 6, 0, tzinfo=clock.UTC), datetime(2027, 3, 14, 7, 0, tzinfo=clock.UTC), 1),
    ],
)
def test_rows_are_elapsed_time_on_the_night_the_clock_changes(
    clinic: Any, day: date, first: datetime, second: datetime, words: int
) -> None:
    since, until = clock.day_bounds(day, clock.clinic_zone())
    one, two = visit_at(first, 30), visit_at(second, 30)
    grid = lay([column_of(one, two, spans=[(since, until)])], now=since)
    assert grid is not None
    rows = [sum(12 * int(h) for h in re.findall(r"h-(\d+)", e.place)) for e in (one, two)]
    assert rows[1] - rows[0] == 12
    assert (grid.until - grid.since) == until - since
    assert [text for _place, text in grid.hours].count("1\u00a0a.m.") == words


def test_short_visits_get_taller_rows_and_never_vanish(clinic: Any) -> None:
    start = datetime(2027, 2, 10, 15, 0, tzinfo=clock.UTC)
    short = visit_at(start, 5)
    grid = lay([column_of(short)], now=start)
    assert grid is not None
    assert grid.tall
    assert (short.short, "s-2" in short.place) == (True, True)


def test_more_than_four_at_once_share_four_lanes(clinic: Any) -> None:
    start = datetime(2027, 2, 10, 15, 0, tzinfo=clock.UTC)
    entries = [visit_at(start, 30, lane) for lane in range(5)]
    lay([column_of(*entries)], now=start)
    assert [e.place.split()[-1] for e in entries] == ["x14", "x24", "x34", "x44", "x14"]


def test_the_list_has_every_button_and_no_board(desk: Client, appointment: Appointment) -> None:
    url = f"/desk/day/{clock.local(appointment.starts_at).date()}/"
    desk.post(url, {"do": f"confirm:{appointment.public_id}:{appointment.version}"})
    board, listed = (desk.get(url + query).content.decode() for query in ("", "?view=list"))
    assert 'class="axis"' in board
    assert 'class="axis"' not in listed
    assert re.search(r'value="undo:[^"]+"', listed)


def test_a_step_comes_back_to_the_same_view(desk: Client, appointment: Appointment) -> None:
    url = f"/desk/day/{clock.local(appointment.starts_at).date()}/?view=list&who=osei"
    answer = desk.post(url, {"do": f"confirm:{appointment.public_id}:{appointment.version}"})
    assert "view=list" in answer["Location"]
    assert "who=osei" in answer["Location"]


def test_one_physicians_day(desk: Client, appointment: Appointment, make_practitioner: Any) -> None:
    make_practitioner("Dr. Priya Raman")
    url = f"/desk/day/{clock.local(appointment.starts_at).date()}/"
    both, one = desk.get(url).content.decode(), desk.get(url + "?who=raman").content.decode()
    assert ('id="v-' in both, both.count('<section class="dcol"')) == (True, 2)
    assert ('id="v-' in one, one.count('<section class="dcol"')) == (False, 1)
    assert "?who=osei" in one, "the way to the others stays"


def test_the_side_shows_one_visit_and_reading_it_is_in_the_trail(desk: Client, appointment: Appointment) -> None:
    page = desk.get(f"/desk/visit/{appointment.public_id}/card/").content.decode()
    assert "519-555-0181" in page
    assert "<html" not in page
    event = AuditEvent.objects.filter(action="staff.visit_read").latest("pk")
    assert event.object_id == appointment.pk


def test_where_a_visit_could_go_is_said_as_what_a_move_posts(
    desk: Client, appointment: Appointment, practitioner: Practitioner
) -> None:
    day = clock.local(appointment.starts_at).date()
    answer = desk.get(f"/desk/visit/{appointment.public_id}/starts/?day={day}").json()
    assert (answer["minutes"], answer["version"]) == (30, appointment.version)
    first = answer["starts"][0]
    assert (first["who"], first["words"]) == (practitioner.pk, "9:00\u00a0a.m., Dr. Osei")
    moved = desk.post(f"/desk/visit/{appointment.public_id}/move/", {"slot": first["value"], "version": answer["version"]})
    assert moved.status_code == 303
    appointment.refresh_from_db()
    assert clock.local(appointment.starts_at).hour == 9


def test_the_link_sent_from_the_board_comes_back_to_the_board(desk: Client, appointment: Appointment) -> None:
    url = f"/desk/visit/{appointment.public_id}/link/"
    answer = desk.post(url, {"how": "send", "back": "day"})
    assert answer["Location"].startswith("/desk/day/")
    assert b"The link is on its way" in desk.get(answer["Location"]).content


def test_who_is_to_be_called_stands_at_the_side_until_they_are(desk: Client, appointment: Appointment) -> None:
    Appointment.objects.filter(pk=appointment.pk).update(needs_call=True, call_reason="Contact not checked")
    url = f"/desk/day/{clock.local(appointment.starts_at).date()}/"
    page = desk.get(url).content.decode()
    pressed = re.search(r'form="tray-do" name="do" value="(called:[^"]+)"', page).group(1)  # type: ignore[union-attr]
    assert "Contact not checked" in page
    page = desk.get(desk.post(url, {"do": pressed})["Location"]).content.decode()
    assert "Maya Chowdhury was called" in page
    assert "Contact not checked" not in page
