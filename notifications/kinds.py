"""Every kind of message, a line each: what it is about, which way it goes, when, and until when.

A new one is a line here and a folder with its words, templates/notifications/<code>/: subject.txt, email.txt, email.html and
text.txt (only the files of its channels). tests/notifications/test_words.py walks this table.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.quiet import quiet_night
from booking.models import COMING, HAS_A_QUESTION, Status
from notifications.models import Channel, Subject

EMAIL, TEXT = Channel.EMAIL.value, Channel.TEXT.value
UNCONFIRMED = frozenset({Status.BOOKED.value})
GONE = frozenset({Status.CANCELLED.value})
MISSED = frozenset({Status.NOSHOW.value})
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Kind:
    """A line of the table.

    `channels` in order of preference; `every` says whether it goes all the ways the patient chose or only the first of them.
    `days_before` are calendar days at the visit's local time, `hours_before` are hours; kinds without either are news and due at
    once, or, with `grace`, after the change has rested. `min_lead` is how long the patient must have known the time before a
    reminder is worth sending. `lasts` is how long after it was due it may still go out, never past the start of a visit unless
    `outlives`. `wakes` are the channels that may go in quiet hours. `statuses` are the visit's at which it may still go.
    `asks_questions` kinds go only while the questions are not sent. A visit type may do without those that are `optional`.
    `note` is the clinic's own sentence, put in when a letter is written. `call` is what the desk is asked to phone about where
    the patient chose a call, or cannot be reached by a message. `care` kinds are not about something booked: they need a
    consent of their own, and one click ends them.
    """

    code: str
    name: str | Promise
    subject: str = Subject.VISIT.value
    channels: tuple[str, ...] = (EMAIL, TEXT)
    every: bool = True
    days_before: int | None = None
    hours_before: int | None = None
    asks_questions: bool = False
    optional: bool = False
    grace: bool = False
    min_lead: timedelta = timedelta(0)
    lasts: timedelta = 3 * DAY
    outlives: bool = False
    wakes: tuple[str, ...] = ()
    statuses: frozenset[str] = COMING
    calendar: str = ""
    urgent: bool = False
    call: str | Promise = ""
    note: str = ""
    care: bool = False


_TABLE = [
    Kind("booked", _("Booked"), grace=True, wakes=(EMAIL,), calendar="REQUEST"),
    Kind("moved", _("Moved by the patient"), grace=True, wakes=(EMAIL,), calendar="REQUEST"),
    Kind("moved_by_clinic", _("Moved by the clinic"), grace=True, calendar="REQUEST", call=_("Tell the new time")),
    Kind("clock_rules", _("New clock rules, same time"), channels=(EMAIL,), calendar="REQUEST"),
    Kind("cancelled", _("Cancelled by the patient"), grace=True, wakes=(EMAIL,), statuses=GONE, calendar="CANCEL", outlives=True),
    Kind("cancelled_late", _("Cancelled late"), grace=True, wakes=(EMAIL,), statuses=GONE, calendar="CANCEL", outlives=True),
    Kind("cancelled_by_clinic", _("Cancelled by the clinic"), grace=True, statuses=GONE, calendar="CANCEL", outlives=True,
         call=_("Tell that we had to cancel")),
    Kind("reminder_7d", _("A week before"), every=False, days_before=7, min_lead=2 * DAY, lasts=2 * DAY, optional=True),
    Kind("questions_72h", _("Questions missing, 3 days before"), every=False, hours_before=72, asks_questions=True,
         min_lead=DAY, lasts=DAY, optional=True),
    Kind("reminder_2d", _("Two days before"), days_before=2, min_lead=DAY, lasts=20 * HOUR, optional=True,
         call=_("Remind and confirm")),
    Kind("questions_30h", _("Questions missing, 30 hours before"), every=False, hours_before=30, asks_questions=True,
         min_lead=6 * HOUR, lasts=20 * HOUR, optional=True),
    Kind("reminder_1d", _("The day before"), channels=(TEXT, EMAIL), every=False, days_before=1, min_lead=12 * HOUR,
         lasts=20 * HOUR, statuses=UNCONFIRMED, optional=True),
    Kind("missed", _("Missed"), channels=(TEXT, EMAIL), every=False, grace=True, lasts=12 * HOUR, outlives=True, statuses=MISSED,
         optional=True),
    Kind("asked", _("Asked by the physician"), Subject.ASKED.value, lasts=7 * DAY, call=_(HAS_A_QUESTION)),
    Kind("late", _("Running late"), Subject.LATE.value, (TEXT, EMAIL), every=False, lasts=HOUR, urgent=True, optional=True,
         call=_("Tell that we are running late")),
    Kind("desk_text", _("Text from the desk"), Subject.DESK_TEXT.value, (TEXT, EMAIL), every=False, outlives=True, urgent=True,
         statuses=COMING | {Status.ARRIVED.value}, call=_("A text from the desk could not go")),
    Kind("recall", _("Review due"), Subject.RECALL.value, (EMAIL,), lasts=7 * DAY, outlives=True, optional=True, care=True,
         statuses=frozenset({Status.FULFILLED.value})),
    Kind("wait_joined", _("On the waiting list"), Subject.WAIT.value, every=False, grace=True, lasts=DAY, wakes=(EMAIL,)),
    Kind("wait_gone", _("An offered time is gone"), Subject.OFFER.value, (TEXT, EMAIL), every=False, lasts=2 * HOUR, urgent=True),
    Kind("wait_offer", _("A time offered"), Subject.OFFER.value, urgent=True),
    Kind("code", _("Code"), Subject.CODE.value, wakes=(EMAIL, TEXT), urgent=True),
    Kind("lost_link", _("Link again"), Subject.LINK.value, lasts=HOUR, wakes=(EMAIL, TEXT), urgent=True),
    Kind("resume", _("Finish later"), Subject.RESUME.value, lasts=DAY, wakes=(EMAIL, TEXT), urgent=True),
    Kind("address_left", _("Address not used any more"), Subject.LEFT.value, grace=True, wakes=(EMAIL,)),
    Kind("confirmed", _("Answer to C"), Subject.REPLY.value, (TEXT,), lasts=HOUR, wakes=(TEXT,), urgent=True),
    Kind("texts_off", _("Answer to STOP"), Subject.REPLY.value, (TEXT,), lasts=HOUR, wakes=(TEXT,), urgent=True),
    Kind("texts_on", _("Answer to START"), Subject.REPLY.value, (TEXT,), lasts=HOUR, wakes=(TEXT,), urgent=True),
    Kind("help", _("Answer to HELP"), Subject.REPLY.value, (TEXT,), lasts=HOUR, wakes=(TEXT,), urgent=True),
    Kind("not_read", _("Answer to anything else"), Subject.REPLY.value, (TEXT,), lasts=HOUR, wakes=(TEXT,), urgent=True),
    Kind("password_reset", _("Choose a new password"), Subject.SIGN_IN.value, (EMAIL,), lasts=HOUR, wakes=(EMAIL,), urgent=True),
    Kind("invitation", _("Invitation to sign in"), Subject.SIGN_IN.value, (EMAIL,), lasts=3 * DAY, wakes=(EMAIL,)),
    Kind("urgent_flag", _("Red flag"), Subject.RESPONSE.value, (EMAIL,), lasts=DAY, wakes=(EMAIL,), urgent=True),
    Kind("sign_in_change", _("Sign-in changed"), Subject.SIGN_IN.value, (EMAIL,), lasts=2 * DAY, wakes=(EMAIL,)),
]  # fmt: skip
KINDS: dict[str, Kind] = {kind.code: kind for kind in _TABLE}
REMINDERS = [kind for kind in _TABLE if kind.days_before is not None or kind.hours_before is not None]
NEWS = frozenset({"booked", "moved", "moved_by_clinic", "clock_rules"})
ASKS = frozenset({"reminder_2d", "reminder_1d", "moved_by_clinic"})  # texts that ask for a C
OPT_OUT_ANSWERS = frozenset({"texts_off", "texts_on", "help"})  # what a provider may answer by itself
CANCELLATIONS = frozenset({"cancelled", "cancelled_late", "cancelled_by_clinic"})
NOT_ARRIVED = _("A message did not arrive")  # what the desk is to phone about, where a kind has no call of its own
MUST_REACH = NEWS | CANCELLATIONS  # too late for a message, the desk calls


def rested(kind: Kind, at: datetime) -> datetime:
    """When news of a change made at `at` is due: at once, or after the grace in which a slip can be taken back."""
    return at + timedelta(seconds=settings.MESSAGE_GRACE_SECONDS) if kind.grace else at


def out_of_quiet(kind: Kind, channel: str, due: datetime, *, earliest: datetime, latest: datetime, zone: ZoneInfo) -> datetime:
    """`due`, or the nearest moment outside quiet hours that still makes sense.

    Later if that is not too late, else the evening before, else (the news itself came in the night and cannot wait) as it was.

    Args:
        earliest: before this nothing can go out (the fact is not older).
        latest: from this on it would be too late.
    """
    if channel in kind.wakes:
        return due
    night = quiet_night(due, zone)
    if night is None:
        return due
    evening, morning = night
    if morning < latest:
        return morning
    earlier = evening - timedelta(minutes=1)
    return earlier if earlier >= earliest else due


def expiry(kind: Kind, due: datetime, *, start: datetime | None) -> datetime:
    """From when on a message that was due at `due` is not sent any more."""
    end = due + kind.lasts
    return end if start is None or kind.outlives else min(end, start)


def missed_until(due: datetime, *, start: datetime) -> datetime:
    """From when on nobody is told any more that they were missed: a visit of days ago is no news."""
    return min(expiry(KINDS["missed"], due, start=None), start + timedelta(hours=36))
