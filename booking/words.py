"""Small pieces of text the booking pages share: masked addresses, spans of dates, tidy input."""

import unicodedata
from datetime import date, timedelta

import phonenumbers
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import clock
from patients.models import Helper, Patient, ReminderBy

DOT = "\u2022"
# When messages remind of a visit: calendar days before it, and how long before that the time must have been known.
# The messages themselves are in notifications.kinds, above this app; a test holds the two together.
REMINDERS = ((7, timedelta(days=2)), (2, timedelta(days=1)), (1, timedelta(hours=12)))
# What people type when they mean a big mail provider. Only an offer: the address may be right.
_TYPOS = {
    "gmail.com": "gmial.com gmai.com gmal.com gmail.co gmail.con gmail.cm gamil.com gnail.com gmaill.com gmail.ca gmail.comm",
    "hotmail.com": "hotmial.com hotmal.com hotmai.com hotmail.co hotmail.con hotnail.com homtail.com",
    "outlook.com": "outlok.com outloook.com outlook.co outlook.con outllok.com",
    "yahoo.com": "yaho.com yahooo.com yahoo.con yahoo.co yhaoo.com",
    "yahoo.ca": "yaho.ca yahooo.ca yhaoo.ca",
    "icloud.com": "iclod.com icoud.com icloud.co icloud.con",
    "rogers.com": "roger.com rogers.con",
    "sympatico.ca": "sympatco.ca simpatico.ca sympatico.com",
}
_MEANT = {typo: domain for domain, typos in _TYPOS.items() for typo in typos.split()}


def span(minutes: int) -> str:
    """A cut-off in words: "24 hours", "90 minutes"."""
    if minutes % 60:
        return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
    return ngettext("%(n)d hour", "%(n)d hours", minutes // 60) % {"n": minutes // 60}


def masked_email(address: str) -> str:
    """`daniel@example.com` as `d•••••@example.com`: enough to recognise, not enough to learn."""
    name, _at, domain = address.partition("@")
    return f"{name[:1]}{DOT * 5}@{domain}" if domain else DOT * 5


def _e164(number: object) -> str:
    """A number on file, or as text, with its country code."""
    return str(getattr(number, "as_e164", number) or "")


def phone_text(number: object) -> str:
    """An E.164 number as people here write it: `519-555-0178`, or `+44 20 7946 0958` from abroad."""
    try:
        parsed = phonenumbers.parse(_e164(number), None)
    except phonenumbers.NumberParseException:
        return str(number or "")
    if parsed.country_code == 1:
        digits = str(parsed.national_number)
        return f"{digits[:3]}-{digits[3:6]}-{digits[6:]}" if len(digits) == 10 else f"+1 {digits}"
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def masked_phone(number: object) -> str:
    """`519-555-0178` as `519-555-••78`."""
    text = phone_text(number)
    head, tail = text[:-4], text[-4:]
    return f"{head}{DOT * 2}{tail[-2:]}" if len(text) > 6 else DOT * 4


def masked(channel: str, address: str) -> str:
    """An address as a page may show it. `channel` is "email" or "text"."""
    return masked_email(address) if channel == "email" else masked_phone(address)


def takes_texts(number: object) -> bool:
    """False for a number that is known to be a landline or a service number. Canadian numbers do not tell."""
    try:
        parsed = phonenumbers.parse(_e164(number), None)
    except phonenumbers.NumberParseException:
        return False
    kinds = phonenumbers.PhoneNumberType
    return phonenumbers.number_type(parsed) in {kinds.MOBILE, kinds.FIXED_LINE_OR_MOBILE, kinds.PERSONAL_NUMBER, kinds.UNKNOWN}


def meant_email(address: str) -> str:
    """The address somebody probably meant, or "" when nothing looks like a slip."""
    name, _at, domain = address.rpartition("@")
    meant = _MEANT.get(domain.lower(), "")
    return f"{name}@{meant}" if name and meant else ""


def tidy(text: str) -> str:
    """NFC, runs of space as one, none around."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def hostile(text: str) -> bool:
    """True for text with characters that no name or sentence has: controls, broken bytes, direction overrides."""
    return any(
        c == "\ufffd"
        or (unicodedata.category(c) in {"Cc", "Cs", "Co", "Cn"} and c not in "\t\r\n")
        or "\u202a" <= c <= "\u202e"
        or "\u2066" <= c <= "\u2069"
        for c in text
    )


def dates(first: date, last: date) -> str:
    """ "March 14", "March 14 and 15", "March 14 to 18", "March 30 to April 2"."""
    if first == last:
        return clock.month_day(first)
    same_month = (first.year, first.month) == (last.year, last.month)
    end = str(last.day) if same_month else clock.month_day(last)
    if last - first == timedelta(days=1):
        return _("%(first)s and %(last)s") % {"first": clock.month_day(first), "last": end}
    return _("%(first)s to %(last)s") % {"first": clock.month_day(first), "last": end}


def gap_line(first: date, last: date, reason: str) -> str:
    """One line about days without times: "March 14 and 15, the weekend: closed".

    Args:
        reason: "closed", "full", or "filtered" (there are times, but none that the chosen filters let through).
    """
    span = dates(first, last)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    if reason == "closed":
        if len(days) == 2 and [day.weekday() for day in days] == [5, 6]:
            return _("%(dates)s, the weekend: closed") % {"dates": span}
        return _("%(dates)s: closed") % {"dates": span}
    if reason == "full":
        return _("%(dates)s: full") % {"dates": span}
    return _("%(dates)s: no times like that") % {"dates": span}


def no_way(reader: Patient | Helper) -> str:
    """Why no message goes to somebody who has no way left for one."""
    if reader.reminder_by == ReminderBy.PHONE:
        return _("This patient gets phone calls only, so no message can go out. If they agree, change that first.")
    if not (reader.mobile or reader.email):
        return _("There is no mobile and no email to send it to.")
    return _("No message gets through: texts were stopped or mail came back. Call, or change the contact first.")
