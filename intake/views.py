"""The question pages of the booking path."""

import re
from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_safe

from accounts import clock
from accounts.templatetags.ui import Segment
from accounts.web import See, see
from intake import actions, answering, engine, photos, prefill, seats
from intake.definition import Notice
from intake.document import Document
from intake.errors import IntakeError
from intake.fields import controls, problem_lines, title_of
from intake.models import Questionnaire
from intake.seats import Sitting, sit_down, with_draft
from intake.texts import filled

FIRST_INTAKE = "hair-loss-intake"


# --- Before the questions --------------------------------------------------------------------------------------------


@require_safe
def who_we_see(request: HttpRequest) -> HttpResponse:
    """Asks nothing: who we see, and where to go for everybody else."""
    return render(request, "intake/who_we_see.html", {"back_url": reverse("booking:start")})


@require_safe
def call_us(request: HttpRequest) -> HttpResponse:
    """For people under the clinic's age, and for those who would rather talk."""
    return render(request, "intake/call_us.html", {"back_url": reverse("intake:who_we_see")})


@require_safe
def get_help(request: HttpRequest) -> HttpResponse:
    """For people who should be seen sooner than a booking allows."""
    return render(request, "intake/get_help.html", {"back_url": reverse("intake:who_we_see")})


# --- The list --------------------------------------------------------------------------------------------------------


@require_safe
@with_draft
def questions(request: HttpRequest, sitting: Sitting) -> HttpResponse:
    """The eight sections with how far each is. Nothing is locked."""
    document = sitting.document
    states = engine.progress(sitting.definition, document.answers, document.done, sitting.asking)
    unfinished = sitting.unfinished
    minutes = engine.minutes_left(sitting.definition, len(sitting.pages), len(unfinished))
    return render(
        request,
        "intake/questions.html",
        {
            "minutes_left": minutes if document.done else 0,
            "is_long": engine.is_long(sitting.definition),
            "states": [(s, _page_url(s.go) if s.go else "") for s in states],
            "done": sum(s.state == "done" for s in states),
            "total": len(states),
            "begun": bool(document.done),
            "go_on": _page_url(unfinished[0]) if unfinished else _after_questions(sitting),
            "finished": not unfinished,
            "booked": bool(sitting.response.patient_id),
            "bar": _bar(sitting),
            "back_url": _way_in(sitting),
        },
    )


def _bar(sitting: Sitting, here: engine.Page | None = None) -> list[Segment]:
    """The bar above the questions: a piece for each section, as full as it is; the open one shows its pages."""
    waiting, bar = {page.key for page in sitting.unfinished}, []
    for section in sitting.definition.sections:
        keys = [page.key for page in sitting.pages if page.section.number == section.number]
        if here and here.key in keys:
            bar.append(Segment(pages=len(keys), at=keys.index(here.key)))
        elif keys:
            bar.append(Segment(sum(key not in waiting for key in keys) / len(keys)))
    return bar


# --- One page --------------------------------------------------------------------------------------------------------


