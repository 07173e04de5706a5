"""Photos in the patient's browser: the page to add them on, one request per file, and the pictures themselves.

What arrives stays in memory, never in a temporary file that somebody could read, and never more than 15 MB of it.
"""

import io
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import wraps
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST, require_safe

from accounts import clock, limits
from accounts.web import See, see
from audit.actions import record
from audit.actor import Actor
from intake import actions, fields, imaging, photos
from intake.asked import Ask
from intake.definition import Question
from intake.document import Document, open_document
from intake.errors import IntakeError
from intake.models import Photo, QuestionnaireResponse
from intake.seats import SeatLost, seat_of
from intake.texts import filled
from intake.views import after_upload

log = logging.getLogger(__name__)
# Set by the visit's page once the year of birth was given: which sent response, and until when photos can be added.
SENT = SENT_KEY, SENT_UNTIL, SENT_BACK, ASKED = "photos", "photos_until", "photos_back", "photos_asked"
ASKED_FOR = timedelta(hours=1)  # as long a browser that gave the year of birth answers what a physician asked for
# Longer requests are not read at all. Between 15 MB and this a file is read to its end, thrown away and explained.
MAX_REQUEST = 48 * 1024 * 1024
PER_HOUR = 80


# --- Receiving -------------------------------------------------------------------------------------------------------


