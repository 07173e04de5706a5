"""The thirty cases in which clocks mislead software, for a clinic in Toronto, under three server zones.

Clocks change on 2026-11-01 (back), 2027-03-14 (forward) and 2027-11-07 (back), at two in the morning. Every number written
here was worked out by hand, not by the code under test. The whole module runs with the server's own clock set to UTC,
Asia/Kolkata and America/Toronto (case 30).

Not here yet, and why:
- 10, series of visits, stands here as what it rests on: the same wall time so many days on, with `days_before`.
- 20 to 23 ask what a patient in another zone sees: pages show the clinic's clock and name it, so these are tests of instants.
- 28, zone rules that change after a visit was booked: nothing moves visits by itself yet; tested is that what this needs,
  the wall time agreed with the patient, is kept beside the instant.
"""

import importlib.resources
import os
import subprocess
import sys
import time
import zoneinfo
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall
from itertools import pairwise

import pytest
import time_machine
from icalendar import Calendar as Ics

from accounts import clock
from accounts.quiet import quiet_night
from accounts.wall import day_bounds, days_before, instant, is_ambiguous
from accounts.web import as_instant
from audit.actor import Actor
from booking import actions, calendar, fit, hours, ics, picker, series, slots
from booking.models import Appointment, Availability, AvailabilityOverride, TimeOff
from tests.factories import contact_of

TORONTO = zoneinfo.ZoneInfo("America/Toronto")
DESK = Actor("staff", None, "reception")
AUTUMN, SPRING = date(2026, 11, 1), date(2027, 3, 14)  # the 25-hour and the 23-hour day


@pytest.fixture(autouse=True, params=["UTC", "Asia/Kolkata", "America/Toronto"])
def server_zone(request, monkeypatch):
    """Case 30: the server's own zone must not matter."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def z(text: str) -> datetime:
    """ "2026-11-01 14:00" in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def found(day: date, *hours: tuple[int, int], minutes: int = 30, step: int = 30, off=(), busy=(), **rules) -> list[datetime]:
    """Free starts on one day; hours are minutes after midnight."""
    weekly = [slots.Hours(1, day.weekday(), a, b, 0, date(9999, 1, 1).toordinal()) for a, b in hours]
    cal = slots.Calendar(people=[(1, 0, 0)], hours=weekly, off=list(off), busy=list(busy))
    starts = slots.find(cal, slots.Rules(minutes, 0, 0, step, **rules), since=day, until=day, zone=TORONTO)
    return [datetime.fromtimestamp(s.at, UTC) for s in starts]


NINE_TO_TEN = (540, 600)


@pytest.mark.parametrize(
    "day, first", [("2026-10-31", "13:00"), ("2026-11-01", "14:00"), ("2026-11-02", "14:00")]
)  # fmt: skip
def test_01_nine_o_clock_stays_nine_o_clock_when_clocks_go_back(day, first):
    assert found(date.fromisoformat(day), NINE_TO_TEN)[0] == z(f"{day} {first}")


@pytest.mark.parametrize(
    "day, first", [("2027-03-13", "14:00"), ("2027-03-14", "13:00"), ("2027-03-15", "13:00")]
)  # fmt: skip
def test_02_nine_o_clock_stays_nine_o_clock_when_clocks_go_forward(day, first):
    assert found(date.fromisoformat(day), NINE_TO_TEN)[0] == z(f"{day} {first}")


@pytest.mark.parametrize("day, first, last", [("2027-03-14", "17:00", "21:30"), ("2027-11-07", "18:00", "22:30")])
def test_03_an_afternoon_keeps_its_hours_on_a_day_of_change(day, first, last):
    starts = found(date.fromisoformat(day), (13 * 60, 18 * 60))
    assert (starts[0], starts[-1], len(starts)) == (z(f"{day} {first}"), z(f"{day} {last}"), 10)


@pytest.mark.parametrize("day, count", [(SPRING, 46), (AUTUMN, 50), (date(2026, 11, 2), 48)])
def test_04_a_whole_day_has_twenty_three_or_twenty_five_hours(day, count):
    starts = found(day, (0, 1440))
    assert len(starts) == len(set(starts)) == count
    assert all(b - a == timedelta(minutes=30) for a, b in pairwise(starts))


def test_05_hours_within_the_skipped_hour_offer_nothing():
    assert found(SPRING, (120, 180)) == []


def test_06_hours_across_the_skipped_hour_are_an_hour_shorter():
    assert found(SPRING, (90, 210)) == [z("2027-03-14 06:30"), z("2027-03-14 07:00")]


