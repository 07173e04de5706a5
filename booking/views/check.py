"""B10: everything on one page, then Book my visit. Also, after booking, where the rest of the answers is sent from."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import clock
from accounts.web import as_uuid, client_address, see
from audit.actor import Actor
from booking import actions, calendar, tablet, terms, words
from booking.forms.sign import SignForm, UnsentForm
from booking.links import hold_key_of, token_of
from booking.models import Appointment
from booking.picker import value_of
from booking.views.journey import Journey
from booking.views.taken import taken_page
from intake.actions import complete, save_contact
from intake.errors import IntakeError
from intake.models import QuestionnaireResponse
from intake.seats import Seat, SeatLost, desk_seat, leave_desk, lost_seat, of_other_answers, other_answers
from intake.summaries import Check, for_check
from intake.texts import filled
from patients.actions import Contact
from patients.helpers import HelperContact
from patients.models import ReminderBy

SIGNATURE_STANDS = timedelta(hours=1)


@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest) -> HttpResponse:
    """Look it over; book, or hold the time longer (`do=extend`), or go elsewhere with what was typed kept (`do=time`, `do=keep`).

    At the desk with the patient: look it over, and send.
    """
    try:
        desk = desk_seat(request)
    except SeatLost as lost:
        return lost_seat(request, lost)
    if desk:
        return _at_desk(request, desk)
    journey = Journey(request, clock.now())
    visit = journey.visit
    if journey.booked or visit is not None:
        return _after_booking(journey, visit)
    if not journey.is_draft or journey.response is None:
        return redirect("booking:start")
    if of_other_answers(request, journey.response):
        return other_answers(request)
    if request.method == "POST" and (request.POST.get("do"), request.POST.get("back")) == ("extend", "questions"):
        return _extend(journey, back="intake:questions")
    if journey.chosen is None and not journey.hold_ended:
        return see("booking:time") if journey.has_details else journey.next_step()
    if not journey.has_details or not journey.is_reachable:
        return journey.next_step()
    if journey.chosen is None:  # the hold ended and the time has passed
        return see("booking:time")
    if request.method != "POST":
        return _page(journey) if _is_free_still(journey) else _lost(journey)
    do = request.POST.get("do")
    if do in {"extend", "time", "keep"}:
        _keep_typed(journey)
    if do == "extend":
        return _extend(journey)
    if do == "time":
        return see("booking:time", query="?change=1")
    return HttpResponse(status=204) if do == "keep" else _book(journey)


def _keep_typed(journey: Journey) -> None:
    """The name typed and the box ticked so far, for the way back: kept with the details, sealed, until it is sent."""
    form, response = UnsentForm(journey.request.POST), journey.response
    if response is None or "seen" not in journey.request.POST or not form.is_valid():
        return
    typed = form.cleaned_data
    if not typed["finish_declare"] and not typed["finish_signature"] and "signed_for" not in journey.document.contact:
        return
    kept = {"signed_as": typed["finish_signature"], "signed_for": typed["seen"], "signed_tick": typed["finish_declare"]}
    with suppress(IntakeError):  # sent meanwhile, or in other hands: the next page says so
        save_contact(response, kept | {"signed_at": journey.now.isoformat()}, by=journey.by, now=journey.now)
        journey.look_again()


def _is_free_still(journey: Journey) -> bool:
    """False when a time that is not held (any more) went to somebody else: said before anything is ticked or signed."""
    chosen, service = journey.chosen, journey.service
    if chosen is None or service is None or chosen.hold:
        return True
    own = journey.hold_row.pk if journey.hold_row else None
    return calendar.free_start(service, chosen.practitioner, chosen.start, own=own, now=journey.now) is not None


def _lost(journey: Journey, refusal: actions.SlotTaken | None = None, form: SignForm | None = None) -> HttpResponse:
    """The closest other times. What was just signed goes along to the one that is chosen."""
    chosen, service = journey.chosen, journey.service
    if chosen is None or service is None:
        return see("booking:time")
    signed = {"signed_as": form.cleaned_data["finish_signature"], "signed_for": form.answers_sha256} if form else {}
    return taken_page(
        journey.request,
        refusal or actions.taken(service, chosen.start, now=journey.now),
        service,
        post_url=reverse("booking:time"),
        all_url=reverse("booking:time") + "?change=1",
        back_url=reverse("booking:details"),
        kept=_("Your answers and your details are kept. Nothing is booked yet."),
        now=journey.now,
        also=signed | {"draft": str(journey.response.public_id)} if journey.response else signed,
        status=409 if refusal else 200,
    )


def _is_fresh(signed_at: str | None) -> bool:
    """True for what was signed in this sitting: who comes back another day signs that day."""
    return signed_at is not None and clock.now() - datetime.fromisoformat(signed_at) < SIGNATURE_STANDS


def _sign_form(answers: Check | None, data: QueryDict | None = None, signed: dict[str, Any] | None = None) -> SignForm | None:
    """The two questions that replace a tick box, in the questionnaire's words; None while the questions are not finished.

    Args:
        signed: what was typed just before they went elsewhere; it stands for an hour, while answers and person are the same.
    """
    if answers is None or not answers.complete:
        return None
    signed = signed or {}
    stands = signed.get("signed_for") == answers.answers_sha256 and _is_fresh(signed.get("signed_at"))
    initial = {"finish_declare": signed.get("signed_tick", True), "finish_signature": signed["signed_as"]} if stands else {}
    words = {"declare_text": answers.declaration, "signature_text": answers.signature_label}
    return SignForm(data, initial=initial, seen=answers.answers_sha256, **words)


def _page(
    journey: Journey,
    *,
    form: SignForm | None = None,
    status: int = 200,
    refusal: str = "",
) -> HttpResponse:
    chosen, service = journey.chosen, journey.service
    if chosen is None or service is None:
        return see("booking:time")
    answers = _answers(journey)
    if answers and answers.complete:
        journey.note_shown()  # here, so that booking itself need not write a session
    context: dict[str, Any] = {
        "chosen": chosen,
        "chosen_value": value_of(chosen.start, chosen.practitioner),
        "response": journey.response,
        "service": service,
        "until": chosen.until,
        "can_extend": bool(chosen.hold and chosen.hold.may_extend),
        "details": _details(journey),
        "check": answers,
        "form": form or _sign_form(answers, signed=journey.document.contact),
        "refusal": refusal,
        "has_errors": bool(refusal or (form and form.errors)),
        "needs_call": journey.checked_channel is None,
        "already": _already(journey),
        "back_url": reverse("booking:details"),
        "terms": terms.of_one(service, chosen.start, now=journey.now),
        "is_late": journey.now > chosen.start - timedelta(minutes=service.cancel_cutoff_minutes),
    }
    return render(journey.request, "booking/check.html", context, status=status)


def _details(journey: Journey) -> list[dict[str, Any]]:
    """The rows of "Your details"."""
    contact = journey.contact
    url = reverse("booking:details")
    typed, helper = journey.document.contact, journey.helper
    name = f"{contact.first_name} {contact.last_name}"
    if contact.preferred_name:
        name = _("%(name)s (call me %(preferred)s)") % {"name": name, "preferred": contact.preferred_name}
    apart = [] if helper is None else _helped(helper, contact, url)
    return [
        *apart,
        {"label": _("Name"), "value": name, "url": f"{url}#id_first_name"},
        {"label": _("Date of birth"), "value": clock.written_date(contact.date_of_birth), "url": _birth_url(journey)},
        {
            "label": _("Mobile"),
            "value": words.phone_text(typed.get("mobile", "")),
            "url": f"{url}#id_mobile",
            "checked": journey.checked_channel == "text",
        },
        {
            "label": _("Email"),
            "value": typed.get("email", ""),
            "url": f"{url}#id_email",
            "checked": journey.checked_channel == "email",
            "missing": not typed.get("email"),
        },
        {"label": _("Reminders"), "value": str(ReminderBy(contact.reminder_by).label), "url": f"{url}#id_reminder_by"},
        {"label": _("Voicemail"), "value": _("Yes") if contact.voicemail_ok else _("No"), "url": f"{url}#id_voicemail_ok"},
    ]


def _helped(helper: HelperContact, contact: Contact, url: str) -> list[dict[str, Any]]:
    """The rows that are there when somebody books for another person; the numbers below them are the helper's."""
    theirs = ", ".join(part for part in (words.phone_text(contact.mobile) if contact.mobile else "", contact.email) if part)
    return [
        {"label": _("Booked by"), "value": f"{helper.name} ({helper.relation})", "url": f"{url}#id_helper_name"},
        {
            "label": _("We write to"),
            "value": helper.name if helper.gets_messages else _("the person who is coming"),
            "url": f"{url}#id_messages_to",
        },
        {"label": _("Their own contact"), "value": theirs, "url": f"{url}#id_own_mobile", "missing": not theirs},
    ]


