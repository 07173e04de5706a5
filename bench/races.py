"""Fifty browsers press at the same moment: for one time, for times that overlap, for each other's, for two rooms.

Over HTTP, so the seconds are those until the last of them has its answer, with the page of the closest other times that
everybody gets who comes too late.
"""

import selectors
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from bench.asking import Row, said
from bench.booking import CSRF, press_book, wanting
from bench.client import Answer, Client, post

CLIENTS = 50
SAME, OVERLAPPING, SWAPS, ROOMS = 20, 10, 10, 10  # rounds


@dataclass
class Tally:
    """What came of the rounds."""

    statuses: Counter[int] = field(default_factory=Counter)
    offered: int = 0  # of the 409s, those with other times
    slowest: float = 0.0
    wrong: int = 0  # rounds with another number of winners than there may be


def at_once(port: int, requests: Sequence[bytes]) -> tuple[list[Answer], float]:
    """One connection each, all sent in the same moment; the answers, and the seconds until the last of them was there.

    One thread watches them all: the client is to cost little of the two cores that it shares with what is measured.
    """
    clients = [Client(port) for _ in requests]
    answers: list[Any] = [None] * len(requests)
    with selectors.DefaultSelector() as watch:
        for n, client in enumerate(clients):
            watch.register(client.connect(), selectors.EVENT_READ, n)
        began = time.perf_counter()
        for client, request in zip(clients, requests, strict=True):
            client.send(request)
        waiting = len(clients)
        while waiting:
            for key, _events in watch.select(60):
                answers[key.data] = clients[key.data].read()
                watch.unregister(key.fileobj)
                waiting -= 1
        took = time.perf_counter() - began
    for client in clients:
        client.close()
    return answers, took


def count(tally: Tally, port: int, requests: Sequence[bytes], winners: Callable[[int], bool]) -> None:
    """One round."""
    answers, took = at_once(port, requests)
    tally.slowest = max(tally.slowest, took)
    tally.statuses.update(answer.status for answer in answers)
    tally.offered += sum(answer.status == 409 and b'class="near"' in answer.body for answer in answers)
    tally.wrong += not winners(sum(answer.status == 303 for answer in answers))


def free_starts(days: range) -> dict[datetime, list[Any]]:
    """Starts of the service that is booked online, with the physicians who are free then."""
    from accounts import clock
    from booking import calendar
    from booking.models import Practitioner, Service

    service = Service.objects.first_online()
    if service is None:
        raise RuntimeError("nothing can be booked online")
    now, today = clock.now(), clock.today()
    who = {p.pk: p for p in Practitioner.objects.all()}
    found: dict[datetime, list[Any]] = {}
    since, until = today + timedelta(days=days.start), today + timedelta(days=days.stop)
    for slot in calendar.openings(service, since=since, until=until, now=now, any_physician=False):
        found.setdefault(slot.start, []).append(who[slot.practitioner_id])
    return found


def swapping(starts: dict[datetime, list[Any]], port: int) -> list[list[bytes]]:
    """Rounds in which pairs of patients want each other's time at the same moment."""
    from accounts import clock
    from audit.actor import Actor
    from booking import actions, picker
    from booking.links import token_of
    from booking.models import Service
    from patients.actions import Contact

    service, by, now = Service.objects.first_online(), Actor("staff", None, "reception"), clock.now()
    visits = []
    for start, people in starts.items():
        for practitioner in people:
            n = len(visits)
            if n == CLIENTS or any(
                v.practitioner == practitioner and abs(v.starts_at - start) < timedelta(hours=1) for v in visits
            ):
                continue
            contact = Contact(f"Swap{n}", "Bench", now.date().replace(year=1990, day=1), email=f"swap{n}@example.com")
            visits.append(
                actions.book_for(service, practitioner, start, patient=None, contact=contact, by=by, now=now)  # type: ignore[arg-type]
            )
    requests = []
    for mine, theirs in zip(visits, [v for a, b in zip(visits[::2], visits[1::2], strict=True) for v in (b, a)], strict=True):
        slot = picker.value_of(theirs.starts_at, theirs.practitioner)
        form = urlencode({"csrfmiddlewaretoken": CSRF, "slot": slot})
        requests.append(post(f"/v/{token_of(mine)}/time/", port, form, Cookie=f"csrf={CSRF}"))
    return [requests] * SWAPS


def two_rooms() -> None:
    """From now on the service takes place in one of two rooms."""
    from booking.models import Room, Service

    for name in ("Race 1", "Race 2"):
        Room.objects.create(name=name, kind="race")
    service = Service.objects.first_online()
    if service is not None:
        service.room_kind = "race"
        service.save()


def measure(port: int) -> list[Row]:
    """The rows. Django of this process points at the database of the server at `port`."""
    from django.db import connection

    from accounts import clock

    said("races")
    began, tally = clock.now(), Tally()
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        before = cursor.fetchone()[0]
    starts = free_starts(range(20, 48))
    order = [at for at in sorted(starts) if len(starts[at]) >= 3]
    days = sorted({at.date() for at in order})
    first_of = {day: [at for at in order if at.date() == day] for day in days}

    def contest(name: str, times: list[tuple[Any, datetime]], winners: Callable[[int], bool]) -> None:
        crowd = wanting([times[n % len(times)] for n in range(CLIENTS)], held=False, name=name)
        count(tally, port, [press_book(person, port) for person in crowd], winners)

    for n in range(SAME):  # morning and afternoon of ten days
        mine = first_of[days[n // 2]]
        at = mine[0] if n % 2 == 0 else mine[-1]
        contest(f"Same{n}x", [(starts[at][0], at)], lambda won: won == 1)
    for n in range(OVERLAPPING):
        four = first_of[days[n]][2:6]
        who = starts[four[0]][1]
        contest(f"Over{n}x", [(who, at) for at in four if who in starts[at]], lambda won: 1 <= won <= 2)
    late = {at: people for at, people in free_starts(range(50, 75)).items() if at not in order}
    for requests in swapping(late, port):
        count(tally, port, requests, lambda won: won == 0)
    two_rooms()
    for n in range(ROOMS):
        at = first_of[days[10 + n // 2]][0 if n % 2 == 0 else -1]
        contest(f"Room{n}x", [(who, at) for who in starts[at]], lambda won: won == 2)
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        deadlocks = cursor.fetchone()[0] - before
        cursor.execute(
            "SELECT count(*) FROM booking_appointment a JOIN booking_appointment b ON a.id < b.id AND a.starts_at < b.ends_at "
            "AND b.starts_at < a.ends_at AND (a.practitioner_id = b.practitioner_id OR a.room_id = b.room_id) "
            "WHERE a.booked_at >= %s AND b.booked_at >= %s AND a.status = 'booked' AND b.status = 'booked'",
            [began, began],
        )
        double = cursor.fetchone()[0]
    print(f"  races: {dict(tally.statuses)}, {tally.offered} with other times, slowest round {tally.slowest:.2f} s")
    lost = tally.statuses[409]
    errors = sum(n for status, n in tally.statuses.items() if status not in (303, 409))
    return [
        Row("Races: booked twice", double, "visits", "= 0", double == 0),
        Row("Races: rounds with another number of winners", tally.wrong, "rounds", "= 0", tally.wrong == 0),
        Row("Races: answers but 303 and 409", errors, "answers", "= 0", errors == 0),
        Row("Races: deadlocks", deadlocks, "deadlocks", "= 0", deadlocks == 0),
        Row("Races: losers without other times", lost - tally.offered, "answers", "= 0", lost == tally.offered),
        Row.at_most("Races: slowest round of 50", tally.slowest, "s", 0.5),
    ]