def test_07_the_repeated_hour_is_offered_twice():
    starts = found(AUTUMN, (60, 120))
    assert starts == [z(f"2026-11-01 {t}") for t in ("05:00", "05:30", "06:00", "06:30")]
    assert [s.astimezone(TORONTO).tzname() for s in starts] == ["EDT", "EDT", "EST", "EST"]


@pytest.mark.parametrize(
    "text",
    ["2026-11-01T01:30", "2026-11-01T01:30:00", "2027-03-14T02:30", "2026-11-01T05:30:01Z", "2026-11-01T05:30:00.000001Z"],
)
def test_08_09_a_posted_time_without_an_offset_or_of_no_whole_minute_is_refused(text):
    assert picker.parse_value(f"{text} 00000000-0000-0000-0000-000000000001") is None
    assert as_instant(text) is None


def test_08_an_ambiguous_wall_time_is_known_to_be_one_and_each_reading_can_be_had():
    assert is_ambiguous(AUTUMN, wall(1, 30), TORONTO)
    assert instant(AUTUMN, wall(1, 30), TORONTO) == z("2026-11-01 05:30")
    assert instant(AUTUMN, wall(1, 30), TORONTO, fold=1) == z("2026-11-01 06:30")


def test_09_a_wall_time_that_never_comes_is_known_to_be_one_and_means_the_first_moment_after():
    assert is_ambiguous(SPRING, wall(2, 30), TORONTO)
    assert instant(SPRING, wall(2, 30), TORONTO) == instant(SPRING, wall(2, 0), TORONTO) == z("2027-03-14 07:00")


def test_10_four_weeks_on_is_the_same_wall_time():
    for day, utc in (("2026-11-10", "19:00"), ("2026-12-08", "19:00"), ("2027-01-05", "19:00"), ("2027-03-30", "18:00")):
        assert instant(date.fromisoformat(day), wall(14), TORONTO) == z(f"{day} {utc}")
    assert days_before(z("2026-11-10 19:00"), 28, TORONTO) == z("2026-10-13 18:00")


def test_11_notice_is_elapsed_time_and_does_not_shift_the_grid():
    earliest = int((z("2026-10-25 13:00") + timedelta(hours=168)).timestamp())  # 9:00 EDT and a week: 8:00 EST
    assert found(AUTUMN, (420, 600), earliest=earliest)[0] == z("2026-11-01 13:00")
    assert found(date(2026, 11, 2), NINE_TO_TEN, earliest=earliest)[0] == z("2026-11-02 14:00")


def test_12_the_day_before_is_the_same_wall_time_not_twenty_four_hours():
    assert days_before(z("2026-11-01 14:00"), 1, TORONTO) == z("2026-10-31 13:00")


def test_13_the_day_before_a_day_of_twenty_three_hours():
    assert days_before(z("2027-03-14 13:00"), 1, TORONTO) == z("2027-03-13 14:00")


def test_14_a_visit_across_the_change_is_as_long_as_it_is():
    visit = Appointment(starts_at=instant(AUTUMN, wall(0, 30), TORONTO), ends_at=instant(AUTUMN, wall(2, 30), TORONTO))
    assert visit.minutes == 180
    local = Appointment(starts_at=visit.starts_at.astimezone(TORONTO), ends_at=visit.ends_at.astimezone(TORONTO))
    assert (local.ends_at.astimezone(UTC) - local.starts_at.astimezone(UTC)) == timedelta(hours=3)


def test_16_a_day_off_is_the_whole_day_whatever_its_length():
    since, until = day_bounds(AUTUMN, TORONTO)
    assert (since, until - since) == (z("2026-11-01 04:00"), timedelta(hours=25))
    since, until = day_bounds(SPRING, TORONTO)
    assert (since, until - since) == (z("2027-03-14 05:00"), timedelta(hours=23))


def test_16_a_day_off_leaves_nothing_of_the_day():
    for day in (AUTUMN, SPRING):
        a, b = (int(edge.timestamp()) for edge in day_bounds(day, TORONTO))
        assert found(day, (0, 1440), off=[slots.Off(1, a, b)]) == []


def test_27_two_visits_at_the_same_label_are_two_times():
    busy = [slots.Busy(1, 0, int(z("2026-11-01 05:30").timestamp()), int(z("2026-11-01 06:00").timestamp()), 0, 0, 1)]
    assert found(AUTUMN, (60, 120), busy=busy) == [z(f"2026-11-01 {t}") for t in ("05:00", "06:00", "06:30")]


# --- With the database: the same through the write path --------------------------------------------------------------