def _too_large(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Answer 422 on the page itself when a form is larger than the site takes.

    The CSRF check reads the form, so it comes after this one (`csrf_protect` on the view inside). A form that is too large
    is not read at all and changes nothing, so it needs no check.
    """
    protected = csrf_protect(view)

    @csrf_exempt
    @wraps(view)
    def measured(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "POST":
            try:
                _ = request.POST
            except (RequestDataTooBig, TooManyFieldsSent):
                request._mark_post_parse_error()  # type: ignore[attr-defined]
                return view(request, *args, too_large=True, **kwargs)
        return protected(request, *args, **kwargs)

    return measured


@require_http_methods(["GET", "HEAD", "POST"])
@_too_large
@with_draft
def question(request: HttpRequest, sitting: Sitting, section: int, number: int, too_large: bool = False) -> HttpResponse:
    """One page of questions, whatever is on it. POST saves and moves on; 422 keeps everything as typed."""
    found = sitting.definition.section(section)
    if found is None or found.frame(number) is None:
        raise Http404
    page = engine.find_page(sitting.pages, section, number)
    if page is None:
        # It stopped applying, for instance after Back and another answer.
        return see("intake:questions") if request.method == "POST" else redirect("intake:questions")
    if request.method != "POST":
        return _render_page(request, sitting, page)
    if too_large:
        first = next(q for q in page.questions if q.type != "display")
        message = _("That is more than we can take. Make it shorter")
        problem = engine.Problem(first.link_id, engine.first_control(first), message)
        return _render_page(request, sitting, page, problems=[problem])
    if not sitting.seat.means(request):
        return render(request, "intake/other_seat.html", status=409) if sitting.seat.is_desk else seats.other_answers(request)
    return _save(request, sitting, page)


def after_upload(request: HttpRequest, link_id: str, error: str = "") -> HttpResponse:
    """A photo was added or taken out with the page's own form: the page again, at that photo, with all that was typed kept."""
    sitting = sit_down(request)
    question = sitting.definition.questions[link_id] if sitting else None
    page = engine.find_page(sitting.pages, question.section, question.page) if sitting and question else None
    if sitting is None or page is None:
        return see("intake:questions")
    if error:
        problem = engine.Problem(link_id, f"file-{link_id}", error)
        return _render_page(request, sitting, page, typed="shown" in request.POST, problems=[problem])
    if "shown" not in request.POST:
        return See(f"{_page_url(page, _change_mode(request, was_finished=False))}#up-{link_id}")
    return _save(request, sitting, page, upload=link_id)


def _save(request: HttpRequest, sitting: Sitting, page: engine.Page, upload: str = "") -> HttpResponse:
    definition, answers, key = sitting.definition, sitting.document.answers, page.key
    if not upload and _should_remind(request, sitting, page):
        change = _change_mode(request, was_finished=False)
        return See(f"{_page_url(page)}?{urlencode({'remind': '1'} | ({'change': change} if change else {}))}")
    rows = request.POST.get("rows", "")
    partial = bool(rows or upload)
    form, unanswered = (request.POST, []) if partial else prefill.with_still(definition, sitting.document, page, request.POST)
    cleaned = answering.clean_page(definition, page.section.number, page.number, form, answers, sitting.asking, partial=partial)
    if unanswered or cleaned.problems:
        return _render_page(request, sitting, page, typed=True, problems=cleaned.problems + unanswered)
    anchor = answering.change_rows(definition, cleaned.values, rows) if rows else f"up-{upload}" if upload else cleaned.follow_up
    before = {p.key for p in sitting.pages}
    # Only a change from Check asks whether everything was answered before.
    was_finished = bool(_change_mode(request, False)) and not [p for p in sitting.unfinished if p.key != key]
    finished = not partial and not cleaned.follow_up
    try:
        saved = actions.save_page(sitting.response, page, cleaned.values, by=sitting.by, now=clock.now(), finished=finished)
    except IntakeError:
        if sitting.seat.is_desk:
            return seats.lost_seat(request, seats.SeatLost(sitting.seat.visit))
        return see("booking:start")
    if saved.under_age:
        return _render_page(request, sitting, page, typed=True, too_young=saved.document.answers["about_dob"])
    sitting.saved(saved)
    change = _change_mode(request, was_finished)
    if saved.advice:
        numbers = [str(n) for n, notice in enumerate(definition.advice, start=1) if notice.code in saved.advice]
        return See(_advice_url(numbers, key.replace("/", "-"), change))
    if not finished:
        # Asked after Continue when there is no script: the same page, with what now applies.
        return See(_page_url(page, change) + (f"#{anchor}" if anchor else ""))
    return See(_next_url(sitting, key, change, before))


def _should_remind(request: HttpRequest, sitting: Sitting, page: engine.Page) -> bool:
    """Once, and never for somebody who said "Skip for now": some of the photos we recommend are not there yet."""
    wanted = [q.link_id for q in page.questions if q.type == "attachment" and q.recommended]
    missing = [name for name in wanted if not engine.is_answered(sitting.document.answers.get(name))]
    if not missing or "skip" in request.POST or request.session.get("reminded") == str(sitting.response.public_id):
        return False
    request.session["reminded"] = str(sitting.response.public_id)
    return True


def _change_mode(request: HttpRequest, was_finished: bool) -> str:
    """ "" in the ordinary run; "1" for a change from Check; "all" when everything was answered before that change.

    In the last case whatever the change opens is asked before going back to Check.
    """
    change = request.POST.get("change") or request.GET.get("change") or ""
    if change not in {"1", "all"}:
        return ""
    return "all" if change == "all" or was_finished else "1"


def _next_url(sitting: Sitting, key: str, change: str, before: set[str]) -> str:
    if change:
        opened = [p for p in sitting.unfinished if change == "all" or p.key not in before]
        return _page_url(opened[0], change) if opened else _check_url(key.partition("/")[0])
    following = engine.next_page(sitting.pages, key)
    if following:
        return _page_url(following)
    return reverse("intake:questions") if sitting.unfinished else _after_questions(sitting)


def _check_url(section: object) -> str:
    """Back to the check, where the section that was changed is open."""
    return f"{reverse('booking:check')}?open={section}#answers-{section}"


def _way_in(sitting: Sitting) -> str:
    """What comes before the questions; nothing for a visit that is booked already."""
    if sitting.seat.is_desk:
        return reverse("staff:visit", args=[sitting.seat.visit])
    return "" if sitting.response.patient_id else reverse("intake:who_we_see")


def _after_questions(sitting: Sitting) -> str:
    """Where the way goes on: to the time, or, for a visit that is booked already, to the check."""
    return reverse("booking:check") if sitting.response.patient_id else reverse("booking:time")


def _page_url(page: engine.Page, change: str = "") -> str:
    url = reverse("intake:question", args=[page.section.number, page.number])
    return f"{url}?change={change}" if change else url


def _named_helper(document: Document) -> dict[str, Any]:
    """Who books for another person gave their name with the details: it is not asked for again."""
    names = {"start_respondent_name": "helper_name", "start_respondent_relation": "helper_relation"}
    return {link_id: document.contact[name] for link_id, name in names.items() if document.contact.get(name)}


def _render_page(
    request: HttpRequest,
    sitting: Sitting,
    page: engine.Page,
    *,
    typed: bool = False,
    problems: list[engine.Problem] | None = None,
    too_young: str = "",
) -> HttpResponse:
    definition, offered = sitting.definition, prefill.for_page(sitting.document, page)
    answers = offered | _named_helper(sitting.document) | sitting.document.answers
    drawn = controls(definition, page, answers, sitting.asking, typed=request.POST if typed else None, problems=problems)
    for control in drawn:
        control.since = prefill.since(sitting.document) if control.link_id in offered else None
    still = prefill.still(definition, sitting.document, page, request.POST if typed else None)
    for entry in still:
        entry["error"] = next((p.message for p in problems or [] if p.field == f"{entry['name']}-yes"), "")
    photos.lay_out(drawn, sitting.response, now=clock.now())
    only_files = all(control.kind in {"files", "display"} for control in drawn)
    title = filled(title_of(page))
    heading = title or next(c.text for c in drawn if c.kind != "display")
    change = request.POST.get("change") or request.GET.get("change") or ""
    previous = engine.previous_page(sitting.pages, page.key)
    back = _check_url(page.section.number) if change else _page_url(previous) if previous else reverse("intake:questions")
    neutral = _("%(section)s, page %(n)d") % {"section": page.section.title, "n": page.number}
    context = {
        "page": page,
        "controls": drawn,
        "heading": title,
        "browser_title": neutral if page.frame.neutral else f"{heading} – {page.section.title}",
        "problems": problem_lines(drawn, problems or []),
        "has_errors": bool(problems),
        "change": change if change in {"1", "all"} else "",
        "back_url": back,
        "section_number": page.section.number,
        "sections_total": len(definition.sections),
        "bar": _bar(sitting, page),
        "consent": _consent_notice(definition, page),
        "booked": bool(sitting.response.patient_id),
        "still": still,
        "still_since": prefill.since(sitting.document),
        "saved_at": sitting.response.saved_at if sitting.document.done else None,
    }
    if too_young:
        born = definition.questions["about_dob"]
        here = (born.section, born.page) == (page.section.number, page.number)
        place = "" if here else reverse("intake:question", args=[born.section, born.page])
        context |= {"too_young": date.fromisoformat(too_young), "change_birth_url": f"{place}#{engine.first_control(born)}"}
    if only_files:
        missing = [c for c in drawn if c.kind == "files" and c.question.recommended and not c.files]
        remind = "remind" in request.GET and missing
        context |= {"response": sitting.response, "draft": True, "missing": missing if remind else []}
        return render(request, "intake/photos.html", context, status=422 if problems else 200)
    context |= {"response": sitting.response, "mixed": True, "has_files": any(c.kind == "files" for c in drawn)}
    return render(request, "intake/question.html", context, status=422 if problems or too_young else 200)


def _consent_notice(definition: Any, page: engine.Page) -> dict[str, str] | None:
    """The whole statement behind a consent question on this page, for "Read all of it"."""
    asked = next((q for q in page.questions if q.consent), None)
    notice = definition.notice("consents", asked.consent) if asked else None
    if notice is None:
        return None
    stop = reverse("intake:stop", args=["no-consent"]) if asked and asked.type == "boolean" else ""
    return {"title": filled(notice.title), "text": filled(notice.text), "stop": stop}


# --- Advice and stops ------------------------------------------------------------------------------------------------


@require_safe
@with_draft
def advice(request: HttpRequest, sitting: Sitting, number: int) -> HttpResponse:
    """Directions to care, shown once, with a way to go on. The draft noted it when the answer was saved."""
    notices = sitting.definition.advice
    if not 1 <= number <= len(notices):
        raise Http404
    notice = notices[number - 1]
    if notice.code not in {entry["code"] for entry in sitting.document.advice_shown}:
        return redirect("intake:questions")
    after, change, then = (request.GET.get(name, "") for name in ("after", "change", "then"))
    change = change if change in {"1", "all"} else ""
    words = _("Continue with the form")
    if re.fullmatch(r"\d{1,2}(-\d{1,2})*", then):
        numbers = then.split("-")
        go_on = _advice_url(numbers, after, change)
        # Whoever stops here has read what the next page is about.
        titles = [filled(notices[n - 1].title) for n in map(int, numbers) if 1 <= n <= len(notices)]
        words = _("Next: %(title)s") % {"title": titles[0]} if titles else words
    elif re.fullmatch(r"\d{1,2}-\d{1,2}", after):
        go_on = _after_advice(sitting, after.replace("-", "/"), change)
    else:
        go_on = reverse("intake:questions")
    return advice_page(request, notice, go_on, words=words)


def advice_page(request: HttpRequest, notice: Notice, go_on: str, *, words: str) -> HttpResponse:
    """Directions to care, with the way on in small."""
    context = {"notice": notice, "text": filled(notice.text), "title": filled(notice.title), "go_on": go_on, "words": words}
    return render(request, "intake/advice.html", context)


def _advice_url(numbers: list[str], after: str, change: str) -> str:
    """The first of these advice pages; from there to the others, one after another, and on from the page they come `after`."""
    first, *others = numbers
    query = {"after": after, "then": "-".join(others), "change": change}
    return f"{reverse('intake:advice', args=[first])}?{urlencode({name: said for name, said in query.items() if said})}"


def _after_advice(sitting: Sitting, key: str, change: str) -> str:
    section, _sep, number = key.partition("/")
    page = engine.find_page(sitting.pages, int(section), int(number))
    if page and not engine.is_finished(sitting.definition, page, sitting.document.answers, sitting.document.done):
        return _page_url(page, change)  # A follow-up waits on the page that led here.
    return _next_url(sitting, key, change, {p.key for p in sitting.pages})


@require_safe
def stop(request: HttpRequest, code: str) -> HttpResponse:
    """A stop page: the clinic's number, and what can still be done. GET changes nothing."""
    try:
        sitting = sit_down(request)
        definition = sitting.definition if sitting else Questionnaire.newest(FIRST_INTAKE).as_definition
    except seats.SeatLost as lost:
        return seats.lost_seat(request, lost)
    except IntakeError:
        raise Http404 from None
    notice = definition.notice("stops", code)
    if notice is None:
        raise Http404
    if code == "under-age" and sitting:
        # It says that nothing was kept, which is not so while there is a draft.
        return redirect("intake:questions")
    context = {"title": filled(notice.title), "text": filled(notice.text), "code": code, "has_draft": bool(sitting)}
    return render(request, "intake/stop.html", context)