def _birth_url(journey: Journey) -> str:
    """Where the date of birth can be changed: where it was asked."""
    if "date_of_birth" in journey.document.contact or journey.response is None:
        return reverse("booking:details") + "#id_date_of_birth"
    question = journey.response.definition.questions.get("about_dob")
    if question is None or not question.page:
        return ""
    return reverse("intake:question", args=[question.section, question.page]) + "?change=1"


def _already(journey: Journey) -> dict[str, Any] | None:
    """The visit this person has already, the one at that time if there is one, else the next.

    Said only to whom a code showed that the contact on file is theirs.
    """
    contact, channel = journey.contact, journey.checked_channel
    if channel is None or journey.helper is not None:  # a helper's code shows nothing about the patient
        return None
    where = {"patient__email__iexact": contact.email} if channel == "email" else {"patient__mobile": contact.mobile}
    found = (
        Appointment.objects.upcoming(journey.now)
        .select_related("patient")
        .filter(patient__date_of_birth=contact.date_of_birth, patient__merged_into=None, **where)
        .order_by("starts_at")
    )
    theirs = []
    for visit in found[:5]:
        patient = visit.patient
        names = {patient.legal_first_name.casefold(), patient.preferred_name.casefold()} if patient else set()
        if contact.first_name.casefold() in names:
            theirs.append(visit)
    if not theirs or journey.chosen is None or journey.service is None:
        return None
    start = journey.chosen.start
    end = start + timedelta(minutes=journey.service.minutes)
    clash = next((visit for visit in theirs if visit.starts_at < end and visit.ends_at > start), None)
    visit = clash or theirs[0]
    return {"when": visit.starts_at, "url": reverse("booking:visit", args=[token_of(visit)]), "clashes": clash is not None}


