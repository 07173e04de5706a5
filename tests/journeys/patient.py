"""A scripted patient in a browser: answers what is asked with the answers of the script, and counts what that costs."""

import re
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator

from intake.loader import FOLDER, load
from tests.journeys.person import CALM, Person

HAIR = load(FOLDER / "hair-loss-intake-1.0.2.yaml")
_CONTROLS = "input:not([type=hidden]):not([type=file]), select, textarea"


class Patient(Person):
    """Answers by link_id; presses, typed fields, pages and seconds are counted."""

    script_of: dict[str, Any]

    def play(self, person: dict[str, Any], **details: str) -> "Patient":
        """Whose answers to give."""
        year, month, day = person["about_dob"].split("-")
        self.born = {"day": str(int(day)), "month": str(int(month)), "year": year}
        self.script_of = person["answers"]
        self.details = {
            "first_name": "Robin", "last_name": "Hale", "preferred_name": "", "mobile": "519-555-0178",
            "email": "robin.h@example.com", "reminder_by": "email", "voicemail_ok": "no",
        } | details  # fmt: skip
        self.presses = self.fields = self.pages = 0
        self.began = time.monotonic()
        return self

    def goes_on_for(self, other: "Patient") -> "Patient":
        """The same patient on another device."""
        self.born, self.script_of, self.details = other.born, other.script_of, other.details
        self.presses, self.fields, self.pages, self.began = other.presses, other.fields, other.pages, other.began
        return self

    @property
    def seconds(self) -> float:
        """Since the first page."""
        return time.monotonic() - self.began

    def press(self, name: str | re.Pattern[str], *, within: Locator | None = None) -> None:
        """Press a button or link: one press, one page."""
        self.presses, self.pages = self.presses + 1, self.pages + 1
        super().press(name, within=within)

    # --- Questions ---------------------------------------------------------------------------------------------------
    def answer_questions(self, *, until: str = "", photo: Path | None = None) -> None:
        """From wherever the person is to the end of the questions, or to the page `until`."""
        for _page in range(120):
            if self.path == until or not re.match(r"/book/(questions|advice)/", self.path):
                return
            if self.path == "/book/questions/":
                self.press(re.compile("^(Begin|Continue)"))
            elif "/advice/" in self.path:
                self.press("Continue with the form")
            elif self.path == "/book/questions/8/2/":
                self.add_photos(photo)
            else:
                self.answer_page()
        raise AssertionError(f"the questions do not end: {self.paths[-5:]}")

    def answer_page(self) -> None:
        """Answer every question on the page, those that appear meanwhile too, and press Continue."""
        form = self.page.locator("main form[data-questions], main form:has(button:text-is('Continue'))").first
        self._rows(form)
        answered: set[str] = set()
        while todo := [name for name in self._visible(form) if name not in answered]:
            for name in dict.fromkeys(todo):
                answered.add(name)
                self._give(form, name)
        self.press("Continue", within=form)

    def _visible(self, form: Locator) -> list[str]:
        names = form.locator(_CONTROLS).evaluate_all(
            "els => els.filter(e => e.name && !e.closest('[hidden]') && !e.disabled).map(e => e.name)"
        )
        return list(dict.fromkeys(names))

    def _rows(self, form: Locator) -> None:
        """Medicines: a row each, all on the page before the first is typed."""
        names = self.script_of.get("med_name", [])
        if not names or not form.locator("[name=med_any]").count():
            return
        form.locator("[name=med_any][value=yes]").check(force=True)
        self.presses += 1
        if not self.script:
            self.press("Continue", within=form)
        for at, name in enumerate(names):
            if at:
                self.press("Add another medicine", within=form)
            form.locator("[name=med_name]").nth(at).fill(f"Medicine {name}")
            self.fields += 1

    def _give(self, form: Locator, name: str) -> None:
        controls = form.locator(f'[name="{name}"]:not([type=hidden])')
        first = controls.first
        kind = first.get_attribute("type") or "textarea"
        if kind in {"radio", "checkbox"}:
            self._tick(controls, name, kind)
        elif part := re.search(r"_(day|month|year)$", name):
            self._type(first, self.born[part[1]])
        elif name != "med_name" and (text := self.details.get(name) or str(self.script_of.get(name, ""))):
            self._type(first, text)

    def _type(self, control: Locator, text: str) -> None:
        if control.evaluate("e => e.tagName") == "SELECT":
            control.select_option(text)
        else:
            control.fill(text)
        self.fields += 1

    def _tick(self, controls: Locator, name: str, kind: str) -> None:
        known: list[tuple[str, bool]] = controls.evaluate_all("els => els.map(e => [e.value, e.checked])")
        values, checked = [value for value, _on in known], {value for value, on in known if on}
        given = self.details.get(name) or self.script_of.get(name)
        if given is None:
            question = HAIR.questions.get(name)
            if checked or (question and not question.required):
                return
            given = next((calm for calm in CALM if calm in values), values[-1])
        wanted = given if isinstance(given, list) else [str(given).lower() if given is True else given]
        for value in wanted:
            if value not in checked:
                controls.nth(values.index(value)).check(force=True)
                self.presses += 1

    def add_photos(self, photo: Path | None) -> None:
        """Each view of the script that the page asks for; then on."""
        if photo:
            for view in [name for name in self.script_of if name.startswith("photo_") and name != "photo_consent"]:
                if not self.page.locator(f"#file-{view}").count():
                    continue
                self.presses += 1
                if self.script:
                    with self.page.expect_response("**/book/photos/add/") as answer:
                        self.page.set_input_files(f"#file-{view}", photo)
                    assert answer.value.ok, view
                else:
                    self.page.set_input_files(f"#file-{view}", photo)
                    with self.page.expect_navigation():
                        self.page.locator(f"#up-{view} .up-send").click()
                self.page.locator(f"#up-{view} img[src*='?small']").first.wait_for()
        self.press("Continue")
        if "remind=1" in self.page.url:
            self.press("Continue")

    # --- The rest of the way -----------------------------------------------------------------------------------------
    def begin(self) -> None:
        """From the start page to the first question."""
        self.go("/book/")
        self.press("Start")
        self.press(re.compile("^(Continue|Begin)"))

    def sign_and_book(self) -> None:
        """The last page."""
        assert self.path == "/book/check/", self.paths[-4:]
        self.page.locator("[name=finish_declare]").check(force=True)
        self._type(self.page.locator("[name=finish_signature]"), "Robin Hale")
        self.presses += 1
        self.press("Book my visit")
        assert self.path == "/book/done/", self.page.locator("main").inner_text()[:400]
