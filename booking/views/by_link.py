"""What a private link opens: the visit as its pages see it, and the year of birth that opens more."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cached_property, wraps

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import clock, limits
from accounts.signin import new_key
from accounts.web import see
from audit.actions import record
from audit.actor import Actor
from booking import actions
from booking.forms.proof import YearForm
from booking.links import find_visit
from booking.models import COMING, Appointment, Status
from booking.picker import value_of

YEAR_TRIES, YEAR_WAIT = 5, timedelta(minutes=15)
YEARS_A_DAY = 20  # there are few years: with five tries a quarter of an hour a link alone would be enough by the evening
YEAR_OPENS_FOR = timedelta(minutes=15)


class Visit:
    """A visit as its private link opens it."""

    def __init__(self, request: HttpRequest, token: str, row: Appointment, now: datetime) -> None:
        self.request, self.token, self.row, self.now = request, token, row, now
        self.by = Actor.patient(row.patient_id)

    def see(self, name: str = "visit") -> HttpResponse:
        """303 to one of the visit's pages."""
        return see(f"booking:{name}", self.token)

    def url(self, name: str) -> str:
        """The address of one of the visit's pages."""
        return reverse(f"booking:{name}", args=[self.token])

    def as_shown(self) -> Appointment:
        """The row, if it is where the page said that the form came from.

        Raises:
            Stale: the visit has another time, place or practitioner since.
        """
        seen = self.request.POST.get("seen")
        if seen is not None and seen != str(self.row.ics_sequence):
            raise actions.stale(self.row)
        return self.row

    def read_again(self) -> Appointment:
        """The row as it is now."""
        self.row = find_visit(self.token, now=self.now) or self.row
        return self.row

    @property
    def is_coming(self) -> bool:
        """True while it can still be confirmed, moved or cancelled."""
        return self.row.status in COMING and self.row.starts_at > self.now

    @property
    def state(self) -> str:
        """What the page speaks of: coming, cancelled, missed, here or over."""
        if self.row.status == Status.CANCELLED:
            return "cancelled"
        if self.row.status == Status.NOSHOW:
            return "missed"
        if self.is_coming:
            return "coming"
        if self.row.status == Status.FULFILLED or self.row.ends_at <= self.now:
            return "over"
        return "here"

    @property
    def can_move(self) -> bool:
        """True before the cut-off."""
        return self.is_coming and self.now <= self.row.move_deadline()

    @property
    def can_rebook(self) -> bool:
        """True when the clinic cancelled it: another time is to be had by the same link."""
        return self.row.status == Status.CANCELLED and self.row.cancelled_by == "clinic"

    @cached_property
    def held(self) -> Appointment | None:
        """The time that the clinic holds for the patient in place of a cancelled one."""
        held = actions.held_for(self.row) if self.can_rebook else None
        live = held is not None and held.hold_expires_at is not None and held.hold_expires_at > self.now
        return held if live else None

    @property
    def held_value(self) -> str:
        """That time, as a button posts it."""
        return value_of(self.held.starts_at, self.held.practitioner) if self.held else ""

    @property
    def is_late(self) -> bool:
        """True once a cancellation costs something."""
        return actions.late_to_cancel(self.row, now=self.now)

    @property
    def free_until(self) -> datetime:
        """Until when cancelling costs nothing, where `is_late` says that it does not yet."""
        deadline = self.row.cancel_deadline()
        return deadline if self.now <= deadline else self.undo_until

    @property
    def undoable(self) -> str:
        """The patient's own last step if it can be taken back: "move" (3 minutes) or "cancel" (until it would start)."""
        verb = str(self.row.previous.get("verb", ""))
        if self.row.changed_by != "patient":
            return ""
        if self.is_coming and actions.just_moved(self.row, now=self.now):
            return verb
        return verb if verb == "cancel" and self.row.status == Status.CANCELLED and self.now < self.row.starts_at else ""

    @property
    def undo_until(self) -> datetime:
        """Until when a move can be taken back, where `undoable` says that it can."""
        return self.row.changed_at + actions.UNDO_BY_PATIENT

    @property
    def moved_by_them_from(self) -> datetime | None:
        """The time they had before, while their own move can be taken back."""
        return datetime.fromisoformat(self.row.previous["starts_at"]) if self.undoable == "move" else None

    @property
    def moved_from(self) -> datetime | None:
        """The old time, while a move by the clinic waits for an answer."""
        previous = self.row.previous
        if self.row.changed_by == "clinic" and previous.get("verb") == "move" and self.row.status == Status.BOOKED:
            return datetime.fromisoformat(previous["starts_at"])
        return None


def by_link(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Unknown, replaced and expired links get the same page, byte for byte."""

    @wraps(view)
    def found(request: HttpRequest, token: str) -> HttpResponse:
        now = clock.now()
        row = find_visit(token, now=now)
        if row is None or row.patient is None:
            return render(request, "booking/dead_link.html", status=404)
        return view(request, Visit(request, token, row, now))

    return found


def year_first(
    request: HttpRequest, it: Visit, *, page: str, title: str, lasts: timedelta = YEAR_OPENS_FOR
) -> HttpResponse | None:
    """The page that asks for the year of birth; None for a quarter of an hour after the right one, in that browser.

    Args:
        page: the view's URL name without the app's, for this visit; where the right year leads, and what it opens.
        lasts: longer, where much is typed and little shown.
    """
    opened = request.session.get(page) or {}
    with suppress(ValueError):
        if opened.get("visit") == str(it.row.public_id) and it.now < datetime.fromisoformat(opened.get("until", "")):
            return None
    form, status = year_of_birth(request, it)
    if form is not None:
        context = {"form": form, "title": title, "back_url": it.url("visit")}
        return render(request, "booking/visit_year.html", context, status=status)
    new_key(request)
    request.session[page] = {"visit": str(it.row.public_id), "until": (it.now + lasts).isoformat()}
    return it.see(page)


def year_of_birth(request: HttpRequest, it: Visit) -> tuple[YearForm | None, int]:
    """The form to show with its status; None once the right year was given."""
    if request.method != "POST":
        return YearForm(None), 200
    form = YearForm(request.POST)
    if not form.is_valid():
        return form, 422
    if not limits.hit(f"year:{it.row.pk}", limit=YEAR_TRIES, window=YEAR_WAIT, now=it.now):
        form.add_error("year", _("Too many tries. Wait 15 minutes or call us"))
        return form, 429
    if not limits.hit(f"year-day:{it.row.pk}", limit=YEARS_A_DAY, window=timedelta(days=1), now=it.now):
        form.add_error("year", _("Too many tries today. Call us"))
        return form, 429
    right = form.cleaned_data["year"] == it.row.patient.date_of_birth.year  # type: ignore[union-attr]
    with transaction.atomic():
        record("intake.year_right" if right else "intake.year_wrong", by=it.by, now=it.now, obj=it.row)
    if not right:
        form.add_error("year", _("That year does not match. Check it, or call us"))
        return form, 422
    return None, 200
