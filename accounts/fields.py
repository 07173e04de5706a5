"""Form fields that several screens share."""

from datetime import date
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.dates import MONTHS, PARTS, Wrong, in_words, read


class DateBoxes(forms.MultiWidget):
    """A date as month, day and year: three labelled boxes, no picker (a birth date is typed faster than found)."""

    template_name = "components/date_boxes.html"
    use_fieldset = True

    def __init__(self, attrs: dict[str, Any] | None = None, birthday: bool = False) -> None:
        fill = (lambda part: {"autocomplete": f"bday-{part}"}) if birthday else (lambda part: {"autocomplete": "off"})
        number = {"class": "input num", "inputmode": "numeric"}
        self.wrong: tuple[str, ...] = ()  # The parts that an error is about,
        self.error_id = ""  # and where that error stands.
        super().__init__(
            {
                "month": forms.Select(
                    {"class": "input", **fill("month")},
                    choices=[("", ""), *((str(n), name) for n, name in enumerate(MONTHS, 1))],
                ),
                "day": forms.TextInput({**number, "maxlength": 2, **fill("day")}),
                "year": forms.TextInput({**number, "maxlength": 4, **fill("year")}),
            },
            attrs,
        )

    def decompress(self, value: Any) -> list[Any]:
        """A date, or an ISO string, as [month, day, year]."""
        if isinstance(value, str) and value:
            try:
                value = date.fromisoformat(value)
            except ValueError:
                return ["", "", ""]
        return [value.month, value.day, value.year] if value else ["", "", ""]

    def id_for_label(self, id_: str) -> str:
        """The first box, or the first that is wrong."""
        return f"{id_}_{self.wrong[0] if self.wrong else PARTS[0]}" if id_ else ""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Each box has its own id, and only what is wrong is marked as that."""
        context = super().get_context(name, value, attrs)
        for part, box in zip(PARTS, context["widget"]["subwidgets"], strict=True):
            if attrs and attrs.get("id"):
                box["attrs"]["id"] = f"{attrs['id']}_{part}"
            box["attrs"].pop("aria-invalid", None)
            if part in self.wrong:
                box["attrs"] |= {"aria-invalid": "true", "aria-describedby": self.error_id}
        return context


class DateBoxesField(forms.MultiValueField):
    """A date in three boxes. Errors say which part is wrong and how it should look; `params` of each names the parts."""

    widget = DateBoxes
    default_error_messages: ClassVar[dict[str, Any]] = {"required": _("Enter the date, like March 27, 1987")}

    def __init__(self, *, birthday: bool = False, whose: Any = "", year_of: Any = "", **kwargs: Any) -> None:
        """`whose` and `year_of` begin the sentences of errors: "Your date of birth", "Your year of birth"."""
        kwargs.setdefault("widget", DateBoxes(birthday=birthday))
        boxes = (forms.CharField(required=False), forms.CharField(required=False), forms.CharField(required=False))
        super().__init__(boxes, require_all_fields=False, **kwargs)
        self.whose = whose or (_("Your date of birth") if birthday else _("The date"))
        self.year_of = year_of or (_("Your year of birth") if birthday else _("The year"))
        if birthday:
            self.error_messages |= {"required": _("Enter your date of birth, like March 27, 1987")} | (
                kwargs.get("error_messages") or {}
            )

    def compress(self, data_list: list[Any]) -> date | None:
        """[month, day, year] as a date, or None when all three are empty."""
        found = read(*(str(part or "") for part in data_list or ("", "", "")))
        if isinstance(found, Wrong):
            raise self.refusal(found)
        if found is None and self.required:  # nothing but spaces, which Django does not take for empty
            raise ValidationError(self.error_messages["required"], code="required")
        return found

    def refusal(self, wrong: Wrong) -> ValidationError:
        """The error about these parts."""
        text = in_words(wrong, whose=str(self.whose), year_of=str(self.year_of))
        return ValidationError(text, code=wrong.code, params={"parts": wrong.parts})


def mark_wrong(bound: forms.BoundField) -> None:
    """Tell the boxes of a date which of them its error is about: all of them, where it names none."""
    widget = bound.field.widget
    if isinstance(widget, DateBoxes) and bound.errors:
        first = bound.form.errors.as_data()[bound.name][0]
        widget.wrong = tuple((first.params or {}).get("parts", PARTS))
        widget.error_id = f"{bound.auto_id}_error"