def _answers(journey: Journey, *, cards: bool = True) -> Check | None:
    """The answers by section, each with the page to change it on. Sections without an answer are left out.

    A form that is sent needs no `cards`; only if the page is shown again are they made.
    """
    response = journey.response
    if response is None:
        return None
    check = for_check(response, by=journey.by, now=journey.now, cards=cards, opened=journey.request.GET.get("open", ""))
    born = response.definition.questions.get("about_dob")
    for card in check.cards:  # The date of birth is among the details.
        card.rows = [row for row in card.rows if not born or row["label"] != filled(born.short or born.text)]
    check.cards = [card for card in check.cards if any(not row["missing"] for row in card.rows)]
    return check


def _extend(journey: Journey, back: str = "") -> HttpResponse:
    """Hold it longer, and go on with this page, or with the questions it was asked from."""
    row, refusal = journey.hold_row, _("We could not hold your time any longer. Your answers are safe, and it may still be free.")
    if row is not None:
        try:
            actions.extend_hold(row, hold_key=hold_key_of(journey.request), by=journey.by, now=journey.now)
            return see(back or "booking:check")
        except actions.HoldEnded:
            pass
    if back:
        messages.warning(journey.request, refusal)
        return see(back)
    return _page(journey, status=409)


def _book(journey: Journey) -> HttpResponse:
    chosen, service, response = journey.chosen, journey.service, journey.response
    if chosen is None or service is None or response is None:
        return see("booking:time")
    form = _sign_form(_answers(journey, cards=False), journey.request.POST)
    shown = value_of(chosen.start, chosen.practitioner)
    if journey.request.POST.get("chosen", shown) != shown:  # in another tab
        refusal = _("You chose another time meanwhile. It is shown below: look at it, then book")
        return _page(journey, form=form, status=409, refusal=refusal)
    if form is not None and not form.is_valid():
        return _page(journey, form=form, status=422)
    try:
        actions.book(
            service,
            chosen.practitioner,
            chosen.start,
            contact=journey.contact,
            checked_channel=journey.checked_channel,
            response=response,
            declared_at=journey.now if form else None,
            signature=form.cleaned_data["finish_signature"] if form else "",
            hold_key=hold_key_of(journey.request),
            article=as_uuid(journey.session.get("article")),
            helper=journey.helper,
            address="" if journey.checked_channel else client_address(journey.request),  # it takes long to work out
            by=journey.by,
            now=journey.now,
        )
    except actions.SlotTaken as refusal:
        return _lost(journey, refusal, form)
    except (actions.BookingError, IntakeError) as refusal:
        return _page(journey, form=form, status=409, refusal=str(refusal))
    return see("booking:done")


