"""`/clinic/health/`: whether messages go out, what is stuck, and the switch of each channel."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import clock
from accounts.access import lead_required
from accounts.web import see
from audit.actor import actor_of
from notifications import health as outbox
from notifications.actions import switch_channel
from notifications.models import Channel, ChannelSwitch
from staff.forms import SwitchForm


@lead_required
@require_http_methods(["GET", "HEAD", "POST"])
def health(request: HttpRequest) -> HttpResponse:
    """The gauges. POST switches a channel off or on."""
    now = clock.now()
    form = SwitchForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        channel, _sep, to = request.POST.get("do", "").partition(":")
        if channel not in Channel.values or to not in ("on", "off"):
            raise Http404
        if form.is_valid():
            switch_channel(channel, on=to == "on", reason=form.cleaned_data["reason"], by=actor_of(request), now=now)
            messages.success(request, _("Switched on.") if to == "on" else _("Switched off. What waits is not lost."))
            return see("staff:health")
    switches = {switch.channel: switch for switch in ChannelSwitch.objects.all()}
    channels = [(value, label, switches.get(value)) for value, label in Channel.choices]
    context = {
        "gauges": outbox.gauges(now=now),
        "channels": channels,
        "form": form,
        "now": now,
        "trouble": outbox.check() or outbox.worker(),
    }
    return render(request, "staff/health.html", context, status=422 if form.errors else 200)
