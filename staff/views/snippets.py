"""`/md/snippets/`: a physician's own short texts for reviews, on one page."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts import clock
from accounts.access import physician_required
from accounts.web import as_number, as_uuid, see
from audit.actor import actor_of
from booking.fields import PlainForm, TextField
from intake import reviewing
from intake.actions import SnippetChanged, use_snippet, write_snippet
from intake.errors import IntakeError
from intake.models import Snippet
from staff.review_form import LongText


class SnippetForm(PlainForm):
    """One snippet: what its button says, where it goes, and its words."""

    name = TextField(limit=60, label=gettext_lazy("Name"), error_messages={"required": gettext_lazy("Give it a name")})
    field = forms.ChoiceField(label=gettext_lazy("Goes into"), choices=[(field.name, field.label) for field in reviewing.TEXTS])
    text = LongText(label=gettext_lazy("Text"), error_messages={"required": gettext_lazy("Write the text")})


def _form(key: str, row: Snippet | None = None, typed: Any = None) -> SnippetForm:
    initial = {name: getattr(row, name) for name in SnippetForm.base_fields} if row else None
    return SnippetForm(typed, initial=initial, auto_id=f"s{key}_%s")


@physician_required
@require_http_methods(["GET", "HEAD", "POST"])
def snippets(request: HttpRequest) -> HttpResponse:
    """Each with its form, one for a new one, and those that were taken out."""
    form, status, posted = None, 200, ""
    if request.method == "POST":
        posted, verb = request.POST.get("key", ""), request.POST.get("do", "save")
        if verb in {"out", "back"}:
            return _use(request, posted, use=verb == "back")
        form = _form(posted, typed=request.POST)
        if done := _save(request, form, posted):
            return done
        status = 422
    mine = Snippet.objects.for_actor(request.user)
    rows = list(mine.current())
    kept = {row.key for row in rows}
    out = {row.key: row for row in mine.filter(is_current=False).order_by("number") if row.key not in kept}
    context = {
        "rows": [(row, form if form and str(row.key) == posted else _form(str(row.key), row)) for row in rows],
        "new": form if form and not posted else _form(""),
        "form": form,
        "out": sorted(out.values(), key=lambda row: row.name),
        "names": [(f"{{{name}}}", label) for name, label in reviewing.NAMES.items()],
    }
    return render(request, "staff/snippets.html", context, status=status)


def _save(request: HttpRequest, form: SnippetForm, key: str) -> HttpResponse | None:
    """None if something is wrong with it."""
    wanted = as_uuid(key)
    if key and wanted is None:
        raise Http404
    if not form.is_valid():
        return None
    try:
        seen = as_number(request.POST.get("seen"))
        row = write_snippet(request.user, **form.cleaned_data, key=wanted, seen=seen, by=actor_of(request), now=clock.now())
    except SnippetChanged as refusal:
        messages.error(request, str(refusal))
        return see("staff:snippets")
    except IntakeError as refusal:
        form.add_error("text", str(refusal))
        return None
    messages.success(request, _("Saved: %(name)s.") % {"name": row.name})
    return see("staff:snippets")


def _use(request: HttpRequest, key: str, *, use: bool) -> HttpResponse:
    wanted = as_uuid(key)
    row = use_snippet(request.user, wanted, use=use, by=actor_of(request), now=clock.now()) if wanted else None
    if row is None:
        raise Http404
    said = _("Back: %(name)s.") if use else _("Taken out: %(name)s. It can be brought back below.")
    messages.success(request, said % {"name": row.name})
    return see("staff:snippets")
