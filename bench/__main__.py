"""python -m bench: prints a table, writes bench/results.json, and fails if a goal is missed.

Every figure is a ratio to a bare Django no-op (gunicorn, gthread, 2 workers of 4 threads) measured in the same seconds: one
client asks all of them in turn, and the ratio of medians is taken per round. The product runs as in the demo: granian, two
workers, DEBUG=0, PostgreSQL with its durable defaults.
"""

import hashlib
import io
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

from bench import messages, reviewing
from bench.client import Client, get, post, throughput, timed
from devservices import servers, state
from devservices.processes import Family
from devservices.state import ROOT

BIN = Path(sys.executable).parent
RESULTS = Path(__file__).with_name("results.json")
BEGAN = time.monotonic()
ROUNDS, PER_ROUND = 15, 12
CLIENTS, BURSTS, BOOKINGS_EACH = 16, 4, 5
ONE_BY_ONE = 100  # bookings one after the other
CSRF = "b" * 32


@dataclass
class Row:
    """One line of the table. `goal` is a bound such as "<= 6"; `holds` says whether `value` keeps it."""

    name: str
    value: float
    unit: str
    goal: str
    holds: bool

    @classmethod
    def at_most(cls, name: str, value: float, unit: str, bound: float) -> "Row":
        return cls(name, round(value, 3), unit, f"<= {bound:g}", value <= bound)

    @classmethod
    def at_least(cls, name: str, value: float, unit: str, bound: float) -> "Row":
        return cls(name, round(value, 3), unit, f">= {bound:g}", value >= bound)

    @classmethod
    def told(cls, name: str, value: float, unit: str) -> "Row":
        return cls(name, round(value, 3), unit, "", True)


# --- The databases ----------------------------------------------------------------------------------------------------


class Databases:
    """Two: the demo clinic without visits, and the same with 100,000 of them. Kept for the day as templates."""

    def __init__(self) -> None:
        from accounts import clock
        from tests.conftest import Clones

        self.clones = Clones("bench", "")
        self.today = clock.now().astimezone(clock.zone_of("America/Toronto")).date()

    def ready(self) -> dict[str, str]:
        """Names of fresh copies."""
        from django.core.management import call_command

        from bench import seed
        from booking.models import Appointment

        def empty() -> None:
            call_command("load_demo", stdout=io.StringIO())
            Appointment.objects.all().delete()
            seed.clinic(since=self.since)
            seed.settle()

        def full() -> None:
            seed.fill(self.since)
            seed.visits(self.desk_day, 1, status="confirmed", per_day=8)
            seed.settle()

        clones = self.clones
        clones.migrate()
        files = [*ROOT.glob("*/demo.py"), *ROOT.glob("*/*demo*.json"), *ROOT.glob("booking/clinics/*.yaml")]
        code = b"".join(path.read_bytes() for path in [Path(seed.__file__), *sorted(files)])
        stamp = hashlib.sha256(f"{clones.migrations} {self.today}".encode() + code).hexdigest()[:12]
        kept = clones.template("bench_empty_", stamp, empty, source=clones.migrated)
        fuller = clones.template("bench_full_", stamp, full, source=kept)
        for name, template in (("now_empty", kept), ("now_full", fuller)):
            clones._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
            clones._run("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", name, template)
        return {"empty": "now_empty", "full": "now_full"}

    def weekday(self, days: int) -> date:
        """The first weekday at least `days` days from today."""
        day = self.today + timedelta(days=days)
        while day.weekday() > 4:
            day += timedelta(days=1)
        return day

    @property
    def since(self) -> date:
        """The first of 31 half-full days to come."""
        return self.today + timedelta(days=7)

    @property
    def free_day(self) -> date:
        """A day on which nobody has booked, in both databases."""
        return self.weekday(60)

    @property
    def desk_day(self) -> date:
        """A day of 160 visits."""
        return self.weekday(45)

    def booking_days(self) -> list[date]:
        """Free days for the bookings."""
        return [day for n in range(66, 100) if (day := self.today + timedelta(days=n)).weekday() < 5]


def use(name: str) -> None:
    """Point Django of this process at a database."""
    from django.conf import settings
    from django.db import connection

    from accounts.models import Clinic
    from intake.models import forget_definitions

    connection.close()
    connection.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = name
    Clinic.forget_current()
    forget_definitions()


# --- People who are about to press Book ----------------------------------------------------------------------------


@dataclass
class Person:
    """A browser on the check page: its session, its draft with every answer, its hold."""

    session: str
    response_id: int
    hold_id: int
    name: str


