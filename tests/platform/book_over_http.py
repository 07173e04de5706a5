"""Book a visit over HTTP, as a person without JavaScript would: python book_over_http.py http://127.0.0.1:8000

Needs nothing but Python. Opens an article, follows its booking card, answers every question, takes the opening that
the card showed, leaves contact details, cannot get a code, and books. Prints the reference; anything else is a failure.
"""

import http.cookiejar
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from html.parser import HTMLParser

# What this person answers; to anything else the first "no", "none" or "not sure" there is.
ANSWERS = {
    "start_respondent": "self",
    "about_dob": ("1988", "3", "14"),
    "legal_first_name": "Morgan",
    "legal_last_name": "Testcase",
    "first_name": "Morgan",
    "last_name": "Testcase",
    "email": "morgan@patients.example",
    "mobile": "519-555-0177",
    "reminder_by": "email",
    "finish_signature": "Morgan Testcase",
}
EASY = ("no", "none", "none-of-these", "never", "0", "no-change", "not-sure", "unsure", "unknown", "prefer-not")
STEPS = 90


@dataclass
class Control:
    """One input of a form."""

    name: str
    kind: str
    value: str = ""
    checked: bool = False
    options: list[str] = field(default_factory=list)


@dataclass
class Form:
    """One form of a page, with its buttons."""

    action: str
    method: str
    controls: list[Control] = field(default_factory=list)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)  # name, value, text


class Page(HTMLParser):
    """What a page offers: links, forms, its heading, and what it says is wrong."""

    def __init__(self, url: str, status: int, html: str) -> None:
        super().__init__()
        self.url, self.status, self.html = url, status, html
        self.path = urllib.parse.urlsplit(url).path
        self.links: list[tuple[str, str]] = []
        self.forms: list[Form] = []
        self._link: str | None = None
        self._button: list[str] | None = None
        self._select: Control | None = None
        self._text: list[str] = []
        self.feed(re.sub(r"<template\b.*?</template>", "", html, flags=re.S))
        self.text = re.sub(r"\s+", " ", re.sub(r"<(script|style|template)\b.*?</\1>|<[^>]+>", " ", html, flags=re.S))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect."""
        a = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in a:
            self._link, self._text = a["href"], []
        elif tag == "form":
            self.forms.append(Form(a.get("action", ""), a.get("method", "get").lower()))
        elif self.forms:
            self._control(tag, a)

    def _control(self, tag: str, a: dict[str, str]) -> None:
        form = self.forms[-1]
        if tag == "button" and a.get("type", "submit") == "submit":
            self._button, self._text = [a.get("name", ""), a.get("value", "")], []
        elif tag in {"input", "textarea"} and a.get("name") and "disabled" not in a:
            kind = a.get("type", "text") if tag == "input" else "textarea"
            form.controls.append(Control(a["name"], kind, a.get("value", ""), "checked" in a))
        elif tag == "select" and a.get("name"):
            self._select = Control(a["name"], "select")
            form.controls.append(self._select)
        elif tag == "option" and self._select is not None and a.get("value"):
            self._select.options.append(a["value"])

    def handle_data(self, data: str) -> None:
        """Collect the text of a link or button."""
        self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        """Close what was open."""
        text = " ".join("".join(self._text).split())
        if tag == "a" and self._link is not None:
            self.links.append((self._link, text))
            self._link = None
        elif tag == "button" and self._button is not None:
            self.forms[-1].buttons.append((self._button[0], self._button[1], text))
            self._button = None
        elif tag == "select":
            self._select = None

    def link(self, pattern: str) -> str | None:
        """The first link whose address or text matches."""
        return next((href for href, text in self.links if re.search(pattern, href) or re.search(pattern, text)), None)

    def main_form(self) -> Form:
        """The form that goes on: the first one that posts, a page's own "Leave" and "Save" apart."""
        posts = [form for form in self.forms if form.method == "post" and not re.search("leave|save|theme", form.action)]
        if not posts:
            raise Failure(self, "there is no form to go on with")
        return max(posts, key=lambda form: len(form.controls))


class Failure(Exception):
    """Says where it ended, and what the page said."""

    def __init__(self, page: Page, why: str) -> None:
        super().__init__(f"{page.path} ({page.status}): {why}\n{page.text[:1500]}")


class Person:
    """A browser without JavaScript."""

    def __init__(self, site: str) -> None:
        self.site = site.rstrip("/")
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(cookies)

    def go(self, address: str, data: list[tuple[str, str]] | None = None, *, at: str = "") -> Page:
        """Follow a link, or send a form."""
        url = urllib.parse.urljoin(at or self.site + "/", address)
        body = None if data is None else urllib.parse.urlencode(data).encode()
        request = urllib.request.Request(url, body, {"Referer": at or url, "Origin": self.site})
        try:
            with self.opener.open(request, timeout=30) as answer:
                return Page(answer.url, answer.status, answer.read().decode())
        except urllib.error.HTTPError as error:
            return Page(error.url or url, error.code, error.read().decode())

    def send(self, page: Page, form: Form, data: list[tuple[str, str]]) -> Page:
        """Send a filled form; a refusal ends the walk."""
        after = self.go(form.action or page.url, data, at=page.url)
        if after.status >= 400:
            raise Failure(after, "refused " + repr([pair for pair in data if "csrf" not in pair[0]]))
        return after

    def submit(self, page: Page, *, form: Form | None = None, button: str = "") -> Page:
        """Fill the page's form the way this person does and press its button (or the one whose text matches)."""
        form = form or page.main_form()
        data = fill(form)
        pressed = next((b for b in form.buttons if not button or re.search(button, b[2])), None)
        if button and pressed is None:
            raise Failure(page, f"no button {button!r}")
        if pressed and pressed[0]:
            data.append(pressed[:2])
        return self.send(page, form, data)


