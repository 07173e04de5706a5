"""B8: who is coming and how to reach them. Kept in the draft until there is a patient."""

from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import clock
from booking import words
from booking.forms.details import DetailsForm
from booking.views.code import forget_code, send_code
from booking.views.journey import HELPER_FIELDS, Journey, guard
from intake.actions import save_contact
from intake.consents import consent_wording
from intake.errors import IntakeError
from intake.seats import lost_place


@require_http_methods(["GET", "HEAD", "POST"])
def details(request: HttpRequest) -> HttpResponse:
    """Names, numbers, how to remind; the date of birth only while nobody has asked it."""
    now = clock.now()
    journey = Journey(request, now)
    if elsewhere := guard(journey):
        return lost_place(request) if request.method == "POST" and journey.response is None and not journey.booked else elsewhere
    # Asked here before, it can be changed here; asked by the questionnaire, it is changed there.
    ask_birth = "date_of_birth" in journey.document.contact or "about_dob" not in journey.document.answers
    for_other = _for_other(journey)
    shape: dict[str, Any] = {
        "ask_birth": ask_birth,
        "today": clock.today(now),
        "consent": _consent(journey),
        "for_other": for_other,
    }
    if request.method != "POST":
        return _page(journey, DetailsForm(initial=_initial(journey), **shape))
    form = DetailsForm(request.POST, **shape)
    if request.POST.get("shown") not in (None, "other" if for_other else "me"):
        # The fields for somebody else, or for oneself: with what was typed, and nothing is checked yet.
        typed = {name: field.widget.value_from_datadict(request.POST, {}, name) for name, field in form.fields.items()}
        return _page(journey, DetailsForm(initial=_initial(journey) | {k: v for k, v in typed.items() if v}, **shape))
    if not form.is_valid():
        return _page(journey, form, status=422)
    typed = form.cleaned_data
    meant = words.meant_email(typed["email"])
    choice = request.POST.get("meant", "")
    if meant and choice == meant:
        typed["email"] = meant
    elif meant and choice != "no" and typed["email"] != journey.document.contact.get("email"):
        return _page(journey, form, meant=meant)
    born = typed.get("date_of_birth")
    if journey.doubts(born):
        return _page(journey, form, status=422, too_young=born)
    try:
        journey.document = save_contact(journey.response, _contact(form), by=journey.by, now=now)  # type: ignore[arg-type]
    except IntakeError:
        return redirect("booking:start")
    journey.look_again()
    if journey.code is None:  # none asked for yet, or for another address
        forget_code(journey)
        if journey.channels:
            send_code(journey, journey.channels[0])
    return journey.next_step()


def _contact(form: DetailsForm) -> dict[str, Any]:
    """What was typed, as `save_contact` takes it; a helper's part is taken out where there is none."""
    typed = form.cleaned_data
    contact = {name: typed[name] for name in ("first_name", "last_name", "preferred_name", "mobile", "email", "reminder_by")}
    contact["voicemail_ok"] = typed["voicemail_ok"] == "yes"
    contact |= {name: typed[name] if form.for_other else None for name in HELPER_FIELDS}
    return contact | ({"date_of_birth": born} if (born := typed.get("date_of_birth")) else {})


def _for_other(journey: Journey) -> bool:
    """Whether somebody books for another person: as chosen on the page, as saved, or as the questionnaire was told."""
    choice = journey.request.POST.get("for") or journey.request.GET.get("for")
    if choice in {"me", "other"}:
        return choice == "other"
    typed = journey.document.contact
    if typed.get("first_name"):
        return "helper_name" in typed
    return journey.document.answers.get("start_respondent") in {"helper", "sdm"}


def _consent(journey: Journey) -> tuple[str, str] | None:
    """The wording of C2 in this draft's questionnaire. One choice is made here, so it does not say "all that apply"."""
    question = journey.response.definition.questions.get("about_consent_ecomm") if journey.response else None
    if question is None:
        return None
    return consent_wording(question)


def _initial(journey: Journey) -> dict[str, Any]:
    typed = dict(journey.document.contact)
    if typed.get("mobile"):
        typed["mobile"] = words.phone_text(typed["mobile"])
    if "voicemail_ok" in typed:
        typed["voicemail_ok"] = "yes" if typed["voicemail_ok"] else "no"
    if typed.get("own_mobile"):
        typed["own_mobile"] = words.phone_text(typed["own_mobile"])
    said = journey.document.answers  # asked once: the questionnaire may know who helps
    known = {"helper_name": said.get("start_respondent_name"), "helper_relation": said.get("start_respondent_relation")}
    known = {name: value for name, value in known.items() if isinstance(value, str)}
    return {"reminder_by": "text_email", "voicemail_ok": "no", "messages_to": "helper"} | known | typed


def _page(
    journey: Journey, form: DetailsForm, *, status: int = 200, meant: str = "", too_young: date | None = None
) -> HttpResponse:
    context = {
        "form": form,
        "response": journey.response,
        "for_other": form.for_other,
        "meant": meant,
        "too_young": too_young,
        "chosen": journey.chosen,
        "back_url": reverse("booking:time") + "?change=1",
    }
    return render(journey.request, "booking/details.html", context, status=status)
