"""What a stream of lines does to the books."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.paynow.domain.aging import BUCKETS, bucket_of, latest_due_date
from services.paynow.domain.books import Contact, Organization, TooMany
from services.paynow.domain.contacts import with_defaults
from services.paynow.domain.lines import SyncRecord
from services.paynow.domain.sync import MOST_REFUSALS, SyncReport
from services.paynow.ports import InvoiceFilter
from services.paynow.use_cases import books
from services.paynow.use_cases.sync import MOST_RECORDS, sync_books
from tests.fakes.clock import SetClock
from tests.fakes.paynow_books import BooksInMemory, a_record, numbered


def sync(ledger: BooksInMemory, *batches: list[SyncRecord]) -> SyncReport:
    """One stream."""
    return sync_books(batches, ledger=ledger, clock=SetClock())


def counts(report: SyncReport) -> tuple[int, int, int, int]:
    """Added, changed, unchanged, refused."""
    return report.added, report.changed, report.unchanged, report.refused


def contacts_of(ledger: BooksInMemory, organization_id: str = "O-1") -> list[tuple[str, list[str], bool]]:
    """Name, addresses and star of each contact."""
    found = books.get_organization(organization_id, ledger=ledger).contacts
    return [(one.name, [a.email for a in one.addresses], one.is_default) for one in found]


# Lines


def test_a_number_twice_is_refused_in_one_batch_and_across_batches() -> None:
    report = sync(
        BooksInMemory(),
        [a_record("1", line=2), a_record("2", line=3), a_record("1", line=4, balance="1")],
        [a_record("2", line=5), a_record("1", line=6, organization_id="O-2")],
    )
    assert counts(report) == (3, 0, 0, 2)
    assert [(one.line, one.reason) for one in report.refusals] == [
        (4, "DUPLICATE_NUMBER"),
        (5, "DUPLICATE_NUMBER"),
    ]
    assert "line 2" in report.refusals[0].message
    assert "line 3" in report.refusals[1].message


def test_numbers_that_only_look_alike_are_two_invoices() -> None:
    report = sync(BooksInMemory(), numbered(*map(a_record, ["7", "07", "007", "7 7", "é", "e\u0301"])))
    assert counts(report) == (6, 0, 0, 0)


def test_a_refused_line_does_not_take_its_number() -> None:
    report = sync(BooksInMemory(), numbered(a_record("1", amount="?"), a_record("1")))
    assert counts(report) == (1, 0, 0, 1)


def test_a_refused_line_changes_nothing_of_organization_or_contact() -> None:
    ledger = BooksInMemory()
    sync(ledger, [a_record("1")])
    sync(ledger, [a_record("1", organization_name="New", contact_name="Eve", status="?")])
    found = books.get_organization("O-1", ledger=ledger)
    assert found.name == "Harbor Lights LLC"
    assert [one.name for one in found.contacts] == ["Ana Costa"]


def test_a_report_names_the_first_thousand_refusals_and_counts_all() -> None:
    bad = [a_record(str(n), line=n, amount="?") for n in range(1, 1501)]
    report = sync(BooksInMemory(), bad[:1000], bad[1000:])
    assert report.refused == 1500
    assert [one.line for one in report.refusals] == list(range(1, MOST_REFUSALS + 1))


def test_a_batch_that_is_too_large_is_refused_and_what_came_before_it_stays() -> None:
    ledger = BooksInMemory()
    large = [a_record(str(n)) for n in range(MOST_RECORDS + 1)]
    with pytest.raises(TooMany):
        sync(ledger, [a_record("first")], large)
    assert books.list_invoices(InvoiceFilter(), None, 10, ledger=ledger).total == 1


def test_an_empty_stream_is_a_sync_that_says_nothing() -> None:
    ledger = BooksInMemory()
    assert counts(sync(ledger)) == (0, 0, 0, 0)
    assert counts(sync(ledger, [])) == (0, 0, 0, 0)
    with ledger.read() as view:
        assert view.last_synced_at() is not None


def test_a_cut_stream_keeps_its_prefix_and_a_repeat_completes_it() -> None:
    ledger = BooksInMemory()
    first, second = [a_record("1", line=1)], [a_record("2", line=2)]

    def cut() -> object:
        yield first
        raise ConnectionError

    with pytest.raises(ConnectionError):
        sync_books(cut(), ledger=ledger, clock=SetClock())  # type: ignore[arg-type]
    with ledger.read() as view:
        assert view.last_synced_at() is None
    assert counts(sync(ledger, first, second)) == (1, 0, 1, 0)


def test_a_cut_stream_drops_no_address() -> None:
    ledger = BooksInMemory()
    sync(ledger, [a_record(contact_emails=("a@x.test", "b@x.test"))])

    def cut() -> object:
        yield [a_record(contact_emails=("a@x.test",))]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        sync_books(cut(), ledger=ledger, clock=SetClock())  # type: ignore[arg-type]
    assert contacts_of(ledger) == [("Ana Costa", ["a@x.test", "b@x.test"], True)]


# Contradictions


def test_of_two_names_in_one_list_the_last_holds_and_a_repeat_changes_nothing() -> None:
    ledger = BooksInMemory()
    records = numbered(a_record("1", organization_name="Old"), a_record("2", organization_name="New"))
    assert counts(sync(ledger, records)) == (2, 0, 0, 0)
    assert books.get_organization("O-1", ledger=ledger).name == "New"
    assert counts(sync(ledger, records)) == (0, 0, 2, 0)


def test_of_two_stars_in_one_list_the_last_holds_and_a_repeat_changes_nothing() -> None:
    ledger = BooksInMemory()
    records = numbered(a_record("1", contact_default=True), a_record("2", contact_default=False))
    sync(ledger, records)
    assert counts(sync(ledger, records)) == (0, 0, 2, 0)


# Contacts


def test_two_people_at_one_address_stay_two_people() -> None:
    ledger = BooksInMemory()
    records = numbered(
        a_record("1", contact_name="Ana", contact_emails=("office@x.test",)),
        a_record("2", contact_name="Bob", contact_emails=("office@x.test",)),
    )
    sync(ledger, records)
    assert contacts_of(ledger) == [("Ana", ["office@x.test"], True), ("Bob", ["office@x.test"], False)]
    assert counts(sync(ledger, records)) == (0, 0, 2, 0)


def test_a_contact_without_a_name_gets_it_later_by_a_shared_address() -> None:
    ledger = BooksInMemory()
    nameless = a_record("1", contact_name="", contact_emails=("ana@x.test",))
    named = a_record("1", contact_name="Ana", contact_emails=("ANA@x.test",))
    sync(ledger, [nameless])
    assert counts(sync(ledger, [named])) == (0, 1, 0, 0)
    assert contacts_of(ledger) == [("Ana", ["ana@x.test"], True)]
    assert counts(sync(ledger, [named])) == (0, 0, 1, 0)


def test_contacts_without_a_name_are_known_by_their_first_address() -> None:
    ledger = BooksInMemory()
    records = numbered(
        a_record("1", contact_name="", contact_emails=("a@x.test",)),
        a_record("2", contact_name="", contact_emails=("b@x.test", "a@x.test")),
        a_record("3", contact_name="Ana", contact_emails=("a@x.test",)),
    )
    sync(ledger, records)
    assert contacts_of(ledger) == [
        ("", ["a@x.test"], True),
        ("", ["b@x.test", "a@x.test"], False),
        ("Ana", ["a@x.test"], False),
    ]
    assert counts(sync(ledger, records)) == (0, 0, 3, 0)


def test_whom_the_books_name_first_from_now_on_is_primary() -> None:
    ledger = BooksInMemory()
    ana = {"contact_name": "Ana", "contact_emails": ("ana@x.test",)}
    bob = {"contact_name": "Bob", "contact_emails": ("bob@x.test",)}
    sync(ledger, numbered(a_record("1", **ana), a_record("2", **ana)))
    assert counts(sync(ledger, numbered(a_record("1", **bob), a_record("2", **bob)))) == (0, 1, 1, 0)
    assert contacts_of(ledger) == [("Ana", ["ana@x.test"], False), ("Bob", ["bob@x.test"], True)]


def test_the_primary_is_the_first_of_the_stream_not_of_each_batch() -> None:
    ledger = BooksInMemory()
    ana = a_record("1", contact_name="Ana", contact_emails=("ana@x.test",))
    bob = a_record("2", contact_name="Bob", contact_emails=("bob@x.test",))
    sync(ledger, [ana], [bob])
    assert contacts_of(ledger) == [("Ana", ["ana@x.test"], True), ("Bob", ["bob@x.test"], False)]


def test_addresses_of_a_new_contact_add_up_across_batches() -> None:
    ledger = BooksInMemory()
    batches = [[a_record(str(n), contact_emails=(f"a{n}@x.test",))] for n in range(3)]
    sync(ledger, *batches)
    assert contacts_of(ledger) == [("Ana Costa", ["a0@x.test", "a1@x.test", "a2@x.test"], True)]
    assert counts(sync(ledger, *batches)) == (0, 0, 3, 0)
    assert contacts_of(ledger) == [("Ana Costa", ["a0@x.test", "a1@x.test", "a2@x.test"], True)]


def a_contact(position: int, *, primary: bool = False, hand: bool = False, crm: bool = False) -> Contact:
    """A contact with stars."""
    return Contact(position, "O-1", position, f"C{position}", primary, hand, crm, False, ())


@pytest.mark.parametrize(
    ("contacts", "defaults"),
    [
        ([], []),
        ([a_contact(1)], []),
        ([a_contact(1, primary=True), a_contact(2)], [1]),
        ([a_contact(1, primary=True), a_contact(2, crm=True), a_contact(3, crm=True)], [2, 3]),
        ([a_contact(1, primary=True), a_contact(2, crm=True), a_contact(3, hand=True)], [3]),
        ([a_contact(1, primary=True, hand=True, crm=True), a_contact(2)], [1]),
    ],
)
def test_by_hand_goes_before_the_crm_and_the_crm_before_the_primary(
    contacts: list[Contact], defaults: list[int]
) -> None:
    assert [one.position for one in with_defaults(contacts) if one.is_default] == defaults


# Whatever the list says

NAMES = st.sampled_from(["", "Ana", "Bob"])
EMAILS = st.lists(st.sampled_from(["a@x.test", "b@x.test", "c@x.test"]), max_size=2).map(tuple)
LINES = st.builds(
    lambda number, organization, name, emails, star, balance: a_record(
        number,
        organization_id=organization,
        contact_name=name,
        contact_emails=emails,
        contact_default=star,
        balance=balance,
    ),
    st.sampled_from("123456"),
    st.sampled_from(["O-1", "O-2"]),
    NAMES,
    EMAILS,
    st.sampled_from([None, True, False]),
    st.sampled_from(["0", "1", "250", "251"]),
)


@settings(deadline=None)
@given(st.lists(LINES, max_size=12), st.lists(LINES, max_size=12))
def test_every_line_is_counted_once_and_a_repeat_is_all_unchanged(
    before: list[SyncRecord], records: list[SyncRecord]
) -> None:
    ledger = BooksInMemory()
    sync(ledger, numbered(*before))
    report = sync(ledger, numbered(*records))
    assert sum(counts(report)) == len(records)
    assert min(counts(report)) >= 0
    assert counts(sync(ledger, numbered(*records))) == (0, 0, len(records) - report.refused, report.refused)


@settings(deadline=None)
@given(st.lists(LINES, max_size=12), st.integers(1, 5))
def test_the_books_end_up_the_same_however_the_list_is_cut_into_batches(
    records: list[SyncRecord], size: int
) -> None:
    whole, parts = BooksInMemory(), BooksInMemory()
    lines = numbered(*records)
    sync(whole, lines)
    sync(parts, *[lines[n : n + size] for n in range(0, len(lines), size)])
    for organization_id in {record.organization_id for record in lines}:
        with whole.read() as one, parts.read() as other:
            assert told_of(one.organization(organization_id)) == told_of(other.organization(organization_id))


def told_of(organization: Organization | None) -> Organization | None:
    """The organization without the ids, which are given in the order of storing."""
    if organization is None:
        return None
    contacts = tuple(replace(contact, contact_id=0) for contact in organization.contacts)
    return replace(organization, contacts=contacts)


# Aging


@pytest.mark.parametrize(
    ("due_on", "bucket"),
    [
        (None, 0),
        (date(2026, 3, 3), 0),
        (date(2026, 3, 2), 0),
        (date(2026, 3, 1), 1),
        (date(2026, 1, 31), 1),
        (date(2026, 1, 30), 2),
        (date(2025, 12, 31), 3),
        (date(2025, 12, 2), 3),
        (date(2025, 12, 1), 4),
        (date(1999, 1, 1), 4),
    ],
)
def test_an_invoice_is_in_the_bucket_of_its_days_past_due(due_on: date | None, bucket: int) -> None:
    assert bucket_of(due_on, date(2026, 3, 2)) == bucket


@settings(deadline=None)
@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_the_dates_that_a_query_uses_cut_where_the_rule_cuts(due_on: date, today: date) -> None:
    by_dates = max((n for n in range(1, len(BUCKETS)) if due_on <= latest_due_date(n, today)), default=0)
    assert bucket_of(due_on, today) == by_dates
