"""What the patient agreed to, from the visit's private link and the year of birth; and taking it back."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from booking import actions
from booking.views.by_link import Visit, by_link, year_first
from patients.actions import consents_of

# Code → what it is about, and what happens when it is taken back. A true statement (C4) stays true, so it has no way back.
TITLES: dict[str, str | Promise] = {
    "C1": gettext_lazy("Collection and use of health information"),
    "C2": gettext_lazy("Messages by email and text"),
    "C3": gettext_lazy("Photos for care"),
    "C4": gettext_lazy("True statement"),
    "C8": gettext_lazy("An email when a review is due"),
}
MEANING: dict[str, str | Promise] = {
    "C1": gettext_lazy(
        "We will call you to talk about what you have sent: it is part of your health record, which we must keep by law. "
        "You can still be seen."
    ),
    "C2": gettext_lazy("We send no more emails and texts about your visits. We phone you instead."),
    "C3": gettext_lazy("Nobody at the clinic sees your photos any more, and we ask for no new ones. You can still be seen."),
    "C8": gettext_lazy("We do not email you when a review is due. Messages about booked visits still come."),
}
DONE: dict[str, str | Promise] = {
    "C1": gettext_lazy("Done. We will call you about what was already sent."),
    "C2": gettext_lazy("Done. From now on we phone you."),
    "C3": gettext_lazy("Done. Your photos are not shown to anybody any more."),
    "C8": gettext_lazy("Done. We do not email you about reviews."),
}


@require_http_methods(["GET", "HEAD", "POST"])
@by_link
def visit_consents(request: HttpRequest, it: Visit) -> HttpResponse:
    """C1 to C4 with date and decision. POST `withdraw` takes one back, after a page that says what that means."""
    if asked := year_first(request, it, page="visit_consents", title=_("What you agreed to")):
        return asked
    if request.method == "POST":
        code = request.POST.get("withdraw", "")
        if code not in MEANING:
            return _page(request, it, status=422)
        if actions.withdraw_consent(it.row, code, by=it.by, now=it.now):
            messages.success(request, str(DONE[code]))
        return it.see("visit_consents")
    return _page(request, it)


def _page(request: HttpRequest, it: Visit, *, status: int = 200) -> HttpResponse:
    assert it.row.patient is not None
    kept = [c for c in consents_of(it.row.patient) if c.code in TITLES]
    stands = {c.code for c in kept if c.stands and c.code in MEANING}
    asked = request.GET.get("withdraw", "")
    rows = [(c, TITLES[c.code], c.code in stands) for c in kept]
    context = {"it": it, "rows": rows, "has_errors": status == 422, "back_url": it.url("visit")}
    if asked in stands:
        context |= {"asked": asked, "asked_title": TITLES[asked], "meaning": MEANING[asked], "back_url": it.url("visit_consents")}
    context["error"] = _("Choose what to take back") if status == 422 else ""
    return render(request, "booking/visit_consents.html", context, status=status)
