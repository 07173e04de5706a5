"""The gate of a patient's own account: whose it is, for how long, and what wants a fresh proof."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import record_authentication
from allauth.usersessions.models import UserSession
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import clock
from accounts.models import Role, User, is_patient
from accounts.signin import end_sessions
from audit.actions import record
from audit.actor import Actor
from patients.models import Patient

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
FRESH = timedelta(minutes=10)
_SEEN, _PROVED, _SINCE = "me_seen_at", "me_proved_at", "me_since"

View = Callable[..., HttpResponseBase]


class Me:
    """The patient who is signed in."""

    def __init__(self, request: HttpRequest, patient: Patient, now: datetime) -> None:
        self.request, self.patient, self.now = request, patient, now
        self.by = Actor.patient(patient.pk)

    @property
    def is_fresh(self) -> bool:
        """True within ten minutes of a code or a passkey."""
        return _within(self.request, _PROVED, FRESH, self.now)

    def proved(self) -> None:
        """A code came back just now."""
        self.request.session[_PROVED] = self.now.isoformat()

    def end_other_sign_ins(self) -> None:
        """Whoever came in by what does not count any more is out; this browser stays."""
        assert self.patient.user is not None
        end_sessions(self.patient.user, keep=self.request.session.session_key)

    @contextmanager
    def reading(self, action: str, obj: models.Model | None = None) -> Iterator[None]:
        """Around the queries of a page: the event is written first, or the page is not shown."""
        with transaction.atomic():
            record(action, by=self.by, now=self.now, obj=obj, subject_id=self.patient.pk)
            yield


def _within(request: HttpRequest, key: str, span: timedelta, now: datetime) -> bool:
    kept = request.session.get(key)
    return kept is not None and now - datetime.fromisoformat(kept) <= span


def patient_required(view: View) -> View:
    """Nobody signed in goes to the portal's sign-in page; people who work here see "not found"; half an hour idle ends it."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        now, user = clock.now(), request.user
        if not user.is_authenticated:
            return to_sign_in(request)
        if not is_patient(user):
            raise Http404
        patient = Patient.objects.for_actor(user).first()
        if patient is None or not (_within(request, _SEEN, IDLE, now) and _within(request, _SINCE, LONGEST, now)):
            get_adapter().logout(request)
            return to_sign_in(request, closed=True)
        if not _within(request, _SEEN, timedelta(minutes=1), now):  # a session save on every page would be a write on every read
            request.session[_SEEN] = now.isoformat()
        return view(request, Me(request, patient, now), *args, **kwargs)

    guarded.audience = (Role.PATIENT,)  # type: ignore[attr-defined]
    return guarded


def fresh_proof_required(form: str = "") -> Callable[[View], View]:
    """Inside `patient_required`: what changes how people get in, or takes everything out, wants a code from just now.

    Args:
        form: the page to come back to afterwards, where this one takes POST only.
    """

    def wrapped(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, me: Me, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not me.is_fresh:
                back = reverse(form) if form else request.path
                return redirect(f"{reverse('portal:prove')}?{urlencode({'next': back})}")
            return view(request, me, *args, **kwargs)

        return guarded

    return wrapped


def to_sign_in(request: HttpRequest, *, closed: bool = False) -> HttpResponse:
    """The portal's own sign-in page, which afterwards shows where the person was."""
    back = request.path if request.method in {"GET", "HEAD"} else ""
    query = ({"next": back} if back and back != reverse("portal:home") else {}) | ({"closed": "1"} if closed else {})
    return redirect(reverse("portal:sign_in") + (f"?{urlencode(query)}" if query else ""))


def safe_next(text: str) -> str:
    """A page of the account to go on to, else its home."""
    inside = text.startswith("/me/") and url_has_allowed_host_and_scheme(text, allowed_hosts=None)
    return text if inside else reverse("portal:home")


def sign_in(request: HttpRequest, user: User, *, method: str, now: datetime) -> None:
    """Start a session of a patient's own account, after the proof. Never one of somebody who works here.

    Raises:
        Http404: for any account that is not a patient's.
    """
    if not is_patient(user):
        raise Http404
    get_adapter().login(request, user)
    record_authentication(request, user, method=method)
    UserSession.objects.create_from_request(request)  # in the list of sign-ins, so that all of them can be ended
    for key in (_SEEN, _PROVED, _SINCE):
        request.session[key] = now.isoformat()