@pytest.fixture
def always_open(service, practitioner):
    """Dr. Osei works around the clock, visits start on the half-hour, and it is October."""
    practitioner.availability.all().delete()
    Availability.objects.bulk_create(
        Availability(practitioner=practitioner, weekday=day, local_start=wall(0), local_end=wall(0), valid_from=date(2020, 1, 1))
        for day in range(7)
    )
    service.step_minutes, service.horizon_days = 30, 400
    service.save()
    with time_machine.travel(z("2026-10-20 14:00"), tick=False):
        yield service


def book(service, practitioner, start: datetime, name: str = "Noor") -> Appointment:
    return actions.book_for(
        service, practitioner, start, patient=None, contact=contact_of(first_name=name, email="", mobile=""), by=DESK, now=clock.now()
    )  # fmt: skip


def test_15_a_visit_that_ends_at_the_wall_time_it_began_is_sixty_minutes(always_open, practitioner):
    always_open.minutes = 60
    always_open.save()
    visit = book(always_open, practitioner, z("2026-11-01 05:30"))
    assert (visit.minutes, visit.ends_at) == (60, z("2026-11-01 06:30"))
    assert visit.starts_at.astimezone(TORONTO).time() == visit.ends_at.astimezone(TORONTO).time()


def test_16_time_off_in_the_database_covers_the_long_day(always_open, practitioner):
    since, until = day_bounds(AUTUMN, TORONTO)
    TimeOff.objects.create(practitioner=practitioner, starts_at=since, ends_at=until, kind="vacation")
    free = calendar.openings(always_open, since=AUTUMN - timedelta(days=1), until=AUTUMN + timedelta(days=1), now=clock.now())
    assert {clock.local(s.start).date() for s in free} == {AUTUMN - timedelta(days=1), AUTUMN + timedelta(days=1)}
    # The last visit before it ends when it begins.
    assert max(s.end for s in free if clock.local(s.start).date() < AUTUMN) == since


def test_16_a_day_off_entered_at_the_desk_covers_the_short_day(always_open, practitioner):
    actions.close_days([(SPRING, "Sunday")], by=DESK, now=clock.now())
    off = TimeOff.objects.get()
    assert (off.starts_at, off.ends_at - off.starts_at) == (z("2027-03-14 05:00"), timedelta(hours=23))
    assert off.in_days(TORONTO) == (SPRING, SPRING)
    assert calendar.openings(always_open, since=SPRING, until=SPRING, now=clock.now()) == []


def test_17_a_visit_moved_across_the_change_keeps_its_wall_time_and_length(always_open, practitioner):
    visit = book(always_open, practitioner, z("2026-10-31 13:00"))
    moved = actions.move(visit, practitioner, instant(date(2026, 11, 2), wall(9), TORONTO), by=DESK, now=clock.now())
    assert (moved.starts_at, moved.minutes, moved.local_start) == (z("2026-11-02 14:00"), 30, "2026-11-02T09:00")


def test_18_a_late_start_is_listed_under_the_clinics_day(always_open):
    monday = date(2026, 11, 2)
    late = [
        s
        for s in calendar.starts(always_open, since=monday, until=monday, now=clock.now())
        if s.at == z("2026-11-03 04:30").timestamp()
    ]
    assert [date.fromordinal(s.day) for s in late] == [monday]
    assert clock.long_when(z("2026-11-03 04:30")) == "Monday, November\u00a02 at 11:30\u00a0p.m."
    tokyo = z("2026-11-03 04:30").astimezone(zoneinfo.ZoneInfo("Asia/Tokyo"))
    assert (tokyo.day, tokyo.hour, tokyo.minute) == (3, 13, 30)


def test_19_today_is_the_clinics_day(clinic):
    assert clock.today(z("2026-11-02 01:30")) == date(2026, 11, 1)


def test_20_vancouver_stays_on_summer_time():
    assert z("2026-11-02 14:00").astimezone(zoneinfo.ZoneInfo("America/Vancouver")).hour == 7


@pytest.mark.parametrize("day, hour", [("2026-10-26", 13), ("2026-11-02", 14), ("2027-03-22", 13)])
def test_21_london_and_toronto_change_on_different_days(day, hour):
    there = instant(date.fromisoformat(day), wall(9), TORONTO).astimezone(zoneinfo.ZoneInfo("Europe/London"))
    assert (there.hour, there.tzname()) == (hour, "GMT")


@pytest.mark.parametrize("day, hour", [("2026-10-26", 7), ("2026-11-02", 8)])
def test_22_regina_never_changes(day, hour):
    assert instant(date.fromisoformat(day), wall(9), TORONTO).astimezone(zoneinfo.ZoneInfo("America/Regina")).hour == hour


