"""/demo/mailbox/: every email and text that really went out. Only in the demo; anywhere else it does not exist."""

import email
import email.policy
import re
from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from functools import wraps
from typing import Any, NamedTuple

from csp.constants import NONE, SELF
from csp.decorators import csp, csp_update
from django.conf import settings
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from accounts import clock
from notifications import replies
from notifications.forms import AnswerForm
from notifications.models import CaughtMail, CaughtText

SHOWN = 100
TALK = 40  # lines of a conversation
_URL = re.compile(r"https?://[^\s<>\"]+")


class Item(NamedTuple):
    """A line of the list."""

    kind: str
    pk: int
    at: datetime
    to: str
    title: str


def demo_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Not found unless this is the demo."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.DEMO:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


def _parse(mail: CaughtMail) -> EmailMessage:
    return email.message_from_bytes(bytes(mail.raw), policy=email.policy.default)


def _part(message: EmailMessage, kind: str) -> str:
    """The text of the first part of that type, or nothing."""
    for part in message.walk():
        if part.get_content_type() == kind:
            try:
                content = part.get_content()
            except (LookupError, ValueError):  # an encoding nobody knows
                content = part.get_payload(decode=True)
            return content.decode("utf-8", "replace") if isinstance(content, bytes) else str(content)
    return ""


def _pieces(words: str) -> list[tuple[str, bool]]:
    """The words cut at their links, so that the template can make these clickable: (piece, is it a link)."""
    pieces: list[tuple[str, bool]] = []
    at = 0
    for found in _URL.finditer(words):
        url = found.group().rstrip(".,)")
        pieces += [(words[at : found.start()], False), (url, True)]
        at = found.start() + len(url)
    return [*pieces, (words[at:], False)]


@require_safe
@demo_only
def mailbox(request: HttpRequest) -> HttpResponse:
    """The list, newest first."""
    mails = [
        Item("mail", m.pk, m.received_at, m.recipient, str(_parse(m)["subject"] or ""))
        for m in CaughtMail.objects.order_by("-pk")[:SHOWN]
    ]
    texts = [
        Item("reply" if t.is_reply else "text", t.pk, t.received_at, t.recipient, t.body)
        for t in CaughtText.objects.order_by("-pk")[:SHOWN]
    ]
    items = sorted(mails + texts, key=lambda item: item.at, reverse=True)[:SHOWN]
    return render(request, "notifications/mailbox.html", {"items": items})


@csp_update({"frame-src": [SELF]})
@require_safe
@demo_only
def mail(request: HttpRequest, pk: int) -> HttpResponse:
    """One email: HTML in a sandboxed frame, its text part, and the calendar file."""
    caught = get_object_or_404(CaughtMail, pk=pk)
    message = _parse(caught)
    headers = [
        (name, str(message[name])) for name in ("From", "To", "Reply-To", "Date", "Message-ID", "Auto-Submitted") if message[name]
    ]
    context = {
        "caught": caught,
        "title": str(message["subject"] or ""),
        "headers": headers,
        "pieces": _pieces(_part(message, "text/plain")),
        "has_html": bool(_part(message, "text/html")),
        "calendar": _part(message, "text/calendar"),
    }
    return render(request, "notifications/mail.html", context)


@csp(
    {
        "default-src": [NONE],
        "style-src": ["'unsafe-inline'"],
        "form-action": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [SELF],
        "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
    }
)
@xframe_options_sameorigin
@require_safe
@demo_only
def mail_html(request: HttpRequest, pk: int) -> HttpResponse:
    """The HTML part as it was sent, shut into a sandbox: no script, no picture, nothing from anywhere. Links open beside it."""
    body = _part(_parse(get_object_or_404(CaughtMail, pk=pk)), "text/html")
    if not body:
        raise Http404
    return HttpResponse(body.replace("<head>", '<head><base target="_blank">', 1))


@require_safe
@demo_only
def mail_ics(request: HttpRequest, pk: int) -> HttpResponse:
    """The calendar file as it was sent."""
    body = _part(_parse(get_object_or_404(CaughtMail, pk=pk)), "text/calendar")
    if not body:
        raise Http404
    answer = HttpResponse(body, content_type="text/calendar; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="appointment.ics"'
    return answer


@require_safe
@demo_only
def text(request: HttpRequest, pk: int) -> HttpResponse:
    """One text message, and the conversation with that number around it; a text can be answered."""
    caught = get_object_or_404(CaughtText, pk=pk)
    return render(request, "notifications/text.html", _talk(caught) | {"form": AnswerForm()})


def _talk(caught: CaughtText) -> dict[str, Any]:
    talk = list(CaughtText.objects.filter(recipient=caught.recipient).order_by("-pk")[:TALK])
    return {"caught": caught, "talk": [(line, _pieces(line.body)) for line in reversed(talk)]}


@require_POST
@demo_only
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer a text as the patient would on the phone; it comes in on the same way as from a provider."""
    caught = get_object_or_404(CaughtText, pk=pk)
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return render(request, "notifications/text.html", _talk(caught) | {"form": form}, status=422)
    now, words = clock.now(), form.cleaned_data["words"]
    with transaction.atomic():
        line = CaughtText.objects.create(
            received_at=now, recipient=caught.recipient, body=words, delivery_id=caught.delivery_id, is_reply=True
        )
        replies.take("catcher", str(line.pk), caught.recipient, words, now=now)
    return HttpResponseRedirect(reverse("notifications:text", args=[line.pk]) + "#last", status=303)
