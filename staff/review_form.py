"""What a physician writes, as a form made from `intake.reviewing`: nothing is required of a draft."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from booking.fields import PlainForm, TextField
from intake import answering, asked, reviewing
from intake.definition import Definition
from intake.reviewing import Field


class LongText(forms.CharField):
    """Several lines, of bounded length."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.Textarea({"rows": 3}))
        super().__init__(strip=False, **kwargs)
        self.validators = []  # A NUL is refused below, in our words.

    def clean(self, value: Any) -> str:
        """One kind of line end, and no character that no text has."""
        text = str(answering.normal_text(value or ""))
        if problem := answering.text_problem(text, reviewing.TEXT):
            raise ValidationError(problem)
        return text


def _made(field: Field) -> forms.Field:
    common: dict[str, Any] = {"label": field.label, "required": False, "help_text": field.hint}
    if field.kind == "one":
        return forms.ChoiceField(choices=field.options, widget=forms.RadioSelect, **common)
    if field.kind == "asked":
        return forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, **common)
    if field.kind == "many":
        return forms.MultipleChoiceField(choices=field.options, widget=forms.CheckboxSelectMultiple, **common)
    if field.kind == "tick":
        return forms.BooleanField(**common)
    return TextField(limit=reviewing.LINE, **common) if field.kind == "line" else LongText(**common)


@dataclass(frozen=True, slots=True)
class Put:
    """A button under a field that puts something into it: a text at its end, or ticks."""

    do: str
    name: str
    text: str = ""
    ticks: tuple[str, ...] = ()


class ReviewForm(PlainForm):
    """The fields of a review of answers to one form; `part` groups them as the page does.

    At first, what is asked is answered in the patient's own words.
    """

    amend_reason = TextField(limit=reviewing.LINE, required=False, label=reviewing.AMEND_REASON)

    def __init__(self, definition: Definition, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in reviewing.FIELDS:
            self.fields[field.name] = _made(field)
        may = [q.link_id for q in asked.may_be_asked(definition)] + [reviewing.OWN_WORDS]
        self.puts: dict[str, list[Put]] = {}
        self.aside: set[str] = set()  # fields that mean nothing here
        self.fields["ask_items"].choices = [(name, name) for name in may]  # type: ignore[attr-defined]

    @property
    def asked(self) -> set[str]:
        """What is ticked to be asked."""
        return set(self["ask_items"].value() or [])

    def written(self) -> dict[str, Any]:
        """By the names of `intake.reviewing`."""
        return {name: value for name, value in self.cleaned_data.items() if name in reviewing.BY_NAME}

    def part(self, name: str) -> list[dict[str, Any]]:
        """The fields of one part, with the outcomes that each belongs to, and what a press puts in."""
        fields = [f for f in reviewing.FIELDS if f.part == name and f.name not in self.aside]
        return [{"bound": self[f.name], "field": f, "puts": self.puts.get(f.name, ())} for f in fields]

    # Not called after a part: a template would take `form.plan` for the field of that name.
    @property
    def part_decision(self) -> list[dict[str, Any]]:
        """What follows from it."""
        return self.part("decision")

    @property
    def part_exam(self) -> list[dict[str, Any]]:
        """What was found."""
        return self.part("exam")

    @property
    def part_plan(self) -> list[dict[str, Any]]:
        """What happens next."""
        return self.part("plan")