def complete_draft() -> Any:
    """One draft with every answer that the questionnaire wants, as a patient gives them."""
    from accounts import clock
    from audit.actor import Actor
    from intake import engine
    from intake.actions import asking_for, save_page, start_draft
    from intake.demo import PEOPLE
    from intake.document import decrypt

    now, by = clock.now(), Actor.anonymous()
    response = start_draft("hair-loss-intake", by=by, now=now)
    answers = json.loads(PEOPLE.read_text(encoding="utf-8"))[0]["answers"] | {"about_dob": "1987-03-27"}
    asked: set[str] = set()
    while True:
        document = decrypt(response)
        pages = engine.pages(response.definition, document.answers, asking_for(response, document))
        page = next((p for p in pages if any(q.link_id not in asked for q in p.questions)), None)
        if page is None:
            return response
        asked |= {q.link_id for q in page.questions}
        given = {q.link_id: answers[q.link_id] for q in page.questions if q.link_id in answers}
        save_page(response, page, given, by=by, now=now)


def people(number: int, days: Sequence[date]) -> list[Person]:
    """Make `number` of them, each with a time of their own."""
    import uuid
    from copy import deepcopy
    from datetime import time as wall

    from django.contrib.sessions.backends.db import SessionStore

    from accounts import clock
    from accounts.links import newest_key_id
    from bench.seed import ALL
    from booking import idle
    from booking.models import Appointment, Practitioner, Service
    from intake.document import decrypt, put
    from intake.models import QuestionnaireResponse
    from patients.models import ContactCode

    now, zone = clock.now(), clock.clinic_zone()
    service = Service.objects.get(slug=ALL)
    model = complete_draft()
    document = decrypt(model)
    times = [
        (practitioner, clock.instant(day, wall(hour, minute), zone))
        for day in days
        for hour, minute in ((10, 0), (11, 0), (13, 0), (14, 0))
        for practitioner in Practitioner.objects.filter(slug__startswith="bench-")
    ]
    responses, holds, codes, sessions = [], [], [], []
    for n, (practitioner, start) in enumerate(times[:number]):
        mine = deepcopy(document)
        mine.contact = {
            "first_name": f"Pat{n}", "last_name": f"Bench{n}", "mobile": f"+1519{5550000 + n:07d}",
            "email": f"bench{n}@example.com", "reminder_by": "email", "voicemail_ok": False,
        }  # fmt: skip
        response = QuestionnaireResponse(
            questionnaire_id=model.questionnaire_id, today=model.today, started_at=now, saved_at=now,
            sections_total=model.sections_total, sections_done=model.sections_done,
        )  # fmt: skip
        put(response, mine)
        session = SessionStore()
        session.create()
        key = hashlib.sha256(f"hold:{session.session_key}".encode()).hexdigest()
        responses.append(response)
        holds.append(
            Appointment(
                practitioner=practitioner, service=service, status="held", starts_at=start, ends_at=start + timedelta(minutes=30),
                local_start=start.astimezone(zone).strftime("%Y-%m-%dT%H:%M"), zone=zone.key, hold_key=key,
                hold_expires_at=now + timedelta(hours=2), created_at=now, changed_at=now,
            )
        )  # fmt: skip
        codes.append(
            ContactCode(
                purpose="booking", channel="email", address=mine.contact["email"], subject_key=str(response.public_id),
                key_id=newest_key_id(), asked_at=now, expires_at=now + timedelta(minutes=15), used_at=now, announced=1,
                public_id=uuid.uuid4(),
            )
        )  # fmt: skip
        session["draft"], session["code"] = str(response.public_id), str(codes[-1].public_id)
        session["hold"] = str(holds[-1].public_id)
        session[idle.SEEN] = now.isoformat()  # as the check page before it has written
        session["wanted"] = {"start": start.strftime("%Y-%m-%dT%H:%M:%SZ"), "practitioner": str(practitioner.public_id)}
        session.save()
        sessions.append(session.session_key)
    QuestionnaireResponse.objects.bulk_create(responses)
    Appointment.objects.bulk_create(holds)
    ContactCode.objects.bulk_create(codes)
    return [
        Person(session, response.pk, hold.pk, f"Pat{n} Bench{n}")
        for n, (session, response, hold) in enumerate(zip(sessions, responses, holds, strict=True))
    ]


