"""`/clinic/`: what the clinic lead looks after: people who work here, and who looked at what."""

from datetime import timedelta
from urllib.parse import urlencode

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import clock
from accounts.access import lead_required
from accounts.actions import (
    AccountError,
    change_role,
    end_access,
    give_back_access,
    invite,
    invite_staff,
    reset_second_factor,
)
from accounts.models import Role, User
from accounts.signin import SECOND_FACTORS, proof_missing
from accounts.wall import tzdata_version
from accounts.web import as_date, as_number, see
from audit.actor import actor_of
from audit.models import AuditEvent
from booking.actions import BookingError, save_practitioner
from booking.models import Practitioner, Room, Service
from patients.models import Patient
from staff import history, numbers
from staff.reading import reading
from staff.setup_forms import InviteForm

PAGE = 100
TYPED = "invitation_typed"  # what the clinic lead typed before the proof: about people who work here
# By what they show: a look at a photo, or at a patient's own words, is a look at answers.
KINDS = {
    "answers": (
        "intake.read", "intake.photo_read", "intake.question_read", "intake.read_correction", "staff.review_read",
        "staff.fhir_read", "staff.answers_printed", "records.export", "records.review_read", "records.text_read",
    ),
    "records": ("staff.visit_read", "staff.patient_read", "staff.link_shown", "staff.link_resent"),
    "days": (
        "staff.day_read", "staff.my_day_read", "staff.calls_read", "staff.again_read", "staff.search", "staff.queue_read",
        "staff.waiting_read", "staff.messages_read", "staff.batch_read", "staff.affected_read", "staff.time_off_read",
        "staff.access_log_read",
    ),
    "access": (
        *(action for action in history.WORDS if action.startswith("accounts.") and action != "accounts.clinic_saved"),
        "booking.open_feed", "booking.close_feed", "staff.feed_shown",
    ),
}  # fmt: skip


@lead_required
@require_safe
def clinic(request: HttpRequest) -> HttpResponse:
    """Links to what there is, with the numbers that matter."""
    context = {
        "people": User.objects.filter(is_active=True).exclude(role=Role.PATIENT).count(),
        "practitioners": Practitioner.objects.filter(active=True).count(),
        "services": Service.objects.filter(active=True).count(),
        "rooms": Room.objects.filter(active=True).count(),
        "tzdata": tzdata_version(),
    }
    return render(request, "staff/clinic.html", context)


@lead_required
@require_safe
def month(request: HttpRequest) -> HttpResponse:
    """A month in numbers (`?month=2026-11`): who came, how full it was, where people came from. No names of patients."""
    today = clock.today()
    first = numbers.month_of(request.GET.get("month", ""), today)
    context = {
        "month": numbers.load(request.user, first),
        "previous": first - timedelta(days=1),
        "next": numbers.after(first) if first < today.replace(day=1) + timedelta(days=365) else None,
        "running": numbers.after(first) > today,
    }
    return render(request, "staff/numbers.html", context)


@lead_required
@require_http_methods(["GET", "HEAD", "POST"])
def people(request: HttpRequest) -> HttpResponse:
    """Who signs in, in which role, with a second step or not yet. POST invites somebody: a sign-in and a mail with a link.

    Giving access wants a fresh proof, here and in `person`; what was typed for an invitation is still there after it.
    """
    if request.method != "POST":
        if typed := request.session.pop(TYPED, None):
            return _people(request, InviteForm(initial=typed))
        who = Practitioner.objects.filter(slug=request.GET.get("for", ""), active=True, user=None).first()
        asked = {"name": who.name, "role": Role.PHYSICIAN, "practitioner": who.pk} if who else {}
        return _people(request, InviteForm(initial=asked))
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _people(request, form, status=422)
    if proof := proof_missing(request, back=reverse("staff:people")):
        request.session[TYPED] = {name: request.POST.get(name, "")[:100] for name in form.fields}
        return proof
    said, now, by = form.cleaned_data, clock.now(), actor_of(request)
    try:
        with transaction.atomic():
            user = invite_staff(said["email"], said["name"], said["role"], by=by, now=now)
            if said["practitioner"]:
                save_practitioner(said["practitioner"], {"user": user}, by=by, now=now)
    except (AccountError, BookingError) as error:
        form.add_error("email", str(error))
        return _people(request, form, status=409)
    messages.success(request, _("%(name)s gets a mail with a link to choose a password.") % {"name": user.name})
    return see("staff:people")


