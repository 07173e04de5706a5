"""Answers on paper: a PDF for the patient, and a complete one for the chart, in the wording the patient saw.

Real text with embedded fonts, a bookmark for each section, page numbers. Hidden answers are not on it, because it is made of
the answers that apply; flags are in the chart's copy only.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from django.utils.translation import gettext as _
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import letter
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, KeepTogether, Paragraph, SimpleDocTemplate, Spacer

from accounts import clock
from accounts.models import Clinic
from audit.actor import Actor
from intake import actions, asked, engine, reviewing, wording
from intake.actions.reviews import read_review
from intake.definition import Definition
from intake.document import Document, open_document
from intake.models import QuestionnaireResponse
from intake.texts import filled, spoken

_FONTS = Path(__file__).resolve().parent / "fonts"
_PLAIN, _BOLD = "TrueNorth", "TrueNorth-Bold"
_INK, _QUIET = HexColor("#1f2a26"), HexColor("#55625c")


@cache
def _fonts() -> None:
    """Once per process."""
    pdfmetrics.registerFont(TTFont(_PLAIN, _FONTS / "DejaVuSans.ttf"))
    pdfmetrics.registerFont(TTFont(_BOLD, _FONTS / "DejaVuSans-Bold.ttf"))


def _style(
    name: str, size: float, *, bold: bool = False, quiet: bool = False, before: float = 0, after: float = 2
) -> ParagraphStyle:
    return ParagraphStyle(
        name,
        fontName=_BOLD if bold else _PLAIN,
        fontSize=size,
        leading=size * 1.4,
        textColor=_QUIET if quiet else _INK,
        spaceBefore=before,
        spaceAfter=after,
    )


_TITLE = _style("title", 16, bold=True, after=4)
_HEADING = _style("heading", 12, bold=True, before=12, after=4)
_QUESTION = _style("question", 9, quiet=True, before=5, after=1)
_ANSWER = _style("answer", 10)
_SMALL = _style("small", 8.5, quiet=True)


class _Heading(Paragraph):
    """A heading that is also a bookmark."""

    def __init__(self, text: str) -> None:
        super().__init__(escape(text), _HEADING)
        self.words = text

    def draw(self) -> None:
        """Text, and its place in the outline."""
        key = f"part-{id(self)}"
        self.canv.bookmarkPage(key)
        self.canv.addOutlineEntry(self.words, key)
        super().draw()


@dataclass(frozen=True, slots=True)
class Head:
    """What stands on every page."""

    title: str
    foot: str
    language: str


def _numbered(head: Head) -> type[Canvas]:
    """A canvas that knows how many pages there are before it writes "Page 1 of 5"."""

    class Numbered(Canvas):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._pages: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802 (reportlab's name)
            self._pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for number, page in enumerate(self._pages, start=1):
                self.__dict__.update(page)
                self.setFont(_PLAIN, 8)
                self.setFillColor(_QUIET)
                self.drawString(20 * mm, 12 * mm, head.foot)
                of = _("Page %(n)d of %(of)d") % {"n": number, "of": len(self._pages)}
                self.drawRightString(letter[0] - 20 * mm, 12 * mm, of)
                super().showPage()
            super().save()

    return Numbered


def _drawn(head: Head, story: list[Flowable]) -> bytes:
    out = BytesIO()
    frame = SimpleDocTemplate(
        out, pagesize=letter, leftMargin=20 * mm, rightMargin=20 * mm, topMargin=18 * mm, bottomMargin=22 * mm,
        title=head.title, author=Clinic.current().name, lang=head.language,
    )  # fmt: skip
    frame.build(story, canvasmaker=_numbered(head))
    return out.getvalue()


def _when(at: datetime) -> str:
    """With the year: paper is kept for ten of them."""
    return _("%(day)s at %(time)s") % {"day": clock.written_date(clock.local(at).date()), "time": clock.clock_time(at)}


def _text(text: str, style: ParagraphStyle) -> Paragraph:
    return Paragraph(escape(text).replace("\n", "<br/>"), style)


def for_patient(response: QuestionnaireResponse, *, reference: str, by: Actor, now: datetime) -> bytes:
    """The patient's own copy of sent answers. The read is in the trail; no flags."""
    return _paper(response, reference=reference, by=by, now=now, chart=False)


def for_chart(response: QuestionnaireResponse, *, reference: str, by: Actor, now: datetime) -> bytes:
    """The whole of sent answers for the chart: flags, advice shown, hashes, signed reviews. The read is in the trail."""
    return _paper(response, reference=reference, by=by, now=now, chart=True)


def _paper(response: QuestionnaireResponse, *, reference: str, by: Actor, now: datetime, chart: bool) -> bytes:
    document = open_document(response, by=by, now=now, purpose="paper")
    _fonts()
    definition, patient = response.definition, response.patient
    title = filled(definition.title)
    printed = _("Printed %(when)s") % {"when": _when(now)}
    # On every page, so that a page that is lost can be put back; no name, no topic in the file's own properties.
    foot = " · ".join(part for part in (_("Reference %(ref)s") % {"ref": reference} if reference else "", printed) if part)
    head = Head(title=_("Answers %(ref)s") % {"ref": reference}, foot=foot, language=definition.language)
    story: list[Flowable] = [_text(Clinic.current().name, _SMALL), _text(title, _TITLE)]
    if patient is not None:
        born = clock.written_date(patient.date_of_birth)
        story.append(_text(_("%(name)s, born %(born)s") % {"name": patient.full_name, "born": born}, _ANSWER))
    if response.completed_at:
        story.append(_text(_("Sent %(when)s") % {"when": _when(response.completed_at)}, _SMALL))
    if reference:
        story.append(_text(_("Reference %(ref)s") % {"ref": reference}, _SMALL))
    if chart:
        story += _flags(document)
    story += _sections(response, definition, document)
    story += _addenda(document)
    story += _consents(definition, document)
    if chart:
        story += _advice(document)
    story += _signature(definition, document)
    if chart:
        story += _reviews(response)
    return _drawn(head, story)


