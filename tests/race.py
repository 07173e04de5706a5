"""The race storm: 64 connections hold, book, confirm, move and cancel visits in the same few hours, and take, or pass on,
times that the waiting list offers: each offer is answered by several people at once, and one of them wins.

    python -m tests.race --seeds 20            prints the figures; fails if one is wrong
    python -m tests.race --seeds 3 --control   the same without locks and constraints: must show overlaps, and fails

Run by `make race`, on servers of its own. Overlaps are counted in SQL, pair by pair, without the constraints that forbid
them; deadlocks by PostgreSQL's own statistics, so that a retried one counts as well. A control run that shows no overlap
means that the storm is too weak to prove anything.
"""

import argparse
import multiprocessing
import os
import random
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

PROCESSES, THREADS = 4, 16
STEPS = 6  # actions of one person in one storm
LIMIT_MS = 1000

_OCCUPYING = "('held', 'booked', 'confirmed', 'arrived', 'in_room', 'fulfilled')"
# What is offered to somebody may lie beside a visit of theirs with another physician: taken, it replaces the visit or is refused.
OVERLAPS = f"""
SELECT count(*) FROM booking_appointment a JOIN booking_appointment b ON a.id < b.id
  AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at
  AND ((a.practitioner_id = b.practitioner_id AND a.lane = b.lane) OR a.room_id = b.room_id
    OR (a.patient_id = b.patient_id AND 'held' NOT IN (a.status, b.status)))
WHERE a.status IN {_OCCUPYING} AND b.status IN {_OCCUPYING}
"""


@dataclass
class Tally:
    """What one process saw."""

    attempts: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    ms: list[tuple[float, str]] = field(default_factory=list)


