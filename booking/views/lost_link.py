"""Lost my link: one answer for everybody, whether there is a visit or not."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from accounts import clock
from accounts.web import see
from booking import actions
from booking.forms.proof import AddressForm
from booking.views.step import may_send


@require_http_methods(["GET", "HEAD", "POST"])
def lost_link(request: HttpRequest) -> HttpResponse:
    """An address; the sender looks up whether a visit belongs to it. Limits change nothing about the answer."""
    if request.method != "POST":
        return render(request, "booking/lost_link.html", {"form": AddressForm(), "sent": request.GET.get("sent") == "1"})
    form = AddressForm(request.POST)
    if not form.is_valid():
        return render(request, "booking/lost_link.html", {"form": form}, status=422)
    channel, address = form.cleaned_data["address"]
    now = clock.now()
    if may_send("link", request, address, now):
        actions.request_link(channel=channel, address=address, now=now)
    return see("booking:lost_link", query="?sent=1")
