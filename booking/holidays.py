"""Public holidays, as suggestions for the clinic's closures. Nothing is closed by itself."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Holiday:
    """A public holiday; `usual` is False for days on which many work all the same."""

    date: date
    name: str
    usual: bool


def holidays_of(year: int, region: str) -> list[Holiday]:
    """The public holidays of a Canadian province in a year, in order; none for a region that the list does not know.

    Args:
        region: the province's two letters ("ON").
    """
    from holidays import country_holidays, list_supported_countries  # a third of a second that only this screen needs
    from holidays.constants import OPTIONAL, PUBLIC

    if region not in list_supported_countries()["CA"]:
        return []
    public, optional = (
        country_holidays("CA", subdiv=region, years=year, categories=(category,), language="en_CA")
        for category in (PUBLIC, OPTIONAL)
    )
    names = dict(optional.items()) | dict(public.items())
    return [Holiday(day, name, day in public) for day, name in sorted(names.items())]
