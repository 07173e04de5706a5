"""Who is acting: plain values, so that the audit trail depends on nothing above it."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class Actor:
    """Someone or something that reads or changes data.

    `kind` is "system", "anonymous", "patient" or "staff"; `id` is the user's or patient's primary key (None for the
    system and for a browser that is not yet known to be a patient); `role` is the staff role; `label` is a name for screens.
    """

    kind: str
    id: int | None = None
    role: str = ""
    label: str = ""

    @classmethod
    def system(cls) -> "Actor":
        """The clock: planners, senders, sweeps."""
        return cls("system")

    @classmethod
    def anonymous(cls) -> "Actor":
        """A browser on the booking path before it is known whose it is."""
        return cls("anonymous")

    @classmethod
    def patient(cls, patient_id: int | None) -> "Actor":
        """The patient, by private link or in the browser that booked."""
        return cls("patient", patient_id)

    @classmethod
    def staff(cls, user: Any) -> "Actor":
        """A signed-in person who works here."""
        return cls("staff", user.pk, user.role, user.name)

    @property
    def is_staff(self) -> bool:
        """True for people who work here."""
        return self.kind == "staff"


def actor_for(user: Any) -> Actor:
    """Who acts when this user does: somebody who works here, or a patient in their own account."""
    return Actor.staff(user) if user.works_here or not hasattr(user, "patient") else Actor.patient(user.patient.pk)


def actor_of(request: HttpRequest) -> Actor:
    """Who is signed in, else an anonymous browser."""
    return actor_for(request.user) if request.user.is_authenticated else Actor.anonymous()
