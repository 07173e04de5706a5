"""python docs/img/overview.py: takes the README's picture of a running `make demo` (PORT=8000); best in the clinic's hours."""

import base64
import os
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

SITE = f"http://localhost:{os.environ.get('PORT', '8000')}"
ARTICLE = f"{SITE}/articles/dutasteride-mesotherapy/"
FRAME = """<style>
body { margin: 0; background: #e4ebe6; position: relative; overflow: hidden }
img { position: absolute; border-radius: 20px; box-shadow: 0 18px 48px rgb(16 48 40 / .22), 0 2px 8px rgb(16 48 40 / .1) }
</style>"""


def window(browser: Browser, width: int, height: int) -> Page:
    """Somebody's in Ontario; twice as fine as it is shown."""
    size: dict[str, int] = {"width": width, "height": height}
    return browser.new_page(viewport=size, locale="en-CA", timezone_id="America/Toronto", device_scale_factor=2)  # type: ignore[arg-type]


def shot(page: Page, left: int, top: int, width: int) -> str:
    """What the window shows, at its place in the frame."""
    page.wait_for_load_state("networkidle")
    picture = base64.b64encode(page.screenshot()).decode()
    return f'<img src="data:image/png;base64,{picture}" style="left:{left}px;top:{top}px" width="{width}">'


def main() -> None:
    """The article, the desk's day over it, the booking card on a phone."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM"), args=["--no-sandbox"])
        article = window(browser, 1280, 860)
        article.goto(ARTICLE)
        desk = window(browser, 1440, 967)
        desk.goto(f"{SITE}/staff/login/")
        desk.fill("[type=email]", "joanne@tn.example")
        desk.fill("[type=password]", "true north demo")
        desk.press("[type=password]", "Enter")
        desk.wait_for_url("**/desk/**")
        desk.locator("#board .ap[data-v*=arrive] .nm").first.click()
        desk.locator("[data-picked]").wait_for()
        phone = window(browser, 390, 841)
        phone.goto(ARTICLE)
        phone.evaluate("scrollTo(0, document.querySelector('.aside-card').getBoundingClientRect().top - 105)")
        frame = browser.new_page(viewport={"width": 1800, "height": 1020})
        frame.set_content(FRAME + shot(article, 60, 60, 1010) + shot(desk, 560, 290, 1010) + shot(phone, 1390, 90, 370))
        frame.screenshot(path=Path(__file__).with_suffix(".png"))


if __name__ == "__main__":
    main()
