"""Photos and files of a response, as they are looked at: which are taken, which may still change, where their files are."""

import shutil
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from intake import engine
from intake.asked import Ask
from intake.definition import Question
from intake.document import Document
from intake.fields import Control
from intake.models import Photo, QuestionnaireResponse
from intake.texts import filled
from patients.models import ConsentRecord

HINTS = {
    "dark": gettext_lazy("This one looks dark. You can use it anyway"),
    "blurred": gettext_lazy("This one looks blurry. You can use it anyway"),
    "small": gettext_lazy("This one is small. You can use it anyway"),
}
SECOND_THOUGHTS = timedelta(minutes=15)
GROUP, CONSENT, LABS = "grp_photos", "C3", "hx_labs_file"
WHOLE, SMALL = "intake.photo", "intake.photo.small"


def store() -> Storage:
    """Where the sealed files are: a folder, or a bucket."""
    return storages["photos"]


def questions_for(response: QuestionnaireResponse, document: Document) -> list[Question]:
    """The questions of this response that take files now, in the order of the form.

    A view of the scalp is among them only while the patient agrees to photos (C3). Once the review is signed there are none.
    """
    if response.reviewed_at is not None:
        return []
    definition = response.definition
    shown = engine.enabled(definition, document.answers)
    found = [q for q in definition.questions.values() if q.type == "attachment" and q.link_id in shown]
    if not response.is_draft and not agrees(response):
        found = [q for q in found if q.group != GROUP]
    return found


def views_to_add(response: QuestionnaireResponse) -> list[str]:
    """The views of the scalp that we ask everybody for and that a sent response has no photo of, by their short names.

    None without the patient's consent, and none once the review is signed. Nothing is opened for it.
    """
    if response.is_draft or response.reviewed_at is not None or not agrees(response):
        return []
    there = set(visible(response).values_list("link_id", flat=True))
    views = [q for q in response.definition.questions.values() if q.group == GROUP and q.type == "attachment"]
    asked = [q for q in views if q.recommended and not q.show_when]
    return [filled(q.short) for q in asked if q.link_id not in there]


def views_asked(response: QuestionnaireResponse, ask: Ask) -> list[Question]:
    """What a physician asks for that takes a file; no view of the scalp without the patient's consent."""
    return [q for q in ask.views if q.group != GROUP or agrees(response)]


def since(response: QuestionnaireResponse, ask: Ask) -> QuerySet[Photo]:
    """The photos that came since they were asked for."""
    return visible(response).filter(received_at__gte=ask.at)


def views_left(response: QuestionnaireResponse, ask: Ask) -> list[Question]:
    """Those that were asked for and have not come."""
    there = set(since(response, ask).values_list("link_id", flat=True))
    return [q for q in views_asked(response, ask) if q.link_id not in there]


def agrees(response: QuestionnaireResponse) -> bool:
    """Whether the consent on the patient's file still stands."""
    latest = ConsentRecord.objects.last_word(response.patient_id, CONSENT)
    return latest is not None and latest.stands


def room_left() -> bool:
    """Whether the disk has room; a bucket always has."""
    at = store()
    if not isinstance(at, FileSystemStorage):
        return True
    settings.PRIVATE_ROOT.mkdir(mode=0o700, parents=True, exist_ok=True)
    usage = shutil.disk_usage(settings.PRIVATE_ROOT)
    return usage.free >= usage.total * settings.PHOTO_DISK_FREE


def refusal(why: str, *, pdf_too: bool = False) -> str:
    """What is said when a file is not taken."""
    return {
        "size": _("This photo is over 15 MB. Take it again or choose a smaller one"),
        "kind": _("Use a photo (JPEG, PNG or HEIC) or a PDF, not a video")
        if pdf_too
        else _("Use a photo (JPEG, PNG or HEIC), not a PDF or video"),
        "pixels": _("This photo has more than 50 million dots. Take it again or choose a smaller one"),
        "damaged": _("We could not open this photo. Take it again or choose another one"),
        "disk": _("We cannot take photos right now. Your answers are safe. Go on, and add photos later or at your visit"),
    }.get(why, _("The photo did not arrive. Your answers are safe. Try again"))


def changeable(photo: Photo, response: QuestionnaireResponse, *, now: datetime) -> bool:
    """Whether the patient may replace or remove it: in a draft, or right after sending it late. Else it is on the record."""
    if response.completed_at is None:
        return True
    if response.reviewed_at is not None:
        return False
    return photo.received_at > response.completed_at and now - photo.received_at <= SECOND_THOUGHTS


def lay_out(controls: Iterable[Control], response: QuestionnaireResponse, *, now: datetime, ask: Ask | None = None) -> None:
    """Put the photos there are into a page's controls for files; with `ask` those that came since."""
    places = {control.link_id: control for control in controls if control.kind == "files"}
    if not places:
        return
    there = since(response, ask) if ask else visible(response)
    for photo in there.filter(link_id__in=list(places)):
        photo.changeable = changeable(photo, response, now=now)  # type: ignore[attr-defined]
        photo.hint_texts = [HINTS[word] for word in photo.hints if word in HINTS][:1]  # type: ignore[attr-defined]
        places[photo.link_id].files.append(photo)


def visible(response: QuestionnaireResponse) -> QuerySet[Photo]:
    """The photos that may be looked at, in the order of the form's views."""
    return response.photos.filter(status=Photo.Status.KEPT).order_by("position", "pk")
