"""The log of a visit or patient in words, from the audit trail; and the messages about a visit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import clock
from accounts.models import User
from audit.models import AuditEvent
from booking.desk_text import ShortText
from booking.models import Appointment, DeskText
from notifications.kinds import KINDS
from notifications.models import WAITING, Delivery, Inbound, Message, Subject

WORDS: dict[str, Any] = {
    "booking.book": gettext_lazy("Booked online"),
    "booking.book_for": gettext_lazy("Booked by the clinic"),
    "booking.confirm": gettext_lazy("Confirmed"),
    "booking.arrive": gettext_lazy("Arrived"),
    "booking.to_room": gettext_lazy("To room"),
    "booking.fulfil": gettext_lazy("Done"),
    "booking.mark_noshow": gettext_lazy("No-show"),
    "booking.cancel": gettext_lazy("Cancelled"),
    "booking.move": gettext_lazy("Moved"),
    "booking.keep_wall_time": gettext_lazy("Kept at its time after new clock rules"),
    "booking.not_taken": gettext_lazy("Held time not taken by the patient"),
    "booking.undo": gettext_lazy("Undone"),
    "booking.called": gettext_lazy("Called"),
    "patients.update_contact": gettext_lazy("Contact details changed"),
    "booking.name_helper": gettext_lazy("Noted who called for the patient"),
    "booking.rotate_link": gettext_lazy("Private link renewed"),
    "patients.merge": gettext_lazy("Merge decided"),
    "staff.link_shown": gettext_lazy("Link shown"),
    "staff.link_resent": gettext_lazy("Link sent again"),
    "staff.visit_read": gettext_lazy("Opened"),
    "staff.patient_read": gettext_lazy("Record opened"),
    "intake.read": gettext_lazy("Answers read"),
    "staff.review_read": gettext_lazy("Review opened"),
    "staff.answers_printed": gettext_lazy("Answers printed"),
    "staff.fhir_read": gettext_lazy("Answers opened as FHIR"),
    "staff.day_read": gettext_lazy("Day shown"),
    "staff.queue_read": gettext_lazy("Review queue shown"),
    "staff.my_day_read": gettext_lazy("Own day shown"),
    "staff.again_read": gettext_lazy("Patients to book again shown"),
    "staff.calls_read": gettext_lazy("Calls shown"),
    "staff.affected_read": gettext_lazy("Visits seen that a change touches"),
    "staff.search": gettext_lazy("Search"),
    "staff.access_log_read": gettext_lazy("Access log shown"),
    "accounts.signed_in": gettext_lazy("Signed in"),
    "accounts.signed_out": gettext_lazy("Signed out"),
    "accounts.sign_in_failed": gettext_lazy("Wrong password"),
    "accounts.second_step_failed": gettext_lazy("Wrong code at the second step"),
    "accounts.staff_created": gettext_lazy("Sign-in created"),
    "accounts.invited": gettext_lazy("Invited to sign in"),
    "accounts.role_changed": gettext_lazy("Role changed"),
    "accounts.access_ended": gettext_lazy("Access ended"),
    "accounts.access_given_back": gettext_lazy("Access given back"),
    "accounts.second_factor_reset": gettext_lazy("Second step reset"),
    "accounts.second_factors_resealed": gettext_lazy("Second steps under a new key"),
    "accounts.totp_activated": gettext_lazy("Authenticator app on"),
    "accounts.totp_deactivated": gettext_lazy("Authenticator app removed"),
    "accounts.webauthn_added": gettext_lazy("Passkey added"),
    "accounts.webauthn_removed": gettext_lazy("Passkey removed"),
    "accounts.recovery_codes_generated": gettext_lazy("New recovery codes"),
    "accounts.password_reset_key": gettext_lazy("Password link asked for"),
    "accounts.password_reset": gettext_lazy("Password reset"),
    "accounts.password_changed": gettext_lazy("Password changed"),
    "intake.save": gettext_lazy("Answers saved"),
    "intake.complete": gettext_lazy("Answers sent"),
    "booking.hold": gettext_lazy("Time held"),
    "booking.set_week": gettext_lazy("Weekly hours changed"),
    "booking.drop_week": gettext_lazy("Planned hours taken back"),
    "booking.set_day": gettext_lazy("Hours of a date changed"),
    "booking.clear_day": gettext_lazy("Hours of a date as every week again"),
    "booking.take_time_off": gettext_lazy("Time off entered"),
    "booking.end_time_off": gettext_lazy("Time off ended"),
    "booking.close_day": gettext_lazy("Clinic closed for a day"),
    "staff.time_off_read": gettext_lazy("Reason of a time off seen"),
    "booking.save_service": gettext_lazy("Visit type changed"),
    "booking.save_room": gettext_lazy("Room changed"),
    "booking.save_practitioner": gettext_lazy("Physician’s entry changed"),
    "booking.rebook_many": gettext_lazy("Visits rebooked together"),
    "booking.undo_batch": gettext_lazy("Rebooking undone together"),
    "booking.hand_over": gettext_lazy("Another time held for the patient"),
    "booking.take_new_time": gettext_lazy("New time taken by the patient"),
    "booking.called_off": gettext_lazy("No longer to be called"),
    "staff.batch_read": gettext_lazy("Visits to be rebooked shown"),
    "booking.set_up": gettext_lazy("Clinic set up"),
    "booking.load_demo": gettext_lazy("Demo clinic loaded"),
    "booking.extend_hold": gettext_lazy("Time held longer"),
    "booking.release_hold": gettext_lazy("Held time let go"),
    "booking.request_link": gettext_lazy("Lost link asked for"),
    "booking.open_questions": gettext_lazy("Questions opened"),
    "booking.open_feed": gettext_lazy("Calendar address made"),
    "booking.close_feed": gettext_lazy("Calendar address taken away"),
    "staff.feed_shown": gettext_lazy("Calendar address shown"),
    "patients.create": gettext_lazy("Patient added"),
    "patients.refresh": gettext_lazy("Details brought up to date at a booking"),
    "patients.open_account": gettext_lazy("Own account opened"),
    "accounts.passkey_added": gettext_lazy("Passkey added"),
    "accounts.passkey_removed": gettext_lazy("Passkey removed"),
    "intake.ask_correction": gettext_lazy("Correction asked for"),
    "intake.answer_correction": gettext_lazy("Correction answered"),
    "intake.read_correction": gettext_lazy("Correction read"),
    "portal.visits_read": gettext_lazy("Own visits shown"),
    "portal.details_read": gettext_lazy("Own details shown"),
    "portal.data_taken": gettext_lazy("Own data downloaded"),
    "booking.ask_to_call": gettext_lazy("To be called"),
    "booking.join_list": gettext_lazy("Joined the waiting list"),
    "booking.change_wishes": gettext_lazy("Waiting list: wishes changed"),
    "booking.leave_list": gettext_lazy("Left the waiting list"),
    "booking.pause_wait": gettext_lazy("Waiting list: paused"),
    "booking.resume_wait": gettext_lazy("Waiting list: goes on"),
    "booking.remember_visit": gettext_lazy("Waiting list: booked a visit meanwhile"),
    "booking.ask_first": gettext_lazy("Waiting list: order changed"),
    "staff.waiting_read": gettext_lazy("Waiting list shown"),
    "booking.text_patient": gettext_lazy("Texted"),
    "booking.take_back_text": gettext_lazy("Text taken back"),
    "booking.say_late": gettext_lazy("Said that a physician runs late"),
    "booking.on_time_again": gettext_lazy("Running late: taken back"),
    "booking.offer": gettext_lazy("Time offered"),
    "booking.call_with_offer": gettext_lazy("To be called with an offered time"),
    "booking.pass_offer": gettext_lazy("Offer passed on"),
    "booking.expire_offer": gettext_lazy("Offer not answered"),
    "booking.skip_offer": gettext_lazy("Offer skipped"),
    "booking.accept_offer": gettext_lazy("Offer taken"),
    "patients.ask_code": gettext_lazy("Code asked for"),
    "patients.check_code": gettext_lazy("Code checked"),
    "intake.publish": gettext_lazy("Questionnaire published"),
    "intake.start": gettext_lazy("Questions begun"),
    "intake.take_over": gettext_lazy("Questions handed to the patient"),
    "intake.attach_patient": gettext_lazy("Answers put with the patient"),
    "intake.save_contact": gettext_lazy("Details typed"),
    "intake.bring_facts": gettext_lazy("Facts of the last visit brought along"),
    "intake.doubt_age": gettext_lazy("Date of birth under 18 typed, asked whether it is right"),
    "intake.stop_under_age": gettext_lazy("Ended: under 18, answers deleted"),
    "staff.tablet_started": gettext_lazy("Tablet given to the patient"),
    "booking.tablet_back": gettext_lazy("Tablet handed back"),
    "staff.questions_left": gettext_lazy("Questions left for later"),
    "intake.save_page": gettext_lazy("Answers saved"),
    "intake.offer_answers": gettext_lazy("Last answers offered again"),
    "intake.rotate_keys": gettext_lazy("Encrypted with a new key"),
    "intake.add_photo": gettext_lazy("Photo added"),
    "intake.date_photo": gettext_lazy("Day of a photo changed"),
    "intake.remove_photo": gettext_lazy("Photo removed"),
    "intake.purge_photo": gettext_lazy("Removed photo deleted"),
    "intake.photo_read": gettext_lazy("Photo seen"),
    "patients.give_consent": gettext_lazy("Consent given"),
    "patients.withdraw_consent": gettext_lazy("Consent taken back"),
    "intake.withdraw_photos": gettext_lazy("Photos no longer shown"),
    "intake.question_read": gettext_lazy("Physician's question shown"),
    "intake.reply": gettext_lazy("Physician's question answered"),
    "intake.claim_review": gettext_lazy("Review taken on"),
    "intake.release_review": gettext_lazy("Review let go"),
    "intake.save_review": gettext_lazy("Review written"),
    "intake.acknowledge_flag": gettext_lazy("Flag acknowledged, or taken back"),
    "intake.sign_review": gettext_lazy("Review signed"),
    "intake.amend_review": gettext_lazy("Amendment begun"),
    "intake.discard_review": gettext_lazy("Draft of a review thrown away"),
    "intake.write_snippet": gettext_lazy("Snippet written"),
    "intake.use_snippet": gettext_lazy("Snippet taken out, or brought back"),
    "intake.confirm_done": gettext_lazy("What a review left open confirmed"),
    "intake.save_for_later": gettext_lazy("Saved for later"),
    "intake.year_right": gettext_lazy("Year of birth given at the private link"),
    "intake.year_wrong": gettext_lazy("Wrong year of birth at the private link"),
    "intake.resume": gettext_lazy("Saved answers opened again"),
    "intake.delete_draft": gettext_lazy("Unsent answers deleted"),
    "intake.purge_draft": gettext_lazy("Old unsent answers deleted"),
    "notifications.switch_channel": gettext_lazy("Messages switched on or off"),
    "notifications.reply": gettext_lazy("Text came in"),
    "patients.stop_texts": gettext_lazy("Texts stopped"),
    "patients.start_texts": gettext_lazy("Texts started again"),
    "patients.contact_bounced": gettext_lazy("Address found dead"),
    "notifications.retry": gettext_lazy("Message sent again"),
    "notifications.call_instead": gettext_lazy("To be called instead of a message"),
    "notifications.dismiss": gettext_lazy("Message trouble dealt with"),
    "notifications.reply_done": gettext_lazy("Text answered by a person"),
    "notifications.save_note": gettext_lazy("Note in messages changed"),
    "notifications.send_test": gettext_lazy("Test message sent"),
    "staff.messages_read": gettext_lazy("Messages shown"),
    "accounts.clinic_saved": gettext_lazy("Clinic details changed"),
    "records.export": gettext_lazy("Whole record written out"),
    "records.review_read": gettext_lazy("Review written out"),
    "records.text_read": gettext_lazy("Text written out"),
    "records.erase": gettext_lazy("Whole record deleted"),
    "backups.make": gettext_lazy("Copy of everything made"),
    "backups.restore": gettext_lazy("Restored from a copy"),
    "articles.site_created": gettext_lazy("Public pages made"),
    "articles.published": gettext_lazy("Article published"),
    "articles.taken_down": gettext_lazy("Page taken down as planned"),
    "articles.editor_rights": gettext_lazy("Right to edit articles changed"),
}
REASONS: dict[str, Any] = {
    "late_booking": gettext_lazy("booked too late for it"),
    "quiet": gettext_lazy("it would have come at night"),
    "too_late": gettext_lazy("it would have been too late"),
    "confirmed": gettext_lazy("confirmed already"),
    "answered": gettext_lazy("the questions are sent"),
    "not_chosen": gettext_lazy("not the way the patient chose"),
    "by_phone": gettext_lazy("the patient wants a call"),
    "no_address": gettext_lazy("no address"),
    "channel_off": gettext_lazy("texts are off"),
    "stopped": gettext_lazy("the patient said STOP"),
    "bounced": gettext_lazy("the address does not work"),
    "switched_off": gettext_lazy("this visit type does without"),
    "changed": gettext_lazy("the visit changed"),
}
# What stands beside a delivery, by its state; a cross where it was not needed, or too late.
ICONS = {
    "pending": "clock", "claimed": "clock", "sending": "clock", "accepted": "check", "delivered": "dcheck", "unknown": "info",
    "bounced": "alert", "failed": "alert", "skipped": "x", "superseded": "x", "expired": "x",
}  # fmt: skip


SHOWN = 20  # lines of a visit's log


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log."""

    at: datetime
    what: str
    who: str
    icon: str = ""