def test_23_what_a_button_posts_does_not_depend_on_who_looks(practitioner):
    start = z("2026-11-02 14:00")
    there = start.astimezone(zoneinfo.ZoneInfo("Asia/Tokyo"))
    assert picker.value_of(start, practitioner) == picker.value_of(there, practitioner)
    assert picker.parse_value(picker.value_of(there, practitioner)) == (start, practitioner.public_id)


def test_24_other_hours_on_one_date_are_the_clinics_whoever_looks(always_open, practitioner):
    AvailabilityOverride.objects.create(
        practitioner=practitioner, date=AUTUMN, mode="replace", local_start=wall(10), local_end=wall(14)
    )
    free = calendar.openings(always_open, since=AUTUMN, until=AUTUMN, now=clock.now())
    assert (free[0].start, free[-1].end) == (z("2026-11-01 15:00"), z("2026-11-01 19:00"))


def test_24_hours_of_one_date_entered_at_the_desk_are_the_clinics_on_the_long_day(always_open, practitioner):
    actions.set_day(practitioner, hours.Day(AUTUMN, "replace", ((90, 120),)), by=DESK, now=clock.now())
    free = calendar.openings(always_open, since=AUTUMN, until=AUTUMN, now=clock.now())
    # Half past one comes twice; hours run from the first one to the end of the second.
    assert [s.start for s in free] == [z(f"2026-11-01 {t}") for t in ("05:30", "06:00", "06:30")]


def test_25_the_calendar_file_opens_at_two_in_toronto(always_open, practitioner):
    visit = book(always_open, practitioner, z("2026-11-10 19:00"))
    file = Ics.from_ical(ics.calendar_file(visit, method="PUBLISH", link="https://tn.example/v/x/", now=clock.now()))
    (event,) = file.walk("VEVENT")
    assert event.decoded("dtstart").astimezone(UTC) == z("2026-11-10 19:00")
    assert event.decoded("dtstart").hour == 14
    assert event["dtstart"].params["TZID"] == "America/Toronto"
    assert [str(zone["tzid"]) for zone in file.walk("VTIMEZONE")] == ["America/Toronto"]


def test_26_words_are_in_the_clinics_zone(clinic):
    at = z("2026-11-10 19:00")
    assert clock.long_when(at) == "Tuesday, November\u00a010 at 2:00\u00a0p.m."
    assert clock.sms_when(at) == "Tue Nov 10, 2:00 pm"
    assert clinic.zone_label == "Eastern Time"


def test_27_both_half_past_ones_of_the_long_night_can_be_booked(always_open, practitioner):
    first = book(always_open, practitioner, z("2026-11-01 05:30"), "Noor")
    second = book(always_open, practitioner, z("2026-11-01 06:30"), "Ana")
    assert first.local_start == second.local_start == "2026-11-01T01:30"


def test_28_the_agreed_wall_time_is_kept_beside_the_instant(always_open, practitioner):
    visit = book(always_open, practitioner, z("2026-11-10 19:00"))
    visit.refresh_from_db()
    assert (visit.local_start, visit.zone) == ("2026-11-10T14:00", "America/Toronto")
    day, at = date.fromisoformat(visit.local_start[:10]), wall.fromisoformat(visit.local_start[11:])
    assert instant(day, at, zoneinfo.ZoneInfo(visit.zone)) == visit.starts_at


def test_29_the_same_wall_time_every_week_across_a_change():
    first = z("2027-03-29 13:00")  # Monday nine o'clock, EDT
    weeks = [days_before(first, 7 * n, TORONTO) for n in range(4)]
    assert [w.astimezone(TORONTO).hour for w in weeks] == [9, 9, 9, 9]
    assert weeks[-1] == z("2027-03-08 14:00")


def test_29_a_week_copied_to_a_day_of_change_keeps_its_wall_times(always_open, practitioner):
    week = [hours.Interval(day, 540, 600) for day in range(7)]
    actions.set_week(practitioner, week, valid_from=date(2026, 10, 31), by=DESK, now=clock.now())
    actions.set_week(practitioner, hours.week_on(practitioner, AUTUMN), valid_from=SPRING, by=DESK, now=clock.now())
    for day, first in (("2026-10-31", "13:00"), ("2026-11-01", "14:00"), ("2027-03-13", "14:00"), ("2027-03-14", "13:00")):
        at = date.fromisoformat(day)
        assert calendar.openings(always_open, since=at, until=at, now=clock.now())[0].start == z(f"{day} {first}")


