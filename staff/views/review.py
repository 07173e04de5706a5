"""`/md/review/`: what waits for a physician, and one patient's answers on one page, to be read, decided and signed.

Every opening of answers is in the trail. One form holds all that is written, so no button loses it.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts import clock
from accounts.access import physician_required
from accounts.web import See, as_number, see
from audit.actions import event
from audit.actor import actor_of
from booking.actions import ask_no_call, ask_to_call
from booking.models import ASKED_TO_CALL, COMING, TO_BE_MOVED, Appointment, Practitioner
from intake import actions, answering, reviewing, trend
from intake.actions.reviews import Content, ask_in, last_came, read_review
from intake.asked import rounds
from intake.errors import IntakeError
from intake.models import QuestionnaireResponse
from intake.photo_panel import panel_for
from intake.sheet import Sheet, for_review
from staff import chart, queue, signing
from staff.reading import reading
from staff.review_form import Put, ReviewForm

_ALLERGIES = ("alg_list", "alg_detail")
_LEFT_OPEN = ("outcome", "labs", "labs_other", "refer_to", "patient_told")  # what a signature with something to confirm says
DRAWN = 7  # earlier responses, the newest: two years of check-ins every three months
_PREGNANCY = ("preg_status", "fu_preg")


@physician_required
@require_http_methods(["GET", "HEAD", "POST"])
def to_review(request: HttpRequest) -> HttpResponse:
    """The queue: urgent first, then visits of the next two days, then the oldest. POST claims one, or lets go of it."""
    now = clock.now()
    if request.method == "POST":
        return _claim(request, now)
    show = request.GET.get("show", "all")
    show = show if show in queue.SHOW else "all"
    with reading(request, "staff.queue_read", now=now):
        waiting = queue.load(request.user, now)
        queue.set_due(waiting, now)
    names = {
        "all": _("All"),
        "mine": _("Mine"),
        "unassigned": _("Unassigned"),
        "waiting": _("Waiting on patient"),
        "confirm": _("Signed, to confirm"),
    }
    chips = [(name, names[name], len(queue.shown(waiting, name, request.user))) for name in queue.SHOW]
    context = {
        "queue": waiting,
        "entries": queue.shown(waiting, show, request.user),
        "chips": chips,
        "show": show,
        "to_review_count": len(waiting.to_review),
        "now": now,
    }
    return render(request, "staff/to_review.html", context)


def _claim(request: HttpRequest, now: datetime) -> HttpResponse:
    verb, _colon, wanted = request.POST.get("do", "").partition(":")
    try:
        response = QuestionnaireResponse.objects.for_actor(request.user).sent().filter(public_id=UUID(wanted)).first()
    except ValueError:
        response = None
    if response is None or verb not in {"claim", "release"}:
        raise Http404
    try:
        if verb == "claim":
            actions.claim_review(response, by=actor_of(request), now=now)
        else:
            actions.release_review(response, by=actor_of(request), now=now)
    except actions.Taken as refusal:
        messages.error(request, str(refusal))
    return see("staff:to_review")


class Page:
    """One patient's page for one request: what is on file, and what is being written."""

    def __init__(self, request: HttpRequest, found: chart.Chart, now: datetime) -> None:
        self.request, self.chart, self.now, self.by = request, found, now, actor_of(request)
        self.response = found.response
        self.visit = chart.visit_of(found.response)

    @property
    def url(self) -> str:
        """Its address."""
        return reverse("staff:review", args=[self.visit.public_id if self.visit else self.response.public_id])

    @property
    def is_coming(self) -> bool:
        """True while the visit it was sent for can still be moved."""
        return self.visit is not None and self.visit.status in COMING and self.visit.starts_at > self.now

    @property
    def can_write(self) -> bool:
        """False once it is signed and nobody amends it."""
        return self.response.reviewed_at is None or self.chart.draft is not None

    @property
    def held_by_other(self) -> bool:
        """True if somebody else is on it."""
        return self.response.reviewer_id not in (None, self.request.user.pk)


def _page(request: HttpRequest, public_id: UUID, now: datetime) -> Page | None:
    found = chart.load(request.user, public_id)
    return Page(request, found, now) if found else None