def fill(form: Form) -> list[tuple[str, str]]:
    """Every field answered."""
    data: list[tuple[str, str]] = []
    groups: dict[str, list[Control]] = {}
    for control in form.controls:
        groups.setdefault(control.name, []).append(control)
    for name, controls in groups.items():
        kind = controls[0].kind
        if kind == "hidden":
            data.append((name, controls[0].value))
        elif kind in {"radio", "checkbox"}:
            data.append((name, choose(name, [c.value or "on" for c in controls], [c for c in controls if c.checked])))
        elif kind == "select":
            data.append((name, choose(name, controls[0].options, [])))
        elif kind not in {"submit", "button", "file", "search"}:
            data.append((name, controls[0].value or write(name)))
    return data


def choose(name: str, values: list[str], checked: list[Control]) -> str:
    """One of the values."""
    wanted = ANSWERS.get(name)
    if wanted in values:
        return str(wanted)
    if checked:
        return checked[0].value or "on"
    return next((value for easy in EASY for value in values if value == easy), values[0])


def write(name: str) -> str:
    """A text for the field `name`; three boxes make a date."""
    if match := re.match(r"(.+?)[-_.](year|month|day|y|m|d|0|1|2)$", name):
        parts = ANSWERS.get(match[1], ("1988", "3", "14") if "birth" in name or "dob" in name else ("2020", "6", "1"))
        return parts[{"year": 0, "y": 0, "month": 1, "m": 1, "day": 2, "d": 2}.get(match[2], 0)]
    if name in ANSWERS:
        return str(ANSWERS[name])
    if "year" in name:
        return "2020"
    return "3" if re.search(r"age|count|number|times|weeks|months|dose", name) else ""


def article_with_openings(person: Person) -> tuple[Page, str]:
    """The first article, and its booking card's link to the soonest opening."""
    index = person.go("/articles/")
    address = index.link(r"^/articles/[a-z0-9-]+/$")
    if address is None:
        raise Failure(index, "there is no article")
    page = person.go(address)
    opening = page.link(r"/book/\?.*slot=")
    if opening is None:
        raise Failure(page, "the booking card shows no opening")
    return page, opening


def walk(site: str) -> str:
    """Article → start → questions → details → no code → check → booked. Returns the reference."""
    person = Person(site)
    article, opening = article_with_openings(person)
    page = person.go(opening, at=article.url)
    print(f"start       {page.path}")
    page = person.submit(page)
    seen: list[str] = []
    for _step in range(STEPS):
        if not seen or page.path != seen[-1]:
            seen.append(page.path)
            print(f"            {page.path}")
        if page.path == "/book/done/":
            reference = re.search(r"\b[A-Z0-9]{2,5}-[A-Z0-9]{3,6}\b|\bTN[A-Z0-9-]{4,}\b", page.text)
            if reference is None:
                raise Failure(page, "booked, but no reference is shown")
            return reference[0]
        page = onwards(person, page)
    raise Failure(page, f"not booked after {STEPS} steps")


def onwards(person: Person, page: Page) -> Page:
    """What this person does on a page."""
    if page.path == "/book/code/":
        form = next((f for f in page.forms if any("get a code" in b[2] for b in f.buttons)), None)
        if form is not None:
            return person.submit(page, form=form, button="get a code")
        return follow(person, page, r"get a code")
    if page.path == "/book/check/":
        return person.submit(page, button="Book")
    if page.path == "/book/questions/":
        return follow(person, page, r"^(Begin|Continue|Pick a time)$")
    if re.match(r"/book/(suitable|questions/advice)", page.path) or not any(f.method == "post" for f in page.forms):
        return follow(person, page, r"^(Begin|Continue|Go on|Start|Begin the questions|Yes.*|I understand.*)$|^/book/questions/")
    return person.submit(page)


def follow(person: Person, page: Page, pattern: str) -> Page:
    """Follow the link that goes on."""
    address = page.link(pattern)
    if address is None:
        raise Failure(page, f"no link {pattern!r} in {page.links}")
    return person.go(address, at=page.url)


if __name__ == "__main__":
    try:
        print(f"booked      {walk(sys.argv[1] if len(sys.argv) > 1 else 'http://127.0.0.1:8000')}")
    except Failure as failure:
        sys.exit(f"FAILED at {failure}")
