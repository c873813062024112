"""The promises of a sync, kept by the books in memory and on both databases."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest

from services.paynow.domain.books import Invoice
from services.paynow.domain.lines import SyncRecord
from services.paynow.domain.repeats import told
from services.paynow.domain.sync import SyncReport, SyncUndone
from services.paynow.ports import BooksReader, BooksWriter, InvoiceFilter, Ledger
from services.paynow.use_cases import books
from services.paynow.use_cases.summary import Summaries
from services.paynow.use_cases.sync import sync_books
from services.shared.clock import SystemClock
from tests.contracts.paynow_books import KINDS, TODAY, Store, open_store
from tests.fakes.paynow_books import a_record
from tests.servers import MigratedUrl


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[Store]:
    with open_store(request.param, migrated_url) as store:
        yield store


# Taking in


def test_a_list_is_taken_in_and_a_repeat_changes_nothing(store: Store) -> None:
    records = [a_record("1001"), a_record("1002", organization_id="O-2", contact_name="")]
    assert store.sync(*records) == SyncReport(2, 0, 0, 0, ())
    assert store.sync(*records) == SyncReport(0, 0, 2, 0, ())


def test_an_invoice_reads_back_exactly_as_it_was_written(store: Store) -> None:
    number = "00/Ä-1 💶"
    store.sync(a_record(number, due_on="", issued_on="", currency="KWD", amount="1.234", balance="0.5"))
    found = store.only_invoice()
    assert found == Invoice(
        found.invoice_id, "O-1", "Harbor Lights LLC", number, None, None, "KWD", 1234, 500, 0, "open"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"due_on": "2026-03-09"},
        {"due_on": ""},
        {"issued_on": "2026-02-02"},
        {"amount": "300.00"},
        {"balance": "249.99"},
        {"currency": "EUR"},
        {"status": "third_party"},
        {"organization_name": "Harbor Lights Inc"},
        {"organization_type": "Managed"},
        {"organization_status": "inactive"},
        {"organization_address": "1 Pier\nPortland"},
        {"organization_time_zone": "America/New_York"},
        {"organization_currency": "EUR"},
        {"organization_language": "de"},
        {"contact_name": "Bea Costa"},
        {"contact_emails": ("ana@harbor.test", "bea@harbor.test")},
        {"contact_emails": ("ana@office.test",)},
        {"contact_default": True},
        {"contact_profile": "billing"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_thing_that_a_line_says_anew_is_one_change_and_then_none(
    store: Store, change: dict[str, object]
) -> None:
    store.sync(a_record("1001"), a_record("1002", organization_id="O-2"))
    changed = [a_record("1001", **change), a_record("1002", organization_id="O-2")]
    assert store.sync(*changed) == SyncReport(0, 1, 1, 0, ())
    assert store.sync(*changed) == SyncReport(0, 0, 2, 0, ())


def test_details_that_a_list_does_not_have_stay_as_they_are(store: Store) -> None:
    store.sync(a_record(organization_type="Managed", organization_status="associated"))
    store.sync(a_record(organization_name="Harbor"))
    found = books.get_organization("O-1", ledger=store.ledger)
    assert (found.name, found.type, found.status) == ("Harbor", "Managed", "associated")


def test_a_batch_that_fails_leaves_nothing_of_itself(store: Store) -> None:
    def fail_at_the_end() -> None:
        with store.ledger.write() as writer:
            sync_id = writer.start_sync(datetime(2026, 3, 2, tzinfo=UTC))
            writer.finish_sync(sync_id, datetime(2026, 3, 2, tzinfo=UTC), SyncReport(0, 0, 0, 0, ()))
            raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError):
        fail_at_the_end()
    with store.ledger.read() as view:
        assert view.last_synced_at() is None


class _Forgetful:
    """Books whose database is killed right after a batch, and goes on without it."""

    def __init__(self, ledger: Ledger, forgets: int) -> None:
        self._ledger = ledger
        self._forgets = forgets
        self._batches = 0

    @contextmanager
    def write(self, *, lasting: bool = True) -> Iterator[BooksWriter]:
        with suppress(_Killed), self._ledger.write(lasting=lasting) as books:
            yield books
            self._batches += not lasting
            if not lasting and self._batches == self._forgets:
                raise _Killed

    def read(self) -> AbstractContextManager[BooksReader]:
        return self._ledger.read()


class _Killed(Exception):
    pass


@pytest.mark.parametrize("forgets", [1, 2, 3])
def test_a_sync_that_the_database_has_forgotten_a_part_of_says_so(store: Store, forgets: int) -> None:
    batches = [[a_record(f"{1000 + n}")] for n in range(3)]
    with pytest.raises(SyncUndone, match="send the list again"):
        sync_books(batches, ledger=_Forgetful(store.ledger, forgets), clock=SystemClock())
    with store.ledger.read() as view:
        assert view.last_synced_at() is None
    report = sync_books(batches, ledger=store.ledger, clock=SystemClock())
    assert (report.added, report.unchanged) == (1, 2)


def test_the_books_remember_when_a_sync_last_came_to_its_end(store: Store) -> None:
    later = datetime(2026, 3, 3, 8, tzinfo=UTC)
    store.sync(a_record(), at=later - timedelta(days=1))
    store.sync(a_record(), at=later)
    assert Summaries(store.ledger, SystemClock()).of("", TODAY).last_synced_at == later


# Lines that repeat what the last line of their invoice said


def of_one(*changes: dict[str, object]) -> list[SyncRecord]:
    """Lines of one organization, invoice 1 and so on, each with what is different about it."""
    return [a_record(str(number), **change) for number, change in enumerate(changes, 1)]


def test_many_repeated_lines_are_unchanged_and_those_between_them_are_not(store: Store) -> None:
    store.sync(*of_one(*[{}] * 50))
    changes: list[dict[str, object]] = [{"balance": "1"} if number % 7 == 0 else {} for number in range(50)]
    assert store.sync(*of_one(*changes)) == SyncReport(0, 8, 42, 0, ())
    assert store.sync(*of_one(*changes)) == SyncReport(0, 0, 50, 0, ())
    assert store.sync(*of_one(*[{}] * 50)) == SyncReport(0, 8, 42, 0, ())


def test_the_same_figures_in_other_words_are_no_change(store: Store) -> None:
    store.sync(*of_one({}, {}, {}))
    other: dict[str, object] = {"amount": "250", "balance": "250.0", "organization_id": " O-1 "}
    for _ in range(2):
        assert store.sync(*of_one({}, other, {})) == SyncReport(0, 0, 3, 0, ())


def test_an_invoice_that_another_line_has_changed_since_is_no_repeat(store: Store) -> None:
    lines = of_one({}, {}, {})
    store.sync(*lines)
    store.sync(lines[1]._replace(status="cancelled"))
    assert store.sync(*lines) == SyncReport(0, 1, 2, 0, ())
    assert {one.status for one in all_invoices(store)} == {"open"}


def test_a_repeated_line_still_says_what_the_organization_and_its_contacts_are(store: Store) -> None:
    lines = of_one({}, {}, {})
    store.sync(*lines)
    other = a_record("9", organization_name="Harbor Inc", contact_emails=("new@harbor.test",))
    store.sync(other)
    assert store.told() == ["new@harbor.test"]
    assert store.sync(*lines) == SyncReport(0, 1, 2, 0, ())
    found = books.get_organization("O-1", ledger=store.ledger)
    assert (found.name, store.told()) == ("Harbor Lights LLC", ["ana@harbor.test"])


def test_the_last_of_contradicting_lines_holds_also_when_all_are_repeated(store: Store) -> None:
    lines = of_one({}, {"organization_name": "Harbor Inc"}, {})
    for _ in range(3):
        store.sync(*lines)
        assert books.get_organization("O-1", ledger=store.ledger).name == "Harbor Lights LLC"


def test_a_number_twice_is_refused_by_its_second_line_whichever_is_repeated(store: Store) -> None:
    line, other = a_record("1"), a_record("2")
    store.sync(line, other)
    changed = line._replace(balance="1")
    for first, second in ((changed, line), (line, changed), (line, line)):
        report = store.sync(other, first, other._replace(invoice_number="3"), second)
        (refusal,) = report.refusals
        assert (refusal.line, refusal.reason) == (4, "DUPLICATE_NUMBER")
        assert "line 2" in refusal.message
        store.sync(line)


def test_words_that_meet_at_other_places_are_not_the_same_words(store: Store) -> None:
    store.sync(*of_one({}, {}, {"issued_on": "", "due_on": "2026-03-01"}))
    report = store.sync(*of_one({}, {}, {"issued_on": "2026-03-01", "due_on": ""}))
    assert report == SyncReport(0, 1, 2, 0, ())


def test_invoices_from_before_there_were_imprints_get_theirs_from_the_next_list(store: Store) -> None:
    lines = [told(record) for record in of_one({}, {})]
    store.sync(*(line.record for line in lines))
    store.forget_imprints()
    with store.ledger.read() as view:
        assert view.repeated(lines) == set()
    assert store.sync(*(line.record for line in lines)).unchanged == 2
    with store.ledger.read() as view:
        assert view.repeated(lines) == {line.imprint for line in lines}


def all_invoices(store: Store) -> Sequence[Invoice]:
    return books.list_invoices(InvoiceFilter(), None, 100, ledger=store.ledger).invoices


# Payments that were taken here


def test_a_stale_list_does_not_undo_a_payment(store: Store) -> None:
    store.sync(a_record())
    invoice = store.only_invoice()
    store.take_payment(invoice.invoice_id, 10_000)
    assert store.sync(a_record()).unchanged == 1
    assert store.only_invoice().balance_minor == 15_000
    assert store.sync(a_record(balance="240.00")).changed == 1
    assert store.only_invoice().balance_minor == 14_000


def test_what_remains_is_never_below_zero(store: Store) -> None:
    store.sync(a_record())
    invoice = store.only_invoice()
    store.take_payment(invoice.invoice_id, 20_000, 5_000)
    store.sync(a_record(balance="150.00"))
    found = store.only_invoice()
    assert (found.balance_minor, found.reserved_minor) == (0, 5_000)
    store.sync(a_record(amount="900", balance="900"))
    assert store.only_invoice().balance_minor == 70_000


@pytest.mark.parametrize("taken", [(6_000, 0), (0, 6_000)])
def test_a_currency_changes_only_once_all_payments_are_booked(store: Store, taken: tuple[int, int]) -> None:
    store.sync(a_record())
    invoice = store.only_invoice()
    store.take_payment(invoice.invoice_id, *taken)
    yen = a_record(amount="900", balance="900", currency="JPY", organization_name="Another name")
    before = store.only_invoice()
    refused = store.sync(yen)
    assert (refused.refused, refused.changed) == (1, 0)
    (refusal,) = refused.refusals
    assert (refusal.field, refusal.reason) == ("currency", "CURRENCY_CHANGED")
    assert "in USD" in refusal.message
    assert store.only_invoice() == before, "nothing of the line was taken"
    store.take_payment(invoice.invoice_id, 0)
    assert store.sync(yen).changed == 1
    assert (store.only_invoice().currency, store.only_invoice().balance_minor) == ("JPY", 900)


# Contacts


def test_contacts_on_further_lines_are_added_and_the_first_is_primary(store: Store) -> None:
    store.sync(
        a_record("1", contact_name="Ana", contact_emails=("ana@x.test",)),
        a_record("2", contact_name="Bob", contact_emails=("bob@x.test",)),
        a_record("3", contact_name="", contact_emails=("ap@x.test",)),
    )
    contacts = books.get_organization("O-1", ledger=store.ledger).contacts
    assert [(one.name, one.is_default) for one in contacts] == [("Ana", True), ("Bob", False), ("", False)]
    assert store.told() == ["ana@x.test"]


def test_the_star_of_the_crm_goes_before_the_primary(store: Store) -> None:
    ana = a_record("1", contact_name="Ana", contact_emails=("ana@x.test",))
    bob = a_record("2", contact_name="Bob", contact_emails=("Bob@X.test",), contact_default=True)
    store.sync(ana, bob)
    assert store.told() == ["Bob@X.test"]
    store.sync(ana, bob._replace(contact_default=False))
    assert store.told() == ["ana@x.test"]


def test_addresses_on_further_lines_are_added(store: Store) -> None:
    records = [a_record("1", contact_emails=("a@x.test",)), a_record("2", contact_emails=("b@x.test",))]
    store.sync(*records)
    assert store.told() == ["a@x.test", "b@x.test"]
    assert store.sync(*records).unchanged == 2
    assert store.told() == ["a@x.test", "b@x.test"]


def test_an_address_that_the_books_replaced_gets_no_more_mail(store: Store) -> None:
    store.sync(a_record(contact_emails=("old@x.test", "both@x.test")))
    store.sync(a_record(contact_emails=("new@x.test", "both@x.test")))
    assert store.told() == ["both@x.test", "new@x.test"]
    assert store.sync(a_record(contact_emails=("new@x.test",))) == SyncReport(0, 1, 0, 0, ())
    assert store.told() == ["new@x.test"]


def test_a_list_without_contacts_changes_none(store: Store) -> None:
    store.sync(a_record())
    assert store.sync(a_record(contact_name="", contact_emails=())).unchanged == 1
    assert store.sync(a_record(contact_emails=())).unchanged == 1
    assert store.told() == ["ana@harbor.test"]


def test_a_default_contact_without_an_address_has_nobody_told(store: Store) -> None:
    store.sync(
        a_record("1", contact_emails=()), a_record("2", contact_name="Bob", contact_emails=("b@x.test",))
    )
    assert store.told() == []
    assert not books.list_due_invoices(TODAY, 0, 10, ledger=store.ledger).invoices[0].reachable
