"""Places whose holidays are known, by name: countries, and parts of countries with holidays of their own."""

from functools import lru_cache

from babel import Locale
from holidays import country_holidays, list_supported_countries
from wtforms.fields.choices import SelectChoice

from gateway.site.formats import LOCALE

NONE = SelectChoice("", "No country: Saturday and Sunday, no holidays")


@lru_cache(maxsize=1)
def _places() -> tuple[SelectChoice, ...]:
    names = Locale.parse(LOCALE).territories
    countries = {code: parts for code, parts in list_supported_countries().items() if len(code) == 2}
    found = []
    for code, parts in countries.items():
        country = names.get(code, code)
        found.append(SelectChoice(code, country))
        called = _parts_by_code(code) if parts else {}
        found += [SelectChoice(f"{code}-{part}", f"{country} – {called.get(part, part)}") for part in parts]
    return tuple(sorted(found, key=lambda one: one.label))


def _parts_by_code(country: str) -> dict[str, str]:
    """The names of a country's parts, as far as they are known."""
    aliases: dict[str, str] = getattr(country_holidays(country), "subdivisions_aliases", {})
    return {code: name for name, code in reversed(aliases.items())}


def holiday_places(present: str) -> list[SelectChoice]:
    """Choices of a field by name, "United States – Texas" by "US-TX"; what is in use is always among them."""
    known = _places()
    more = (
        [] if not present or any(one.value == present for one in known) else [SelectChoice(present, present)]
    )
    return [NONE, *more, *known]
