"""What a message looks like: every word a letter may ask for, of a patient and a visit that do not exist."""

from datetime import datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from accounts import clock

_LINK = "7KpQ2mZx9LwR4tBn"
# How many days after today the visit of a kind lies, so that "next", "tomorrow" and "last met" are true of it.
_DAYS = {
    "reminder_7d": 7, "questions_72h": 3, "reminder_2d": 2, "questions_30h": 2, "reminder_1d": 1, "missed": 0, "late": 0,
    "recall": -182,
}  # fmt: skip


def sample_words(code: str, *, now: datetime) -> dict[str, Any]:
    """The words of all kinds at once, about a visit that lies where `code` speaks of one; each template takes what it needs."""
    days = _DAYS.get(code, 8)
    day = clock.local(now).date() + timedelta(days=days)
    start = clock.instant(day, time(10, 20), clock.clinic_zone())
    link = f"{settings.SITE_URL}/v/{_LINK}/"
    return {
        "name": "Daniel",
        "for_whom": "",
        "called": False,
        "start": start,
        "old_start": start - timedelta(days=1, minutes=20),
        "same_time": False,
        "minutes": 15 if code == "code" else 30,
        "physician": "Dr. Amara Osei",
        "physician_short": "Dr. Osei",
        "reference": "TN-7F4K",
        "confirmed": False,
        "questions": {"done": 3, "total": 5},
        "free_until": start - timedelta(days=1),
        "free_now": True,
        "close": "",
        "cutoff_hours": 24,
        "today": days == 0,
        "until_today": True,
        "has_visit": False,
        "tomorrow": days == 1,
        "link": link,
        "until": now + timedelta(minutes=45),
        "messages_link": f"{link}messages/",
        "digits": "481207",
        "spaced": "481 207",
        "days": 30,
        "what": _("An authenticator app was added to your sign-in."),
        "at": now,
        "others": False,
        "behind": 20,
        "instead": "email",
        "saying": "call_us",
        "come_at": start + timedelta(minutes=20),
        "unsubscribe": f"{settings.SITE_URL}/m/",
        "who": "Dr. Osei",
    }
