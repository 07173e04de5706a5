"""The outbox: what is to be said to whom, each try at saying it, and what came back. No row holds anything clinical.

A `Message` is an intent, written once per (subject, kind, sequence, recipient, channel). A `Delivery` is a series of tries at
one message. Addresses and words are not kept: both are looked up and written right before sending.
"""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Channel(models.TextChoices):
    """The ways a message can go."""

    EMAIL = "email", _("Email")
    TEXT = "text", _("Text")


class Subject(models.TextChoices):
    """The facts that messages are about, each the name of a row below this app."""

    VISIT = "visit", _("Visit")
    CODE = "code", _("Code")
    LINK = "link", _("Lost link")
    SIGN_IN = "sign_in", _("Sign-in")
    RESPONSE = "response", _("Sent answers")
    RESUME = "resume", _("Finish later")
    REPLY = "reply", _("Reply to a text")
    OFFER = "offer", _("Waiting-list offer")
    WAIT = "wait", _("Place on the waiting list")
    LEFT = "left", _("Address not used any more")
    TEST = "test", _("Test")
    # About a visit too (`subject_id` is the visit's), but of facts of their own, which `sequence` follows.
    ASKED = "asked", _("Physician’s question")
    LATE = "late", _("Running late")
    DESK_TEXT = "desk_text", _("Text from the desk")
    RECALL = "recall", _("Review due")


# Messages whose `subject_id` is a visit.
ABOUT_VISITS = (Subject.VISIT, Subject.ASKED, Subject.LATE, Subject.DESK_TEXT, Subject.RECALL)


class State(models.TextChoices):
    """Where a delivery stands.

    pending → claimed → sending → accepted (→ delivered, bounced by receipt). A claim whose lease ends is pending again;
    a send whose lease ends, or whose answer was lost, is unknown until a receipt says what happened: it is never guessed.
    """

    PENDING = "pending", _("Waiting")
    CLAIMED = "claimed", _("Being prepared")
    SENDING = "sending", _("Being sent")
    ACCEPTED = "accepted", _("Sent")
    DELIVERED = "delivered", _("Delivered")
    BOUNCED = "bounced", _("Bounced")
    UNKNOWN = "unknown", _("May have been sent")
    FAILED = "failed", _("Failed")
    SKIPPED = "skipped", _("Not needed")
    SUPERSEDED = "superseded", _("Replaced")
    EXPIRED = "expired", _("Too late")


# States in which the words have left, or may have left.
TOLD = [State.SENDING, State.ACCEPTED, State.DELIVERED, State.UNKNOWN]
# States in which nothing has left yet.
WAITING = [State.PENDING, State.CLAIMED]
# States that somebody should look at: it did not arrive, or nobody knows.
TROUBLE = [State.FAILED, State.BOUNCED, State.UNKNOWN]


class MessageQuerySet(models.QuerySet["Message"]):
    """Named sets of messages."""

    def about_visit(self, appointment_id: int) -> "MessageQuerySet":
        """Everything planned for one visit, oldest first, with its tries."""
        messages = self.filter(subject_type__in=ABOUT_VISITS, subject_id=appointment_id)
        return messages.prefetch_related("deliveries").order_by("due_at", "pk")


class Message(models.Model):
    """One thing to say to one recipient one way, decided once. `sequence` is the fact's at the time of planning."""

    subject_type = models.CharField(max_length=12, choices=Subject.choices)
    subject_id = models.BigIntegerField()
    kind = models.CharField(max_length=32)
    sequence = models.PositiveIntegerField()
    recipient = models.CharField(max_length=32, help_text="The role in the fact: patient, asker, user, visit:12.")
    channel = models.CharField(max_length=8, choices=Channel.choices)
    due_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="Never sent from then on.")
    says_start = models.DateTimeField(null=True, help_text="The time of the visit that the words tell.")
    says_practitioner_id = models.BigIntegerField(null=True)
    was_start = models.DateTimeField(null=True, help_text="The time the patient was told before, for a move.")
    created_at = models.DateTimeField()

    objects = MessageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject_type", "subject_id", "kind", "sequence", "recipient", "channel"], name="message_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.subject_type} {self.subject_id}"


