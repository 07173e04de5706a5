"""The calendar file of a visit (RFC 5545, 5546). Says when, where and with whom; never why."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from urllib.parse import urlsplit
from uuid import uuid5

from django.conf import settings
from django.utils.translation import gettext as _
from icalendar import Calendar, Event, Timezone, vCalAddress, vText

from accounts import clock
from accounts.models import Clinic
from booking.models import Appointment


@cache
def _rules(zone: str) -> bytes:
    """The zone's rules, spelled out for programs that do not know it. Working and writing them out takes a while: done once."""
    return bytes(Timezone.from_tzinfo(clock.zone_of(zone), zone).to_ical())


def _calendar(what: str) -> Calendar:
    """A calendar with nothing in it."""
    calendar = Calendar()
    calendar.add("prodid", f"-//True North//{what}//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    return calendar


def _written(calendar: Calendar, zone: str) -> bytes:
    """The file, with the zone's rules before the first event."""
    head, first, rest = bytes(calendar.to_ical()).partition(b"BEGIN:VEVENT")
    if not first:
        head, first, rest = head.partition(b"END:VCALENDAR")
    return head + _rules(zone) + first + rest


def feed_file(visits: Iterable[Appointment], *, host: str) -> bytes:
    """A practitioner's visits for their own calendar program: that there is one, when, and nothing else.

    No name, reference, service or link. The UID is another one than in the patient's own calendar, so that two files on one
    computer do not tell which patient it is.
    """
    name = clock.clinic_zone().key
    zone, calendar = clock.zone_of(name), _calendar("Practitioner")
    calendar.add("name", Clinic.current().short_name)
    calendar.add("refresh-interval", timedelta(minutes=15), parameters={"VALUE": "DURATION"})
    title, at = _("Appointment"), urlsplit(host).hostname
    for visit in visits:
        event = Event()
        event.add("uid", f"{uuid5(visit.public_id, 'feed')}@{at}")
        event.add("sequence", visit.ics_sequence)
        event.add("dtstamp", visit.changed_at)
        event.add("dtstart", visit.starts_at.astimezone(zone))
        event.add("dtend", visit.ends_at.astimezone(zone))
        event.add("summary", title)
        event.add("class", "PRIVATE")
        calendar.add_component(event)
    return _written(calendar, name)


def calendar_file(visit: Appointment, *, method: str, link: str, now: datetime, organizer: str = "", attendee: str = "") -> bytes:
    """One visit as an .ics file.

    The UID stays the same for the life of a visit and the SEQUENCE goes up with every change of time, place, practitioner or
    cancelled, so that calendars move or remove the entry they have rather than adding another.

    Args:
        method: REQUEST or CANCEL in a mail, PUBLISH for a download.
        link: the visit's private link.
        organizer, attendee: email addresses; needed for REQUEST and CANCEL.
    """
    clinic, zone = Clinic.current(), clock.zone_of(visit.zone)
    calendar = _calendar("Visits")
    calendar.add("method", method)
    event = Event()
    event.add("uid", f"{visit.public_id}@{urlsplit(settings.SITE_URL).hostname}")
    event.add("sequence", visit.ics_sequence)
    event.add("dtstamp", now)
    event.add("last-modified", visit.changed_at)
    event.add("dtstart", visit.starts_at.astimezone(zone))
    event.add("dtend", visit.ends_at.astimezone(zone))
    event.add("summary", _("Appointment, %(clinic)s") % {"clinic": clinic.short_name})
    event.add("location", f"{clinic.address_line}, {clinic.region}")
    event.add("description", f"{clinic.phone}\n{link}")
    event.add("status", "CANCELLED" if method == "CANCEL" else "CONFIRMED")
    event.add("class", "PRIVATE")
    event.add("transp", "TRANSPARENT" if method == "CANCEL" else "OPAQUE")
    if organizer:
        address = vCalAddress(f"mailto:{organizer}")
        address.params["CN"] = vText(clinic.name)
        event["organizer"] = address
    if attendee:
        person = vCalAddress(f"mailto:{attendee}")
        person.params["PARTSTAT"], person.params["RSVP"] = vText("ACCEPTED"), vText("FALSE")
        event.add("attendee", person, encode=False)
    calendar.add_component(event)
    return _written(calendar, visit.zone)
