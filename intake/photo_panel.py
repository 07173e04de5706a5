"""The photos of a sent response as the physician's page draws them: by view, with an empty place for what was not sent."""

from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from intake import photos
from intake.models import Photo, QuestionnaireResponse
from intake.summaries import Review
from intake.texts import filled

# What everybody is asked for; an empty place is kept for each.
_ALWAYS = ("photo_front", "photo_top", "photo_crown", "photo_left", "photo_right")


@dataclass(slots=True)
class View:
    """One place in the panel. `number`: which of the large pictures it shows, 0 for none."""

    link_id: str
    name: str
    photo: Photo | None = None
    number: int = 0
    key: str = ""
    hints: str = ""
    late: bool = False


@dataclass(slots=True)
class Panel:
    """What `templates/intake/_photos.html` draws. `files` are labels, lists and results, not views of the scalp."""

    views: list[View] = field(default_factory=list)
    files: list[View] = field(default_factory=list)
    agreed: bool = True

    @property
    def sent(self) -> list[View]:
        """Those with a picture."""
        return [view for view in self.views if view.photo]


def panel_for(response: QuestionnaireResponse, review: Review) -> Panel:
    """One query; nothing is opened. Each picture is opened, and noted, when the browser asks for it."""
    there: dict[str, list[Photo]] = {}
    for photo in photos.sent_with(response):
        there.setdefault(photo.link_id, []).append(photo)
    agreed = next((c["decision"] for c in reversed(review.consents) if c["code"] == photos.CONSENT), False)
    panel, count = Panel(agreed=bool(agreed)), 0
    words = {"dark": _("dark"), "blurred": _("blurry"), "small": _("small")}
    for question in response.definition.questions.values():
        if question.type != "attachment":
            continue
        found = there.get(question.link_id, [])
        scalp = question.group == photos.GROUP
        name = filled(question.short).removesuffix(" photo")
        for at, photo in enumerate(found, start=1):
            view = View(question.link_id, name if len(found) == 1 else f"{name} {at}", photo)
            view.hints = ", ".join(words[word] for word in photo.hints if word in words)
            view.late = response.completed_at is not None and photo.received_at > response.completed_at
            if scalp:
                count += 1
                view.number = count
            (panel.views if scalp else panel.files).append(view)
        if scalp and not found and question.link_id in _ALWAYS:
            panel.views.append(View(question.link_id, name))
    for at, view in enumerate(panel.views[:5], start=1):
        view.key = str(at)
    return panel
