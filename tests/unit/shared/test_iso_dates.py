"""A date is YYYY-MM-DD: whoever writes one in another way of ISO 8601 has slipped, or means another day."""

from datetime import date

import pytest

from services.shared.errors import Invalid
from services.shared.iso_dates import day_of
from services.shared.wire import date_of

OTHER_WAYS = [
    "2026-W50-1",
    "20261207",
    "2026W501",
    "2026-12-7",
    "２０２６-12-07",
    "2026-12-07 ",
    "2026-02-30",
    "",
]


def test_a_date_is_read() -> None:
    assert day_of("2026-12-07") == date(2026, 12, 7)


@pytest.mark.parametrize("text", OTHER_WAYS)
def test_nothing_else_is_a_date(text: str) -> None:
    with pytest.raises(ValueError, match=r"\A"):
        day_of(text)


@pytest.mark.parametrize("text", OTHER_WAYS[:-1])
def test_on_the_wire_it_is_refused_with_its_field(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        date_of(text, "resumes_on")
    [wrong] = refused.value.violations
    assert (wrong.field, wrong.reason) == ("resumes_on", "DATE_MALFORMED")


def test_an_empty_date_on_the_wire_is_none() -> None:
    assert date_of("", "resumes_on") is None
