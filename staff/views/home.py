"""`/staff/`: the first page of each role, and the pulse that open pages listen to."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from accounts.access import staff_required
from accounts.models import Role
from accounts.web import as_date
from staff.board import mark_now


@staff_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Reception and the clinic lead start with the day, physicians with theirs."""
    return redirect("staff:md" if request.user.role == Role.PHYSICIAN else "staff:today")


@staff_required
@require_safe
def pulse(request: HttpRequest) -> JsonResponse:
    """Asked by open pages in the background (it does not count as use): is the session alive, did the day change?"""
    day = as_date(request.GET.get("day"))
    return JsonResponse({"mark": mark_now(day)} if day and request.user.role != Role.PHYSICIAN else {})
