"""One JSON object a line on stderr: route names and ids, never bodies, queries, paths or addresses.

A path can hold a patient's private link, an exception's text can hold a row's values, and a field can hold
line breaks. So records about a request say only its route, status and milliseconds; exceptions say their type
and where they were raised; everything else is scrubbed of email addresses, phone numbers and private links.
"""

import logging
import re
import time
from collections.abc import Callable
from traceback import walk_tb
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse

logger = logging.getLogger("accounts.request")
QUIET_ROUTES = frozenset({"livez", "readyz"})

_SCRUB = (
    (re.compile(r"[^\s@<>\"'=(),;:]+@[^\s@<>\"'(),;:]+\.[^\s@<>\"'(),;:]+"), "[email]"),
    (re.compile(r"\+?\d[\d\-. ()]{8,}\d"), "[number]"),
    (re.compile(r"/(v|w|m|feed|book/resume|hooks/twilio/status|staff/password/reset/key)/[^\s\"'?#]+"), r"/\1/[link]"),
    (re.compile(r"\?[^\s\"']+=[^\s\"']*"), "?[query]"),
)
_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
# What a record may carry into the line beside its text, by name; nothing else gets through.
_ALLOWED = ("route", "method", "status", "ms", "task", "count", "kind", "channel", "waited_s", "reason")


def scrub(text: str) -> str:
    """`text` on one line, without email addresses, phone numbers, private links or query strings."""
    for pattern, instead in _SCRUB:
        text = pattern.sub(instead, text)
    return _BREAKS.sub(" ", text)[:2000]


def route_of(request: Any) -> str:
    """The name of the URL pattern that answers `request` ("booking:time"), never its path."""
    match = getattr(request, "resolver_match", None)
    return (match.view_name or "unnamed") if match else "unmatched"


def _where(exc_info: Any) -> list[str]:
    """The last eight frames as file:line:function, without values."""
    frames = [f"{frame.f_code.co_filename}:{line}:{frame.f_code.co_name}" for frame, line in walk_tb(exc_info[2])]
    return frames[-8:]


def _line(_logger: Any, _method: str, event: Any) -> dict[str, Any]:
    """The whole line, in one order."""
    record: logging.LogRecord = event["_record"]
    line: dict[str, Any] = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
        "level": record.levelname.lower(),
        "logger": record.name,
    }
    request = getattr(record, "request", None)
    if request is not None:  # Django's own record: its text is the path or the exception's text
        line |= {"event": "request", "route": route_of(request), "status": getattr(record, "status_code", None)}
    else:
        line["event"] = scrub(str(event["event"]))
    for name in _ALLOWED:
        value = event.get(name, getattr(record, name, None))
        if value is not None and name not in line:
            line[name] = value if isinstance(value, int | float) else scrub(str(value))
    exc_info = event.get("exc_info")
    if isinstance(exc_info, tuple) and exc_info[0]:
        line |= {"exception": exc_info[0].__name__, "where": _where(exc_info)}
    return line


def json_formatter() -> logging.Formatter:
    """The formatter that settings.LOGGING names; takes records of structlog and of the standard library alike."""
    return structlog.stdlib.ProcessorFormatter(
        processors=[_line, structlog.processors.JSONRenderer(ensure_ascii=True)],
        keep_exc_info=False,
        keep_stack_info=False,
    )


def request_log(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: one line a request. Stands below WhiteNoise, so static files are not counted."""

    def middleware(request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = get_response(request)
        route = route_of(request)
        level = logging.DEBUG if route in QUIET_ROUTES else logging.INFO
        ms = round((time.perf_counter() - began) * 1000, 1)
        what = {"route": route, "method": request.method, "status": response.status_code, "ms": ms}
        logger.log(level, "request", extra=what)
        return response

    return middleware
