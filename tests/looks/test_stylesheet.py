"""The stylesheet holds what the pages use, once."""

import re
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)
# Put together by templates and views from a word and a number: a position on the day, a share, a place in a list.
COMPOSED = re.compile(r"(av-[a-d]|phases-\d|i-[a-z]+|[a-z]{1,2}-?\d{1,2}|(tag|note|rv)-[\w-]+)")
APPS = ("accounts", "articles", "booking", "intake", "notifications", "patients", "portal", "staff")


def selectors() -> list[tuple[str, str, str]]:
    """Every rule: the conditions around it, its selector, what it says."""
    css = re.sub(r"/\*.*?\*/", "", (ROOT / "static" / "app.css").read_text(encoding="utf-8"), flags=re.DOTALL)
    found, around = [], []
    for head, body, end in re.findall(r"([^{}]*)\{([^{}]*\})?|(\})", css):
        if end:
            around.pop()
        elif body:
            found.append((" ".join(around), " ".join(head.split()), body))
        else:
            around.append(" ".join(head.split()))
    return found


def test_every_class_is_used_somewhere() -> None:
    named = {name for _around, head, _body in selectors() for name in re.findall(r"\.(-?[_a-zA-Z][\w-]*)", head)}
    sources = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "static" / "js").glob("*.js")]
    sources += [path for app in APPS for path in (ROOT / app).rglob("*.py")]
    words = {word for path in sources for word in re.findall(r"[\w-]+", path.read_text(encoding="utf-8"))}
    assert sorted(name for name in named if name not in words and not COMPOSED.fullmatch(name)) == []


def test_no_rule_stands_there_twice() -> None:
    rules = selectors()
    assert sorted({head for around, head, body in rules if rules.count((around, head, body)) > 1}) == []
