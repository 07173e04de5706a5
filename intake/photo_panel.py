"""The photos of a sent response as the physician's page draws them: by view, with the earlier ones of the same view beside it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from intake import photos
from intake.models import Photo, QuestionnaireResponse
from intake.sheet import Sheet
from intake.texts import filled

# What everybody is asked for; an empty place is kept for each.
STANDARD = ("photo_front", "photo_top", "photo_crown", "photo_left", "photo_right")


@dataclass(slots=True)
class Picture:
    """One photo of a view. `when` is a word for screens: first, now, or empty in between."""

    photo: Photo
    name: str
    when: str = ""
    hints: str = ""
    late: bool = False


@dataclass(slots=True)
class View:
    """One place in the panel. `number`: its radio, 0 for none; `pictures` oldest first; `sent`: with this response."""

    link_id: str
    name: str
    pictures: list[Picture] = field(default_factory=list)
    sent: bool = False
    number: int = 0
    key: str = ""

    @property
    def newest(self) -> Photo:
        """What its thumb shows."""
        return self.pictures[-1].photo

    @property
    def can_compare(self) -> bool:
        """True with two dates."""
        return len(self.pictures) > 1


@dataclass(slots=True)
class Panel:
    """What `templates/intake/_photos.html` draws. `files` are labels, lists and results, not views of the scalp."""

    views: list[View] = field(default_factory=list)
    files: list[Picture] = field(default_factory=list)
    agreed: bool = True

    @property
    def sent(self) -> list[View]:
        """Those with a picture."""
        return [view for view in self.views if view.pictures]

    @property
    def first(self) -> View | None:
        """What is shown at first: a view to compare, if there is one."""
        return next((view for view in self.sent if view.can_compare), next(iter(self.sent), None))

    @property
    def standard_sent(self) -> int:
        """How many of the five views came with this response."""
        return sum(view.sent for view in self.views if view.link_id in STANDARD)


def panel_for(response: QuestionnaireResponse, sheet: Sheet, kept: Iterable[Photo]) -> Panel:
    """From photos that were read already, oldest first; nothing is opened. Each is opened, and noted, when it is asked for."""
    there: dict[str, list[Photo]] = {}
    for photo in kept:
        there.setdefault(photo.link_id, []).append(photo)
    agreed = next((c["decision"] for c in reversed(sheet.consents) if c["code"] == photos.CONSENT), False)
    panel, count = Panel(agreed=bool(agreed)), 0
    for question in response.definition.questions.values():
        if question.type != "attachment":
            continue
        found = sorted(there.get(question.link_id, []), key=lambda p: (p.shown_on, p.received_at, p.position))
        name = filled(question.short).removesuffix(" photo")
        if question.group != photos.GROUP:
            now = [p for p in found if p.response_id == response.pk]
            panel.files += [_picture(p, name if len(now) == 1 else f"{name} {n}", response) for n, p in enumerate(now, start=1)]
        elif found:
            count += 1
            view = View(question.link_id, name, [_picture(p, name, response) for p in found], number=count)
            view.sent = any(p.response_id == response.pk for p in found)
            if view.sent and found[0].response_id != response.pk:
                view.pictures[0].when, view.pictures[-1].when = _("First"), _("Now")
            panel.views.append(view)
        elif question.link_id in STANDARD:
            panel.views.append(View(question.link_id, name))
    for at, view in enumerate(panel.views[:5], start=1):
        view.key = str(at)
    return panel


def _picture(photo: Photo, name: str, response: QuestionnaireResponse) -> Picture:
    words = {"dark": _("dark"), "blurred": _("blurry"), "small": _("small")}
    sent_at = photo.response.completed_at
    return Picture(
        photo,
        name,
        hints=", ".join(words[word] for word in photo.hints if word in words),
        late=photo.response_id == response.pk and sent_at is not None and photo.received_at > sent_at,
    )