def _people(request: HttpRequest, form: InviteForm, *, status: int = 200) -> HttpResponse:
    factor = Authenticator.objects.filter(user=OuterRef("pk"), type__in=SECOND_FACTORS)
    found = User.objects.exclude(role=Role.PATIENT).annotate(second=Exists(factor)).select_related("practitioner")
    context = {
        "people": found.order_by("-is_active", "name"),
        "form": form,
        "roles": form.fields["role"].choices,  # type: ignore[attr-defined]
        "again": "again" in request.GET,
    }
    return render(request, "staff/people.html", context, status=status)


@lead_required
@require_POST
def person(request: HttpRequest, user_id: int) -> HttpResponse:
    """End someone's access or give it back, remove a lost second step, send the invitation again, or give another role."""
    user = User.objects.exclude(role=Role.PATIENT).filter(pk=user_id).first()
    do = request.POST.get("do", "") or ("role" if "role" in request.POST else "")
    if user is None or do not in ("end", "back", "reset", "invite", "role"):
        raise Http404
    if not user.is_active and do != "back":  # pressed twice, or a colleague was quicker
        messages.info(request, _("%(name)s has no access.") % {"name": user.name})
        return see("staff:people")
    if do in ("role", "reset", "back") and (asked := proof_missing(request, back=reverse("staff:people"))):
        return asked
    now, by = clock.now(), actor_of(request)
    try:
        if do == "end":
            end_access(user, by=by, now=now)
            messages.success(request, _("%(name)s has no access any more.") % {"name": user.name})
        elif do == "back":
            give_back_access(user, by=by, now=now)
            messages.success(request, _("%(name)s gets a mail with a link to choose a password.") % {"name": user.name})
        elif do == "invite":
            invite(user, by=by, now=now)
            messages.success(request, _("%(name)s gets a mail with a new link.") % {"name": user.name})
        elif do == "role":
            user = change_role(user, request.POST.get("role", ""), by=by, now=now)
            messages.success(request, _("%(name)s: %(role)s from now on.") % {"name": user.name, "role": user.get_role_display()})
        else:
            reset_second_factor(user, by=by, now=now)
            messages.success(request, _("%(name)s sets up a new second step at the next sign-in.") % {"name": user.name})
    except AccountError as error:
        messages.error(request, str(error))
    return see("staff:people")


@lead_required
@require_safe
def access_log(request: HttpRequest) -> HttpResponse:
    """Who looked at, or changed, what; newest first. Names of patients are shown, never answers."""
    now = clock.now()
    day = as_date(request.GET.get("date")) or clock.today(now)
    since, until = clock.day_bounds(day, clock.clinic_zone())
    events = AuditEvent.objects.filter(at__gte=since, at__lt=until)
    who, kind = as_number(request.GET.get("who"), digits=9), request.GET.get("kind", "")
    if who is not None:
        events = events.filter(actor_kind="staff", actor_id=who)
    if kind in KINDS:
        events = events.filter(action__in=KINDS[kind])
    if before := as_number(request.GET.get("before"), digits=18):
        events = events.filter(pk__lt=before)
    with reading(request, "staff.access_log_read", now=now, detail={"date": day.isoformat()}):
        found = list(events.order_by("-pk")[: PAGE + 1])
        names = history.names_of(found)
        ids = {e.subject_id for e in found if e.subject_id}
        patients = {p.pk: p for p in Patient.objects.for_actor(request.user).filter(pk__in=ids)}
    shown = found[:PAGE]
    keep = {name: value for name, value in {"date": day.isoformat(), "who": who, "kind": kind}.items() if value}
    context = {
        "lines": [
            (e.at, history.who_of(e, names), str(history.WORDS.get(e.action, e.action)), patients.get(e.subject_id or 0))
            for e in shown
        ],
        "more": urlencode(keep | {"before": str(shown[-1].pk)}) if len(found) > PAGE else "",
        "day": day,
        "previous": day - timedelta(days=1),
        "people": User.objects.exclude(role=Role.PATIENT).order_by("name"),
        "who": who,
        "kind": kind,
        "kinds": [
            ("answers", _("Answers read")),
            ("records", _("Visits and records opened")),
            ("days", _("Lists and searches")),
            ("access", _("Sign-ins and access")),
        ],
    }
    return render(request, "staff/access_log.html", context)
