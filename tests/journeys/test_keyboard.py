"""From the start page to booked with the keyboard alone: Tab, Shift Tab, arrows, Space, Enter and letters."""

import json
import re
from pathlib import Path

import pytest

from booking.models import Appointment
from tests.intake.pictures import jpeg
from tests.journeys.conftest import send
from tests.journeys.patient import HAIR, Patient
from tests.journeys.person import next_page

WOMAN_66 = json.loads((Path(__file__).parents[1] / "intake/patients.json").read_text())["patients"][4]
# Where the focus is: what it is called, and whether it can be seen: on the screen, not under anything, with a ring around it.
LOOK = """() => {
  const e = document.activeElement, box = e.getBoundingClientRect();
  const face = e.closest('label')?.querySelector('.opt-card, .pic-card') || e.closest('.up-pick') || e;
  const shown = face.getBoundingClientRect();
  const ring = [face, e, ...face.children].some((part) => getComputedStyle(part).outlineStyle !== 'none');
  const on = shown.bottom > 0 && shown.top < innerHeight && shown.right > 0 && shown.left < innerWidth;
  return {tag: e.tagName, id: e.id, name: e.name || '', value: e.value || '', type: e.type || '', text: e.textContent.trim(), on, ring};
}"""


class Keys(Patient):
    """A patient who has no pointer."""

    def tab_to(self, wanted, what=""):
        """Press Tab until the focus is on it; at each stop it can be seen where the focus is."""
        for _stop in range(140):
            self.page.keyboard.press("Tab")
            at = self.page.evaluate(LOOK)
            if at["tag"] == "BODY":
                continue
            assert at["on"], f"{self.path}: the focus is off the screen at {at}"
            assert at["ring"], f"{self.path}: no ring around {at}"
            if wanted(at):
                return at
        raise AssertionError(f"{self.path}: Tab never reaches {what or wanted}")

    def enter(self, key="Enter"):
        with next_page(self.page):
            self.page.keyboard.press(key)
        self.paths.append(self.path)

    def press(self, name, *, within=None):
        matches = name.search if isinstance(name, re.Pattern) else lambda text: text.startswith(name)
        self.tab_to(lambda at: at["tag"] in {"BUTTON", "A"} and matches(at["text"]), name)
        self.presses, self.pages = self.presses + 1, self.pages + 1
        self.enter()

    def answer_page(self):
        form = self.page.locator("main form[data-questions], main form:has(button:text-is('Continue'))").first
        self._rows(form)
        answered = set()
        while todo := [name for name in self._visible(form) if name not in answered]:
            answered.add(todo[0])
            self._give(form, todo[0])
        self.press("Continue")

    def _rows(self, form):
        """One medicine: the row opens with the answer above it."""

    def _give(self, form, name):
        controls = form.locator(f'[name="{name}"]:not([type=hidden])')
        kind = controls.first.get_attribute("type") or "textarea"
        if kind == "radio":
            self._one(controls, name)
        elif kind == "checkbox":
            wanted = self.details.get(name) or self.script_of.get(name) or []
            for value in wanted if isinstance(wanted, list) else ["true"]:
                self.tab_to(lambda at, v=value: at["name"] == name and at["value"] == v, f"{name}={value}")
                self.page.keyboard.press("Space")
        else:
            part = re.search(r"_(day|month|year)$", name)
            text = self.born[part[1]] if part else self.details.get(name) or {"med_name": "Medicine a"}.get(name) or ""
            if text:
                self.tab_to(lambda at: at["name"] == name, name)
                # A list is chosen from by the first letters of what it shows.
                shown = controls.first.evaluate("(e, value) => [...(e.options ?? [])].find(o => o.value === value)?.text", text)
                self.page.keyboard.type(shown or text)
        self.fields += 1

    def _one(self, controls, name):
        values = controls.evaluate_all("els => els.map(e => e.value)")
        wanted = self.details.get(name) or self.script_of.get(name)
        question = HAIR.questions.get(name)
        chosen = controls.evaluate_all("els => els.some(e => e.checked)")
        if wanted is None and (chosen or (question is not None and not question.required)):
            return
        if wanted is None:
            wanted = values[-1]
        self.tab_to(lambda at: at["name"] == name, name)
        if not controls.evaluate_all("els => els.some(e => e.checked)"):
            self.page.keyboard.press("Space")
        for _step in values:
            if self.page.evaluate(LOOK)["value"] == wanted:
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{name}: the arrows never reach {wanted}")

    def add_photos(self, photo):
        """One photo, by the file chooser the keyboard opens; on with the gentle reminder."""
        self.tab_to(lambda at: at["id"] == "file-photo_front")
        with self.page.expect_file_chooser() as chooser:
            self.page.keyboard.press("Space")
        with self.page.expect_response("**/book/photos/add/"):
            chooser.value.set_files(photo)
        self.page.locator("#up-photo_front img[src*='?small']").wait_for()
        assert self.page.evaluate("document.activeElement.id") == "up-photo_front"
        self.press("Continue")
        assert "remind=1" in self.page.url
        self.press("Continue")


@pytest.mark.journey
def test_the_whole_way_works_with_the_keyboard_alone(person, post, tmp_path):
    photo = tmp_path / "IMG_0001.jpg"
    photo.write_bytes(jpeg())
    hand = person(kind=Keys).play(WOMAN_66)
    hand.go("/book/")
    hand.press("Start")
    hand.press("Continue")
    # An error takes the focus, and its link leads into the field.
    hand.press("Begin")
    hand.press("Continue")
    assert hand.page.evaluate("document.activeElement.className") == "errsum"
    hand.tab_to(lambda at: at["tag"] == "A")
    hand.page.keyboard.press("Enter")
    assert hand.page.evaluate(LOOK)["name"] == "start_consent_collect"
    hand.page.keyboard.press("Space")
    hand.press("Continue")
    hand.answer_questions(photo=photo)
    hand.press("Take this time")
    hand.answer_page()
    send()
    code = re.search(r"(\d{3})\s?(\d{3})", next(m for m in reversed(post.mails) if "code" in m["subject"])["subject"])
    hand.tab_to(lambda at: at["name"] == "code")
    hand.page.keyboard.type(f"{code[1]} {code[2]}")
    hand.enter()
    assert hand.path == "/book/check/"
    hand.tab_to(lambda at: at["name"] == "finish_declare")
    hand.page.keyboard.press("Space")
    hand.tab_to(lambda at: at["name"] == "finish_signature")
    hand.page.keyboard.type("Robin Hale")
    hand.enter()
    assert hand.path == "/book/done/"
    assert Appointment.objects.latest("pk").response.status == "completed"
