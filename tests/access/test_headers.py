"""Every answer closes what it does not use: pages, refusals, errors and files alike."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import OperationalError
from django.test import Client, override_settings

from tests.access.sweep import Sweep
from tests.access.world import World

EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not "no-referrer": browsers would then send "Origin: null" with forms, and the CSRF check would refuse them.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
# A photo comes through the phone's own camera program: a page asks for none.
CLOSED = {"camera=()", "microphone=()", "geolocation=()", "payment=()", "usb=()"}
POLICY = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data: blob:", "font-src": "'self'",
    "connect-src": "'self'", "form-action": "'self'", "manifest-src": "'self'", "base-uri": "'none'", "frame-ancestors": "'none'",
}  # fmt: skip
SEALED = "sandbox; default-src 'none'; frame-ancestors 'none'"
# The editor is a third party's, behind sign-in and on a path of its own; the policy of its own pages is Wagtail's affair.
EDITOR = "/editor/"
# The demo's mailbox and the clinic lead's preview show mails in a frame of its own; what is in the frame has a test of its own below.
FRAMED = re.compile(r"/demo/mailbox/mail/\d+/html/|/clinic/messages/[a-z0-9_]+/email\.html")
# A photo is a picture and nothing else.
PICTURE = re.compile(r"/(book/photos|md/photo|me/photos)/[0-9a-f-]{36}/")
FRAMES = re.compile(r"/demo/mailbox/mail/\d+/|/clinic/messages/[a-z0-9_]+/")
PRIVATE = ("/book/", "/v/", "/w/", "/m/", "/me/", "/desk/", "/md/", "/clinic/", "/staff/", "/demo/", "/editor/", "/fhir/")


def faults(url: str, headers: Any) -> list[str]:
    """What is missing or too open, in words."""
    if FRAMED.fullmatch(url):
        return []
    found = [f"{name}: {headers.get(name)!r}" for name, value in EVERYWHERE.items() if headers.get(name) != value]
    permissions = set((headers.get("permissions-policy") or "").split(", "))
    found += [f"permissions-policy lacks {closed}" for closed in CLOSED - permissions]
    if not url.startswith(EDITOR):
        if PICTURE.fullmatch(url) and headers.get("content-security-policy") == SEALED:
            return found
        policy = dict(part.strip().partition(" ")[::2] for part in (headers.get("content-security-policy") or "").split(";"))
        if FRAMES.fullmatch(url) and policy.get("frame-src") == "'self'":
            del policy["frame-src"]
        found += [] if policy == POLICY else [f"content-security-policy: {headers.get('content-security-policy')!r}"]
    if url.startswith(PRIVATE) and "no-store" not in (headers.get("cache-control") or ""):
        found.append(f"cache-control: {headers.get('cache-control')!r}")
    return found


def test_every_answer_carries_them(sweep: Sweep) -> None:
    wrong = {f"{a} {a.status}": found for a in sweep if (found := faults(a.url, a.headers))}
    assert wrong == {}


def test_no_answer_tells_what_it_runs_on(sweep: Sweep) -> None:
    telling = {f"{a}": a.headers for a in sweep if {"server", "x-powered-by"} & set(a.headers)}
    assert telling == {}


def broken(*args: Any, **kwargs: Any) -> None:
    raise RuntimeError("what nobody should read")


def away(*args: Any, **kwargs: Any) -> None:
    raise OperationalError("what nobody should read")


@pytest.mark.parametrize(
    ("status", "method", "path", "extra"),
    [
        (400, "get", "/book/?slot=%00", {}),
        (400, "get", "/articles/%00/", {}),
        (400, "get", "/", {"HTTP_HOST": "evil.example"}),
        (400, "get", "/desk/find/", {"HTTP_COOKIE": 'session="\\000abc"'}),
        (403, "post", "/book/lost-link/", {}),
        (404, "get", "/nothing/here/", {}),
        (404, "get", "/nothing.php", {}),
        (404, "get", "/v/AAAAAAAAAAAAAAAA/", {}),
        (405, "put", "/book/", {}),
        (405, "delete", "/livez", {}),
    ],
)
def test_refusals_carry_them_too(world: World, status: int, method: str, path: str, extra: dict[str, Any]) -> None:
    client = world.client("anonymous", csrf=method == "post")
    answer = getattr(client, method)(path, **extra)
    assert answer.status_code == status
    assert faults(path, answer.headers) == []


def test_invalid_and_conflicting_forms_carry_them(world: World) -> None:
    browser = world.client("drafting")
    wrong = browser.post("/book/details/", {})
    taken = browser.post("/book/time/", {"slot": f"{world.visits['B'].starts_at:%Y-%m-%dT%H:%MZ} {world.physician.public_id}"})
    assert (wrong.status_code, taken.status_code) == (422, 409)
    assert faults("/book/details/", wrong.headers) == faults("/book/time/", taken.headers) == []


@pytest.mark.parametrize(("trouble", "status"), [(broken, 500), (away, 503)])
@pytest.mark.parametrize("where", ["booking.views.lost_link.render", "accounts.context.Clinic.current"])
def test_errors_carry_them_and_say_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, where: str, trouble: Callable[..., None], status: int
) -> None:
    monkeypatch.setattr(where, trouble)
    answer = world.client("anonymous").get("/book/lost-link/")
    assert answer.status_code == status
    assert "<h1>" in answer.content.decode()
    assert "what nobody should read" not in answer.content.decode()
    assert faults("/book/lost-link/", answer.headers) == []


def test_an_error_before_the_view_carries_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SessionStore, "load", broken)
    answer = world.client("reception").get("/desk/")
    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.content.decode()
    assert faults("/desk/", answer.headers) == []


def test_files_carry_them(world: World) -> None:
    with override_settings(WHITENOISE_USE_FINDERS=True, WHITENOISE_AUTOREFRESH=True):
        answer = Client().get("/static/app.css")
        assert answer.status_code == 200
        assert b"--" in b"".join(answer.streaming_content)
        assert faults("/static/app.css", answer.headers) == []


def test_a_refusal_of_hostile_bytes_is_our_page(world: World) -> None:
    answer = world.client("anonymous").get("/book/?slot=%00")
    assert "We could not read that" in answer.content.decode()


def test_the_demos_mail_viewer_shuts_a_mail_into_a_sandbox(world: World, settings: Any) -> None:
    settings.DEMO = True
    world.mail.raw = b"Subject: x\r\nContent-Type: text/html\r\n\r\n<head></head><script>alert(1)</script>"
    world.mail.save()
    answer = world.client("anonymous").get(f"/demo/mailbox/mail/{world.mail.pk}/html/")
    policy = answer["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert not re.search(r"script-src (?!'none')", policy)
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
