"""Turning a kind and its facts into words. A missing variable is an error, never a gap in a letter.

Templates get plain values from a short list (`letters.py`), not rows: what is not in the list cannot be said.
"""

import re
import unicodedata
from functools import cache
from typing import Any

from django.conf import settings
from django.template.backends.django import DjangoTemplates

SEGMENT = 160
# The basic table of GSM 03.38; the characters of its extension count twice and are not used.
GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_PLAIN = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "\u00a0": " ", "œ": "oe", "Œ": "OE",
     "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "þ": "th", "ı": "i", "€": "EUR",
     "[": "(", "]": ")", "{": "(", "}": ")", "~": "-", "|": "/", "\\": "/", "^": ""}
)  # fmt: skip


class MissingVariableError(Exception):
    """A template asked for something that is not among the facts it gets."""


class _Missing(str):
    """Django puts this in place of a variable that is not there; looking at it is enough to raise."""

    __slots__ = ()

    def __contains__(self, item: object) -> bool:
        return True

    def __mod__(self, name: object) -> str:
        raise MissingVariableError(str(name))


@cache
def _engine(escape: bool) -> DjangoTemplates:
    """The templates, with HTML escaping for HTML and without it for text. (A setting would be shared with the pages.)"""
    return DjangoTemplates(
        {
            "NAME": "letters-html" if escape else "letters-text",
            "DIRS": [settings.BASE_DIR / "templates"],
            "APP_DIRS": False,
            "OPTIONS": {
                "autoescape": escape,
                "string_if_invalid": _Missing("%s"),
                "builtins": ["django.templatetags.i18n", "accounts.templatetags.clock", "notifications.templatetags.mail"],
            },
        }
    )


def _render(kind: str, name: str, context: dict[str, Any]) -> str:
    words = str(_engine(name.endswith(".html")).get_template(f"notifications/{kind}/{name}").render(context))
    return re.sub(r"([ap]\.m\.)\.", r"\1", words)  # a time at the end of a sentence brings its own full stop


def subject(kind: str, context: dict[str, Any]) -> str:
    """The subject: one line, plain spaces."""
    return " ".join(_render(kind, "subject.txt", context).split())


def plain(kind: str, context: dict[str, Any]) -> str:
    """The text part: no trailing spaces, no more than one empty line."""
    text = _render(kind, "email.txt", context).replace("\u00a0", " ")
    text = re.sub(r"[ \t]+\n", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def html(kind: str, context: dict[str, Any]) -> str:
    """The HTML part."""
    return _render(kind, "email.html", context).strip() + "\n"


def text(kind: str, context: dict[str, Any]) -> str:
    """A text message: GSM-7, and one segment (160) wherever the words can be cut down to it (`brief`)."""
    for brief in (False, True):
        lines = _render(kind, "text.txt", {**context, "brief": brief}).strip().split("\n")
        body = to_gsm7("\n".join(" ".join(line.split()) for line in lines))
        if len(body) <= SEGMENT:
            break
    return body


def to_gsm7(words: str) -> str:
    """The words in the letters every phone network carries: "Côté" → "Cote". Words that fit are left as they are."""

    def fold(word: str) -> str:
        if all(c in GSM7 for c in word):
            return word
        word = unicodedata.normalize("NFKD", word.translate(_PLAIN))
        return "".join(c if c in GSM7 else "" if unicodedata.combining(c) else "?" for c in word)

    return "".join(part if part.isspace() and part != "\u00a0" else fold(part) for part in re.split(r"([ \n]+)", words))