# What the log of a visit tells of its patient beside.
ABOUT_PATIENT = ("patients.create", "patients.refresh", "patients.update_contact")


def names_of(events: list[AuditEvent]) -> dict[int, str]:
    """Names of the people who work here in these events."""
    ids = {e.actor_id for e in events if e.actor_kind == "staff" and e.actor_id}
    return dict(User.objects.filter(pk__in=ids).values_list("pk", "name"))


def who_of(event: AuditEvent, names: dict[int, str]) -> str:
    """Who did it, as the desk says it."""
    if event.actor_kind == "staff":
        return names.get(event.actor_id or 0, _("Someone here"))
    if event.actor_kind == "system":
        return _("The system")
    if event.actor_kind == "anonymous" and event.action.startswith("accounts."):
        return _("Somebody not signed in")
    return _("The patient")


def told(events: Sequence[AuditEvent]) -> list[tuple[str, str]]:
    """Of each event: what was done, and who did it."""
    names = names_of(list(events))
    return [(str(WORDS.get(event.action, event.action)), who_of(event, names)) for event in events]


def log_of(visit: Appointment) -> list[Line]:
    """What happened to a visit, newest first. Reads are left out: they are in the access log."""
    events = list(
        AuditEvent.objects.filter(
            Q(object_type="booking.appointment", object_id=visit.pk) | Q(action__in=ABOUT_PATIENT, subject_id=visit.patient_id)
        )
        .filter(Q(action__startswith="booking.") | Q(action__startswith="patients.") | Q(action__startswith="staff.link"))
        .exclude(action__in=["booking.hold", "booking.extend_hold"])
        .order_by("-at", "-pk")[:SHOWN]
    )
    names = names_of(events)
    return [Line(e.at, _what(e), who_of(e, names)) for e in events]


