"""python -m bench: prints a table, writes bench/results.json, and fails if a goal is missed.

Every figure is a ratio to a bare Django no-op (gunicorn, gthread, 2 workers of 4 threads) measured in the same seconds: one
client asks all of them in turn, and the ratio of medians is taken per round. The product runs as in the demo: granian, two
workers, DEBUG=0, PostgreSQL with its durable defaults.
"""

import json
import os
import sys
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from statistics import median

from bench import booking, growth, messages, races, reviewing
from bench.asking import Conditional, Row, Target, again, interleave, opened_as, ratio, said
from bench.client import Client, get
from bench.rig import Databases, running, serve, show, use
from devservices.processes import Family

RESULTS = Path(__file__).with_name("results.json")
ROUNDS, PER_ROUND = 15, 12


def article_path() -> str:
    """An article of the demo."""
    from wagtail.models import Page

    page = next(p for p in Page.objects.live().specific() if type(p).__name__ == "ArticlePage")
    return f"/articles/{page.slug}/"


def measure(family: Family, path: Path, databases: Databases, names: dict[str, str]) -> list[Row]:
    """Start the three servers and ask."""
    from django.core.management import call_command

    said("people who are about to book")
    use(names["full"])
    call_command("collectstatic", interactive=False, verbosity=0)
    crowd = booking.people(booking.PRESSES, databases.booking_days())
    desk_path = f"/desk/day/{databases.desk_day}/"
    desk_statements, desk_session = opened_as("joanne@tn.example", desk_path)
    review_statements, review_path, review_session = reviewing.opened(booking.complete_draft())
    article = article_path()

    ports = serve(family, path, names)

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
        "desk": Target(Client(ports["full"]), again(get(desk_path, ports["full"], Cookie=f"session={desk_session}"))),
    }
    said("pages")
    interleave(targets, rounds=3, each=8)  # warm: every thread of every worker opens its connection
    took = interleave(targets, rounds=ROUNDS, each=PER_ROUND)

    took_review = reviewing.compared(review_path, review_session, ports["full"], ports["noop"])

    booked, took_book = booking.measure(crowd, ports)

    said("saving")
    use(names["full"])
    base = os.environ["DATABASE_URL"].rpartition("/")[0]
    saving_ratio, took_saving = saving.measure(family, path, f"{base}/{names['full']}")

    raced = races.measure(ports["full"])

    use(names["empty"])
    grown = growth.measure(databases.since)

    said("messages")
    sending = messages.measure(family, path, databases)

    said("done")
    ms = {name: 1000 * median(values) for name, values in took.items()} | {"book": took_book["book"]}
    for name, value in ms.items():
        print(f"  {name:18} {value:8.2f} ms")
    for name, value in took_saving.items():
        print(f"  {name:18} {value:8.2f} ms")
    return [
        Row.at_most("Availability, 1 physician, 1 day", ratio(took, "one day"), "x no-op", 6),
        Row.at_most("Availability, 1 physician, 31 days", ratio(took, "31 days"), "x no-op", 9),
        Row.at_most("Availability, 20 physicians, 1 day", ratio(took, "all day"), "x no-op", 10),
        Row.at_most("100,000 appointments / none", ratio(took, "free day, full", "free day, empty"), "x empty", 1.3),
        *grown,
        *booked,
        *raced,
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
    with running() as (family, path):
        said("databases")
        databases = Databases()
        rows = measure(family, path, databases, databases.ready())
    RESULTS.write_text(json.dumps({"rows": [asdict(row) for row in rows]}, indent=1) + "\n", encoding="utf-8")
    return show(rows)


if __name__ == "__main__":
    sys.exit(main())
