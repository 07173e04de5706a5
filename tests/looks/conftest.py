"""Pages in a browser: axe, widths, colour schemes."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from accounts import clock
from articles import demo
from audit.actor import Actor
from booking.setup import DEMO_CLINIC, load_clinic
from tests import axe
from tests.articles.conftest import forget


@pytest.fixture
def site(live_server: Any) -> str:
    """The address of a running server with the demo clinic's public site."""
    load_clinic(DEMO_CLINIC, now=clock.now(), by=Actor.system())
    demo.load(clock.now())
    forget()
    return str(live_server.url)


def violations(page: Page) -> list[str]:
    """What axe has to say about the page, one line each."""
    return [f"{v['id']}: {node['target']} {node.get('failureSummary', '')}" for v in axe.violations(page) for node in v["nodes"]]


def open_page(browser: Browser, *, width: int, theme: str, scripts: bool = True, at: str | None = None) -> Page:
    """A fresh page of this width and colour scheme that collects console errors in `page.complaints`; paths begin `at` a site."""
    context = browser.new_context(
        viewport={"width": width, "height": 844 if width < 600 else 900},
        color_scheme=theme,  # type: ignore[arg-type]
        java_script_enabled=scripts,
        base_url=at,
        locale="en-CA",
        timezone_id="America/Toronto",
    )
    page = context.new_page()
    page.complaints = []  # type: ignore[attr-defined]

    def note(message: Any) -> None:
        if message.type == "error":
            page.complaints.append(message.text)  # type: ignore[attr-defined]

    page.on("console", note)
    return page
