"""Lost my link: one answer for everybody, whether there is a visit or not."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from accounts import clock, limits
from accounts.web import client_address, see
from booking import actions
from booking.forms.proof import AddressForm
from booking.views.code import one_key

PER_ADDRESS, PER_CLIENT = 3, 15  # an hour


@require_http_methods(["GET", "HEAD", "POST"])
def lost_link(request: HttpRequest) -> HttpResponse:
    """An address; the sender looks up whether a visit belongs to it. Limits change nothing about the answer."""
    if request.method != "POST":
        return render(request, "booking/lost_link.html", {"form": AddressForm(), "sent": request.GET.get("sent") == "1"})
    form = AddressForm(request.POST)
    if not form.is_valid():
        return render(request, "booking/lost_link.html", {"form": form}, status=422)
    channel, address = form.cleaned_data["address"]
    now, hour = clock.now(), timedelta(hours=1)
    from_client = limits.hit(f"link-from:{client_address(request)}", limit=PER_CLIENT, window=hour, now=now)
    to_address = limits.hit(f"link-to:{one_key(address)}", limit=PER_ADDRESS, window=hour, now=now)
    if from_client and to_address:
        actions.request_link(channel=channel, address=address, now=now)
    return see("booking:lost_link", query="?sent=1")
