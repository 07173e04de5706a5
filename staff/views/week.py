"""`/desk/week/<date>/`: who has how much room on which day. No names."""

from datetime import date, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import clock
from accounts.access import reception_required
from staff import weekly


@reception_required
@require_safe
def week(request: HttpRequest, day: date) -> HttpResponse:
    """Monday to Friday, and the weekend when somebody works or comes. A day's cell opens the day."""
    now = clock.now()
    monday = day - timedelta(days=day.weekday())
    context = {
        "week": weekly.load(request.user, monday, now=now),
        "day": day,
        "monday": monday,
        "today": clock.today(now),
        "previous": monday - timedelta(days=7),
        "next": monday + timedelta(days=7),
    }
    return render(request, "staff/week.html", context)
