"""What providers call: receipts of texts and texts that come in. Each checks who asks, keeps what it got, and is done."""

import hmac
from collections.abc import Callable
from functools import wraps
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from accounts import clock
from notifications import health, receipts, replies, seals
from notifications.twilio import signature_of

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
