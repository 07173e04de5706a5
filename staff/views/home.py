"""`/staff/`: the first page of each role, and the pulse that open pages listen to."""

from datetime import date

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from accounts.access import staff_required
from accounts.models import Role
from staff.board import mark_now
from staff.views.visit import day_of


@staff_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Reception and the clinic lead start with the day, physicians with theirs."""
    return redirect("staff:md" if request.user.role == Role.PHYSICIAN else "staff:today")


@staff_required
@require_safe
def pulse(request: HttpRequest) -> JsonResponse:
    """Asked by open pages in the background (it does not count as use): is the session alive, did the day change?"""
    day = day_of(request.GET.get("day"), date.min)
    seen = day != date.min and request.user.role != Role.PHYSICIAN
    return JsonResponse({"mark": mark_now(day)} if seen else {})
