"""A private link that somebody lost."""

from django.db import models
from django.db.models import F, Q


class LinkRequest(models.Model):
    """A fact: someone says they lost the link to their visit. The sender looks up whether there is one; the page never says."""

    channel = models.CharField(max_length=8, help_text="email or text.")
    address = models.CharField(max_length=254)
    asked_at = models.DateTimeField()
    sequence = models.PositiveIntegerField(default=1)
    announced = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["id"], name="linkrequest_to_announce", condition=Q(announced__lt=F("sequence")))]

    def __str__(self) -> str:
        return f"link request {self.pk}"