def _after_booking(journey: Journey, visit: Appointment | None) -> HttpResponse:
    """Booked: the rest of the answers is sent from here once it is complete; else the visit is shown."""
    response = journey.response
    answers = _answers(journey) if visit is not None and response is not None and response.is_draft else None
    if visit is None or response is None or response.patient is None or answers is None or not answers.complete:
        return see("booking:done") if journey.booked else redirect("booking:start")
    if of_other_answers(journey.request, response):
        return other_answers(journey.request)
    page = _send(journey.request, visit, response, answers, by=Actor.patient(response.patient_id), now=journey.now)
    if page is not None:
        return page
    if tablet.is_on(journey.request):
        return tablet.end(journey.request, query="?sent=1")
    journey.note_shown()
    return see("booking:done", query="?sent=1")


def _send(
    request: HttpRequest, visit: Appointment, response: QuestionnaireResponse, answers: Check, *, by: Actor, now: datetime
) -> HttpResponse | None:
    """The answers of a booked visit, to look over and send; None once they are sent."""
    posted = request.method == "POST"
    form = _sign_form(answers, request.POST if posted else None)
    if form is not None and (tablet.is_on(request) or by.is_staff):
        form.fields["finish_signature"].widget.attrs["autocomplete"] = "off"
    if posted and form is not None and form.is_valid() and response.patient is not None:
        signature = form.cleaned_data["finish_signature"]
        try:
            complete(response, patient=response.patient, declared_at=now, signature=signature, by=by, now=now)
        except IntakeError as refusal:
            form.add_error(None, str(refusal))
        else:
            return None
    context = {"visit": visit, "response": response, "form": form, "check": answers, "back_url": reverse("intake:questions")}
    return render(request, "booking/send.html", context, status=422 if posted else 200)


def _at_desk(request: HttpRequest, seat: Seat) -> HttpResponse:
    """What the patient said, read back to them and sent by somebody who works here. With that the desk's part ends."""
    now, response = clock.now(), seat.response
    if request.method == "POST" and not seat.means(request):
        return render(request, "intake/other_seat.html", status=409)
    answers = for_check(response, by=seat.by, now=now, opened="all")  # to be read aloud
    if not answers.complete:
        return see("intake:questions")
    page = _send(request, response.appointment, response, answers, by=seat.by, now=now)
    if page is not None:
        return page
    leave_desk(request)
    messages.success(request, _("The answers are sent. From now on only the care team sees them."))
    return see("staff:visit", seat.visit)