class InMemory(FileUploadHandler):
    """Keeps one file of at most 15 MB in memory, under a name of our own; of a larger one only the fact."""

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        self.parts = bytearray()
        self.too_large = False
        self.taken = ""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """The first file under the name "file", or "file-" and a view's; others are read past."""
        super().new_file(*args, **kwargs)
        if self.taken or not (self.field_name == "file" or str(self.field_name).startswith("file-")):
            raise SkipFile
        self.taken = str(self.field_name)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Add a piece, until it is too much."""
        if self.too_large or len(self.parts) + len(raw_data) > imaging.MAX_BYTES:
            self.too_large = True
            self.parts = bytearray()
        else:
            self.parts += raw_data

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        """The file, without the name and the type that came with it."""
        held = io.BytesIO(self.parts)
        self.parts = bytearray()
        return InMemoryUploadedFile(held, "file", "photo", "application/octet-stream", file_size, None)


def _in_memory(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Receive this view's file in memory. The CSRF check reads the form, so the handler is set before it."""
    protected = csrf_protect(view)

    @csrf_exempt
    @wraps(view)
    def received(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        handler = InMemory(request)
        request.upload_handlers = [handler]
        request.handler = handler  # type: ignore[attr-defined]
        if request.method == "POST":
            try:
                length = int(request.META.get("CONTENT_LENGTH") or 0)
            except ValueError:
                length = 0
            try:
                if length > MAX_REQUEST:
                    raise RequestDataTooBig
                _ = request.POST
            except (RequestDataTooBig, SuspiciousOperation):
                # Nothing is read and nothing changes, so nothing needs a check.
                request._mark_post_parse_error()  # type: ignore[attr-defined]
                return _too_much(request)
        return protected(request, *args, **kwargs)

    return received


def _too_much(request: HttpRequest) -> HttpResponse:
    place = place_of(request)
    if place is None:
        return see("booking:start")
    return _page(request, place, error=photos.refusal("size"), status=413)


# --- Whose photos ----------------------------------------------------------------------------------------------------


class Place:
    """A response that this browser may add photos to: its own draft, or one that was sent and whose link was used.

    With `ask`, only what a physician asked for can be added, and only what was added since is seen.
    """

    def __init__(
        self, response: QuestionnaireResponse, by: Actor, back: str = "", ask: Ask | None = None, go_on: str = ""
    ) -> None:
        self.response, self.by, self.back, self.ask, self.go_on = response, by, back, ask, go_on

    @property
    def key(self) -> str:
        """How a form names it."""
        return "asked" if self.ask else str(self.response.public_id)

    @property
    def page(self) -> str:
        """Where its photos are added."""
        if self.response.is_draft:
            return reverse("intake:photos")
        return f"{reverse('intake:photos')}?{urlencode({'for': 'asked' if self.ask else 'visit'})}"

    @property
    def photos(self) -> QuerySet[Photo]:
        """Those that may be looked at here."""
        return photos.since(self.response, self.ask) if self.ask else photos.visible(self.response)

    def questions(self, now: datetime) -> list[Question]:
        """What files are taken for here; that the answers, or what is asked, were read is in the trail."""
        if self.ask is None:
            return photos.questions_for(self.response, self.open(now))
        with transaction.atomic():
            record("intake.question_read", by=self.by, now=now, obj=self.response)
            return photos.views_asked(self.response, self.ask)

    def open(self, now: datetime) -> Document:
        """The answers; the read is in the trail if they were sent."""
        return open_document(self.response, by=self.by, now=now, purpose="photos")


def places_of(request: HttpRequest) -> list[Place]:
    """The responses behind this browser's session."""
    found = []
    with suppress(SeatLost):
        seat = seat_of(request)
        if seat is not None:
            found.append(Place(seat.response, seat.by))
    sent, until = str(request.session.get(SENT_KEY, "")), str(request.session.get(SENT_UNTIL, ""))
    if sent and until and clock.now() < datetime.fromisoformat(until):
        response = QuestionnaireResponse.objects.filter(public_id=sent).exclude(patient=None).first()
        if response is not None and not response.is_draft:
            found.append(Place(response, Actor.patient(response.patient_id), back=str(request.session.get(SENT_BACK, ""))))
    asked = request.session.get(ASKED)
    if asked and clock.now() < datetime.fromisoformat(asked["until"]):
        response = QuestionnaireResponse.objects.filter(public_id=asked["response"], ask_sequence=asked["sequence"]).first()
        ask = actions.asked_of(response) if response is not None and response.reviewed_at is None else None
        if response is not None and ask is not None:
            found.append(Place(response, Actor.patient(response.patient_id), asked["back"], ask, asked["go_on"]))
    return found


def enter_asked(request: HttpRequest, response: QuestionnaireResponse, *, back: str, go_on: str, now: datetime) -> HttpResponse:
    """To the photos that a physician asked for; whoever comes here gave the year of birth at `go_on`, and goes on there."""
    request.session[ASKED] = {
        "response": str(response.public_id),
        "sequence": response.ask_sequence,
        "until": (now + ASKED_FOR).isoformat(),
        "back": back,
        "go_on": go_on,
    }
    return redirect(f"{reverse('intake:photos')}?for=asked")


def place_of(request: HttpRequest, wanted: str = "") -> Place | None:
    """The one meant, or the only one."""
    found = places_of(request)
    if wanted == "visit":
        found = [p for p in found if not p.response.is_draft and not p.ask]
    elif wanted:
        found = [p for p in found if p.key == wanted]
    return found[0] if found else None


# --- Pages -----------------------------------------------------------------------------------------------------------


@require_safe
def photos_page(request: HttpRequest) -> HttpResponse:
    """Every file that can be added, on one page. In a draft the views have their own page among the questions."""
    wanted = request.GET.get("for", "")
    place = place_of(request, wanted if wanted in {"visit", "asked"} else "")
    return _page(request, place) if place else _no_place(request, wanted)


def _no_place(request: HttpRequest, wanted: str) -> HttpResponse:
    """Nothing can be added any more. Where a physician asked for it: to what is asked by now."""
    asked = request.session.get(ASKED) if wanted == "asked" else None
    return See(asked["go_on"]) if asked else see("booking:start")


def _page(request: HttpRequest, place: Place, *, link_id: str = "", error: str = "", status: int = 200) -> HttpResponse:
    now = clock.now()
    # The views first; what stood among other questions is called by its short name here, where those are not.
    controls = [fields.file_control(q, error=error if q.link_id == link_id else "") for q in place.questions(now)]
    controls.sort(key=lambda control: control.question.group != photos.GROUP)
    for control in controls:
        if control.question.group != photos.GROUP:
            control.text = filled(control.question.short)
    photos.lay_out(controls, place.response, now=now, ask=place.ask)
    draft = place.response.is_draft
    at = f"file-{link_id}" if any(control.error for control in controls) else "photos"
    context = {
        "controls": controls,
        "heading": _("The physician asks for photos") if place.ask else _("Your photos"),
        "standalone": True,
        "place": place,
        "draft": draft,
        "response": place.response,
        "back_url": reverse("intake:questions") if draft else place.back,
        "done_url": reverse("intake:questions") if draft else place.go_on or place.back,
        "problems": [(at, error)] if error else [],
        "has_errors": bool(error),
    }
    return render(request, "intake/photos.html", context, status=status)


@require_POST
@_in_memory
def photo_add(request: HttpRequest) -> HttpResponse:
    """One file for one view. A script gets the row anew; without one the page is shown again, at that row."""
    wanted = request.POST.get("for", "")
    place = place_of(request, wanted)
    here = place or (None if wanted == "asked" else place_of(request))
    if here is None:
        return _no_place(request, wanted)
    link_id = request.POST.get("link_id", "")
    question = here.response.definition.questions.get(link_id)
    if question is None or question.type != "attachment" or (here.ask and link_id not in here.ask.items):
        raise Http404
    if place is None:
        # From a page of answers that this browser no longer has.
        return _row(request, here, link_id, _("That page was of other answers, so the photo was not kept. Add it here again"))
    now = clock.now()
    error = ""
    try:
        if not limits.hit(f"photo:{place.response.pk}", limit=PER_HOUR, window=timedelta(hours=1), now=now):
            raise actions.PhotoRefused(_("That was a lot of photos. Wait a few minutes and try again"))
        actions.add_photo(place.response, link_id, _upload(request, link_id), by=place.by, now=now)
    except actions.PhotoRefused as refusal:
        error = str(refusal)
    except IntakeError:
        return See(place.page)
    return _row(request, place, link_id, error)


def _upload(request: HttpRequest, link_id: str) -> actions.Upload:
    handler: InMemory = request.handler  # type: ignore[attr-defined]
    if handler.taken not in {"file", f"file-{link_id}"}:
        return actions.Upload()
    file = request.FILES.get(handler.taken)
    if handler.too_large:
        return actions.Upload(too_large=True)
    return actions.Upload(file.read() if file else b"")


def _row(request: HttpRequest, place: Place, link_id: str, error: str = "") -> HttpResponse:
    """After a change: the row for a script, else the page the row is on."""
    question = place.response.definition.questions[link_id]
    if request.headers.get("X-Upload"):
        control = fields.file_control(question, error=error)
        photos.lay_out([control], place.response, now=clock.now(), ask=place.ask)
        context = {"control": control, "response": place.response, "fresh": True}
        return render(request, "intake/_upload.html", context, status=422 if error else 200)
    if place.response.is_draft and request.POST.get("page") == "question":
        return after_upload(request, link_id, error)
    if error:
        return _page(request, place, link_id=link_id, error=error, status=422)
    return See(f"{place.page}#up-{link_id}")


def _find(request: HttpRequest, public_id: UUID) -> tuple[Place, Photo]:
    """A photo of this browser's own; anybody else's is not there."""
    for place in places_of(request):
        photo = place.photos.filter(public_id=public_id).first()
        if photo is not None:
            photo.response = place.response
            return place, photo
    raise Http404


@require_POST
@_in_memory
def photo_date(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The day a photo was taken, as the browser's own control for dates sends it, or as somebody types it."""
    place, photo = _find(request, public_id)
    error = ""
    try:
        taken_on = date.fromisoformat(request.POST.get(f"taken-{photo.public_id}", "").strip())
        actions.date_photo(photo, taken_on, by=place.by, now=clock.now())
    except actions.PhotoRefused as refusal:
        error = str(refusal)
    except ValueError:
        error = _("Enter the day the photo was taken, like 2026-03-27")
    return _row(request, place, photo.link_id, error)


@require_POST
@_in_memory
def photo_remove(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Take a photo out."""
    place, photo = _find(request, public_id)
    error = ""
    _ = request.POST  # A body that is no form is refused here, before anything is taken out.
    try:
        actions.remove_photo(photo, by=place.by, now=clock.now())
    except actions.PhotoRefused as refusal:
        error = str(refusal)
    return _row(request, place, photo.link_id, error)


@require_safe
def photo(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The picture itself, for the browser it came from."""
    place, found = _find(request, public_id)
    return picture(found, by=place.by, now=clock.now(), small="small" in request.GET)


def picture(photo: Photo, *, by: Actor, now: datetime, small: bool = False) -> HttpResponse:
    """A photo as an answer that a browser can only look at, and does not keep.

    Raises:
        Http404: it cannot be opened.
    """
    try:
        data = actions.read_photo(photo, by=by, now=now, small=small)
    except IntakeError as error:
        log.error("a photo cannot be opened: %s", error)
        raise Http404 from None
    answer = HttpResponse(data, content_type="application/pdf" if photo.is_pdf else "image/jpeg")
    answer["Content-Disposition"] = 'attachment; filename="document.pdf"' if photo.is_pdf else "inline"
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'; frame-ancestors 'none'"
    answer["Cross-Origin-Resource-Policy"] = "same-origin"
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "no-store, private"
    return answer