# --- Waiting list, quiet hours, series --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "weeks", "wanted"),
    [
        ("2026-10-13 18:00", 4, ["2026-10-13 18:00", "2026-11-10 19:00", "2026-12-08 19:00"]),  # over 1 November 2026
        ("2026-02-24 19:00", 2, ["2026-02-24 19:00", "2026-03-10 18:00", "2026-03-24 18:00"]),  # over 8 March 2026
        ("2027-03-02 19:00", 1, ["2027-03-02 19:00", "2027-03-09 19:00", "2027-03-16 18:00"]),  # over 14 March 2027
    ],
)
def test_a_series_stays_at_two_oclock(clinic, first, weeks, wanted):
    assert series.ideals(z(first), 3, weeks) == [z(at) for at in wanted]
    assert {at.astimezone(TORONTO).hour for at in series.ideals(z(first), 3, weeks)} == {14}


@pytest.mark.parametrize(("day", "hour"), [("2026-11-03", 15), ("2027-03-16", 14)])
def test_the_rest_of_a_series_moves_in_wall_time_over_a_change(clinic, day, hour):
    """From Tuesday two o'clock to Wednesday ten; the visit after the change does the same."""
    after = instant(date.fromisoformat(day), wall(14), TORONTO)
    before = days_before(after, 7, TORONTO)
    new = before + timedelta(hours=20)  # Wednesday ten o'clock, still before the change
    moved = series.shifted(after, old=before, new=new)
    assert moved == z(f"{date.fromisoformat(day) + timedelta(days=1)} {hour}:00")


@pytest.mark.parametrize(
    ("notice", "now", "wanted"),
    [
        ("day", "2026-11-01 03:30", "2026-11-01 04:00"),  # 31 October, 11:30 p.m.: from midnight on
        ("days", "2026-10-31 15:00", "2026-11-03 05:00"),  # three calendar days, one of them with 25 hours
        ("days", "2027-03-13 15:00", "2027-03-16 04:00"),  # one of them with 23
        ("hours", "2026-11-01 05:30", "2026-11-01 07:30"),  # two hours that have passed, whatever the clocks say
    ],
)
def test_notice_on_the_waiting_list_is_counted_in_calendar_days(notice, now, wanted):
    assert fit.earliest_for(notice, z(now), TORONTO) == z(wanted)


@pytest.mark.parametrize(
    ("at", "since", "until"),
    [("2026-11-01 06:30", "2026-11-01 01:00", "2026-11-01 13:00"), ("2027-03-14 07:30", "2027-03-14 02:00", "2027-03-14 12:00")],
)
def test_quiet_hours_end_at_eight_on_the_clinics_wall(settings, at, since, until):
    """Nine to eight: twelve hours in the long night, ten in the short one."""
    settings.MESSAGE_QUIET_HOURS = "21:00-08:00"
    assert quiet_night(z(at), TORONTO) == (z(since), z(until))
    assert quiet_night(z(until), TORONTO) is None


# --- The zone rules themselves ----------------------------------------------------------------------------------------


def test_30_the_server_zone_of_this_run_is_really_set(server_zone):
    assert time.tzname[0] == {"UTC": "UTC", "Asia/Kolkata": "IST", "America/Toronto": "EST"}[server_zone]


def test_a_stale_system_copy_of_the_rules_is_not_read(tmp_path):
    """A system whose Vancouver still changes clocks (and whose Toronto is Tokyo) makes no difference."""
    (tmp_path / "America").mkdir()
    tokyo = importlib.resources.files("tzdata").joinpath("zoneinfo", "Asia", "Tokyo").read_bytes()
    for name in ("Toronto", "Vancouver"):
        (tmp_path / "America" / name).write_bytes(tokyo)
    code = (
        "from accounts.wall import zone_of; from datetime import datetime, UTC; at = datetime(2026, 11, 2, 14, tzinfo=UTC);"
        "print(at.astimezone(zone_of('America/Toronto')).hour, at.astimezone(zone_of('America/Vancouver')).hour)"
    )
    stale = "import zoneinfo; print(zoneinfo.ZoneInfo('America/Toronto').utcoffset(__import__('datetime').datetime(2026, 11, 2)))"
    env = os.environ | {"PYTHONTZPATH": str(tmp_path)}

    def run(what: str) -> str:
        return subprocess.run([sys.executable, "-c", what], env=env, capture_output=True, text=True, check=True).stdout.strip()

    assert run(stale) == "9:00:00"  # the trap works
    assert run(code) == "9 7"
