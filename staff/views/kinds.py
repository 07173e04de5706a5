"""`/clinic/messages/`: every kind of message; how it looks, the clinic's own sentence in it, a test, and who does without."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from csp.constants import NONE, SELF
from csp.decorators import csp, csp_update
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_safe

from accounts import clock, limits
from accounts.access import lead_required
from accounts.actions import Changed
from accounts.web import see
from audit.actor import actor_of
from booking.actions import save_service
from booking.desk_text import ShortText
from booking.fields import MobileField
from booking.models import Service
from notifications import actions
from notifications.kinds import EMAIL, KINDS, TEXT, Kind
from notifications.models import KindNote, Subject
from notifications.other_letters import sample_letter
from staff.meanwhile import meanwhile

TESTS_AN_HOUR = 30


class NoteForm(forms.Form):
    """The clinic's own sentence."""

    words = forms.CharField(
        label=gettext_lazy("Your sentence"), required=False, max_length=actions.NOTE_LENGTH, widget=forms.Textarea({"rows": 2}),
        help_text=gettext_lazy("Up to 200 characters, in every email of this kind. Never why somebody comes; no links."),
    )  # fmt: skip

    def clean_words(self) -> str:
        """Plain words on one line, and none that a message must not hold."""
        words = " ".join(self.cleaned_data["words"].split())
        if refusal := actions.check_note(words):
            raise forms.ValidationError(refusal)
        return words


class TestForm(forms.Form):
    """Where a test goes."""

    email = forms.EmailField(label=gettext_lazy("Email"), required=False)
    mobile = MobileField(label=gettext_lazy("Mobile"), required=False)


def when_of(kind: Kind) -> str:
    """When a kind goes out, in words."""
    if kind.days_before is not None:
        return ngettext("%(n)d day before", "%(n)d days before", kind.days_before) % {"n": kind.days_before}
    if kind.hours_before is not None:
        return _("%(n)d hours before, if questions are missing") % {"n": kind.hours_before}
    if not (kind.grace and settings.MESSAGE_GRACE_SECONDS):
        return _("At once")
    minutes, seconds = divmod(settings.MESSAGE_GRACE_SECONDS, 60)
    if minutes:
        return ngettext("%(n)d minute after it happened", "%(n)d minutes after it happened", minutes) % {"n": minutes}
    return ngettext("%(n)d second after it happened", "%(n)d seconds after it happened", seconds) % {"n": seconds}


@lead_required
@require_safe
def kinds(request: HttpRequest) -> HttpResponse:
    """The list."""
    noted = set(KindNote.objects.exclude(words="").values_list("kind", flat=True))
    rows = [(kind, when_of(kind), [_("Email") if c == EMAIL else _("Text") for c in kind.channels], kind.code in noted)
            for kind in KINDS.values()]  # fmt: skip
    return render(request, "staff/kinds.html", {"rows": rows})


def _kind(code: str) -> Kind:
    if code not in KINDS:
        raise Http404
    return replace(KINDS[code], note=actions.note_of(code).words)


@csp_update({"frame-src": [SELF]})
@lead_required
@require_http_methods(["GET", "HEAD", "POST"])
def kind(request: HttpRequest, code: str) -> HttpResponse:
    """One kind. POST saves the sentence, the visit types that do without, or sends a test."""
    now, found = clock.now(), _kind(code)
    if request.method != "POST":
        return _page(request, found, now)
    do = request.POST.get("do", "")
    if do == "note":
        return _save_note(request, found, now)
    if do == "services" and found.optional:
        return _save_services(request, found, now)
    if do in found.channels:
        return _send_test(request, found, do, now)
    raise Http404


