"""A practitioner's private calendar address. Rows only; what it serves is made in `booking.ics`."""

from django.db import models

from accounts.links import derive_link

PURPOSE = "feed"


class CalendarFeed(models.Model):
    """The address from which a practitioner's own calendar program reads when they have visits: when, never whom or why.

    The token is derived and not kept; the row has its digest while the address is on, and nothing to look up once it is off.
    A new address raises the generation, so that the one before never works again.
    """

    practitioner = models.OneToOneField("booking.Practitioner", on_delete=models.CASCADE, related_name="feed")
    key_id = models.CharField(max_length=16, blank=True)
    generation = models.PositiveIntegerField(default=0)
    sha256 = models.BinaryField(max_length=32, null=True, unique=True)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"feed of practitioner {self.practitioner_id}"

    @property
    def is_on(self) -> bool:
        """True while the address works."""
        return self.sha256 is not None

    @property
    def token(self) -> str:
        """The token of the address as it is now."""
        return derive_link(PURPOSE, self.practitioner_id, self.generation, self.key_id)
