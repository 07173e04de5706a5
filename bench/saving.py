"""What saving a page of answers costs, against a view of the same site that does one UPDATE.

Both run in one granian with the product's settings and middleware, and are asked in turn: a POST with session and CSRF check,
one durable commit. The page is a patient's in the middle of the questionnaire: read, decrypted, checked, worked out, encrypted,
written, and noted in the trail.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from bench.booking import CSRF
from devservices import servers
from devservices.processes import Family

GOAL = 3.0
ROUNDS, EACH = 12, 25
SECTION = 3


def visitor() -> tuple[str, str, str]:
    """A browser with a draft whose first two sections are answered; its session, a page's path, and the form."""
    from django.contrib.sessions.backends.db import SessionStore
    from django.db import connection

    from accounts import clock
    from audit.actor import Actor
    from intake import engine
    from intake.actions import asking_for, save_page, start_draft
    from intake.demo import PEOPLE
    from intake.document import decrypt

    now, by = clock.now(), Actor.anonymous()
    draft = start_draft("hair-loss-intake", by=by, now=now)
    answers = json.loads(PEOPLE.read_text(encoding="utf-8"))[0]["answers"] | {"about_dob": "1987-03-27"}
    form: list[tuple[str, str]] = []
    at = (0, 0)
    for _turn in range(40):
        document = decrypt(draft)
        found = engine.pages(draft.definition, document.answers, asking_for(draft, document))
        page = next(p for p in found if (p.section.number, p.number) > at)
        at = (page.section.number, page.number)
        given = {q.link_id: answers[q.link_id] for q in page.questions if q.link_id in answers}
        save_page(draft, page, given, by=by, now=now)
        choices = [(q.link_id, value) for q in page.questions if isinstance(value := given.get(q.link_id), str) and q.options]
        if at >= (SECTION, 1) and choices and len(choices) == len([q for q in page.questions if q.type != "display"]):
            form = choices
            break
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS bench_row (id int PRIMARY KEY, n int NOT NULL)")
        cursor.execute("INSERT INTO bench_row VALUES (1, 0) ON CONFLICT DO NOTHING")
    session = SessionStore()
    session.update({"draft": str(draft.public_id), "row": 1})
    session.create()
    body = urlencode([("csrfmiddlewaretoken", CSRF), *(("shown", name) for name, _value in form), *form])
    return str(session.session_key), f"/book/questions/{at[0]}/{at[1]}/", body


def measure(family: Family, path: Path, database: str) -> tuple[float, dict[str, float]]:
    """The ratio, and the two medians in milliseconds. Django of this process points at `database` already."""
    from bench.asking import Target, again, interleave, ratio
    from bench.client import Client, post
    from bench.rig import product

    (session, page, body), port = visitor(), servers.free_port()
    product(family, path, "saving", port, DATABASE_URL=database, DJANGO_SETTINGS_MODULE="bench.update.settings")
    cookie = f"session={session}; csrf={CSRF}"

    def asks(address: str, form: str) -> Iterator[bytes]:
        return again(post(address, port, form, Cookie=cookie))

    targets = {
        "one UPDATE": Target(Client(port), asks("/bench/update/", urlencode({"csrfmiddlewaretoken": CSRF})), 303),
        "save a page": Target(Client(port), asks(page, body), 303),
    }
    interleave(targets, rounds=2, each=12)  # warm: every thread of every worker opens its connection
    took = interleave(targets, rounds=ROUNDS, each=EACH)
    middle = {name: 1000 * sorted(values)[len(values) // 2] for name, values in took.items()}
    return ratio(took, "save a page", "one UPDATE"), middle
