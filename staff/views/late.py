"""`/staff/late/`: a physician runs late, or is on time again. From the day board, and from the physician's own day."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts import clock
from accounts.access import staff_required
from accounts.models import Role
from accounts.web import as_number, see
from audit.actor import actor_of
from booking import actions
from booking.models import Practitioner
from staff.views.day import to_today


@staff_required
@require_POST
def late(request: HttpRequest) -> HttpResponse:
    """`late` is "physician:minutes", 0 for on time again. Reception says it for anybody, a physician for themselves."""
    key, _sep, typed = request.POST.get("late", "").partition(":")
    mine = {"user": request.user} if request.user.role == Role.PHYSICIAN else {}
    person = Practitioner.objects.filter(pk=as_number(key, digits=17), active=True, **mine).first()
    minutes = as_number(typed, digits=3)
    if person is None or minutes is None:
        raise Http404
    now, by = clock.now(), actor_of(request)
    name = {"name": person.short_name}
    if not minutes:
        if actions.on_time_again(person, by=by, now=now):
            messages.success(request, _("%(name)s is on time again. Whoever was not told yet is not told.") % name)
    else:
        try:
            said, n = actions.say_late(person, minutes, by=by, now=now)
        except actions.BookingError as error:
            messages.warning(request, str(error))
        else:
            text = ngettext(
                "%(n)d person hears that %(name)s is about %(minutes)d minutes behind.",
                "%(n)d people hear that %(name)s is about %(minutes)d minutes behind.", n,
            )  # fmt: skip
            messages.success(request, text % {"n": n, "minutes": said.minutes, **name})
    return see("staff:md") if mine else to_today(request)
