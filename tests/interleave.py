"""Visits are moved and cancelled while workers are sending what there is to say about them.

    python -m tests.interleave --n 10000 --seed 1     prints the figures; fails if one is wrong
    python -m tests.interleave --n 2000 --control     the same with the fence's look back switched off: must show messages that
                                                      went out after the change, and fails

Run by `make interleave`, on servers of its own. Four processes drain, two change; changes go by preference to visits whose
message is being written or sent in that moment. Two triggers note each change with its transaction, and each fence with what it
could see: a message whose fence saw a later change of its visit was sent too late (`after_change`). What the mail server and the
text channel received is read as well: words that tell another time than that of the message's own turn are `wrong_time`.
"""

import argparse
import multiprocessing
import os
import random
import re
import sys
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

DRAINERS, MOVERS = 4, 2
DAYS, CANCELS = 120, 0.12  # days that visits are moved about in; the share of changes that are cancellations
TURN = 0.004  # seconds the mail server takes for a mail: long enough to be interrupted

TRIGGERS = """
CREATE TABLE change_log (visit_id bigint, sequence int, status text, starts_at timestamptz, xid xid8);
CREATE TABLE fence_log (delivery_id bigint, at timestamptz, seen pg_snapshot);
CREATE FUNCTION log_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO change_log VALUES (NEW.id, NEW.ics_sequence, NEW.status, NEW.starts_at, pg_current_xact_id()); RETURN NULL; END $$;
CREATE FUNCTION log_fence() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO fence_log VALUES (NEW.id, clock_timestamp(), pg_current_snapshot()); RETURN NULL; END $$;
CREATE TRIGGER log_booked AFTER INSERT ON booking_appointment FOR EACH ROW EXECUTE FUNCTION log_change();
CREATE TRIGGER log_changed AFTER UPDATE ON booking_appointment FOR EACH ROW
  WHEN (NEW.ics_sequence <> OLD.ics_sequence) EXECUTE FUNCTION log_change();
CREATE TRIGGER log_fenced AFTER UPDATE ON notifications_delivery FOR EACH ROW
  WHEN (NEW.state = 'sending' AND OLD.state <> 'sending') EXECUTE FUNCTION log_fence();
"""
AFTER_CHANGE = """
SELECT count(DISTINCT f.delivery_id) FROM fence_log f JOIN notifications_delivery d ON d.id = f.delivery_id
JOIN notifications_message m ON m.id = d.message_id AND m.subject_type = 'visit'
JOIN change_log c ON c.visit_id = m.subject_id AND c.sequence > m.sequence AND pg_visible_in_snapshot(c.xid, f.seen)
"""
TOLD = """
SELECT d.public_id, d.channel, m.kind, c.starts_at FROM fence_log f JOIN notifications_delivery d ON d.id = f.delivery_id
JOIN notifications_message m ON m.id = d.message_id AND m.subject_type = 'visit'
JOIN change_log c ON c.visit_id = m.subject_id AND c.sequence = m.sequence
"""