def press_book(person: Person, port: int) -> bytes:
    """The POST of the check page."""
    form = {"csrfmiddlewaretoken": CSRF, "do": "book", "finish_declare": "on", "finish_signature": person.name}
    return post("/book/check/", port, urlencode(form), Cookie=f"session={person.session}; csrf={CSRF}")


# --- Inside one process: statements ---------------------------------------------------------------------------------


def counted(run: Callable[[], Any]) -> tuple[int, int]:
    """Statements and commits of a call; savepoints are not counted."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        run()
    said = [q["sql"] for q in queries]
    quiet = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")
    return sum(not s.startswith(quiet) for s in said), sum(s.startswith("COMMIT") for s in said)


def book_in_process(person: Person) -> tuple[int, int]:
    """Statements and commits of the action, the complete path: patient, visit, answers, consents, audit."""
    from datetime import UTC, datetime

    from accounts import clock
    from audit.actor import Actor
    from booking import actions
    from booking.models import Appointment
    from intake.document import decrypt
    from intake.models import QuestionnaireResponse
    from patients.actions import Contact

    hold = Appointment.objects.select_related("service", "practitioner").get(pk=person.hold_id)
    response = QuestionnaireResponse.objects.get(pk=person.response_id)
    typed = decrypt(response).contact
    contact = Contact(
        typed["first_name"],
        typed["last_name"],
        date(1987, 3, 27),
        email=typed["email"],
        mobile=typed["mobile"],
        reminder_by="email",
    )
    return counted(
        lambda: actions.book(
            hold.service, hold.practitioner, hold.starts_at, contact=contact, checked_channel="email", response=response,
            declared_at=datetime.now(UTC), signature=person.name, hold_key=hold.hold_key, by=Actor.anonymous(), now=clock.now(),
        )
    )  # fmt: skip


def desk(day: date) -> tuple[int, str]:
    """Statements of the day list without those of the session and who is signed in; and the session's key."""
    from django.contrib.sessions.backends.db import SessionStore
    from django.db import connection
    from django.test import Client as Browser
    from django.test.utils import CaptureQueriesContext

    from accounts.models import User

    browser = Browser(SERVER_NAME="localhost")
    browser.force_login(User.objects.get(email="joanne@tn.example"))
    key = browser.cookies["session"].value
    path = f"/desk/day/{day}/"
    if browser.get(path).status_code != 200:
        raise RuntimeError(f"{path} does not answer")
    with CaptureQueriesContext(connection) as queries:
        browser.get(path)
    own = ("django_session", "accounts_user", "mfa_", "usersessions", "SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")
    said = [q["sql"] for q in queries if not any(name in q["sql"][:200] for name in own)]
    SessionStore(key)
    return len(said), key


def article_path() -> str:
    """An article of the demo."""
    from wagtail.models import Page

    page = next(p for p in Page.objects.live().specific() if type(p).__name__ == "ArticlePage")
    return f"/articles/{page.slug}/"


# --- Measuring ------------------------------------------------------------------------------------------------------


@dataclass
class Target:
    """Something to ask, again and again."""

    client: Client
    requests: Iterator[bytes]
    want: int = 200


def _once(target: Target) -> float:
    """One request; a page that changed with the minute is asked for once more."""
    try:
        return timed(target.client, next(target.requests), target.want)
    except RuntimeError:
        if not isinstance(target.requests, Conditional):
            raise
        target.requests.renew_at = 0.0
        return timed(target.client, next(target.requests), target.want)


def interleave(targets: dict[str, Target], *, rounds: int, each: int) -> dict[str, list[float]]:
    """Median seconds of each target, round by round, all asked in the same seconds."""
    medians: dict[str, list[float]] = {name: [] for name in targets}
    for _round in range(rounds):
        seconds: dict[str, list[float]] = {name: [] for name in targets}
        for _turn in range(each):
            for name, target in targets.items():
                seconds[name].append(_once(target))
        for name, took in seconds.items():
            medians[name].append(median(took))
    return medians


class Conditional:
    """A GET that has the page already. The live times in it give it another ETag every minute, so it is looked up anew."""

    def __init__(self, client: Client, path: str) -> None:
        self.client, self.path, self.renew_at, self.request = client, path, 0.0, b""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        now = time.time()
        if now >= self.renew_at:
            if self.renew_at and now % 60 < 0.1:
                time.sleep(0.1)
            head = self.client.ask(get(self.path, self.client.port)).head
            tag = head[head.lower().index("etag:") + 5 :].partition("\r\n")[0].strip()
            self.request = get(self.path, self.client.port, If_None_Match=tag)
            self.renew_at = now - now % 60 + 60
        return self.request


