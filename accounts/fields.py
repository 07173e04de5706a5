"""Form fields that several screens share."""

from datetime import date
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

MONTHS = [
    _("January"),
    _("February"),
    _("March"),
    _("April"),
    _("May"),
    _("June"),
    _("July"),
    _("August"),
    _("September"),
    _("October"),
    _("November"),
    _("December"),
]


class DateBoxes(forms.MultiWidget):
    """A date as month, day and year: three labelled boxes, no picker (a birth date is typed faster than found)."""

    template_name = "components/date_boxes.html"
    use_fieldset = True

    def __init__(self, attrs: dict[str, Any] | None = None, birthday: bool = False) -> None:
        fill = (lambda part: {"autocomplete": f"bday-{part}"}) if birthday else (lambda part: {"autocomplete": "off"})
        number = {"class": "input num", "inputmode": "numeric"}
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
        """The first box."""
        return f"{id_}_0" if id_ else ""


class DateBoxesField(forms.MultiValueField):
    """A date typed into three boxes. Errors say which part is wrong and how it should look."""

    widget = DateBoxes
    default_error_messages: ClassVar[dict[str, Any]] = {
        "required": _("Enter the date, like March 27, 1987"),
        "invalid": _("It must be a real date, like March 27, 1987"),
        "year": _("The year must have 4 numbers, like 1987"),
    }

    def __init__(self, *, birthday: bool = False, **kwargs: Any) -> None:
        kwargs.setdefault("widget", DateBoxes(birthday=birthday))
        boxes = (forms.CharField(required=False), forms.CharField(required=False), forms.CharField(required=False))
        super().__init__(boxes, require_all_fields=False, **kwargs)
        if birthday:
            self.error_messages |= {
                "required": _("Enter your date of birth, like March 27, 1987"),
                "invalid": _("Your date of birth must be a real date, like March 27, 1987"),
                "year": _("Your year of birth must have 4 numbers, like 1987"),
            } | (kwargs.get("error_messages") or {})

    def compress(self, data_list: list[Any]) -> date | None:
        """[month, day, year] as a date, or None when all three are empty."""
        if not any(data_list):
            if self.required:  # nothing but spaces, which Django does not take for empty
                raise ValidationError(self.error_messages["required"], code="required")
            return None
        month, day, year = (str(part or "").strip() for part in data_list)
        if not (year.isascii() and year.isdigit() and len(year) == 4):
            raise ValidationError(self.error_messages["year"], code="year")
        try:
            return date(int(year), int(month), int(day))
        except (ValueError, OverflowError):
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None
