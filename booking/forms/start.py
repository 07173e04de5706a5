"""The first page: what the visit is for."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from booking.fields import PlainForm
from booking.models import Service


class ServiceForm(PlainForm):
    """What the visit is for, where a clinic offers more than one online."""

    service = forms.ChoiceField(
        label=_("What is the visit for?"),
        widget=forms.RadioSelect,
        error_messages={
            "required": _("Choose what the visit is for"),
            "invalid_choice": _("Choose one of the visits shown"),
        },
    )

    def __init__(self, *args: Any, online: list[Service], kept: str = "", **kwargs: Any) -> None:
        """`kept` is the questionnaire of the answers that are gone on with."""
        super().__init__(*args, **kwargs)
        self.online, self.kept = {str(service.public_id): service for service in online}, kept
        self.fields["service"].choices = [(key, _facts(service)) for key, service in self.online.items()]  # type: ignore[attr-defined]

    def clean_service(self) -> Service:
        """The service; answers to another one's questions are not taken along."""
        service = self.online[self.cleaned_data["service"]]
        if self.kept and service.questionnaire != self.kept:
            raise ValidationError(_("The answers saved in this browser are for another visit. Choose that one, or “Start again”"))
        return service


def _facts(service: Service) -> str:
    """ "First assessment: 30 minutes, $150"."""
    said = _("%(name)s: %(n)d minutes") % {"name": service.name, "n": service.minutes}
    return f"{said}, {service.price_text}" if service.price_text else said
