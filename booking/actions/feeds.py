"""A practitioner's private calendar address: made, replaced, taken away."""

from datetime import datetime

from django.db import transaction

from accounts.links import new_link
from audit.actions import record
from audit.actor import Actor
from booking.feeds import PURPOSE, CalendarFeed
from booking.models import Practitioner


@transaction.atomic
def open_feed(practitioner: Practitioner, *, by: Actor, now: datetime) -> CalendarFeed:
    """A new address; the one before, if there was one, stops working at once."""
    feed = _locked(practitioner, now)
    feed.generation += 1
    secret = new_link(PURPOSE, practitioner.pk, feed.generation)
    feed.key_id, feed.sha256, feed.changed_at = secret.key_id, secret.sha256, now
    feed.save()
    record("booking.open_feed", by=by, now=now, obj=practitioner, detail={"generation": feed.generation})
    return feed


@transaction.atomic
def close_feed(practitioner: Practitioner, *, by: Actor, now: datetime) -> None:
    """No address any more. Nothing happens if there is none."""
    feed = _locked(practitioner, now)
    if not feed.is_on:
        return
    feed.sha256, feed.changed_at = None, now
    feed.save()
    record("booking.close_feed", by=by, now=now, obj=practitioner, detail={"generation": feed.generation})


def _locked(practitioner: Practitioner, now: datetime) -> CalendarFeed:
    CalendarFeed.objects.get_or_create(practitioner=practitioner, defaults={"changed_at": now})
    return CalendarFeed.objects.select_for_update().get(practitioner=practitioner)