class Person:
    """One browser and one telephone: does what people do, with the times everybody wants."""

    offers: ClassVar[list[Any]] = []  # of everybody in this process, so that two answer the same

    def __init__(self, number: int, seed: int, hours: Any, tally: Tally, lock: Any) -> None:
        self.name, self.dice = f"{seed}-{number}", random.Random(seed * 1000 + number)
        self.service, self.people, self.starts = hours
        self.tally, self.lock = tally, lock
        self.number, self.seed = number, seed
        self.visit: Any = None
        self.held: Any = None

    def storm(self) -> None:
        """A handful of actions, one after the other. One in four has a visit months later, and would come sooner."""
        if self.number % 4 == 0:
            self._have_a_visit()
        for _step in range(STEPS):
            if self.visit is not None:
                verb = self.dice.choice(["confirm", "move", "move", "move", "cancel", "wait", "wait"])
            elif self.held is not None:
                verb = self.dice.choice(["book", "book", "hold", "release"])
            else:
                verb = self.dice.choice(["hold", "book", "book", "desk"])
            if self.offers and self.dice.random() < 0.3:
                verb = self.dice.choice(["accept", "accept", "accept", "decline"])
            call = getattr(self, verb)()
            began = time.perf_counter()
            try:
                call()
                told, error = verb, ""
            except Exception as refusal:
                told, error = self._sort(refusal)
            took = (time.perf_counter() - began) * 1000
            with self.lock:
                self.tally.attempts += 1
                self.tally.outcomes[told] += 1
                self.tally.ms.append((took, told))
                if error:
                    self.tally.errors[error] += 1

    def _sort(self, refusal: Exception) -> tuple[str, str]:
        """The polite refusals by name; everything else, "try again in a moment" too, is an error."""
        from booking import actions

        polite = (actions.SlotTaken, actions.Warned, actions.NotAllowed, actions.Stale, actions.HoldEnded, actions.OfferOver)
        if isinstance(refusal, polite):
            return type(refusal).__name__, ""
        return "error", f"{type(refusal).__name__}: {str(refusal).splitlines()[0][:120]}"

    def _have_a_visit(self) -> None:
        from accounts import clock
        from booking import actions

        place = self.number // 4
        first = clock.local(self.starts[0]) + timedelta(weeks=30 + self.seed, minutes=40 * (place // 3))
        # By the wall clock, and on a day that is no other seed's.
        who, start = (
            self.people[place % len(self.people)],
            clock.instant(first.date(), first.time().replace(tzinfo=None), clock.clinic_zone()),
        )
        self.visit = actions.book_for(
            self.service, who, start, patient=None, contact=self._contact(), by=_desk(), now=clock.now()
        )  # fmt: skip

    def _time(self) -> tuple[Any, datetime]:
        return self.dice.choice(self.people), self.dice.choice(self.starts)

    def _contact(self) -> Any:
        from tests.factories import contact_of

        return contact_of(first_name=f"P{self.name}", last_name=f"L{self.name}", email=f"p{self.name}@example.com", mobile="")

    def hold(self) -> Any:
        from accounts import clock
        from booking import actions

        who, start = self._time()

        def call() -> None:
            self.held = actions.hold(
                self.service, who, start, hold_key=self.name, address=self.name, by=_web(), now=clock.now()
            )  # fmt: skip

        return call

    def release(self) -> Any:
        from accounts import clock
        from booking import actions

        held, self.held = self.held, None
        return lambda: actions.release_hold(held, hold_key=self.name, by=_web(), now=clock.now())

    def book(self) -> Any:
        from accounts import clock
        from booking import actions
        from intake.actions import start_draft

        who, start = (self.held.practitioner, self.held.starts_at) if self.held else self._time()
        draft = start_draft("hair-loss-intake", by=_web(), now=clock.now())

        def call() -> None:
            self.visit = actions.book(
                self.service, who, start, contact=self._contact(), checked_channel="email", response=draft,
                hold_key=self.name, by=_web(), now=clock.now(),
            )  # fmt: skip
            self.held = None

        return call

    def desk(self) -> Any:
        from accounts import clock
        from booking import actions

        who, start = self._time()

        def call() -> None:
            self.visit = actions.book_for(
                self.service, who, start, patient=None, contact=self._contact(), by=_desk(), now=clock.now()
            )  # fmt: skip

        return call

    def confirm(self) -> Any:
        from accounts import clock
        from booking import actions

        return lambda: actions.confirm(self.visit, by=_desk(), now=clock.now())

    def move(self) -> Any:
        from accounts import clock
        from booking import actions

        who, start = self._time()

        def call() -> None:
            by = _desk() if self.dice.random() < 0.3 else _patient(self.visit.patient_id)
            self.visit = actions.move(self.visit, who, start, by=by, now=clock.now())

        return call

    def wait(self) -> Any:
        """Join the list for something earlier, and be offered one of the times everybody wants."""
        from accounts import clock
        from booking import actions

        who, start = self._time()
        start += timedelta(hours=5)  # The afternoon is the list's: in the morning nothing stays free.
        wishes = actions.Wishes(notice="hours")

        def call() -> None:
            patient = self.visit.patient
            entry = actions.join(self.service, wishes, patient=patient, visit=self.visit, by=_web(), now=clock.now())
            self.offers.append(actions.offer(entry, who, start, by=_desk(), now=clock.now()))

        return call

    def accept(self) -> Any:
        from accounts import clock
        from booking import actions

        made = self.dice.choice(self.offers[-8:])
        return lambda: actions.accept(made, by=_patient(made.entry.patient_id), now=clock.now())

    def decline(self) -> Any:
        from accounts import clock
        from booking import actions

        made = self.dice.choice(self.offers[-8:])
        return lambda: actions.decline(made, by=_patient(made.entry.patient_id), now=clock.now())

    def cancel(self) -> Any:
        from accounts import clock
        from booking import actions

        visit, self.visit = self.visit, None
        return lambda: actions.cancel(visit, by=_desk(), now=clock.now())


def _web() -> Any:
    from audit.actor import Actor

    return Actor.anonymous()


def _desk() -> Any:
    from audit.actor import Actor

    return Actor("staff", None, "reception")


def _patient(pk: int) -> Any:
    from audit.actor import Actor

    return Actor.patient(pk)


def _hours(seed: int) -> tuple[Any, list[Any], list[datetime]]:
    """The service, its physicians, and seven overlapping starts of a morning of this seed's own."""
    from booking.models import Service
    from tests.factories import next_weekday_at

    service = Service.objects.get()
    first = next_weekday_at(9, days=7 + seed)
    return service, list(service.practitioners.all()), [first + timedelta(minutes=20 * n) for n in range(7)]


def _storm(index: int, seeds: int, control: bool, gate: Any, told: Any) -> None:
    """One process with its threads; a connection each."""
    from django.db import connection, connections

    _loosen(control)
    tally, lock = Tally(), threading.Lock()
    inside = threading.Barrier(THREADS, action=lambda: gate.wait(120))

    def run(thread: int) -> None:
        try:
            connection.ensure_connection()
            for seed in range(seeds):
                person = Person(index * THREADS + thread, seed, _hours(seed), tally, lock)
                inside.wait(120)
                person.storm()
        except threading.BrokenBarrierError:
            pass
        except Exception as error:
            with lock:
                tally.errors[f"storm: {error!r:.200}"] += 1
            inside.abort()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told.put(tally)


def _loosen(control: bool) -> None:
    """No caps on holds; in a control run, no locks either: the sweep alone stays."""
    from django.db import connection

    from booking.actions import holds, series, steps, visits, waiting

    holds.HOLD_SHARE = 1000.0
    if control:

        def only_sweep(practitioners: Any, rooms: Any = (), *, now: datetime, keep: str = "", **_locks: Any) -> bool:
            with connection.cursor() as cursor:
                cursor.execute(
                    "DELETE FROM booking_appointment WHERE status = 'held' AND hold_expires_at <= %s AND hold_key <> %s",
                    [now, keep or "-"],
                )
            return True

        for module in (holds, series, steps, visits, waiting):
            module.lock_and_sweep = only_sweep


def _prepare(control: bool) -> Any:
    """A scratch database with a clinic of three physicians; in a control run without its constraints."""
    from datetime import date
    from datetime import time as wall

    from django.db import connection

    from accounts import clock
    from accounts.models import Clinic
    from audit.actor import Actor
    from booking.models import Availability, Practitioner, Service
    from intake.actions import publish_all
    from tests.conftest import Clones

    clones = Clones(connection.settings_dict["NAME"], "race")
    clones.migrate()
    clones.clone()
    Clinic.objects.create(
        pk=1,
        name="Race",
        short_name="Race",
        street="1 Example Street",
        city="Kitchener",
        postal_code="N2H 0A0",
        phone="519-555-0142",
    )  # fmt: skip
    publish_all(by=Actor.system(), now=clock.now())
    service = Service.objects.create(
        slug="first-assessment", name="First assessment", minutes=30, step_minutes=20, online=True, horizon_days=3650
    )
    for name in ("Osei", "Raman", "Tremblay"):
        who = Practitioner.objects.create(name=f"Dr. {name}", short_name=f"Dr. {name}", slug=name.lower())
        service.practitioners.add(who)
        Availability.objects.bulk_create(
            Availability(practitioner=who, weekday=d, local_start=wall(9), local_end=wall(17), valid_from=date(2020, 1, 1))
            for d in range(5)
        )
    if control:
        with connection.cursor() as cursor:
            for what in ("practitioner", "room", "patient"):
                cursor.execute(f"ALTER TABLE booking_appointment DROP CONSTRAINT appointment_{what}_free")
    return clones


def _count(query: str) -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])


