"""A test reads a page without its templates' line breaks and indentation."""

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

KEPT = re.compile(r"(<(?:textarea|pre|script)\b.*?</(?:textarea|pre|script)>)", re.DOTALL)
BESIDE_A_TAG = re.compile(r"\n\s*(?=[<>])|(?<=>)\n\s*")
TWO_STOPS = re.compile(r".{0,60}[ap]\.m\.(?:</\w+>)?\..{0,40}")  # "at 10:20 a.m..": the filter `stop` knows
BREAK = re.compile(r" ?\n\s*")


def squeeze(html: str) -> str:
    """The page with nothing where a line breaks beside a tag, and one space where it breaks elsewhere."""
    return "".join(part if n % 2 else BREAK.sub(" ", BESIDE_A_TAG.sub("", part)) for n, part in enumerate(KEPT.split(html)))


def middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """For the test client alone: a browser gets what everybody gets."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        of_a_test = request.META.get("SERVER_NAME") == "testserver"
        if of_a_test and not response.streaming and "text/html" in response.get("Content-Type", ""):
            page = squeeze(response.content.decode())
            assert not (found := TWO_STOPS.search(page)), found[0]
            response.content = page.encode()
        return response

    return answer
