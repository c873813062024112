"""The names of occurrences: no two things that happen have one name."""

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from services.scheduler.domain import occurrences

IDS = st.text("AB|:2-0new", min_size=1, max_size=6)
"""Ids of the customer's own making: of these few letters many look like each other's keys."""

NUMBERS = st.integers(1, 3)
DAYS = st.sampled_from([date(2026, 3, 2), date(2026, 4, 2)])
SUMMARIES = st.one_of(
    st.tuples(st.just(occurrences.of_summary), IDS, DAYS),
    st.tuples(st.just(occurrences.of_new_invoices), IDS, IDS),
    st.tuples(st.just(occurrences.of_request), IDS, st.sampled_from(["r", "2"])),
    st.tuples(st.just(occurrences.of_campaign), IDS, st.sampled_from(["r", "2"])),
)
PLANS = st.tuples(st.just(occurrences.of_plan), IDS, IDS, NUMBERS)
METHODS = st.tuples(st.just(occurrences.of_method), IDS, IDS, NUMBERS)
CARDS = st.tuples(
    st.just(occurrences.of_card), IDS, IDS, st.just(2026), NUMBERS, st.sampled_from([None, 0, 1])
)


@settings(max_examples=500)
@given(st.one_of(*(st.tuples(of, of) for of in (SUMMARIES, PLANS, METHODS, CARDS))))
def test_what_differs_has_different_names(two: tuple[tuple, tuple]) -> None:  # type: ignore[type-arg]
    (name, *first), (other_name, *second) = two
    assert (name(*first) == other_name(*second)) == ((name, first) == (other_name, second))


def test_two_organizations_never_share_a_receipt() -> None:
    assert occurrences.of_plan("A", "B|C", 1) != occurrences.of_plan("A|B", "C", 1)


def test_without_the_separator_in_an_id_names_are_as_they_always_were() -> None:
    assert occurrences.of_plan("A", "B|C", 1) == "A|B|C|1"
    assert occurrences.of_summary("A", date(2026, 3, 2)) == "A|2026-03-02"


@given(IDS, IDS)
def test_a_summary_of_new_invoices_is_known_whatever_the_ids_are(organization: str, sync: str) -> None:
    assert occurrences.is_of_new_invoices(occurrences.of_new_invoices(organization, sync))
    assert not occurrences.is_of_new_invoices(occurrences.of_request(organization, "new"))
    assert not occurrences.is_of_new_invoices(occurrences.of_summary(organization, date(2026, 3, 2)))