def again(request: bytes) -> Iterator[bytes]:
    """The same request for ever."""
    while True:
        yield request


def ratio(medians: dict[str, list[float]], name: str, to: str = "noop") -> float:
    """How many times as long, in the middle round."""
    return median(a / b for a, b in zip(medians[name], medians[to], strict=True))


def wait_for(port: int, path: str, child: Any, log: Path) -> None:
    """Until the server answers."""
    until = time.monotonic() + 60
    while time.monotonic() < until and child.poll() is None:
        try:
            Client(port).ask(get(path, port))
        except OSError:
            time.sleep(0.1)
        else:
            return
    sys.exit(f"A server did not start:\n{log.read_text(errors='replace')[-2000:]}")


def environment(path: Path, url: str) -> dict[str, str]:
    """As in the demo, with quiet logs."""
    return {
        "DJANGO_SETTINGS_MODULE": "config.settings", "DEMO": "1", "DEBUG": "0", "LOG_LEVEL": "WARNING", "DATABASE_URL": url,
        "SECRET_KEY": state.secret(path, "secret-key"), "ANSWER_KEYS": "bench:" + state.secret(path, "answer-key"),
        "LINK_KEYS": "bench:" + state.secret(path, "link-key"), "SITE_URL": "http://localhost", "PYTHONUNBUFFERED": "1",
        "MEDIA_ROOT": str(path / "media"),
    }  # fmt: skip


def said(what: str) -> None:
    """How far it is, on stderr."""
    print(f"  {time.monotonic() - BEGAN:5.0f} s  {what}", file=sys.stderr, flush=True)


