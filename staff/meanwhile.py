"""A set-up form that somebody else was quicker with: who, when, and in what the two differ. What was typed stays."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Model
from django.utils.translation import gettext as _

from accounts import clock
from audit.models import AuditEvent
from staff import history


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """What the page says: who changed it, when, and each field that differs with what is saved now."""

    who: str
    at: datetime | None
    fields: list[tuple[str, str]]

    @property
    def when(self) -> str:
        """ "10:41 a.m.", or a date and time if it was not today."""
        if self.at is None:
            return ""
        return clock.clock_time(self.at) if clock.local(self.at).date() == clock.today() else clock.long_when(self.at)


def meanwhile(form: forms.Form, stored: dict[str, Any], row: Model) -> Meanwhile:
    """Compare what was typed with what is stored now.

    Args:
        stored: the form's fields as they are saved, such as `initial_of` gives them.
    """
    found = AuditEvent.objects.filter(object_type=row._meta.label_lower, object_id=row.pk, actor_kind="staff")
    last = found.exclude(action__startswith="staff.").order_by("-at", "-pk").first()
    differs = [
        (str(form.fields[name].label), _in_words(form.fields[name], value))
        for name, value in stored.items()
        if name in form.fields and _plain(form.cleaned_data.get(name)) != _plain(value)
    ]
    return Meanwhile(history.who_of(last, history.names_of([last])) if last else "", last.at if last else None, differs)


def _plain(value: Any) -> Any:
    """A value as it can be compared: rows by key, many of them in order, nothing as nothing."""
    if isinstance(value, Model):
        return value.pk
    if value is None or isinstance(value, str | bool | int):
        return value or ("" if value is None else value)
    return sorted(one.pk for one in value)


def _in_words(field: forms.Field, value: Any) -> str:
    if isinstance(field, forms.BooleanField):
        return _("yes") if value else _("no")
    if isinstance(field, forms.ModelMultipleChoiceField):
        return ", ".join(str(one) for one in value) or _("nobody")
    if isinstance(field, forms.ModelChoiceField):
        return str(field.queryset.filter(pk=_plain(value)).first() or _("None")) if value else _("None")
    if isinstance(field, forms.ChoiceField):
        return str(dict(field.choices).get(value, value))  # type: ignore[arg-type]
    return str(value) or _("nothing")
