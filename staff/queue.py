"""What waits for a physician: everything sent and not signed, what waits for the patient, what was signed today."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from accounts import clock
from booking import workdays
from booking.models import OPEN, Appointment, Status
from intake.due import due_at
from intake.models import Photo, QuestionnaireResponse
from intake.photo_panel import STANDARD
from staff.board import board_time
from staff.chart import visit_of

SOON = timedelta(hours=48)
LIMIT = 300
SHOW = ("all", "mine", "unassigned", "waiting", "confirm")


@dataclass(slots=True)
class Entry:
    """One sent response (or a draft whose visit is near). `state`: review, patient, confirm or done."""

    response: QuestionnaireResponse
    visit: Appointment | None
    state: str
    due_at: datetime | None = None
    overdue: bool = False

    @property
    def time(self) -> str:
        """When its visit begins, short."""
        return board_time(self.visit.starts_at) if self.visit else ""

    @property
    def day(self) -> str:
        """The day of its visit, unless that is today."""
        day = clock.local(self.visit.starts_at).date() if self.visit else clock.today()
        return "" if day == clock.today() else clock.short_date(day)

    @property
    def off(self) -> str:
        """What became of the visit, if it does not take place."""
        gone = self.visit is not None and self.visit.status in (Status.CANCELLED, Status.NOSHOW)
        return str(Status(self.visit.status).label) if self.visit and gone else ""

    @property
    def photos(self) -> int:
        """How many of the five views there are."""
        return int(getattr(self.response, "views", 0))

    @property
    def flags(self) -> list[tuple[str, str, int]]:
        """As `flags_of` says."""
        return flags_of(self.response)

    @property
    def due_day(self) -> Any:
        """The last day on which it is in time."""
        return clock.local(self.due_at - timedelta(seconds=1)).date() if self.due_at else None


def flags_of(response: QuestionnaireResponse) -> list[tuple[str, str, int]]:
    """Colour, icon, how many. Nothing, not even "no flags", where no rules have looked at the answers: then there is no count."""
    counts = (("bad", "flag", response.urgent_flags), ("warn", "alert", response.caution_flags))
    return [(colour, icon, n) for colour, icon, n in counts if n]


@dataclass(slots=True)
class Queue:
    """Entries in their order, by what they wait for."""

    to_review: list[Entry] = field(default_factory=list)
    confirm: list[Entry] = field(default_factory=list)
    patient: list[Entry] = field(default_factory=list)
    done: list[Entry] = field(default_factory=list)

    @property
    def overdue(self) -> int:
        """How many are late."""
        return sum(entry.overdue for entry in self.to_review)

    @property
    def groups(self) -> list[tuple[str, list[Entry]]]:
        """For the list beside the answers; those without entries are left out."""
        named = [
            (_("To review"), self.to_review),
            (_("Signed, to confirm"), self.confirm),
            (_("Waiting on patient"), self.patient),
            (_("Reviewed today"), self.done),
        ]
        return [(name, entries) for name, entries in named if entries]

    def after(self, response: QuestionnaireResponse) -> Entry | None:
        """The next one to review, from the top once the end is reached; never the one asked about."""
        places = [entry.response.pk for entry in self.to_review]
        at = places.index(response.pk) if response.pk in places else -1
        rest = self.to_review[at + 1 :] + self.to_review[: max(at, 0)]
        return rest[0] if rest else None

    def before(self, response: QuestionnaireResponse) -> Entry | None:
        """The one above it."""
        places = [entry.response.pk for entry in self.to_review]
        at = places.index(response.pk) if response.pk in places else 0
        return self.to_review[at - 1] if at > 0 else None


def _ids(user: Any, now: datetime) -> Any:
    """Each branch walks an index of its own; joined by OR, all would be read."""
    today = clock.day_bounds(clock.today(now), clock.clinic_zone())[0]
    sent = QuestionnaireResponse.objects.for_actor(user).sent()
    near = Appointment.objects.for_actor(user).between(today, now + SOON).filter(status__in=OPEN)
    return (
        sent.filter(reviewed_at=None)
        .order_by("completed_at")[:LIMIT]
        .values("pk")
        .union(
            sent.filter(reviewed_at__gte=today).values("pk"),
            sent.filter(to_confirm=True).values("pk"),
            near.filter(response__status=QuestionnaireResponse.Status.IN_PROGRESS).values("response"),
            all=False,
        )
    )


def views_of(response: str) -> Coalesce:
    """How many of the five views there are, for an outer query whose column `response` names the answers."""
    views = Photo.objects.filter(response=OuterRef(response), status=Photo.Status.KEPT, link_id__in=STANDARD).order_by()
    return Coalesce(Subquery(views.values("response").annotate(n=Count("link_id", distinct=True)).values("n")), 0)


def load(user: Any, now: datetime) -> Queue:
    """In one statement."""
    rows = (
        QuestionnaireResponse.objects.for_actor(user)
        .filter(pk__in=_ids(user, now))
        .select_related("patient", "reviewer", "appointment__service", "appointment__practitioner")
        .defer("document", "appointment__practitioner__approach")
        .annotate(views=views_of("pk"))
    )
    return _sorted(rows, now)


def _sorted(rows: Iterable[QuestionnaireResponse], now: datetime) -> Queue:
    queue = Queue()
    for row in rows:
        visit = visit_of(row)
        if row.is_draft or (row.asked_at and row.reviewed_at is None):
            queue.patient.append(Entry(row, visit, "patient"))
        elif row.reviewed_at is None:
            queue.to_review.append(Entry(row, visit, "review"))
        elif row.to_confirm:
            queue.confirm.append(Entry(row, visit, "confirm"))
        else:
            queue.done.append(Entry(row, visit, "done"))

    def order(entry: Entry) -> tuple[bool, bool, bool, datetime]:
        urgent = bool(entry.response.urgent_flags)
        start = entry.visit.starts_at if entry.visit and entry.visit.is_open else None
        soon = start is not None and start < now + SOON
        today = urgent and entry.response.is_same_day
        return (not urgent, not today, not soon, (start if soon and start else entry.response.completed_at) or now)

    queue.to_review.sort(key=order)
    queue.patient.sort(key=lambda entry: entry.visit.starts_at if entry.visit else now)
    queue.done.sort(key=lambda entry: entry.response.reviewed_at or now, reverse=True)
    return queue


def _due(sent: datetime, same_day: bool, visit_at: datetime | None, works: workdays.WorkDays) -> datetime:
    """By when it is to be reviewed: in the clinic's time for reviews, and never after the visit it is for."""
    due = due_at(sent, same_day=same_day, works=works, zone=works.zone)
    return min(due, visit_at) if visit_at else due


