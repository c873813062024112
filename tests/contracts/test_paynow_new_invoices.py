"""What is told of invoices that are new to the books, kept by the books in memory and on both databases."""

from collections.abc import Iterator, Sequence

import pytest

from services.paynow.domain.lines import SyncRecord
from services.paynow.use_cases.sync import sync_books
from services.shared.clock import SystemClock
from tests.contracts.paynow_books import KINDS, Store, open_store
from tests.fakes.paynow_books import a_record
from tests.servers import MigratedUrl


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[Store]:
    with open_store(request.param, migrated_url) as store:
        yield store


def told(store: Store) -> list[tuple[str, list[str]]]:
    """By fact its sync and the organizations of its invoices."""
    return [
        (body["sync_id"], [one["organization_id"] for one in body["invoices"]])
        for name, body in store.facts()
        if name == "invoices_recorded"
    ]


def test_a_sync_tells_once_of_the_invoices_that_it_has_added(store: Store) -> None:
    store.sync(a_record("1"), a_record("2", organization_id="O-2"))
    store.sync(a_record("1"), a_record("2", organization_id="O-2", balance="1"))
    assert told(store) == [("1", ["O-1", "O-2"])]
    store.sync(a_record("1"), a_record("3", organization_id="O-2"))
    assert told(store)[1:] == [("3", ["O-2"])]
    (first, second), (third,) = (body["invoices"] for _, body in store.facts())
    assert len({one["invoice_id"] for one in (first, second, third)}) == 3


def test_a_fact_names_the_invoice_as_the_ledger_does(store: Store) -> None:
    store.sync(a_record())
    ((_, body),) = store.facts()
    assert body["invoices"] == [
        {"invoice_id": store.only_invoice().invoice_id, "organization_id": "O-1"},
    ]


def _cut_short(*batches: Sequence[SyncRecord]) -> Iterator[Sequence[SyncRecord]]:
    yield from batches
    raise ConnectionResetError


def test_nothing_is_told_before_the_whole_list_is_in_the_books(store: Store) -> None:
    with pytest.raises(ConnectionResetError):
        sync_books(_cut_short([a_record("1")]), ledger=store.ledger, clock=SystemClock())
    assert store.only_invoice().number == "1"
    assert told(store) == []


def test_what_a_sync_that_was_cut_short_has_added_is_told_by_the_next_one(store: Store) -> None:
    with pytest.raises(ConnectionResetError):
        sync_books(_cut_short([a_record("1")]), ledger=store.ledger, clock=SystemClock())
    store.sync(a_record("1"), a_record("2", organization_id="O-2"))
    assert told(store) == [("2", ["O-1", "O-2"])]


def test_many_new_invoices_are_told_in_facts_of_a_thousand(store: Store) -> None:
    batches = [[a_record(str(1000 * part + n)) for n in range(1000)] for part in range(2)]
    sync_books([*batches, [a_record("last")]], ledger=store.ledger, clock=SystemClock())
    assert [len(organizations) for _, organizations in told(store)] == [1000, 1000, 1]


# Client profiles in a list


@pytest.mark.parametrize("asked", ["viewer", "View only", "VIEW ONLY", " viewer "])
def test_a_list_gives_a_client_profile_by_its_id_or_its_name(store: Store, asked: str) -> None:
    store.sync(a_record(contact_profile=asked))
    with store.ledger.read() as view:
        found = view.organization("O-1")
    assert found is not None
    assert [contact.profile_id for contact in found.contacts] == ["viewer"]


def test_a_line_with_an_unknown_profile_is_refused_whole(store: Store) -> None:
    report = store.sync(a_record("1", contact_profile="boss"), a_record("2", organization_id="O-2"))
    assert (report.added, report.refused) == (1, 1)
    (refusal,) = report.refusals
    assert (refusal.line, refusal.field, refusal.reason) == (1, "contact_profile", "PROFILE_UNKNOWN")
    assert "viewer" in refusal.message
    with store.ledger.read() as view:
        assert view.organization("O-1") is None


def test_a_list_without_the_column_leaves_profiles_as_they_are(store: Store) -> None:
    store.sync(a_record(contact_profile="billing"))
    assert store.sync(a_record()).unchanged == 1
    with store.ledger.read() as view:
        found = view.organization("O-1")
    assert found is not None
    assert [contact.profile_id for contact in found.contacts] == ["billing"]


# Lines beside refused ones


def test_what_a_refused_line_says_of_a_contact_is_learned_from_the_next_line_that_says_it(
    store: Store,
) -> None:
    store.sync(a_record("1"), a_record("2"))
    bea: dict[str, object] = {"contact_name": "Bea", "contact_emails": ("bea@harbor.test",)}
    report = store.sync(a_record("1", amount="nonsense", **bea), a_record("2", **bea))
    assert (report.changed, report.refused) == (1, 1)
    assert store.told() == ["bea@harbor.test"]


def test_a_sound_invoice_under_an_organization_that_is_not_is_refused(store: Store) -> None:
    store.sync(a_record("1"), a_record("2"))
    wrong = [a_record(number, organization_time_zone="Mars") for number in "12"]
    assert store.sync(*wrong).refused == 2