def _sections(response: QuestionnaireResponse, definition: Definition, document: Document) -> Iterator[Flowable]:
    asking = actions.asking_for(response, document)
    answers = engine.completed(definition, engine.calc(definition, document.answers, response.today))
    for part in wording.summary(definition, answers, asking):
        for at, row in enumerate(part.rows):
            texts = [spoken(row.question.type, text) for text in row.answers] or [_("Not answered")]
            lines = [_text(filled(row.text), _QUESTION), *(_text(text, _ANSWER) for text in texts)]
            yield KeepTogether([_Heading(filled(part.section.title)), *lines] if at == 0 else lines)


def _flags(document: Document) -> Iterator[Flowable]:
    if not document.flags:
        return
    yield _Heading(_("Flags"))
    words = {"urgent": _("Urgent"), "caution": _("Caution"), "info": _("For information")}
    for flag in document.flags.get("found", ()):
        yield _text(f"{words[flag['severity']]} {flag['code']}: {flag['message']}", _ANSWER)
    if not document.flags.get("found"):
        yield _text(_("None"), _ANSWER)
    yield _text(_("Rules %(name)s") % {"name": document.flags.get("rules", "")}, _SMALL)


def _addenda(document: Document) -> Iterator[Flowable]:
    for entry in document.addenda:
        when = _when(datetime.fromisoformat(entry["at"]))
        first, *others = [
            [_text(line.question, _QUESTION), *(_text(text, _ANSWER) for text in line.answers or [_("Not answered")])]
            for line in asked.came(entry)
        ]
        yield KeepTogether([_Heading(_("Answered on %(when)s") % {"when": when}), *first])
        yield from map(KeepTogether, others)


def _reviews(response: QuestionnaireResponse) -> Iterator[Flowable]:
    """Every signed version, oldest first; a draft is nobody's record."""
    for row in response.signed_reviews:
        content = read_review(row)
        yield _Heading(_("Review, version %(n)d") % {"n": row.number})
        for line in reviewing.in_words(content.fields, response.definition):
            yield KeepTogether([_text(line.label, _QUESTION), _text(line.text, _ANSWER)])
        for code, seen in sorted(content.acknowledged.items()):
            yield _text(" · ".join(part for part in (code, seen["name"], seen["reason"]) if part), _SMALL)
        if content.reason:
            yield _text(_("Changed because: %(why)s") % {"why": content.reason}, _ANSWER)
        signed = content.signed
        when = _when(datetime.fromisoformat(signed["at"]))
        yield _text(_("Signed by %(name)s, %(when)s") % {"name": signed["name"], "when": when}, _ANSWER)
        yield _text(f"{signed['form']} · {signed['rules']} · SHA-256 {row.sha256}", _SMALL)


def _consents(definition: Definition, document: Document) -> Iterator[Flowable]:
    if not document.consents:
        return
    yield _Heading(_("What you agreed to"))
    for entry in document.consents:
        notice = definition.notice("consents", entry["code"])
        decision = _("Yes") if entry["decision"] else _("No")
        when = _when(datetime.fromisoformat(entry["at"]))
        yield KeepTogether(
            [
                _text(filled(notice.title) if notice else entry["code"], _QUESTION),
                _text(entry["text"], _ANSWER),
                _text(f"{decision}, {when}", _ANSWER),
                _text(f"{entry['version']} · SHA-256 {entry['sha256']}", _SMALL),
            ]
        )


def _advice(document: Document) -> Iterator[Flowable]:
    if document.advice_shown:
        yield _Heading(_("Advice shown"))
    for entry in document.advice_shown:
        when = _when(datetime.fromisoformat(entry["at"]))
        yield _text(_("Advice page %(code)s was shown on %(when)s") % {"code": entry["code"], "when": when}, _ANSWER)


def _signature(definition: Definition, document: Document) -> Iterator[Flowable]:
    signed = document.signed
    if not signed:
        return
    declare = definition.questions.get("finish_declare")
    when = _when(datetime.fromisoformat(signed["at"]))
    parts: list[Flowable] = [_Heading(_("Signature"))]
    if declare:
        parts.append(_text(filled(declare.text), _ANSWER))
    parts += [
        _text(_("Signed by %(name)s, %(when)s") % {"name": signed["name"], "when": when}, _ANSWER),
        _text(_("Form %(form)s") % {"form": signed["form"]}, _SMALL),
        _text(_("SHA-256 of the form: %(hash)s") % {"hash": signed["form_sha256"]}, _SMALL),
        _text(_("SHA-256 of the answers: %(hash)s") % {"hash": signed["answers_sha256"]}, _SMALL),
        Spacer(1, 4),
    ]
    yield KeepTogether(parts)