def _what(event: AuditEvent) -> str:
    text = str(WORDS.get(event.action, event.action))
    if event.action == "booking.move" and "to" in event.detail:
        text = _("Moved to %(when)s") % {"when": clock.long_when(datetime.fromisoformat(event.detail["to"]))}
    elif event.action in ("booking.text_patient", "booking.take_back_text"):
        text = f"{text}: {dict(ShortText.choices).get(event.detail['text'], '')}"
    return _("%(what)s, in spite of a warning") % {"what": text} if event.detail.get("in_spite_of") else text


def kinds_of(messages: Iterable[Message]) -> dict[int, str]:
    """What each message is called on screen; of the desk's texts which. One statement if there are any of those, else none."""
    found = list(messages)
    texts = [m.sequence for m in found if m.subject_type == Subject.DESK_TEXT]
    which = {said.pk: said.get_code_display() for said in DeskText.objects.filter(pk__in=texts)} if texts else {}
    names: dict[int, str] = {}
    for message in found:
        kind = KINDS.get(message.kind)
        names[message.pk] = str(kind.name) if kind else message.kind
        if message.subject_type == Subject.RESPONSE:  # what was answered is not for the desk
            names[message.pk] = _("Physician: call before visit")
        if message.subject_type == Subject.DESK_TEXT and message.sequence in which:
            names[message.pk] += f": {which[message.sequence]}"
    return names