def watch() -> None:
    """Put the two logs into this database."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(TRIGGERS)


def judge(mails: dict[UUID, str], texts: dict[UUID, str]) -> tuple[int, int, int]:
    """Messages fenced; of these, after a change of their visit; and whose words tell a time that is not their turn's.

    Args:
        mails: what came in, by delivery: the subject line.
        texts: the same for texts: all of it.
    """
    from django.db import connection

    from accounts import clock

    with connection.cursor() as cursor:
        cursor.execute(AFTER_CHANGE)
        late = int(cursor.fetchone()[0])
        cursor.execute(TOLD)
        told = cursor.fetchall()
    wrong = 0
    for public_id, channel, kind, start in told:
        if kind.startswith("cancelled"):
            continue  # these tell the time that the patient knows
        words = (texts if channel == "text" else mails).get(public_id)
        right = clock.sms_when(start) if channel == "text" else clock.long_date(clock.local(start)).replace(clock.NBSP, " ")
        wrong += words is not None and right not in words
    return len(told), late, wrong


def blindfold() -> None:
    """The control: the fence does not look whether anything has moved."""
    from notifications.drain import Drain

    looks = Drain.fence
    Drain.fence = lambda self, delivery, letter: looks(self, delivery, replace(letter, seen=()))  # type: ignore[method-assign]


class Post:
    """The mail server: what came in, by delivery."""

    def __init__(self) -> None:
        self.mails: dict[UUID, str] = {}
        self.copies = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        import asyncio
        import email
        import email.policy

        mail = email.message_from_bytes(bytes(envelope.content), policy=email.policy.default)
        found = re.search(r"<([0-9a-f-]{36})@", str(mail["message-id"]))
        assert found is not None
        key = UUID(found.group(1))
        self.copies += key in self.mails
        self.mails[key] = " ".join(str(mail["subject"]).split()).replace("\u00a0", " ")
        await asyncio.sleep(TURN)
        return "250 Taken"


# --- The processes -----------------------------------------------------------------------------------------------------------


def drainer(control: bool, stop: Any) -> None:
    """Round after round, as a worker does."""
    from notifications import rounds

    if control:
        blindfold()
    while not stop.is_set():
        rounds.once(stop=stop.is_set)
        time.sleep(0.02)


def mover(number: int, changes: int, seed: int, told: Any) -> None:
    """Moves and cancels visits of its own, by preference one whose message is in somebody's hands."""
    from django.db import connection

    from accounts import clock
    from audit.actor import Actor
    from booking import actions
    from booking.models import Appointment, Practitioner

    dice = random.Random(seed * 100 + number)
    people = list(Practitioner.objects.order_by("pk"))
    mine = [pk for pk in Appointment.objects.order_by("pk").values_list("pk", flat=True) if pk % MOVERS == number]
    desk, count = Actor("staff", None, "reception"), Counter[str]()
    while count["moves"] + count["cancels"] < changes:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT m.subject_id FROM notifications_delivery d JOIN notifications_message m ON m.id = d.message_id "
                "WHERE d.state IN ('claimed', 'sending') AND m.subject_type = 'visit' AND m.subject_id %% %s = %s",
                [MOVERS, number],
            )
            hot = [row[0] for row in cursor.fetchall()]
        pk = dice.choice(hot) if hot and dice.random() < 0.8 else dice.choice(mine)
        visit = Appointment.objects.select_related("service", "practitioner").get(pk=pk)
        if visit.status != "booked":
            continue
        by = desk if dice.random() < 0.5 else Actor.patient(visit.patient_id)
        try:
            if dice.random() < CANCELS:
                actions.cancel(visit, by=by, now=clock.now())
                count["cancels"] += 1
            else:
                start = visit.starts_at + timedelta(days=dice.choice([n for n in range(-20, 21) if n]))
                if start < clock.now() + timedelta(days=10):
                    start += timedelta(days=60)
                actions.move(visit, dice.choice(people), start, by=desk, now=clock.now(), overbook=True)
                count["moves"] += 1
            count["hot"] += pk in hot
        except actions.BookingError:
            count["taken"] += 1
    told.put(count)


