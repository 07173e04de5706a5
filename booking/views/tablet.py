"""`/book/tablet/`: the clinic's tablet in a patient's hands, from the year of birth to handing it back."""

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from accounts import clock
from accounts.web import see
from audit.actions import record
from booking import actions, tablet
from booking.models import Appointment
from booking.views.by_link import Visit, year_of_birth


@require_http_methods(["GET", "HEAD", "POST"])
def hello(request: HttpRequest) -> HttpResponse:
    """Which visit it is, by its time; the year of birth opens the questions."""
    now = clock.now()
    it = _visit(request)
    if it is None:
        return see("booking:tablet_over")
    if request.session[tablet.KEY]["open"]:
        return see("intake:questions")
    form, status = year_of_birth(request, it)
    if form is None:
        try:
            response = actions.open_questions(it.row, by=it.by, now=now)
        except actions.NotAllowed:
            return tablet.end(request)
        tablet.let_in(request, response)
        return see("intake:questions")
    form.fields["year"].widget.attrs["autocomplete"] = "off"
    return render(request, "booking/tablet.html", {"visit": it.row, "form": form}, status=status)


def _visit(request: HttpRequest) -> Visit | None:
    """The visit that this browser is bound to, as long as its questions are still to be answered."""
    if not tablet.is_on(request):
        return None
    rows = Appointment.objects.select_related("service", "practitioner", "patient", "response")
    row = rows.filter(public_id=tablet.visit_of(request)).exclude(patient=None).first()
    it = Visit(request, "", row, clock.now()) if row else None
    return it if it and it.row.intake_missing and it.state in {"coming", "here"} else None


@require_http_methods(["GET", "HEAD", "POST"])
def over(request: HttpRequest) -> HttpResponse:
    """POST hands the tablet back. GET says that there is nothing here, or asks whether to, while there is."""
    on = tablet.is_on(request)
    if request.method == "POST":
        if not on:
            return see("booking:tablet_over")
        _note(request)
        return tablet.end(request, query="?kept=1" if request.session[tablet.KEY]["open"] else "")
    told = next((word for word in ("sent", "late", "kept") if word in request.GET), "")
    return render(request, "booking/tablet_over.html", {"on": on, "told": told})


def _note(request: HttpRequest) -> None:
    visit = Appointment.objects.filter(public_id=tablet.visit_of(request)).first()
    if visit is not None:
        with transaction.atomic():
            by = Visit(request, "", visit, clock.now()).by
            record("booking.tablet_back", by=by, now=clock.now(), obj=visit)


@require_POST
def here(request: HttpRequest) -> HttpResponse:
    """Somebody is typing: the time starts anew. The gate has noted it."""
    if not tablet.is_on(request):
        raise Http404
    return HttpResponse(status=204)