def _page(request: HttpRequest, found: Kind, now: datetime, *, status: int = 200, **extra: Any) -> HttpResponse:
    context = {
        "kind": found,
        "when": when_of(found),
        "mail": sample_letter(found, EMAIL, now=now) if EMAIL in found.channels else None,
        "text": sample_letter(found, TEXT, now=now).text if TEXT in found.channels else "",
        "others": _others(found, now),
        "note": NoteForm(initial={"words": found.note}),
        "mark": actions.mark_of_note(KindNote(kind=found.code, words=found.note)),
        "test": TestForm(initial={"email": request.user.email}),
        "services": Service.objects.filter(active=True) if found.optional else [],
    }
    return render(request, "staff/kind.html", context | extra, status=status)


def _others(found: Kind, now: datetime) -> list[tuple[str, str]]:
    """The other texts of a kind that has several: what each is called, and its words."""
    if found.subject != Subject.DESK_TEXT:
        return []
    return [(text.label, sample_letter(found, TEXT, now=now, saying=text.value).text) for text in list(ShortText)[1:]]


def _save_note(request: HttpRequest, found: Kind, now: datetime) -> HttpResponse:
    form = NoteForm(request.POST)
    if EMAIL not in found.channels:
        raise Http404
    if not form.is_valid():
        return _page(request, found, now, note=form, form=form, status=422)
    words, seen = form.cleaned_data["words"], request.POST.get("seen", "")
    try:
        actions.save_note(found.code, words, seen=seen, by=actor_of(request), now=now)
    except Changed:
        note = actions.note_of(found.code)
        changed = meanwhile(form, {"words": note.words}, note)
        return _page(request, replace(found, note=note.words), now, note=form, form=form, changed=changed, status=409)
    messages.success(request, _("Saved. The next email of this kind has it."))
    return see("staff:kind", found.code)


def _save_services(request: HttpRequest, found: Kind, now: datetime) -> HttpResponse:
    """Change those that were ticked or unticked on this page, and none that came or changed meanwhile."""
    ticked = set(request.POST.getlist("with"))
    shown = dict(text.partition(":")[::2] for text in request.POST.getlist("shown"))
    for service in Service.objects.filter(active=True).prefetch_related("practitioners"):
        key = str(service.public_id)
        if key not in shown or (shown[key] == "on") == (key in ticked):
            continue
        off = set(service.messages_off) - {found.code} | (set() if key in ticked else {found.code})
        if off != set(service.messages_off):
            people = service.practitioners.all()
            save_service(service, {"messages_off": sorted(off)}, people, by=actor_of(request), now=now)
    messages.success(request, _("Saved. It counts from the next message on."))
    return see("staff:kind", found.code)


def _send_test(request: HttpRequest, found: Kind, channel: str, now: datetime) -> HttpResponse:
    form = TestForm(request.POST)
    name = "email" if channel == EMAIL else "mobile"
    if not form.is_valid() or not form.cleaned_data[name]:
        if not form.errors:
            form.add_error(name, _("Where should the test go?"))
        return _page(request, found, now, test=form, form=form, status=422)
    user = request.user
    if not limits.hit(f"test:{user.pk}", limit=TESTS_AN_HOUR, window=timedelta(hours=1), now=now):
        form.add_error(name, _("That were many tests. Wait an hour"))
        return _page(request, found, now, test=form, form=form, status=429)
    actions.send_test(found.code, channel, str(form.cleaned_data[name]), by=actor_of(request), now=now)
    messages.success(request, _("The test is on its way."))
    return see("staff:kind", found.code)


@csp(
    {
        "default-src": [NONE], "style-src": ["'unsafe-inline'"], "form-action": [NONE], "base-uri": [NONE],
        "frame-ancestors": [SELF], "sandbox": ["allow-popups"],
    }
)  # fmt: skip
@xframe_options_sameorigin
@lead_required
@require_safe
def preview(request: HttpRequest, code: str) -> HttpResponse:
    """The HTML part with a sample's words, shut into a sandbox."""
    found = _kind(code)
    if EMAIL not in found.channels:
        raise Http404
    return HttpResponse(sample_letter(found, EMAIL, now=clock.now()).html.replace("<head>", '<head><base target="_blank">', 1))
