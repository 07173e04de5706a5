"""What is said about a visit, and when."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts import clock
from accounts.models import Clinic
from audit.actor import Actor
from booking import actions
from booking.models import Appointment, Practitioner, Service
from intake.actions import publish_all, start_draft
from notifications import drain, planner, plans
from notifications.kinds import KINDS, TEXT, out_of_quiet
from notifications.models import Delivery, Message
from patients.models import Patient
from tests.factories import WEDNESDAY
from tests.notifications.conftest import GRACE, MINUTE, Post, at, go, live, states, texts

PATIENT = Actor.patient(1)
pytestmark = pytest.mark.django_db


def test_a_booking_is_told_after_the_grace_by_each_way_the_patient_chose(post: Post, visit: Appointment) -> None:
    go(WEDNESDAY + GRACE - timedelta(seconds=1))
    assert post.subjects == []
    go(WEDNESDAY + GRACE)
    assert post.subjects == ["Your appointment on Thursday, March 11"]
    assert len(texts()) == 1
    assert texts()[0].startswith("True North: you are booked for Thu Mar 11, 10:20 am with Dr. Osei.")


def test_each_stage_goes_out_once_however_often_the_rounds_come(post: Post, visit: Appointment) -> None:
    live(WEDNESDAY, visit.starts_at + timedelta(days=1), times=2)
    assert post.subjects == [
        "Your appointment on Thursday, March 11",
        "Your appointment next Thursday, March 11",
        "Thursday, March 11 at 10:20 a.m.: please confirm",
    ]
    assert [t.split(":")[1][:20] for t in texts()] == [" you are booked for ", " your appointment is", " see you tomorrow, T"]


@pytest.mark.parametrize(
    ("kind", "due"),
    [("reminder_7d", "2027-03-04 10:20"), ("reminder_2d", "2027-03-09 10:20"), ("reminder_1d", "2027-03-10 10:20")],
)
def test_reminders_are_due_whole_days_before_at_the_same_local_time(visit: Appointment, kind: str, due: str) -> None:
    planner.tick(now=WEDNESDAY)
    assert set(Message.objects.filter(kind=kind).values_list("due_at", flat=True)) == {at(due)}


@pytest.mark.parametrize(
    ("start", "days", "hours"),
    [
        ("2026-11-02 10:00", 2, 49),  # clocks go back on November 1: an hour more
        ("2026-11-01 10:00", 1, 25),
        ("2026-11-03 10:00", 1, 24),
        ("2027-03-15 10:00", 2, 47),  # clocks go forward on March 14: an hour less
        ("2027-03-14 10:00", 1, 23),
        ("2027-03-18 10:00", 7, 167),
    ],
)
def test_a_clock_change_in_between_moves_no_reminder_on_the_wall(
    book: Callable[..., Appointment], start: str, days: int, hours: int
) -> None:
    visit = book(at(start), now=at(start) - timedelta(days=40))
    planner.tick(now=at(start) - timedelta(days=40))
    message = Message.objects.filter(kind=f"reminder_{days}d").first()
    assert message is not None
    assert visit.starts_at - message.due_at == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("lead", "sent"),
    [
        (timedelta(days=60), {"reminder_7d", "reminder_2d", "reminder_1d"}),
        (timedelta(days=9, hours=1), {"reminder_7d", "reminder_2d", "reminder_1d"}),
        (timedelta(days=8), {"reminder_2d", "reminder_1d"}),
        (timedelta(days=3, hours=1), {"reminder_2d", "reminder_1d"}),
        (timedelta(days=2), {"reminder_1d"}),
        (timedelta(hours=37), {"reminder_1d"}),
        (timedelta(hours=30), set()),
        (timedelta(hours=3), set()),
        (timedelta(minutes=30), set()),
    ],
)
def test_a_late_booking_skips_the_stages_that_are_stale_but_is_always_confirmed(
    book: Callable[..., Appointment], lead: timedelta, sent: set[str]
) -> None:
    start = at("2027-05-20 14:00")
    book(start, now=start - lead)
    planner.tick(now=start - lead)
    waiting = set(Message.objects.filter(deliveries__state="pending").values_list("kind", flat=True))
    assert waiting == sent | {"booked"}
    skipped = Delivery.objects.filter(state="skipped")
    assert set(skipped.values_list("message__kind", flat=True)) == {"reminder_7d", "reminder_2d", "reminder_1d"} - sent
    assert set(skipped.values_list("reason", flat=True)) <= {"late_booking", "too_late"}


def test_a_move_within_the_grace_merges_into_one_message_with_the_final_time(
    post: Post, visit: Appointment, practitioner: Practitioner, desk: Actor
) -> None:
    go(WEDNESDAY + MINUTE)
    actions.move(visit, practitioner, at("2027-03-15 14:40"), by=desk, now=WEDNESDAY + 2 * MINUTE, overbook=True)
    for n in range(30):
        go(WEDNESDAY + (2 + n) * MINUTE)
    assert post.subjects == ["Your appointment on Monday, March 15"]
    assert [t[:60] for t in texts()] == ["True North: you are booked for Mon Mar 15, 2:40 pm with Dr. O"[:60]]


def test_moved_and_put_back_within_the_grace_says_nothing(
    post: Post, visit: Appointment, practitioner: Practitioner, desk: Actor
) -> None:
    go(WEDNESDAY + GRACE)
    later = WEDNESDAY + timedelta(hours=2)
    actions.move(visit, practitioner, at("2027-03-15 14:40"), by=desk, now=later, overbook=True)
    go(later + MINUTE)
    actions.undo(visit, by=desk, now=later + 2 * MINUTE)
    for n in range(30):
        go(later + (2 + n) * MINUTE)
    assert post.subjects == ["Your appointment on Thursday, March 11"]
    assert len(texts()) == 1
    go(at("2027-03-04 10:20"))
    assert post.subjects[1:] == ["Your appointment next Thursday, March 11"]


def test_a_told_visit_that_moves_is_told_its_new_time_and_never_reminded_of_the_old(
    post: Post, visit: Appointment, practitioner: Practitioner
) -> None:
    go(WEDNESDAY + GRACE)
    later = WEDNESDAY + timedelta(hours=2)
    actions.move(visit, practitioner, at("2027-03-15 14:40"), by=PATIENT, now=later)
    for n in range(10):
        go(later + n * MINUTE)
    live(later + 10 * MINUTE, at("2027-03-16 00:00"))
    assert post.subjects[1] == "Your new time: Monday, March 15 at 2:40 p.m."
    assert "The old time, Thursday, March 11 at 10:20 a.m., is released." in post.mails[1].get_body(("plain",)).get_content()
    assert not any("March 11" in subject for subject in post.subjects[1:])
    assert not any("Mar 11" in text for text in texts()[1:])
    assert post.subjects[2:] == ["Your appointment next Monday, March 15", "Monday, March 15 at 2:40 p.m.: please confirm"]


def test_a_move_by_the_clinic_says_sorry(post: Post, visit: Appointment, practitioner: Practitioner, desk: Actor) -> None:
    go(WEDNESDAY + GRACE)
    actions.move(visit, practitioner, at("2027-03-12 09:00"), by=desk, now=WEDNESDAY + timedelta(hours=1), overbook=True)
    go(WEDNESDAY + timedelta(hours=2))
    assert post.subjects[1] == "We had to move your appointment to Friday, March 12"
    assert texts()[1].startswith("True North: we had to move your time to Fri Mar 12, 9:00 am.")


def test_another_physician_at_the_same_time_is_told_as_that(
    post: Post, visit: Appointment, make_practitioner: Callable[..., Practitioner], desk: Actor
) -> None:
    go(WEDNESDAY + GRACE)
    other = make_practitioner("Dr. Priya Raman")
    visit.service.practitioners.add(other)
    actions.move(visit, other, visit.starts_at, by=desk, now=WEDNESDAY + timedelta(hours=1), overbook=True)
    go(WEDNESDAY + timedelta(hours=2))
    assert post.subjects[1] == "A change to your appointment on Thursday, March 11"
    assert "Dr. Priya Raman" in post.mails[1].get_body(("plain",)).get_content()


@pytest.mark.parametrize(
    ("by", "when", "subject", "words"),
    [
        (PATIENT, "2027-02-20 12:00", "Cancelled: Thursday, March 11", "There is no fee"),
        (PATIENT, "2027-03-11 08:30", "Cancelled: Thursday, March 11", "a $50 fee applies"),
        (
            Actor("staff", None, "reception"),
            "2027-02-20 12:00",
            "We had to cancel your appointment on Thursday, March 11",
            "We are sorry",
        ),
    ],
)
def test_a_cancelled_visit_is_told_once_and_nothing_follows(
    post: Post, visit: Appointment, by: Actor, when: str, subject: str, words: str
) -> None:
    go(WEDNESDAY + GRACE)
    actions.cancel(visit, by=by, now=at(when))
    before = len(post.subjects)
    live(at(when), visit.starts_at + timedelta(days=2))
    assert post.subjects[before:] == [subject]
    assert words in post.mails[-1].get_body(("plain",)).get_content()


def test_where_no_fee_is_charged_a_late_cancellation_tells_of_none(post: Post, visit: Appointment, clinic: Any) -> None:
    clinic.late_fee_text = "no"
    clinic.save()
    clinic.forget_current()
    go(WEDNESDAY + GRACE)
    late = at("2027-03-11 08:30")
    actions.cancel(visit, by=PATIENT, now=late)
    go(late + GRACE)
    assert "There is no fee" in post.mails[-1].get_body(("plain",)).get_content()


def test_a_visit_cancelled_before_anybody_was_told_of_it_is_not_told_at_all(post: Post, visit: Appointment) -> None:
    go(WEDNESDAY + MINUTE)
    actions.cancel(visit, by=PATIENT, now=WEDNESDAY + 2 * MINUTE)
    for n in range(30):
        go(WEDNESDAY + n * MINUTE)
    assert post.subjects == []
    assert texts() == []


def test_a_visit_whose_confirmation_is_still_stuck_after_the_grace_is_told_that_it_is_cancelled(
    post: Post, visit: Appointment
) -> None:
    planner.tick(now=WEDNESDAY + GRACE)  # planned, but nobody sends
    actions.cancel(visit, by=PATIENT, now=WEDNESDAY + timedelta(hours=1))
    go(WEDNESDAY + timedelta(hours=2))
    assert post.subjects == ["Cancelled: Thursday, March 11"]


def test_a_cancel_that_is_undone_within_the_grace_says_nothing(post: Post, visit: Appointment) -> None:
    go(WEDNESDAY + GRACE)
    later = WEDNESDAY + timedelta(hours=1)
    actions.cancel(visit, by=PATIENT, now=later)
    go(later + MINUTE)
    actions.undo(visit, by=PATIENT, now=later + 2 * MINUTE)
    for n in range(30):
        go(later + n * MINUTE)
    assert post.subjects == ["Your appointment on Thursday, March 11"]
    assert states("reminder_2d")["email"] == ("pending", "")


def test_a_cancel_that_is_undone_after_it_was_told_is_told_as_booked_again(post: Post, visit: Appointment) -> None:
    go(WEDNESDAY + GRACE)
    later = WEDNESDAY + timedelta(hours=1)
    actions.cancel(visit, by=PATIENT, now=later)
    go(later + timedelta(minutes=10))
    actions.undo(visit, by=PATIENT, now=later + timedelta(minutes=20))
    go(later + timedelta(minutes=30))
    assert post.subjects == [
        "Your appointment on Thursday, March 11",
        "Cancelled: Thursday, March 11",
        "Your appointment on Thursday, March 11",
    ]


@pytest.mark.parametrize("verb", ["cancel", "move"])
def test_who_was_reminded_is_not_reminded_again_of_a_time_that_was_given_up_and_taken_back(
    post: Post, visit: Appointment, practitioner: Practitioner, desk: Actor, verb: str
) -> None:
    go(WEDNESDAY + GRACE)
    reminded = at("2027-03-09 10:20")
    go(reminded)
    said = (post.subjects, texts())
    assert "please confirm" in said[0][-1]
    left = reminded + MINUTE
    if verb == "cancel":
        gone = actions.cancel(visit, by=Actor.patient(visit.patient_id), now=left)
    else:
        gone = actions.move(visit, practitioner, at("2027-03-15 10:20"), by=desk, now=left)
    go(left)
    actions.undo(gone, by=desk, now=left + MINUTE)
    for minutes in range(1, 10):
        go(left + minutes * MINUTE)
    assert (post.subjects, texts()) == said


def test_arrived_by_mistake_and_undone_leaves_every_message_waiting(post: Post, visit: Appointment, desk: Actor) -> None:
    go(WEDNESDAY + GRACE)
    later = at("2027-03-08 12:00")
    actions.arrive(visit, by=desk, now=later)
    go(later)
    actions.undo(visit, by=desk, now=later + MINUTE)
    go(later + MINUTE)
    go(at("2027-03-09 10:20"))
    assert post.subjects[-1] == "Thursday, March 11 at 10:20 a.m.: please confirm"
    assert states("reminder_1d")["text"] == ("pending", "")


def test_a_reminder_that_was_due_while_somebody_was_marked_as_here_by_mistake_goes_once_that_is_undone(
    post: Post, visit: Appointment, desk: Actor
) -> None:
    go(WEDNESDAY + GRACE)
    due = at("2027-03-09 10:20")
    here = actions.arrive(visit, by=desk, now=due - MINUTE)
    go(due)
    before = len(post.subjects)
    actions.undo(here, by=desk, now=due + MINUTE)
    for minutes in range(1, 4):
        go(due + minutes * MINUTE)
    assert post.subjects[before:] == ["Thursday, March 11 at 10:20 a.m.: please confirm"]


def test_missed_taken_back_and_missed_after_all_is_told_once(post: Post, visit: Appointment, desk: Actor) -> None:
    go(WEDNESDAY + GRACE)
    start, before = visit.starts_at, len(texts())
    slip = actions.mark_noshow(visit, by=desk, now=start + 10 * MINUTE)
    go(start + 10 * MINUTE)
    back = actions.undo(slip, by=desk, now=start + 11 * MINUTE)
    go(start + 15 * MINUTE)
    actions.mark_noshow(back, by=desk, now=start + 30 * MINUTE)
    go(start + 30 * MINUTE)
    assert len(texts()) == before, "the desk may take it back"
    for minutes in range(33, 40):
        go(start + minutes * MINUTE)
    assert len(texts()) == before + 1


def test_who_is_here_gets_no_message_that_still_waited(post: Post, visit: Appointment, desk: Actor) -> None:
    go(WEDNESDAY + GRACE)
    actions.arrive(visit, by=desk, now=at("2027-03-09 10:00"))
    before = len(post.subjects)
    for day in (9, 10):
        go(at(f"2027-03-{day:02d} 10:20"))
    assert (len(post.subjects), states("reminder_2d")["email"]) == (before, ("skipped", "changed"))


def test_who_has_confirmed_gets_no_reminder_the_day_before_and_is_not_asked_again(post: Post, visit: Appointment) -> None:
    go(WEDNESDAY + GRACE)
    actions.confirm(visit, by=PATIENT, now=at("2027-03-05 09:00"))
    for when in ("2027-03-09 10:20", "2027-03-10 10:20", "2027-03-10 18:00"):
        go(at(when))
    assert post.subjects[1:] == ["Thursday, March 11 at 10:20 a.m.: see you soon"]
    assert "Confirm" not in texts()[1]
    assert states("reminder_1d") == {"text": ("skipped", "confirmed"), "email": ("skipped", "confirmed")}


@pytest.mark.parametrize(
    ("choice", "mails", "messages"),
    [
        ("text_email", 3, 3),  # booked both, a week by email, two days both, one day by text
        ("email", 4, 0),
        ("text", 0, 4),
        ("phone", 0, 0),
    ],
)
def test_messages_go_the_way_the_patient_chose(
    post: Post, book: Callable[..., Appointment], patient: Patient, choice: str, mails: int, messages: int
) -> None:
    patient.reminder_by = choice
    patient.save()
    book(at("2027-03-11 10:20"))
    for when in ("2027-02-10 10:00", "2027-03-04 10:20", "2027-03-09 10:20", "2027-03-10 10:20"):
        go(at(when))
    assert (len(post.subjects), len(texts())) == (mails, messages)


def test_a_choice_changed_after_planning_counts_at_the_moment_of_sending(
    post: Post, visit: Appointment, patient: Patient, desk: Actor
) -> None:
    from patients.actions import update_contact

    planner.tick(now=WEDNESDAY)
    update_contact(patient, email="new@example.com", mobile="", reminder_by="email", voicemail_ok=False, by=desk, now=WEDNESDAY)
    go(WEDNESDAY + GRACE)
    assert [e.rcpt_tos for e in post.envelopes] == [["new@example.com"]]
    assert texts() == []


def test_texts_go_by_email_where_there_is_no_text_channel(
    post: Post, visit: Appointment, patient: Patient, settings: Any
) -> None:
    settings.SMS_CHANNEL = "off"
    Patient.objects.filter(pk=patient.pk).update(reminder_by="text")
    go(WEDNESDAY + GRACE)
    assert post.subjects == ["Your appointment on Thursday, March 11"]
    assert states("booked")["text"] == ("skipped", "channel_off")


def test_nothing_is_planned_for_a_hold(visit: Appointment) -> None:
    Appointment.objects.filter(pk=visit.pk).update(status="held", hold_expires_at=WEDNESDAY)
    assert planner.tick(now=WEDNESDAY) == 0
    assert not Message.objects.exists()


def test_planning_the_same_fact_again_writes_nothing_new(visit: Appointment) -> None:
    planner.tick(now=WEDNESDAY)
    count = Message.objects.count()
    Appointment.objects.filter(pk=visit.pk).update(announced=0)
    assert planner.tick(now=WEDNESDAY + MINUTE) == 1
    assert Message.objects.count() == count


def test_a_fact_that_cannot_be_planned_does_not_stop_the_others(
    book: Callable[..., Appointment], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = book(at("2027-03-11 10:20")), book(at("2027-03-12 10:20"))
    plan = plans.plan_visit

    def sometimes(visit: Appointment, earlier: list[Message], *, now: datetime) -> plans.Plan:
        if visit.pk == bad.pk:
            raise RuntimeError
        return plan(visit, earlier, now=now)

    monkeypatch.setattr(planner, "plan_visit", sometimes)
    assert planner.tick(now=WEDNESDAY) == 1
    assert set(Message.objects.values_list("subject_id", flat=True)) == {good.pk}


def test_planning_a_hundred_visits_takes_as_many_statements_as_planning_one(
    book: Callable[..., Appointment], django_assert_max_num_queries: Any
) -> None:
    first = book(at("2027-03-11 10:20"))
    rows = []
    for n in range(60):
        row = Appointment.objects.get(pk=first.pk)
        row.pk, row._state.adding = None, True
        row.public_id, row.link_sha256 = None, None
        row.starts_at += timedelta(days=7 * (n + 1))
        row.ends_at += timedelta(days=7 * (n + 1))
        from uuid import uuid4

        row.public_id = uuid4()
        rows.append(row)
    Appointment.objects.bulk_create(rows)
    with django_assert_max_num_queries(30):
        assert planner.tick(now=WEDNESDAY) == 61


@pytest.mark.parametrize(
    ("wall", "goes"),
    [
        ("07:59", "2027-03-09 08:00"),
        ("08:00", "2027-03-09 08:00"),
        ("20:59", "2027-03-09 20:59"),
        ("21:00", "2027-03-10 08:00"),
        ("23:30", "2027-03-10 08:00"),
    ],
)
def test_a_reminder_that_would_come_in_quiet_hours_waits_for_the_morning(
    book: Callable[..., Appointment], settings: Any, wall: str, goes: str
) -> None:
    settings.MESSAGE_QUIET_HOURS = "21:00-08:00"
    book(at(f"2027-03-11 {wall}"))
    planner.tick(now=WEDNESDAY)
    assert set(Message.objects.filter(kind="reminder_2d").values_list("due_at", flat=True)) == {at(goes)}


def test_a_text_about_a_booking_made_at_night_waits_for_the_morning_while_the_email_goes_at_once(
    post: Post, book: Callable[..., Appointment]
) -> None:
    night = at("2027-02-10 23:00")
    book(at("2027-03-11 10:20"), now=night)
    go(night + GRACE)
    assert (len(post.subjects), len(texts())) == (1, 0)
    go(at("2027-02-11 07:59"))
    assert len(texts()) == 0
    go(at("2027-02-11 08:00"))
    assert len(texts()) == 1


def test_what_is_late_and_would_come_in_the_night_waits_for_the_morning(post: Post, book: Callable[..., Appointment]) -> None:
    book(at("2027-03-11 10:20"), now=at("2027-02-10 20:40"))
    planner.tick(now=at("2027-02-10 20:40"))
    for moment in ("2027-02-10 23:40", "2027-02-11 07:59"):  # the sender was away
        go(at(moment))
        assert (len(post.mails), texts()) == (1, [])
    go(at("2027-02-11 08:00"))
    assert len(texts()) == 1


def test_a_reminder_that_is_late_and_cannot_wait_for_the_morning_wakes_nobody(
    post: Post, book: Callable[..., Appointment]
) -> None:
    book(at("2027-03-11 07:30"))
    go(WEDNESDAY + GRACE)
    reminder = Message.objects.filter(kind="reminder_1d", channel="text")
    reminder.update(expires_at=at("2027-03-11 07:30"))
    Delivery.objects.filter(message__in=reminder).update(next_attempt_at=at("2027-03-10 20:59"))
    go(at("2027-03-10 23:40"))
    assert states("reminder_1d")["text"] == ("skipped", "quiet")


def test_news_that_cannot_wait_for_the_morning_goes_at_night(post: Post, book: Callable[..., Appointment]) -> None:
    night = at("2027-02-10 23:00")
    book(at("2027-02-11 07:30"), now=night)
    go(night + GRACE)
    assert (len(post.subjects), len(texts())) == (1, 1)


@pytest.mark.parametrize(
    ("due", "latest", "known", "goes"),
    [
        ("2027-03-11 05:30", "2027-03-11 07:30", "2027-03-01 09:00", "2027-03-10 20:59"),
        ("2027-03-11 05:30", "2027-03-11 07:30", "2027-03-10 22:00", "2027-03-11 05:30"),  # nobody knew of it the evening before
        ("2027-03-14 05:30", "2027-03-14 07:30", "2027-03-01 09:00", "2027-03-13 20:59"),  # the night has an hour less
        ("2026-11-01 05:30", "2026-11-01 07:30", "2026-10-01 09:00", "2026-10-31 20:59"),  # and one more
        ("2026-11-01 01:30", "2026-11-01 12:00", "2026-10-01 09:00", "2026-11-01 08:00"),
    ],
)
def test_where_the_morning_would_be_too_late_it_goes_the_evening_before(
    settings: Any, due: str, latest: str, known: str, goes: str
) -> None:
    settings.MESSAGE_QUIET_HOURS = "21:00-08:00"
    zone = clock.zone_of("America/Toronto")
    found = out_of_quiet(KINDS["reminder_1d"], TEXT, at(due), earliest=at(known), latest=at(latest), zone=zone)
    assert found == at(goes)


def test_what_waits_past_its_time_is_never_sent(post: Post, visit: Appointment) -> None:
    planner.tick(now=WEDNESDAY)
    go(visit.starts_at + MINUTE)
    assert post.subjects == []
    drain.reconcile(now=visit.starts_at + MINUTE)
    assert set(Delivery.objects.values_list("state", flat=True)) == {"expired"}


# --- Questions, missed visits, and stages that a visit type does without ------------------------------------------------


@pytest.fixture
def asking(service: Service) -> Service:
    """The first assessment asks for answers."""
    Service.objects.update(questionnaire="hair-loss-intake")
    return Service.objects.get(pk=service.pk)


def test_missing_answers_are_asked_for_twice_and_never_in_the_night(
    post: Post, asking: Service, book: Callable[..., Appointment]
) -> None:
    visit = book(at("2027-03-11 14:00"))
    go(WEDNESDAY + GRACE)
    due = dict(Message.objects.filter(kind__startswith="questions", channel="email").values_list("kind", "due_at"))
    assert due == {"questions_72h": visit.starts_at - timedelta(hours=72), "questions_30h": at("2027-03-10 08:00")}
    for moment in sorted(due.values()):
        go(moment)
    assert [s for s in post.subjects if "questions" in s] == ["A few questions before Thursday, March 11"] * 2
    assert states("questions_72h") == {"email": ("accepted", ""), "text": ("skipped", "not_chosen")}


def test_who_has_sent_the_answers_is_not_asked_again(post: Post, asking: Service, book: Callable[..., Appointment]) -> None:
    visit = book(at("2027-03-11 14:00"))
    go(WEDNESDAY + GRACE)
    publish_all(by=Actor.system(), now=WEDNESDAY)
    visit.response = start_draft("hair-loss-intake", by=Actor.anonymous(), now=WEDNESDAY)
    visit.response.status, visit.response.completed_at = "completed", WEDNESDAY
    visit.response.save()
    visit.save()
    go(at("2027-03-08 14:00"))
    assert states("questions_72h")["email"] == ("skipped", "answered")


def test_a_visit_that_asks_nothing_gets_no_nudge(post: Post, visit: Appointment) -> None:
    planner.tick(now=WEDNESDAY)
    assert not Message.objects.filter(kind__startswith="questions").exists()


def test_a_missed_visit_gets_one_kind_word_after_the_desks_chance_to_take_it_back(
    post: Post, visit: Appointment, desk: Actor
) -> None:
    go(WEDNESDAY + GRACE)
    later = visit.starts_at + timedelta(minutes=20)
    actions.mark_noshow(visit, by=desk, now=later)
    go(later + MINUTE)
    assert not any("missed" in t for t in texts())
    for n in range(5):
        go(later + GRACE + n * timedelta(hours=1))
    assert sum("we missed you today" in t for t in texts()) == 1
    assert not any("missed" in s for s in post.subjects)


@pytest.mark.parametrize(("fee", "says"), [("$50", True), ("none", False)])
def test_what_missing_a_visit_costs_is_said_in_the_mail_where_it_costs_something(
    post: Post, visit: Appointment, patient: Patient, desk: Actor, clinic: Clinic, fee: str, says: bool
) -> None:
    Clinic.objects.update(late_fee_text=fee)
    Clinic.forget_current()
    Patient.objects.filter(pk=patient.pk).update(reminder_by="email")
    later = visit.starts_at + timedelta(minutes=20)
    actions.mark_noshow(visit, by=desk, now=later)
    go(later + GRACE)
    mail = next(m for m in post.mails if "missed" in str(m["subject"]))
    for part in ("plain", "html"):
        body = mail.get_body((part,)).get_content()
        assert ("A $50 fee applies." in body) == says
        assert "If something serious happened, call us. We listen." in body


def test_a_no_show_that_is_taken_back_or_entered_days_later_says_nothing(
    post: Post, book: Callable[..., Appointment], desk: Actor
) -> None:
    first, second = book(at("2027-03-11 10:20")), book(at("2027-03-01 10:20"))
    go(WEDNESDAY + GRACE)
    later = first.starts_at + timedelta(minutes=20)
    actions.mark_noshow(first, by=desk, now=later)
    go(later + MINUTE)
    actions.undo(first, by=desk, now=later + 2 * MINUTE)
    actions.mark_noshow(second, by=desk, now=later)
    for n in range(4):
        go(later + GRACE + n * timedelta(hours=1))
    assert not any("missed" in t for t in texts())


def test_a_visit_type_may_do_without_a_stage_also_one_that_was_planned_before(
    post: Post, visit: Appointment, service: Service
) -> None:
    go(WEDNESDAY + GRACE)
    Service.objects.update(messages_off=["reminder_7d"])
    go(at("2027-03-04 10:20"))
    assert states("reminder_7d") == {"email": ("skipped", "switched_off"), "text": ("skipped", "switched_off")}
    go(at("2027-03-09 10:20"))
    assert states("reminder_2d")["email"][0] == "accepted"
