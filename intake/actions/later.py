"""Finishing later: private links to a draft, and the end of drafts nobody came back to."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from accounts import limits
from accounts.links import derive_link, new_link, sha256_of
from audit.actions import record
from audit.actor import Actor
from intake.actions.drafts import delete_draft, take_over
from intake.actions.photos import drop_photos
from intake.document import decrypt
from intake.errors import IntakeError
from intake.models import QuestionnaireResponse, ResumeLink
from patients.models import Patient

PURPOSE = "resume"
KEPT = timedelta(days=30)  # after the last use
DOUBTED = timedelta(hours=1)  # the same where a date of birth under the clinic's age was typed and left so
TRIES, PAUSE = 5, timedelta(minutes=10)
TRIES_A_DAY = 20  # for one draft, whatever the link: there are few years of birth
_BATCH = 100


class YearRefused(IntakeError):
    """The year of birth does not open the draft; `wait` is True during the pause after too many tries."""

    def __init__(self, text: str, *, wait: bool = False) -> None:
        super().__init__(text)
        self.wait = wait


def save_for_later(response: QuestionnaireResponse, *, channel: str, address: str, by: Actor, now: datetime) -> ResumeLink:
    """State that a link to this draft is owed to an address. Links sent before go on working.

    Args:
        channel: "email" or "text".
        address: an email address, or a mobile as E.164.

    Raises:
        IntakeError: the answers were sent or deleted, belong to a booked visit, or hold no date of birth to ask for.
    """
    with transaction.atomic():
        row = QuestionnaireResponse.objects.select_for_update().filter(pk=response.pk).first()
        if row is None or not _without_visit().filter(pk=row.pk).exists():
            raise IntakeError(_("These answers can no longer be saved for later."))
        if not born(row):
            raise IntakeError(_("Tell us your date of birth first."))
        link = _owe(row, channel, address, now=now)
        record("intake.save_for_later", by=by, now=now, obj=row, detail={"channel": channel})
    return link


def _without_visit() -> QuerySet[QuestionnaireResponse]:
    """Drafts that a link opens: of nobody yet, or of somebody on the waiting list. A visit's are opened by its own link."""
    return QuestionnaireResponse.objects.filter(status="in-progress", appointment=None)


def hand_over(response: QuestionnaireResponse, ways: Iterable[tuple[str, str]], *, by: Actor, now: datetime) -> None:
    """From the desk to the patient: the draft is out of the desk's hands, and the link to go on with it is owed.

    Args:
        ways: (channel, address) of each message.

    Raises:
        IntakeError: it is not in the desk's hands.
    """
    with transaction.atomic():
        row = QuestionnaireResponse.objects.select_for_update().get(pk=response.pk)
        if not row.is_at_desk:
            raise IntakeError(_("These questions are not in your hands any more."))
        take_over(row, by=by, now=now)
        for channel, address in ways:
            _owe(row, channel, address, now=now, for_visit=True)


def owe_again(*, channel: str, address: str, now: datetime) -> None:
    """State once more that the link sent last to an address is owed, if its draft can still be gone on with."""
    links = ResumeLink.objects.filter(channel=channel, address__iexact=address, expires_at__gt=now)
    link = links.filter(response__in=_without_visit()).order_by("-pk").first()
    if link is None:
        return
    with transaction.atomic():
        ResumeLink.objects.filter(pk=link.pk).update(sequence=F("sequence") + 1, asked_at=now)
        record(
            "intake.save_for_later", by=Actor.anonymous(), now=now, obj=link.response, detail={"channel": channel, "again": True}
        )


def _owe(row: QuestionnaireResponse, channel: str, address: str, *, now: datetime, for_visit: bool = False) -> ResumeLink:
    link = ResumeLink(response=row, channel=channel, address=address, asked_at=now, expires_at=now + KEPT, for_visit=for_visit)
    secret = new_link(PURPOSE, link.public_id, link.generation)
    link.key_id, link.sha256 = secret.key_id, secret.sha256
    link.save()
    return link


def token_of(link: ResumeLink) -> str:
    """The token of a link, derived."""
    return derive_link(PURPOSE, link.public_id, link.generation, link.key_id)


def find_link(token: str, *, now: datetime) -> ResumeLink | None:
    """The link with this token, or None for an unknown or expired one, and for answers that were sent or have a visit."""
    if len(token) != 16 or not token.isascii() or not token.isalnum():
        return None
    links = ResumeLink.objects.select_related("response").filter(sha256=sha256_of(token), expires_at__gt=now)
    return links.filter(response__in=_without_visit()).first()


def resume(link: ResumeLink, year: int, *, by: Actor, now: datetime) -> QuestionnaireResponse:
    """Open a draft by its link and the year of birth; from now on the link works for another 30 days.

    A wrong try is committed before the refusal is raised, so that aborting the request gives no free tries.

    Raises:
        YearRefused: the year does not match, or five did not and ten minutes are not over; the text may be shown.
    """
    refusal: YearRefused | None = None
    with transaction.atomic():
        row = ResumeLink.objects.select_for_update(of=("self",)).select_related("response").get(pk=link.pk)
        if row.paused_until and now < row.paused_until:
            refusal = YearRefused(_("Too many tries. Wait 10 minutes or call us"), wait=True)
        elif not _tries_left(row.response, now=now):
            refusal = YearRefused(_("Too many tries today. Call us"), wait=True)
        elif born(row.response)[:4] != f"{year:04d}":
            row.tries += 1
            refusal = YearRefused(_("That year does not match. Check it, or call us"))
            if row.tries >= TRIES:
                row.tries, row.paused_until = 0, now + PAUSE
                refusal = YearRefused(_("Too many tries. Wait 10 minutes or call us"), wait=True)
        else:
            row.tries, row.last_used_at, row.expires_at = 0, now, now + KEPT
        row.save(update_fields=["tries", "paused_until", "last_used_at", "expires_at"])
        record("intake.resume", by=by, now=now, obj=row.response, detail={"ok": refusal is None})
    if refusal is not None:
        raise refusal
    return row.response


