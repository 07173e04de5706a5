"""How a person hears from us: the same for a patient and for somebody who books for one."""

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from phonenumber_field.modelfields import PhoneNumberField

_IN_FULL = re.compile(r"\+1[2-9][0-9]{9}")


class MobileField(PhoneNumberField):
    """A phone number. One that is given in full (+1 and ten digits) was checked where it was typed, and is stored as it stands:
    what the number's rules would make of it is the same.
    """

    def get_prep_value(self, value: Any) -> Any:
        """What is stored: E.164."""
        given = getattr(value, "raw_input", value)
        return given if isinstance(given, str) and _IN_FULL.fullmatch(given) else super().get_prep_value(value)

    def deconstruct(self) -> Any:
        """To the database it is a phone number as any."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "phonenumber_field.modelfields.PhoneNumberField", args, kwargs


class ReminderBy(models.TextChoices):
    """How somebody wants to hear from us."""

    TEXT_EMAIL = "text_email", _("Text and email")
    TEXT = "text", _("Text only")
    EMAIL = "email", _("Email only")
    PHONE = "phone", _("Phone call")


class Reachable:
    """What follows from a row's addresses, its wish, and what we have learnt about them."""

    if TYPE_CHECKING:
        email: Any
        mobile: Any
        reminder_by: Any
        email_since: datetime | None
        mobile_since: datetime | None
        email_bounced_at: datetime | None
        mobile_bounced_at: datetime | None
        texts_stopped_at: datetime | None

    @property
    def e164(self) -> str:
        """The mobile as +15195550181, or empty."""
        return self.mobile.as_e164 if self.mobile else ""

    @property
    def can_email(self) -> bool:
        """True if there is an address and nothing came back from it for good."""
        return bool(self.email) and self.email_bounced_at is None

    @property
    def can_text(self) -> bool:
        """True if there is a number that takes texts and has not said STOP."""
        return bool(self.mobile) and self.texts_stopped_at is None and self.mobile_bounced_at is None

    @property
    def wants_email(self) -> bool:
        """True if messages may go by email and there is an address that works."""
        return self.can_email and self.reminder_by in {ReminderBy.TEXT_EMAIL, ReminderBy.EMAIL}

    @property
    def wants_text(self) -> bool:
        """True if messages may go by text and there is a mobile that takes them."""
        return self.can_text and self.reminder_by in {ReminderBy.TEXT_EMAIL, ReminderBy.TEXT}