def _share(ms: list[float], share: float) -> float:
    """The time that this share of a sorted list stays under."""
    return ms[min(int(len(ms) * share), len(ms) - 1)] if ms else 0.0


def main() -> int:
    """Run, print one line, and say whether it holds."""
    parser = argparse.ArgumentParser(prog="python -m tests.race", description="The race storm.")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--control", action="store_true", help="without locks and constraints: must fail")
    arguments = parser.parse_args()

    import django
    import pytest  # noqa: F401  the settings take it as a sign that this is a test

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from django.db import connections

    clones = _prepare(arguments.control)
    try:
        connections.close_all()
        fork = multiprocessing.get_context("fork")
        gate, told = fork.Barrier(PROCESSES), fork.Queue()
        workers = [
            fork.Process(target=_storm, args=(n, arguments.seeds, arguments.control, gate, told)) for n in range(PROCESSES)
        ]
        for worker in workers:
            worker.start()
        tallies = [told.get(timeout=60 + 30 * arguments.seeds) for _ in workers]
        for worker in workers:
            worker.join()
        overlaps = _count(OVERLAPS)
        booked = _count("SELECT count(*) FROM booking_appointment WHERE status IN ('booked', 'confirmed')")
        deadlocks = _count("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    finally:
        clones.close()

    timed = [each for tally in tallies for each in tally.ms]
    ms = sorted(took for took, _told in timed)
    errors, outcomes = Counter[str](), Counter[str]()
    for tally in tallies:
        errors.update(tally.errors)
        outcomes.update(tally.outcomes)
    p99 = _share(ms, 0.99)
    print(
        f"attempts={len(ms)} booked={booked} overlaps={overlaps} deadlocks={deadlocks} errors={errors.total()} p99_ms={p99:.0f}",
        flush=True,
    )
    for name, n in sorted(outcomes.items()):
        of_it = sorted(took for took, told_ in timed if told_ == name)
        print(f"  {name}={n} median_ms={_share(of_it, 0.5):.0f} p99_ms={_share(of_it, 0.99):.0f}", flush=True)
    for error, n in errors.most_common(5):
        print(f"  {n} x {error}", file=sys.stderr)
    if arguments.control:
        found = "overlaps, as it must" if overlaps else "NO overlap: this storm proves nothing"
        print(f"Control run without locks and constraints: {found}.", file=sys.stderr)
        return 1 if overlaps else 2
    return int(bool(overlaps or deadlocks or errors or p99 >= LIMIT_MS or not booked))


if __name__ == "__main__":
    sys.exit(main())
