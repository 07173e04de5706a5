"""The page that is shown when a browser rested too long, and the year of birth that opens the answers again."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import clock, limits
from accounts.web import See, as_uuid, client_address
from audit.actor import Actor
from booking import idle
from booking.forms.proof import YearForm
from booking.models import Appointment
from booking.views.later import HOUR, TRIES_PER_CLIENT
from intake import photo_views
from intake.actions import later
from intake.models import QuestionnaireResponse
from intake.seats import of_other_answers


@require_http_methods(["GET", "HEAD", "POST"])
def closed(request: HttpRequest) -> HttpResponse:
    """`?next=` is where the person was; `late=yes` when a form that came too late was kept, `no` when it was not.

    A script that covers an open page posts here too (X-Cover): 204 opens the page again, with everything on it; a page of
    other answers stays closed.
    """
    now = clock.now()
    here = _next(request)
    covered = "X-Cover" in request.headers and request.method == "POST"
    response = _held(request)
    if response is None or (covered and of_other_answers(request, response)) or not (covered or idle.is_closed(request, now)):
        return See(here if response else reverse("booking:start"))
    form = YearForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                if not limits.hit(f"resume-try:{client_address(request)}", limit=TRIES_PER_CLIENT, window=HOUR, now=now):
                    raise later.YearRefused(_("Too many tries. Wait 10 minutes or call us"), wait=True)
                later.reopen(response, form.cleaned_data["year"], by=Actor.anonymous(), now=now)
            except later.YearRefused as refusal:
                form.add_error("year", str(refusal))
                status = 429 if refusal.wait else 422
            else:
                _open(request, response)
                idle.use(request, now)
                return HttpResponse(status=204) if covered else See(here)
    if covered:
        return JsonResponse({"error": " ".join(map(str, form.errors["year"]))}, status=status)
    late = request.GET.get("late", "")
    context = {
        "form": form if later.born(response) else None,
        "next": here,
        "late": late if late in {"yes", "no"} else "",
        "minutes": settings.PATIENT_IDLE_MINUTES,
    }
    return render(request, "booking/idle.html", context, status=status)


def _next(request: HttpRequest) -> str:
    """A page of the path, or the list of questions."""
    to = request.POST.get("next") or request.GET.get("next") or ""
    fine = to.startswith("/book/") and url_has_allowed_host_and_scheme(to, allowed_hosts=None)
    return to if fine and not to.startswith(reverse("booking:closed")) else reverse("intake:questions")


def _held(request: HttpRequest) -> QuestionnaireResponse | None:
    """The answers behind this browser: its draft, those of the visit it has booked, or those it may add photos to."""
    responses = QuestionnaireResponse.objects.select_related("patient", "questionnaire")
    for key in ("draft", "photos"):
        if (public_id := as_uuid(request.session.get(key))) and (found := responses.filter(public_id=public_id).first()):
            return found
        if key == "draft" and (visit := as_uuid(request.session.get("booked"))):
            booked = Appointment.objects.select_related("response__patient").filter(public_id=visit).first()
            if booked and booked.response:
                return booked.response
    return None


def _open(request: HttpRequest, response: QuestionnaireResponse) -> None:
    """What belongs to somebody else's answers is not opened along with these."""
    if request.session.get("photos") not in (None, str(response.public_id)):
        for key in photo_views.SENT:
            request.session.pop(key, None)
    visit = Appointment.objects.filter(public_id=as_uuid(request.session.get("booked"))).first()
    if visit is None or visit.response_id != response.pk:
        request.session.pop("booked", None)
