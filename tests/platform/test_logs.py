"""What a log line may hold."""

import json
import logging
import sys
from typing import Any

import pytest
from django.test import Client, RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from accounts.logs import json_formatter


def line(message: str, *args: Any, exc_info: Any = None, **extra: Any) -> str:
    record = logging.LogRecord("tests", logging.INFO, __file__, 1, message, args, exc_info)
    record.__dict__.update(extra)
    return json_formatter().format(record)


@given(st.text())
def test_whatever_is_logged_is_one_line_of_json(text: str) -> None:
    out = line("%s", text, route=text)
    assert len(out.splitlines()) == 1
    assert json.loads(out)["logger"] == "tests"


def test_a_line_has_time_level_logger_event_route_status_and_milliseconds() -> None:
    data = json.loads(line("request", route="booking:time", status=200, ms=12.5))
    assert data["time"].endswith("Z")
    assert [data[k] for k in ("level", "logger", "event", "route", "status", "ms")] == [
        "info", "tests", "request", "booking:time", 200, 12.5,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "secret",
    [
        "ada@clinic.example",
        "+1 519 555 0142",
        "519-555-0142",
        "/v/Ab3dEf7hIj1kLm5n",
        "/w/Ab3dEf7hIj1kLm5n/wishes/",
        "/feed/Ab3dEf7hIj1kLm5n/calendar.ics",
    ],
)
def test_addresses_numbers_and_private_links_are_left_out(secret: str) -> None:
    assert secret not in line(f"could not send to {secret} today")


def test_queries_are_left_out() -> None:
    assert "hair" not in line("GET /book/?reason=hair HTTP/1.1")


def test_fields_that_nobody_named_are_left_out() -> None:
    assert "hair loss" not in line("saved", answers="hair loss", body="hair loss")


def test_an_exception_says_its_type_and_place_never_its_text() -> None:
    try:
        raise ValueError("Key (email)=(ada) already exists")
    except ValueError:
        out = line("failed", exc_info=sys.exc_info())
    assert json.loads(out)["exception"] == "ValueError"
    assert "test_logs.py" in out
    assert "already exists" not in out


def test_a_record_of_a_request_says_the_route_not_the_path() -> None:
    request = RequestFactory().get("/v/Ab3dEf7hIj1kLm5n/?a=b")
    out = line("Not Found: %s", request.path, request=request, status_code=404)
    assert "Ab3d" not in out
    assert json.loads(out)["status"] == 404


@pytest.mark.django_db
def test_each_request_writes_one_line(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="accounts.request"):
        client.get("/livez?reason=hair")
    (record,) = [r for r in caplog.records if r.name == "accounts.request"]
    data = json.loads(json_formatter().format(record))
    assert (data["route"], data["status"], data["method"]) == ("livez", 200, "GET")
    assert "hair" not in json.dumps(data)