def prepare(visits: int) -> Any:
    """A scratch database: a clinic, its physicians, a patient and a visit each, booked but not told yet."""
    from django.db import connection

    from accounts import clock
    from accounts.links import newest_key_id
    from accounts.models import Clinic
    from booking.models import Appointment, Practitioner, Service
    from patients.models import Patient
    from tests.conftest import Clones

    clones = Clones(connection.settings_dict["NAME"], "interleave")
    clones.migrate()
    clones.clone()
    watch()
    Clinic.objects.create(
        pk=1, name="Storm", short_name="Storm", street="1 Example Street", city="Kitchener", postal_code="N2H 0A0",
        phone="519-555-0142",
    )  # fmt: skip
    service = Service.objects.create(
        slug="first-assessment", name="First assessment", minutes=20, step_minutes=20, horizon_days=3650
    )
    people = [Practitioner(name=f"Dr. {n}", short_name=f"Dr. {n}", slug=f"p{n}") for n in range(max(4, visits // 400))]
    service.practitioners.add(*Practitioner.objects.bulk_create(people))
    now = clock.now()
    first = now.replace(hour=14, minute=0, second=0, microsecond=0) + timedelta(days=30)
    patients = Patient.objects.bulk_create(
        Patient(legal_first_name=f"P{n}", legal_last_name="Storm", date_of_birth="1980-01-01", email=f"p{n}@example.com",
                mobile=f"+1519{5550000 + n}", reminder_by="both", created_at=now)
        for n in range(visits)
    )  # fmt: skip
    rows = []
    for n, patient in enumerate(patients):
        who, day, turn = people[n % len(people)], n // len(people) // 20, n // len(people) % 20
        start = first + timedelta(days=day, minutes=20 * turn)
        rows.append(
            Appointment(
                practitioner=who, service=service, patient=patient, status="booked", starts_at=start,
                ends_at=start + timedelta(minutes=20), local_start=clock.local(start).strftime("%Y-%m-%dT%H:%M"),
                zone="America/Toronto", version=1, ics_sequence=0, booked_at=now, created_at=now, changed_at=now,
                link_key_id=newest_key_id(), link_generation=1,
            )
        )  # fmt: skip
    Appointment.objects.bulk_create(rows)
    return clones


def main() -> int:
    """Run, print one line, and say whether it holds."""
    parser = argparse.ArgumentParser(prog="python -m tests.interleave", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--control", action="store_true", help="the fence does not look: must fail")
    options = parser.parse_args()

    import django
    import pytest  # noqa: F401  the settings take it as a sign that this is a test
    from aiosmtpd.controller import Controller

    from devservices.servers import free_port

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    os.environ |= {"SMS_CHANNEL": "catcher", "MESSAGE_QUIET_HOURS": "", "MESSAGE_GRACE_SECONDS": "0", "LOG_LEVEL": "ERROR"}
    post, port = Post(), free_port()
    os.environ |= {"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(port), "EMAIL_USE_TLS": "0", "SITE_URL": "https://tn.example"}
    django.setup()
    from django.db import connections

    from notifications import rounds
    from notifications.models import CaughtText, Delivery

    clones = prepare(max(200, options.n // 5))
    controller = Controller(post, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        connections.close_all()
        fork = multiprocessing.get_context("fork")
        stop, told = fork.Event(), fork.Queue()
        drainers = [fork.Process(target=drainer, args=(options.control, stop)) for _n in range(DRAINERS)]
        movers = [fork.Process(target=mover, args=(n, options.n // MOVERS, options.seed, told)) for n in range(MOVERS)]
        for process in drainers + movers:
            process.start()
        count = Counter[str]()
        for _mover in movers:
            count.update(told.get(timeout=60 + options.n))
        until = time.monotonic() + 120
        while Delivery.objects.filter(state__in=["claimed", "sending"]).exists() and time.monotonic() < until:
            time.sleep(0.2)
        stop.set()
        for process in drainers + movers:
            process.join(60)
        if options.control:
            blindfold()
        while rounds.once()["facts"]:
            pass
        texts = dict(CaughtText.objects.values_list("delivery_id", "body"))
        copies = post.copies + CaughtText.objects.count() - len(texts)
        sent, late, wrong = judge(post.mails, texts)
    finally:
        controller.stop()
        clones.close()
    print(
        f"seed={options.seed} changes={count['moves'] + count['cancels']} (moves {count['moves']}, cancels {count['cancels']}) "
        f"met_a_message_under_way={count['hot']} sent={sent} after_change={late} wrong_time={wrong} copies={copies}",
        flush=True,
    )
    if options.control:
        found = "messages after the change, as it must" if late else "NONE after the change: this run proves nothing"
        print(f"Control run without the fence's look: {found}.", file=sys.stderr)
        return 1 if late else 2
    return int(bool(late or wrong or copies or not count["hot"] or not sent))


if __name__ == "__main__":
    sys.exit(main())
