"""Somebody else was quicker: the closest other times on a small page of their own. Losers of a race come in crowds."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from booking import calendar, picker, terms
from booking.actions import SlotTaken
from booking.models import Service


def taken_page(
    request: HttpRequest,
    refusal: SlotTaken,
    service: Service,
    *,
    post_url: str,
    all_url: str,
    back_url: str,
    kept: str,
    now: datetime,
    also: dict[str, Any] | None = None,
    status: int = 409,
) -> HttpResponse:
    """The 409 (200 to who only looked). What was typed or booked before is where it was; `kept` says so.

    Args:
        post_url: where a closest time is posted to, as `slot`, with the values of `also`.
        all_url: the page of all times.
        back_url: where they would rather go back to.
    """
    found = refusal.alternatives
    near = picker.choices(found, calendar.named(slot.practitioner_id for slot in found))
    context = {
        "taken_text": str(refusal),
        "near": near,
        "near_terms": terms.of_several(service, [choice.start for choice in near], now=now),
        "post_url": post_url,
        "pass": also or {},
        "all_url": all_url,
        "back_url": back_url,
        "kept": kept,
    }
    return render(request, "booking/taken.html", context, status=status)
