"""How the listing grows: with the days asked for, with the visits that stand on them, with the people who work here.

Every rule is on: hours that hold from a day on, other hours on some days, time off, gaps between visits, a room for each visit,
holds. Asked inside this process, all sizes in turn, so that the noise of the machine is in each alike.
"""

import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from bench.asking import Row, said

SPAN = 28  # days
BUSY = (2, 4, 8)  # visits of a physician on a day of the first, second and third span
DAYS = (7, 14, 28)
NOISE = 1.1  # what a linear one may come out at above its line
ROUNDS = 25
ROOMS = "bench-rooms"
_HELD = """
UPDATE booking_appointment
SET status = 'held', patient_id = NULL, hold_key = 'bench-' || id, hold_expires_at = now() + interval '2 hours'
WHERE id % 7 = 0 AND status = 'confirmed'
"""
_ROOMS = """
UPDATE booking_appointment a SET room_id = r.id
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM booking_room WHERE kind = 'bench') r
JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM booking_practitioner WHERE slug LIKE 'bench-%') p ON p.n = r.n
WHERE a.practitioner_id = p.id
"""


def fill(since: date) -> Any:
    """Three spans of days, each with twice the visits of the one before; rooms, and holds among them. Returns the service."""
    from django.db import connection

    from bench import seed
    from booking.models import Practitioner, Room, Service

    people = list(Practitioner.objects.filter(slug__startswith="bench-"))
    service = Service.objects.create(
        slug=ROOMS, name=ROOMS, minutes=30, step_minutes=10, cleanup_minutes=5, setup_minutes=5, online=True, horizon_days=180,
        questionnaire=seed.QUESTIONNAIRE, position=101, room_kind="bench",
    )  # fmt: skip
    service.practitioners.add(*people)
    Room.objects.bulk_create(Room(name=f"Bench {n}", kind="bench") for n in range(len(people)))
    seed.patients(2000)
    for n, per_day in enumerate(BUSY):
        seed.visits(since + timedelta(days=n * SPAN), SPAN, status="confirmed", per_day=per_day)
    with connection.cursor() as cursor:
        cursor.execute(_ROOMS)
        cursor.execute(_HELD)
    seed.settle()
    return service


def in_turn(asked: dict[Any, Callable[[], object]]) -> dict[Any, float]:
    """Seconds of each at its quickest, after a round that is not counted."""
    took: dict[Any, list[float]] = {name: [] for name in asked}
    for turn in range(ROUNDS + 1):
        for name, ask in asked.items():
            began = time.perf_counter()
            ask()
            if turn:
                took[name].append(time.perf_counter() - began)
    return {name: min(values) for name, values in took.items()}


def measure(since: date) -> list[Row]:
    """The rows. Django of this process points at a clinic without visits, with what `seed.clinic` makes from `since` on."""
    from accounts import clock
    from bench.booking import counted
    from booking import calendar

    said("growth")
    service, now = fill(since), clock.now()
    one = service.practitioners.first()

    def listing(first: date, days: int, who: Any = None) -> Callable[[], object]:
        until = first + timedelta(days=days - 1)
        return lambda: calendar.openings(service, since=first, until=until, now=now, practitioner=who)

    sizes = [(first, days, who) for first in (since, since + timedelta(days=3 * SPAN)) for days in DAYS for who in (None, one)]
    listing(since, 1)()  # reads the clinic, which a process does once
    statements = {counted(listing(*size))[0] for size in sizes}
    month = counted(listing(since, 31))[0]
    by_days = in_turn({days: listing(since, days) for days in DAYS})
    by_rows = in_turn({per_day: listing(since + timedelta(days=n * SPAN), SPAN) for n, per_day in enumerate(BUSY)})
    few, some, many = BUSY
    short, longer, longest = DAYS
    return [
        Row.at_most("A month of 20 physicians", month, "statements", 4),
        Row("… other numbers of them at other sizes", len(statements) - 1, "numbers", "= 0", len(statements) == 1),
        Row.at_most(f"20 physicians, {longer} days / {short}", by_days[longer] / by_days[short], "x", NOISE * longer / short),
        Row.at_most(f"20 physicians, {longest} days / {short}", by_days[longest] / by_days[short], "x", NOISE * longest / short),
        Row.at_most(f"Visits a day, {some} / {few}", by_rows[some] / by_rows[few], "x", NOISE * some / few),
        Row.at_most(f"Visits a day, {many} / {few}", by_rows[many] / by_rows[few], "x", NOISE * many / few),
    ]