def measure(family: Family, path: Path, databases: Databases, names: dict[str, str]) -> list[Row]:
    """Start the three servers and ask."""
    from django.core.management import call_command

    said("people who are about to book")
    use(names["full"])
    call_command("collectstatic", interactive=False, verbosity=0)
    bursts = CLIENTS * BURSTS * BOOKINGS_EACH
    crowd = people(ONE_BY_ONE + bursts + 4, databases.booking_days())
    statements, commits = [book_in_process(person) for person in crowd[:3]][-1]
    desk_statements, desk_session = desk(databases.desk_day)
    review_statements, review_path, review_session = reviewing.opened(complete_draft())
    article = article_path()

    said("servers")
    ports = {name: servers.free_port() for name in ("noop", "empty", "full")}
    base = os.environ["DATABASE_URL"].rpartition("/")[0]
    gunicorn = [str(BIN / "gunicorn"), "-k", "gthread", "-w", "2", "--threads", "4", "--keep-alive", "75", "--log-level", "error"]
    granian = [str(BIN / "granian"), "--interface", "wsgi", "--workers", "2", "--blocking-threads", "4", "--no-ws"]
    for name, port in ports.items():
        log = path / f"{name}.log"
        if name == "noop":
            command, env = [*gunicorn, "-b", f"127.0.0.1:{port}", "bench.noop.app:application"], dict(os.environ)
        else:
            command = [*granian, "--host", "127.0.0.1", "--port", str(port), "config.wsgi:application"]
            env = os.environ | {"DATABASE_URL": f"{base}/{names[name]}"}
        child = family.start(name, command, log=log, env=env, cwd=ROOT)
        wait_for(port, "/" if name == "noop" else "/livez", child, log)

    def openings(slug: str, since: date, days: int, name: str = "full") -> Target:
        query = f"/book/openings/?service={slug}&from={since}&to={since + timedelta(days=days - 1)}"
        return Target(Client(ports[name]), again(get(query, ports[name])))

    from bench import saving
    from bench.seed import ALL, ONE

    busy = databases.weekday(9)
    page = get(article, ports["full"])
    noop = Target(Client(ports["noop"]), again(get("/", ports["noop"])))
    targets = {
        "noop": noop,
        "one day": openings(ONE, busy, 1),
        "31 days": openings(ONE, databases.since, 31),
        "all day": openings(ALL, busy, 1),
        "free day, empty": openings(ALL, databases.free_day, 1, "empty"),
        "free day, full": openings(ALL, databases.free_day, 1),
        "article": Target(Client(ports["full"]), again(page)),
        "article 304": Target(Client(ports["full"]), Conditional(Client(ports["full"]), article), 304),
        "desk": Target(
            Client(ports["full"]), again(get(f"/desk/day/{databases.desk_day}/", ports["full"], Cookie=f"session={desk_session}"))
        ),
    }
    said("pages")
    interleave(targets, rounds=3, each=8)  # warm: every thread of every worker opens its connection
    took = interleave(targets, rounds=ROUNDS, each=PER_ROUND)

    took_review = reviewing.compared(review_path, review_session, ports["full"], ports["noop"])

    said("bookings")
    queue = iter(crowd[3:])
    books = Target(Client(ports["full"]), (press_book(person, ports["full"]) for person in queue), 303)
    pair = {"noop": noop, "book": books}
    interleave(pair, rounds=1, each=20)
    took_book = interleave(pair, rounds=(ONE_BY_ONE - 20) // 8, each=8)

    said("crowd")
    rates: list[tuple[float, float]] = []
    errors = 0
    ask = get("/", ports["noop"])
    for _burst in range(BURSTS):
        plain, _ = throughput(ports["noop"], [[ask] * 100] * CLIENTS, want=200)
        lists = [[press_book(next(queue), ports["full"]) for _ in range(BOOKINGS_EACH)] for _ in range(CLIENTS)]
        booked, wrong = throughput(ports["full"], lists, want=303)
        errors += wrong
        rates.append((booked, plain))

    said("saving")
    use(names["full"])
    saving_ratio, took_saving = saving.measure(family, path, f"{base}/{names['full']}")

    said("messages")
    sending = messages.measure(family, path, databases)

    said("done")
    ms = {name: 1000 * median(values) for name, values in (took | {"book": took_book["book"]}).items()}
    for name, value in ms.items():
        print(f"  {name:18} {value:8.2f} ms")
    for name, value in took_saving.items():
        print(f"  {name:18} {value:8.2f} ms")
    print(f"  booked {median(b for b, _ in rates):.0f}/s, no-op {median(p for _, p in rates):.0f}/s at {CLIENTS} clients\n")
    return [
        Row.at_most("Availability, 1 physician, 1 day", ratio(took, "one day"), "x no-op", 6),
        Row.at_most("Availability, 1 physician, 31 days", ratio(took, "31 days"), "x no-op", 9),
        Row.at_most("Availability, 20 physicians, 1 day", ratio(took, "all day"), "x no-op", 10),
        Row.at_most("100,000 appointments / none", ratio(took, "free day, full", "free day, empty"), "x empty", 1.3),
        Row.at_most("Complete booking POST", ratio(took_book, "book"), "x no-op", 12),
        Row.at_most("Statements inside the booking", statements, "statements", 10),
        Row("Commits of a booking", commits, "commits", "= 1", commits == 1),
        Row.at_least("Bookings/s, 16 clients, distinct times", median(b / p for b, p in rates), "x no-op/s", 0.12),
        Row("Errors in those bookings", errors, "errors", "= 0", errors == 0),
        Row.at_most("Day list of 160 appointments", desk_statements, "statements", 4),
        Row.told("Day list of 160 appointments", ratio(took, "desk"), "x no-op"),
        Row.at_most("Open a response for review", review_statements, "statements", 4),
        Row.told("Open a response for review", took_review, "x no-op"),
        Row.at_most("Saving a page, encrypted", saving_ratio, "x one UPDATE", saving.GOAL),
        Row.at_most("Article, warm", ratio(took, "article"), "x no-op", 5),
        Row.at_most("Article, 304", ratio(took, "article 304"), "x no-op", 4),
        *sending,
    ]


def main() -> int:
    """Start servers, measure, print, write."""
    path = state.folder("bench")
    family = Family(hold=[state.lock(path, wait=600)])
    try:
        for name in ("DATABASE_URL", "REDIS_URL"):  # never somebody's real ones, and durable
            os.environ.pop(name, None)
        os.environ.update(servers.start(family, path, durable=True))
        base = os.environ["DATABASE_URL"].rpartition("/")[0]
        os.environ.update(environment(path, f"{base}/bench"))
        import django

        django.setup()
        said("databases")
        databases = Databases()
        rows = measure(family, path, databases, databases.ready())
    finally:
        family.stop()
        shutil.rmtree(path / "media", ignore_errors=True)
    for row in rows:
        print(f"  {row.name:42} {row.value:9.3f} {row.unit:12} {row.goal:8} {'' if row.holds else 'MISSED'}")
    RESULTS.write_text(json.dumps({"rows": [asdict(row) for row in rows]}, indent=1) + "\n", encoding="utf-8")
    return int(not all(row.holds for row in rows))


if __name__ == "__main__":
    sys.exit(main())