@physician_required
@require_http_methods(["GET", "HEAD", "POST"])
def review(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One patient's sent answers. A draft shows how far it is, never what it says."""
    now = clock.now()
    with transaction.atomic():
        page = _page(request, public_id, now)
        if page is None or page.response.is_draft:
            if request.method == "POST":
                raise Http404
            return _nothing_yet(request, public_id, page, now)
        if request.method != "POST":
            return _show(page)
    return _act(page)


def _nothing_yet(request: HttpRequest, public_id: UUID, page: Page | None, now: datetime) -> HttpResponse:
    visit = page.visit if page else None
    if page is None:
        visits = Appointment.objects.for_actor(request.user).visits().select_related("patient", "service", "practitioner", "room")
        visit = visits.filter(public_id=public_id).first()
    patient = visit.patient if visit else page.response.patient if page else None
    if patient is None:
        raise Http404
    with reading(request, "staff.review_read", now=now, obj=visit or page.response, subject_id=patient.pk):
        waiting = queue.load(request.user, now)
    context = {"visit": visit, "patient": patient, "response": page.response if page else None, "queue": waiting}
    return render(request, "staff/review.html", context | _about(patient, visit, now))


def _about(patient: Any, visit: Appointment | None, now: datetime) -> dict[str, Any]:
    return {
        "age": patient.age_on(clock.today(now)),
        "waiting": visit.waiting_minutes(now) if visit else None,
    }


# --- Showing ---------------------------------------------------------------------------------------------------------


def _show(
    page: Page,
    *,
    form: ReviewForm | None = None,
    problems: list[tuple[str, str]] | None = None,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    """Four statements: what this person sent with its photos, the reviews, the events of reading, the queue."""
    request, now, response = page.request, page.now, page.response
    about = page.visit or response
    seen = event("staff.review_read", by=page.by, now=now, obj=about, subject_id=response.patient_id)
    # The events come first: if they cannot be written, nothing is decrypted and the page is an error.
    with transaction.atomic():
        sheet = for_review(response, last=page.chart.last, earlier=page.chart.earlier[:DRAWN], by=page.by, now=now, events=[seen])
        waiting = queue.load(request.user, now)
    draft = page.chart.draft
    definition = response.definition
    signed = [
        (row, said, reviewing.in_words(said.fields, definition)) for row in page.chart.signed for said in [read_review(row)]
    ]
    asks = [ask for row, said, _lines in signed if (ask := ask_in(row, said, definition))]
    content = read_review(draft) if draft else Content(fields={"ask_items": [reviewing.OWN_WORDS]})
    for flag in sheet.flags:
        flag.seen = _seen((content if draft or not signed else signed[0][1]).seen(flag.code, flag.since))
        flag.remark = request.POST.get(f"why-{flag.code}", "")
    form = form or ReviewForm(definition, initial={**content.fields, "amend_reason": content.reason})
    form.puts = _puts(page)
    form.aside = set() if page.is_coming else {"visit"}
    mine = [(p.link_id, p.received_at) for p in page.chart.photos if p.response_id == response.pk]
    patient = response.patient
    before, after = waiting.before(response), waiting.after(response)
    context = {
        "visit": page.visit,
        "response": response,
        "patient": patient,
        "sheet": sheet,
        "first_open": next((flag.code for flag in sheet.must_see), ""),
        "photos": panel_for(response, sheet, page.chart.photos),
        "allergies": _said(sheet, _ALLERGIES),
        "pregnancy": _said(sheet, _PREGNANCY),
        "ago": _ago(response.completed_at, now) if response.completed_at else "",
        "queue": waiting,
        "before": before.response.public_id if before else None,
        "after": after.response.public_id if after else None,
        "to_review_count": len(waiting.to_review),
        "form": form,
        "picks": _picks(sheet, form.asked),
        "draft": draft,
        "version": draft.version if draft else 0,
        "can_write": page.can_write,
        "held_by_other": page.held_by_other,
        "asked_to_call": page.visit is not None and _(ASKED_TO_CALL) in page.visit.calls,
        "mine": response.reviewer_id == request.user.pk,
        "amends": response.reviewed_at is not None,
        "signed": signed,
        "rounds": rounds(asks, sheet.addenda, mine),
        "came": last_came([*(entry["at"] for entry in sheet.addenda), *(at for _view, at in mine)]),
        "own_words": reviewing.OWN_WORDS,
        "left_open": [line for line in signed[0][2] if line.name in _LEFT_OPEN] if response.to_confirm and signed else [],
        "before_that": _decided_before(page),
        "trend": _trend(page, sheet),
        "proven": signing.is_proven(request, now),
        "problems": [(_target(name), text) for name, text in problems or []],
        "password_error": next((text for name, text in problems or [] if name == "password"), ""),
        "refusal": refusal,
        "has_errors": bool(problems or refusal),
        "page_url": page.url,
    }
    return render(request, "staff/review.html", context | _about(patient, page.visit, now), status=status)


def _puts(page: Page) -> dict[str, list[Put]]:
    """What a press puts into each field: sets of tests, and this physician's snippets with the patient's name and age in them."""
    puts: dict[str, list[Put]] = {}
    known = _known(page)
    for snippet in page.chart.snippets:
        text = reviewing.filled_in(snippet["text"], known)
        puts.setdefault(snippet["field"], []).append(Put(f"insert:{snippet['key']}", snippet["name"], text))
    puts["labs"] = [Put(f"labs:{code}", str(label), ticks=tests) for code, label, tests in reviewing.LAB_SETS]
    return puts


def _known(page: Page) -> dict[str, Any]:
    patient = page.response.patient
    assert patient is not None
    return {"first_name": patient.preferred_name or patient.legal_first_name, "age": patient.age_on(clock.today(page.now))}


def _put(page: Page, verb: str, what: str, fields: dict[str, Any]) -> str:
    """Without a script a press puts it in here. Returns the field.

    Raises:
        Http404: there is no such snippet or set.
    """
    if verb == "labs":
        tests = next((tests for code, _label, tests in reviewing.LAB_SETS if code == what), None)
        if tests is None:
            raise Http404
        fields["labs"] = list(dict.fromkeys([*fields["labs"], *tests]))
        return "labs"
    snippet = next((s for s in page.chart.snippets if s["key"] == what), None)
    if snippet is None or snippet["field"] not in fields:
        raise Http404
    text, before = reviewing.filled_in(snippet["text"], _known(page) | fields), fields[snippet["field"]]
    fields[snippet["field"]] = f"{before}\n{text}" if before else text
    return snippet["field"]


def _picks(sheet: Sheet, ticked: set[str]) -> dict[str, Any]:
    """What can be asked: what is shown at once, and what is behind a line, unless something of it is ticked."""
    rest = [group for group in sheet.picks if group.folded]
    opened = any(name in ticked for group in rest for name, _label in group.items)
    return {"first": [g for g in sheet.picks if not g.folded], "rest": rest, "opened": opened, "ticked": ticked}


def _seen(entry: dict[str, Any] | None) -> dict[str, Any]:
    return {**entry, "when": clock.long_when(datetime.fromisoformat(entry["at"]))} if entry else {}


def _target(name: str) -> str:
    """The id that a problem's line leads to."""
    if name == "flags":
        return "flags"
    kind = reviewing.BY_NAME[name].kind if name in reviewing.BY_NAME else ""
    return f"id_{name}_0" if kind in {"one", "many"} else f"id_{name}"


def _decided_before(page: Page) -> dict[str, Any] | None:
    """What was signed last about something they sent before."""
    earlier = {row.pk: row for row in page.chart.earlier}
    row = next((r for r in page.chart.reviews if r.response_id in earlier and r.is_signed), None)
    if row is None:
        return None
    return {"review": row, "lines": reviewing.in_words(read_review(row).fields, earlier[row.response_id].definition)}


def _trend(page: Page, sheet: Sheet) -> dict[str, Any]:
    """Small drawings of what can be counted, and the same as a table: a row for each day."""
    drawn = {row.pk for row in (page.response, *page.chart.earlier[:DRAWN])}
    newest = {row.response_id: row for row in reversed(page.chart.reviews) if row.signed_at and row.response_id in drawn}
    signed = [(read_review(row).fields, clock.local(row.signed_at).date()) for row in newest.values() if row.signed_at]
    graded = [point for fields, day in signed for point in trend.of_review(fields, day)]
    charts = trend.charts([*sheet.points, *graded])
    days = sorted({point.day for chart in charts for point in chart.points})
    said = [{point.day: point.words for point in chart.points} for chart in charts]
    return {"charts": charts, "rows": [(day, [words.get(day, "–") for words in said]) for day in days]}


def _said(sheet: Sheet, link_ids: tuple[str, ...]) -> dict[str, Any]:
    """The patient's answers to these questions in one line, and whether it was a plain "none"; no text if not asked.

    What was said when a physician asked again stands behind what was sent, and does not take its place.
    """
    yes = [line for topic in sheet.topics for line in topic.positives if line.link_id in link_ids]
    no = [line for topic in sheet.topics for line in topic.negatives if line.link_id in link_ids]
    text = ": ".join(", ".join(line.answers) for line in yes or no)
    later = {item["link_id"]: ", ".join(item["answers"]) for entry in sheet.addenda for item in entry.get("items", ())}
    again = ": ".join(later[name] for name in link_ids if later.get(name))
    if again:
        text = _("%(before)s. Asked again: %(said)s") % {"before": text, "said": again} if text else again
    return {"text": text, "none": bool(no) and not yes and not again}


def _ago(then: datetime, now: datetime) -> str:
    """ "3 hours ago", rough on purpose."""
    minutes = int((now - then).total_seconds() // 60)
    if minutes < 60:
        return ngettext("%(n)d minute ago", "%(n)d minutes ago", minutes) % {"n": minutes}
    hours = minutes // 60
    if hours < 48:
        return ngettext("%(n)d hour ago", "%(n)d hours ago", hours) % {"n": hours}
    return ngettext("%(n)d day ago", "%(n)d days ago", hours // 24) % {"n": hours // 24}


# --- Acting ----------------------------------------------------------------------------------------------------------


def _act(page: Page) -> HttpResponse:
    """What a button asks for. Those that write keep what was typed, also when they refuse."""
    verb, _colon, what = page.request.POST.get("do", "save").partition(":")
    try:
        if verb in {"claim", "take-over"}:
            actions.claim_review(page.response, take_over=verb == "take-over", by=page.by, now=page.now)
        elif verb == "release":
            actions.release_review(page.response, by=page.by, now=page.now)
        elif verb == "amend":
            actions.amend_review(page.response, by=page.by, now=page.now)
            return See(f"{page.url}#decision")
        elif verb == "discard":
            actions.discard_review(page.response, by=page.by, now=page.now)
        elif verb in {"done", "not-done"}:
            actions.confirm_done(page.response, done=verb == "done", by=page.by, now=page.now)
        elif verb in {"save", "sign", "seen", "unseen", "call", "no-call", "insert", "labs"}:
            return _write(page, verb, what)
        else:
            raise Http404
    except IntakeError as refusal:
        return _refused(page, refusal)
    return See(page.url)


def _refused(page: Page, refusal: IntakeError, form: ReviewForm | None = None) -> HttpResponse:
    """Somebody else is on it, or changed it: the page as it is now, with what was typed."""
    if _wants_json(page):
        return JsonResponse({"error": str(refusal)}, status=409)
    fresh = _page(page.request, page.response.public_id, page.now)
    assert fresh is not None
    return _show(fresh, form=form, refusal=str(refusal), status=409)


def _wants_json(page: Page) -> bool:
    return "application/json" in page.request.headers.get("Accept", "")


def _write(page: Page, verb: str, what: str) -> HttpResponse:
    """Save, and then whatever else the button says."""
    request, response = page.request, page.response
    form = ReviewForm(response.definition, request.POST)
    if not form.is_valid():
        if _wants_json(page):
            return JsonResponse({"error": _("Not saved: something cannot be kept as it is typed")}, status=422)
        return _show(page, form=form, problems=_of_form(form), status=422)
    fields, reason = form.written(), form.cleaned_data["amend_reason"]
    version = as_number(request.POST.get("version")) or 0
    into = _put(page, verb, what, fields) if verb in {"insert", "labs"} else ""
    if problem := answering.text_problem(str(fields.get(into) or ""), reviewing.TEXT) if into else "":
        form.add_error(into, problem)
        return _show(page, form=form, problems=_of_form(form), status=422)
    try:
        if verb == "sign":
            return _sign(page, form, fields, reason, version)
        with transaction.atomic():
            kept = actions.save_review(response, fields, reason=reason, version=version, by=page.by, now=page.now)
            if verb in {"seen", "unseen"}:
                why = " ".join(request.POST.get(f"why-{what}", "").split())
                actions.acknowledge_flag(response, what, reason=why, seen=verb == "seen", by=page.by, now=page.now)
            elif verb == "call" and page.visit is not None and page.visit.is_open:
                ask_to_call(page.visit, reason=_(ASKED_TO_CALL), by=page.by, now=page.now)
                messages.success(request, _("Reception sees it under To call. Undo is where the button was."))
            elif verb == "no-call" and page.visit is not None:
                ask_no_call(page.visit, reason=_(ASKED_TO_CALL), by=page.by, now=page.now)
                messages.success(request, _("Taken back. Reception is not asked to call."))
    except IntakeError as refusal:
        return _refused(page, refusal, form)
    if _wants_json(page):
        return JsonResponse({"version": kept.version, "saved": _("Saved at %(time)s") % {"time": clock.clock_time(page.now)}})
    if verb == "save":
        messages.success(request, _("Draft saved. Only physicians see it."))
    return See(f"{page.url}#{f'id_{into}' if into else 'flags' if verb in {'seen', 'unseen'} else 'decision'}")


def _of_form(form: ReviewForm) -> list[tuple[str, str]]:
    return [(name, str(text)) for name, texts in form.errors.items() for text in texts]


def _sign(page: Page, form: ReviewForm, fields: dict[str, Any], reason: str, version: int) -> HttpResponse:
    """Sign, then the next patient. What is missing is said beside what it is missing from, and nothing typed is lost."""
    request, response, by, now = page.request, page.response, page.by, page.now
    came = request.POST.get("came")
    found = actions.missing_to_sign(response, fields, reason=reason, came=came, by=by, now=now)
    if not signing.is_proven(request, now) and (wrong := signing.prove(request, request.POST.get("password", ""), now)):
        found.append(("password", wrong))
    if found:
        actions.save_review(response, fields, reason=reason, version=version, by=by, now=now)
        fresh = _page(request, response.public_id, now)
        assert fresh is not None
        for name, text in found:
            if name in form.fields:
                form.add_error(name, text)
        return _show(fresh, form=form, problems=found, status=422)
    number = Practitioner.objects.filter(user=request.user).values_list("registration_number", flat=True).first() or ""
    with transaction.atomic():
        actions.sign_review(response, fields, reason=reason, registration=number, version=version, came=came, by=by, now=now)
        _tell_the_desk(page, fields)
    with reading(request, "staff.queue_read", now=now):
        after = queue.load(request.user, now).after(response)
    name = response.patient.full_name
    if after is None:
        messages.success(request, _("Signed: %(name)s. All caught up.") % {"name": name})
        return see("staff:to_review")
    messages.success(request, _("Signed: %(name)s. This is the next one.") % {"name": name})
    return see("staff:review", after.response.public_id)


def _tell_the_desk(page: Page, fields: dict[str, Any]) -> None:
    """The patient gets a message that there is a question; once the visit has begun, or is over, somebody has to reach them.

    What about stands in the review, which reception cannot read. Whether the visit waits for it is the physician's to say.
    """
    visit = page.visit
    if visit is not None and page.is_coming and reviewing.kept(fields).get("visit") == "move":
        ask_to_call(visit, reason=_(TO_BE_MOVED), by=page.by, now=page.now)
    begun = visit is not None and visit.is_open and (visit.starts_at <= page.now or visit.status not in COMING)
    if fields.get("outcome") == "more-info" and visit is not None and begun:
        ask_to_call(visit, reason=_(ASKED_TO_CALL), by=page.by, now=page.now)