def messages_of(visit: Appointment) -> list[Line]:
    """The conversation about a visit in order: planned, sent, arrived or not, answered; what was not needed says why."""
    found: list[Line] = []
    told = list(Message.objects.about_visit(visit.pk).prefetch_related("deliveries__receipts"))
    names = kinds_of(told)
    for message in told:
        name = f"{names[message.pk]}, {message.get_channel_display().lower()}"
        for delivery in message.deliveries.all():
            found += _told(delivery, name, message.due_at)
    for inbound in Inbound.objects.filter(visit_id=visit.pk).defer("sealed"):
        what = _("Answered by text")
        found.append(Line(inbound.received_at, what, str(inbound.get_meaning_display()), "chat"))
    return sorted(found, key=lambda line: line.at)


def _told(delivery: Delivery, name: str, due_at: datetime) -> list[Line]:
    """The lines of one delivery."""
    state = str(delivery.get_state_display())
    if delivery.sent_at is None:
        waits = delivery.state in WAITING
        why = REASONS.get(delivery.reason)
        at = delivery.next_attempt_at if waits else due_at
        who = _("Planned") if waits else f"{state}: {why}" if why else state
        return [Line(at, name, str(who), ICONS[delivery.state])]
    lines = [Line(delivery.sent_at, name, _("May have been sent") if delivery.state == "unknown" else _("Sent"),
                  "info" if delivery.state == "unknown" else "check")]  # fmt: skip
    if delivery.state in ("delivered", "bounced"):
        receipt = max((r for r in delivery.receipts.all() if r.outcome == delivery.state), key=lambda r: r.pk, default=None)
        lines.append(Line(receipt.received_at if receipt else delivery.updated_at, name, state, ICONS[delivery.state]))
    return lines
