"""A test reads a page without its templates' line breaks and indentation."""

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

BREAK = re.compile(r"(<(textarea|pre|script)\b.*?</\2>)|\s*\n\s*", re.DOTALL)


def squeeze(html: str) -> str:
    """The page with no whitespace where a line breaks beside a tag, and one space where it breaks elsewhere."""
    return BREAK.sub(lambda found: found[1] or ("" if _beside_a_tag(html, found) else " "), html)


def _beside_a_tag(html: str, found: re.Match[str]) -> bool:
    return html[found.start() - 1 : found.start()] == ">" or html[found.end() : found.end() + 1] in ("<", ">")


def middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """For the test client alone: a browser gets what everybody gets."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if (
            request.META.get("SERVER_NAME") == "testserver"
            and not response.streaming
            and "text/html" in response.get("Content-Type", "")
        ):
            response.content = squeeze(response.content.decode()).encode()
        return response

    return answer
