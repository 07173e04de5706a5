"""What providers call: receipts of texts and mails, and texts that come in. Each checks who asks, keeps what it got, is done."""

import hashlib
import hmac
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from anymail.exceptions import AnymailError, AnymailWebhookValidationFailure
from anymail.signals import AnymailTrackingEvent, tracking
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.module_loading import import_string
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from accounts import clock
from notifications import health, receipts, replies, seals
from notifications.twilio import signature_of

log = logging.getLogger(__name__)
OUTCOMES = {
    "accepted": "accepted", "queued": "accepted", "sending": "accepted", "sent": "accepted",
    "delivered": "delivered", "read": "delivered",
    "undelivered": "bounced", "failed": "bounced",
}  # fmt: skip


def from_twilio(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Only what carries the provider's signature for our public address. Without the provider there is nothing here.

    The signature is over the address that the provider was given, so the public one is used, whatever proxy stands in front.
    """

    @csrf_exempt
    @require_POST
    @wraps(view)
    def checked(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if settings.SMS_CHANNEL != "twilio":
            raise Http404
        form = [(name, value) for name, values in request.POST.lists() for value in values]
        should = signature_of(settings.SITE_URL + request.get_full_path(), form)
        given = request.headers.get("X-Twilio-Signature", "")
        if not hmac.compare_digest(should.encode(), given.encode()):
            return HttpResponse("Not signed.", status=403, content_type="text/plain")
        return view(request, *args, **kwargs)

    return checked


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The gauges, for a program that watches; not found without the token."""
    token = settings.METRICS_TOKEN
    if not token or not hmac.compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {token}".encode()):
        raise Http404
    return HttpResponse(health.metrics(now=clock.now()), content_type="text/plain; version=0.0.4; charset=utf-8")


@from_twilio
def twilio_text(request: HttpRequest) -> HttpResponse:
    """A text that came in. The answer, if any, goes out through the outbox; here we say nothing."""
    sid, sender = request.POST.get("MessageSid", ""), request.POST.get("From", "")
    if sid and sender.startswith("+"):
        replies.take("twilio", sid, sender, request.POST.get("Body", ""), now=clock.now())
    return HttpResponse("<Response/>", content_type="text/xml")


@from_twilio
def twilio_status(request: HttpRequest, public_id: UUID, seal: str) -> HttpResponse:
    """What became of a text."""
    if not seals.is_ours(public_id, seal):
        raise Http404
    sid, status = request.POST.get("MessageSid", ""), request.POST.get("MessageStatus", "")
    if outcome := OUTCOMES.get(status):
        code = request.POST.get("ErrorCode", "")
        receipts.note("twilio", f"{sid}:{status}", public_id, outcome, code=code, now=clock.now())
    return HttpResponse(status=204)


# --- Mail through a provider's API ------------------------------------------------------------------------------------


@csrf_exempt
def mail_events(request: HttpRequest) -> HttpResponse:
    """What became of mails. Anymail reads the events and checks who asks: our secret, and the signature if there is one.

    Without a provider, or without a secret, there is nothing here. Some providers look first whether anybody answers (HEAD).
    """
    if settings.MAIL_PROVIDER == "smtp" or not settings.ANYMAIL.get("WEBHOOK_SECRET"):
        raise Http404
    from notifications.mail_provider import TRACKING_CLASS

    view = import_string(f"anymail.webhooks.{settings.MAIL_PROVIDER}.{TRACKING_CLASS[settings.MAIL_PROVIDER]}")
    try:
        answer: HttpResponse = view.as_view()(request)
    except AnymailWebhookValidationFailure:
        return HttpResponse("Not ours.", status=403, content_type="text/plain")
    except (AnymailError, ValueError, KeyError, TypeError) as error:  # its text quotes what was posted
        log.warning("an event of the mail provider could not be read: %s", type(error).__name__)
        return HttpResponse("Not understood.", status=400, content_type="text/plain")
    return answer


def mail_event(sender: Any, event: AnymailTrackingEvent, **kwargs: Any) -> None:
    """One thing that became of one mail, checked: keep it, like any receipt."""
    from notifications.mail_provider import OUTCOMES, WATCHED, code_of, delivery_of

    if event.event_type in WATCHED:
        log.error("the mail provider watches who opens and clicks: switch tracking off in its settings")
        return
    outcome, public_id = OUTCOMES.get(event.event_type), delivery_of(event)
    if outcome is None or public_id is None:
        return
    code = code_of(event)
    event_id = hashlib.sha256(f"{public_id} {outcome} {code}".encode()).hexdigest()
    receipts.note(settings.MAIL_PROVIDER, event_id, public_id, outcome, code=code, now=clock.now())


tracking.connect(mail_event, dispatch_uid="receipts of mails")
