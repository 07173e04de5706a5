"""What axe finds against WCAG 2.2 AA on a page as it is now."""

from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page

SCRIPT = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
# Of what it finds in order it would bring every element over, with its HTML; nobody reads that.
OPTIONS = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
    "resultTypes": ["violations"],
}
_RUN = "options => window.axe ? axe.run(options).then(found => found.violations) : null"


def violations(page: Page) -> list[dict[str, Any]]:
    """Axe's own list.

    The next pages of this window come with axe: handing half a megabyte of script to each took a quarter of what a page costs.
    """
    found = page.evaluate(_RUN, OPTIONS)
    if found is None:
        if not hasattr(page.context, "brings_axe"):
            page.context.add_init_script(script=SCRIPT)
            page.context.brings_axe = True  # type: ignore[attr-defined]
        page.evaluate(SCRIPT)
        found = page.evaluate(_RUN, OPTIONS)
    assert isinstance(found, list), "axe did not run"
    return found