def set_due(queue: Queue, now: datetime) -> None:
    """By when each one is due, in two statements."""
    times = [entry.response.completed_at for entry in queue.to_review if entry.response.completed_at]
    if not times:
        return
    works = workdays.load(clock.local(min(times)).date(), clock.today(now) + timedelta(days=21))
    for entry in queue.to_review:
        sent, visit = entry.response.completed_at or now, entry.visit
        entry.due_at = _due(sent, entry.response.is_same_day, visit.starts_at if visit and visit.is_open else None, works)
        entry.overdue = entry.due_at <= now


def counts(user: Any, now: datetime) -> tuple[int, int]:
    """How many wait for a physician, and how many of them are late; three statements."""
    rows = list(
        QuestionnaireResponse.objects.for_actor(user)
        .to_review()
        .filter(asked_at=None)
        .order_by("completed_at")
        .values_list("completed_at", "page_sequence", "appointment__starts_at", "appointment__status")[:LIMIT]
    )
    if not rows:
        return 0, 0
    works = workdays.load(clock.local(rows[0][0] or now).date(), clock.today(now) + timedelta(days=21))
    late = [
        sent
        for sent, pages, starts_at, status in rows
        if _due(sent or now, pages > 0, starts_at if status in OPEN else None, works) <= now
    ]
    return len(rows), len(late)


def shown(queue: Queue, show: str, user: Any) -> list[Entry]:
    """The entries behind one of the filters of `SHOW`."""
    if show == "waiting":
        return queue.patient
    if show == "confirm":
        return queue.confirm
    if show == "mine":
        return [entry for entry in queue.to_review if entry.response.reviewer_id == user.pk or _is_own(entry, user)]
    if show == "unassigned":
        return [entry for entry in queue.to_review if entry.response.reviewer_id is None]
    return queue.to_review


def _is_own(entry: Entry, user: Any) -> bool:
    """Nobody is on it, and its visit is with this physician."""
    own = entry.visit is not None and entry.visit.practitioner.user_id == user.pk
    return own and entry.response.reviewer_id is None
