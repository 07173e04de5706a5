"""What the journeys start from: the demo clinic, a real server, a real mail server, people in browsers."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from django.core.management import call_command
from playwright.sync_api import Browser

from accounts import clock
from notifications import drain, planner
from tests.journeys.person import Person
from tests.notifications.conftest import Post, post  # noqa: F401

PASSWORD = "true north demo"


def load() -> None:
    """The demo clinic, as `make demo` loads it."""
    call_command("load_demo", verbosity=0)


@pytest.fixture
def demo(seeded: Callable[..., None], settings: Any) -> None:
    """The demo clinic as of this hour, loaded once and copied for each walk."""
    settings.DEMO, settings.STAFF_MFA_REQUIRED = True, False
    seeded("demo", load, version=f"{clock.now():%Y-%m-%dT%H}")


@pytest.fixture
def site(live_server: Any, demo: None, post: Post, settings: Any) -> str:  # noqa: F811
    """The address of a running True North."""
    settings.SITE_URL = live_server.url
    settings.ALLOWED_HOSTS = ["*"]
    settings.MESSAGE_QUIET_HOURS = ""  # a walk is the same by night
    return live_server.url


@pytest.fixture
def person(browser: Browser, site: str) -> Iterator[Callable[..., Person]]:
    """Opens a browser window for somebody. Afterwards the console must have been quiet in all of them."""
    people: list[Person] = []

    def open_window(*, script: bool = True, kind: type[Person] = Person, **look: Any) -> Person:
        people.append(kind(browser, site, script=script, **look))
        return people[-1]

    yield open_window
    complaints = [c for p in people for c in p.complaints]
    for p in people:
        p.close()
    assert complaints == [], complaints


def send(now: datetime | None = None) -> None:
    """What the worker does every two seconds."""
    at = now or clock.now()
    planner.tick(now=at)
    drain.run(now=at)