class Delivery(models.Model):
    """A series of tries at one message. A resend is a new row; so is a fallback."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=8, choices=Channel.choices)
    urgent = models.BooleanField(default=False, help_text="Somebody is waiting for it on the page.")
    state = models.CharField(max_length=12, choices=State.choices, default=State.PENDING)
    reason = models.CharField(max_length=32, blank=True, help_text="Why it was not sent, in one word.")
    next_attempt_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    claim = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    provider = models.CharField(max_length=16, blank=True)
    provider_id = models.CharField(max_length=255, blank=True)
    error_class = models.CharField(max_length=16, blank=True)
    error_code = models.CharField(max_length=32, blank=True)
    sent_to = models.CharField(max_length=16, blank=True, db_default="", help_text="A keyed digest of where it went.")
    sent_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True, help_text="When somebody at the desk dealt with its trouble.")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["next_attempt_at", "id"], name="delivery_due", condition=Q(state="pending")),
            models.Index(fields=["next_attempt_at", "id"], name="delivery_urgent", condition=Q(state="pending", urgent=True)),
            models.Index(fields=["lease_until"], name="delivery_leased", condition=Q(state__in=["claimed", "sending"])),
            models.Index(fields=["updated_at"], name="delivery_trouble", condition=Q(state__in=["unknown", "failed", "bounced"])),
            models.Index(fields=["-sent_at"], name="delivery_sent", condition=Q(sent_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.state}"


class Receipt(models.Model):
    """What a provider says became of a message. Receipts come late, twice and in any order; each is kept once."""

    provider = models.CharField(max_length=16)
    event_id = models.CharField(max_length=255)
    delivery = models.ForeignKey(Delivery, null=True, on_delete=models.CASCADE, related_name="receipts")
    outcome = models.CharField(max_length=12, help_text="accepted, delivered or bounced.")
    code = models.CharField(max_length=32, blank=True, db_default="", help_text="The other side's word for what went wrong.")
    received_at = models.DateTimeField()
    applied_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "event_id"], name="receipt_once")]
        indexes = [models.Index(fields=["id"], name="receipt_to_apply", condition=Q(applied_at=None))]

    def __str__(self) -> str:
        return f"{self.provider} {self.outcome}"


class Meaning(models.TextChoices):
    """What a text that came in means."""

    CONFIRM = "confirm", _("Confirms")
    PASS = "pass", _("Passes")
    STOP = "stop", _("Stops texts")
    START = "start", _("Starts texts again")
    HELP = "help", _("Asks for help")
    OTHER = "other", _("Needs a person")


class InboundQuerySet(models.QuerySet["Inbound"]):
    """Named sets of texts that came in."""

    def open(self) -> "InboundQuerySet":
        """Those that a person has to read."""
        return self.filter(needs_person=True, settled_at=None)


class Inbound(models.Model):
    """A text that came in, each once. People write about their health too, so the words are kept encrypted, as answers are."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    provider = models.CharField(max_length=16)
    provider_id = models.CharField(max_length=64)
    sender = models.CharField(max_length=20, help_text="The number it came from, as E.164.")
    sealed = models.BinaryField(help_text="The words, encrypted; empty once they are deleted.")
    key_id = models.CharField(max_length=16)
    received_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True)
    meaning = models.CharField(max_length=8, choices=Meaning.choices, blank=True)
    visit_id = models.BigIntegerField(null=True, help_text="The visit it is about, where that is clear.")
    needs_person = models.BooleanField(default=False)
    settled_at = models.DateTimeField(null=True)

    objects = InboundQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "provider_id"], name="inbound_once")]
        indexes = [
            models.Index(fields=["id"], name="inbound_to_handle", condition=Q(handled_at=None)),
            models.Index(fields=["received_at"], name="inbound_open", condition=Q(needs_person=True, settled_at=None)),
            models.Index(fields=["visit_id", "received_at"], name="inbound_of_visit"),
            models.Index(fields=["received_at"], name="inbound_by_age"),
        ]

    def __str__(self) -> str:
        return f"text from a phone, {self.meaning or 'new'}"


class ChannelSwitch(models.Model):
    """The kill switch of a channel, its circuit breaker and its allowance. A channel without a row is on."""

    channel = models.CharField(max_length=8, choices=Channel.choices, unique=True)
    enabled = models.BooleanField(default=True)
    reason = models.CharField(max_length=80, blank=True)
    changed_at = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(null=True, help_text="Set when the provider does not answer.")
    failures = models.PositiveIntegerField(default=0, help_text="Tries in a row that the provider did not take.")
    tokens = models.FloatField(default=0, help_text="How many messages may go now, where the provider's rate is limited.")
    refilled_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.channel} {'on' if self.enabled else 'off'}"


class KindNote(models.Model):
    """A sentence of the clinic's own in every email of a kind. Plain text; nothing that says why anybody comes."""

    kind = models.CharField(max_length=32, unique=True)
    words = models.CharField(max_length=200, blank=True)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"note in {self.kind}"


class TestSend(models.Model):
    """A fact: somebody who works here wants to see a message arrive. The words are a sample's, nobody's visit."""

    kind = models.CharField(max_length=32)
    channel = models.CharField(max_length=8, choices=Channel.choices)
    address = models.CharField(max_length=254)
    asked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"test of {self.kind}"


class Heartbeat(models.Model):
    """When a part of the machinery last did a round."""

    name = models.CharField(max_length=16, primary_key=True, help_text="worker, sender or alarm.")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%H:%M:%S}"


class CaughtMail(models.Model):
    """An email that really came in over SMTP at the demo's and the tests' catcher."""

    received_at = models.DateTimeField()
    sender = models.CharField(max_length=254)
    recipient = models.CharField(max_length=254)
    raw = models.BinaryField()

    class Meta:
        indexes = [models.Index(fields=["-received_at"], name="caughtmail_newest")]

    def __str__(self) -> str:
        return f"mail {self.pk}"


class CaughtText(models.Model):
    """A text that really went out through the SMS channel, whose provider here is this table; or the answer to one."""

    received_at = models.DateTimeField()
    recipient = models.CharField(max_length=20)
    body = models.CharField(max_length=1600)
    delivery_id = models.UUIDField()
    is_reply = models.BooleanField(default=False, help_text="What somebody trying the demo answered to the text above.")

    class Meta:
        indexes = [models.Index(fields=["-received_at"], name="caughttext_newest")]

    def __str__(self) -> str:
        return f"text {self.pk}"