def reopen(response: QuestionnaireResponse, year: int, *, by: Actor, now: datetime) -> None:
    """The browser that held these answers rested too long: the year of birth shows that the same person came back.

    Raises:
        YearRefused: as in `resume`; the tries are those of these answers, from whatever browser.
    """
    refusal: YearRefused | None = None
    with transaction.atomic():
        if not limits.hit(f"reopen:{response.pk}", limit=TRIES, window=PAUSE, now=now):
            refusal = YearRefused(_("Too many tries. Wait 10 minutes or call us"), wait=True)
        elif not _tries_left(response, now=now):
            refusal = YearRefused(_("Too many tries today. Call us"), wait=True)
        elif born(response)[:4] != f"{year:04d}":
            refusal = YearRefused(_("That year does not match. Check it, or call us"))
        record("intake.resume", by=by, now=now, obj=response, detail={"ok": refusal is None, "same_browser": True})
    if refusal is not None:
        raise refusal


def _tries_left(response: QuestionnaireResponse, *, now: datetime) -> bool:
    """Count a typed year, right or wrong; False when there were too many for these answers today."""
    return limits.hit(f"born-day:{response.pk}", limit=TRIES_A_DAY, window=timedelta(days=1), now=now)


def forget_links(*, before: datetime) -> int:
    """Delete links that lead nowhere any more, with the addresses they went to: what they opened was sent, or has a visit."""
    return ResumeLink.objects.filter(asked_at__lt=before).exclude(response__in=_without_visit()).delete()[0]


def end_links(patient: Patient) -> None:
    """Links to what somebody on the waiting list has saved are dead: an address they may have gone to is not theirs any more."""
    ResumeLink.objects.filter(response__in=_without_visit().filter(patient=patient)).delete()


def born(response: QuestionnaireResponse) -> str:
    """The ISO date of birth of whoever answers: on file, or in the draft, or empty."""
    if response.patient is not None:
        return response.patient.date_of_birth.isoformat()
    document = decrypt(response)
    return str(document.contact.get("date_of_birth") or document.answers.get("about_dob") or "")


def purge_drafts(*, now: datetime) -> int:
    """Delete drafts that belong to nobody, 30 days after they were last saved or opened; each in its own transaction, audited.

    One whose date of birth is in doubt, because it would be somebody under age, stays an hour. Else a draft lives as long as any
    of its links. Returns how many were deleted. Safe to run at any time, any number at once.
    """
    old = _nobodys(now - DOUBTED).exclude(resume_links__expires_at__gt=now)
    old = old.filter(Q(saved_at__lte=now - KEPT) | Q(doubted=True))
    return sum(each(old, lambda row: _purge(row, now=now)))


def purge_photos(*, now: datetime) -> int:
    """Delete the photos of drafts that belong to nobody, PHOTO_HOURS after the draft was last saved or opened; each is audited.

    The answers stay, and photos can be added again. What was sent or belongs to a visit is left alone. Returns how many photos
    were deleted. Safe to run at any time, any number at once.
    """
    since = now - timedelta(hours=settings.PHOTO_HOURS)
    old = _nobodys(since).exclude(resume_links__last_used_at__gt=since).filter(photos__isnull=False).distinct()
    return sum(each(old, lambda row: _drop_photos(row, since=since, now=now)))


def _nobodys(since: datetime) -> QuerySet[QuestionnaireResponse]:
    """Drafts without a visit that were not saved after `since`."""
    drafts = QuestionnaireResponse.objects.filter(status="in-progress", patient=None, saved_at__lte=since)
    return drafts.defer("document").order_by("pk")


def each(old: QuerySet[QuestionnaireResponse], act: Callable[[QuestionnaireResponse], int]) -> Iterator[int]:
    """Act on each row, locked, in a transaction of its own; one that is in use or gone is passed over."""
    after = 0
    while batch := list(old.filter(pk__gt=after).values_list("pk", flat=True)[:_BATCH]):
        after = batch[-1]
        for pk in batch:
            with transaction.atomic():
                row = QuestionnaireResponse.objects.select_for_update(skip_locked=True).filter(pk=pk).first()
                done = act(row) if row is not None else 0
            yield done


def _purge(row: QuestionnaireResponse, *, now: datetime) -> int:
    """Delete one draft unless somebody came back to it meanwhile."""
    if row.saved_at > now - (DOUBTED if row.doubted else KEPT) or row.resume_links.filter(expires_at__gt=now).exists():
        return 0
    try:
        with transaction.atomic():
            delete_draft(row, by=Actor.system(), now=now, action="intake.purge_draft")
    except IntakeError:
        return 0  # It belongs to a visit by now.
    return 1


def _drop_photos(row: QuestionnaireResponse, *, since: datetime, now: datetime) -> int:
    """Delete one draft's photos unless somebody came back to it, or sent it, meanwhile."""
    used = row.saved_at > since or row.resume_links.filter(last_used_at__gt=since).exists()
    if used or not row.is_draft or row.patient_id is not None:
        return 0
    return drop_photos(row, by=Actor.system(), now=now, reason=f"{settings.PHOTO_HOURS} h unsent")
