"""The promises of the books' answers, kept by those in memory and on both databases."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import event

from services.paynow.domain.books import Addressee, CurrencyTotal
from services.paynow.ports import InvoiceFilter
from services.paynow.repository.books import SqlLedger
from services.paynow.use_cases import books
from services.paynow.use_cases.summary import Summaries
from services.paynow.use_cases.sync import sync_books
from services.shared.clock import SystemClock
from services.shared.database import Database
from tests.contracts.paynow_books import KINDS, TODAY, Store, open_database, open_store
from tests.fakes.clock import SetClock
from tests.fakes.paynow_books import a_record, numbered
from tests.servers import DATABASES, MigratedUrl


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[Store]:
    with open_store(request.param, migrated_url) as store:
        yield store


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[Database]:
    with open_database(request.param, migrated_url) as database:
        yield database


def test_only_open_invoices_with_a_balance_and_a_due_date_are_due(store: Store) -> None:
    store.sync(
        a_record("due"),
        a_record("later", due_on="2026-03-03"),
        a_record("undated", due_on=""),
        a_record("nothing left", balance="0"),
        a_record("paid", balance="0", status="paid"),
        a_record("cancelled", status="cancelled"),
        a_record("handed on", status="third_party"),
        a_record("paid here"),
    )
    page = books.list_invoices(InvoiceFilter(number="paid here"), None, 10, ledger=store.ledger)
    store.take_payment(page.invoices[0].invoice_id, 25_000)
    batch = books.list_due_invoices(TODAY, 0, 10, ledger=store.ledger)
    assert [(one.number, one.balance_minor, one.reachable) for one in batch.invoices] == [
        ("due", 25_000, True)
    ]
    assert batch.total == 1


def test_due_invoices_come_in_batches_and_are_counted_once(store: Store) -> None:
    store.sync(*[a_record(str(n)) for n in range(5)])
    first = books.list_due_invoices(TODAY, 0, 3, ledger=store.ledger)
    rest = books.list_due_invoices(TODAY, first.invoices[-1].invoice_id, 3, ledger=store.ledger)
    assert [one.number for one in [*first.invoices, *rest.invoices]] == list("01234")
    assert (first.total, rest.total) == (5, 0)


def test_lists_are_counted_no_further_than_asked(store: Store) -> None:
    store.sync(*(a_record(f"{n}", organization_id=f"O-{n}", organization_name=f"Name {n}") for n in range(5)))
    with store.ledger.read() as view:
        assert [view.count_organizations("name", most=most) for most in (None, 9, 5, 2)] == [5, 5, 5, 2]
        assert [view.count_organizations("e 3", most=most) for most in (None, 2)] == [1, 1]
        assert [view.count_invoices(InvoiceFilter(), most=most) for most in (None, 9, 2)] == [5, 5, 2]


def test_addressees_are_all_addresses_of_all_default_contacts_each_once(store: Store) -> None:
    store.sync(
        a_record("1", contact_name="Ana", contact_emails=("a@x.test", "ap@x.test"), contact_default=True),
        a_record("2", contact_name="Bob", contact_emails=("AP@x.test", "b@x.test"), contact_default=True),
        a_record("3", contact_name="Cy", contact_emails=("c@x.test",)),
    )
    with store.ledger.read() as view:
        assert view.addressees(["O-1", "O-9"]) == {
            "O-1": (
                Addressee("Ana", "a@x.test"), Addressee("Ana", "ap@x.test"), Addressee("Bob", "b@x.test")
            )
        }  # fmt: skip


def test_organizations_are_found_by_a_part_of_name_or_id_in_any_case(store: Store) -> None:
    store.sync(
        a_record("1", organization_id="o-50%", organization_name="ÄRZTEHAUS Straße"),
        a_record("2", organization_id="O-2", organization_name="alpha_beta"),
        a_record("3", organization_id="O-3", organization_name="Alpha xb"),
    )

    def found(text: str) -> list[str]:
        page = books.list_organizations(text, None, 10, TODAY, ledger=store.ledger)
        assert page.total == len(page.organizations)
        return [one.organization.organization_id for one in page.organizations]

    assert found("") == ["O-3", "O-2", "o-50%"]
    assert found("ärztehaus STRASSE") == ["o-50%"]
    assert found("50%") == ["o-50%"]
    assert found("a_b") == ["O-2"]
    assert found("a%b") == []
    assert found("O-") == ["O-3", "O-2", "o-50%"]
    assert found("nobody") == []


def test_pages_of_organizations_cover_the_list_without_repeats(store: Store) -> None:
    names = ["b", "a", "B", "c", "a"]
    store.sync(
        *[a_record(str(n), organization_id=f"O-{n}", organization_name=name) for n, name in enumerate(names)]
    )
    seen: list[str] = []
    place = None
    while True:
        page = books.list_organizations("", place, 2, TODAY, ledger=store.ledger)
        seen += [one.organization.organization_id for one in page.organizations]
        assert page.total == 5
        place = page.next_place
        if place is None:
            break
    assert seen == ["O-1", "O-4", "O-0", "O-2", "O-3"]


def test_organizations_are_listed_with_what_they_owe(store: Store) -> None:
    store.sync(
        a_record("1"),
        a_record("2", due_on="2026-03-02"),
        a_record("3", currency="EUR", due_on=""),
        a_record("4", status="third_party"),
        a_record("5", organization_id="O-2", organization_name="Zebra", balance="0"),
    )
    page = books.list_organizations("", None, 10, TODAY, ledger=store.ledger)
    harbor, zebra = page.organizations
    euros, dollars = CurrencyTotal("EUR", 25_000, 0, 1, 0), CurrencyTotal("USD", 50_000, 25_000, 2, 1)
    assert harbor.totals == (euros, dollars)
    assert (harbor.open_invoices, zebra.totals) == (3, ())


def test_pages_of_invoices_run_by_due_date_with_undated_ones_last(store: Store) -> None:
    days = ["", "2026-03-02", "2026-01-01", "", "2026-03-02"]
    store.sync(*[a_record(f"N{n}", due_on=day) for n, day in enumerate(days)])
    for size in (1, 2, 3, 4, 5, 9):
        seen: list[str] = []
        place = None
        while True:
            page = books.list_invoices(InvoiceFilter(), place, size, ledger=store.ledger)
            seen += [one.number for one in page.invoices]
            place = page.next_place
            if place is None:
                break
        assert seen == ["N2", "N1", "N4", "N0", "N3"], size


def test_invoices_are_filtered_by_organization_exact_number_and_status(store: Store) -> None:
    store.sync(
        a_record("007"),
        a_record("7"),
        a_record("007", organization_id="O-2", balance="0", status="paid"),
    )

    def found(**wanted: str) -> list[tuple[str, str]]:
        page = books.list_invoices(InvoiceFilter(**wanted), None, 10, ledger=store.ledger)
        assert page.total == len(page.invoices)
        return [(one.organization_id, one.number) for one in page.invoices]

    assert found(number="007") == [("O-1", "007"), ("O-2", "007")]
    assert found(number="007", status="paid") == [("O-2", "007")]
    assert found(organization_id="O-1") == [("O-1", "007"), ("O-1", "7")]
    assert found(number="07") == []


def test_the_summary_ages_what_is_open_by_days_past_due(store: Store) -> None:
    ages = [-3, 0, 1, 30, 31, 60, 61, 90, 91, 400]
    store.sync(
        *[
            a_record(f"N{days}", due_on=(TODAY - timedelta(days=days)).isoformat(), balance="1")
            for days in ages
        ],
        a_record("undated", due_on="", balance="1"),
        a_record("paid", balance="0", status="paid"),
        a_record("other", organization_id="O-2", currency="JPY", amount="100", balance="100", due_on=""),
    )
    summary = Summaries(store.ledger, SystemClock()).of("", TODAY)
    usd = [
        (bucket.from_days, bucket.to_days, bucket.balance_minor, bucket.invoices)
        for bucket in summary.aging
        if bucket.currency == "USD"
    ]
    assert usd == [(0, 0, 300, 3), (1, 30, 200, 2), (31, 60, 200, 2), (61, 90, 200, 2), (91, 0, 200, 2)]
    assert summary.totals == (CurrencyTotal("USD", 1100, 800, 11, 8), CurrencyTotal("JPY", 100, 0, 1, 0))
    assert len(summary.aging) == 10
    assert summary.organizations == 2
    of_one = Summaries(store.ledger, SystemClock()).of("O-2", TODAY)
    assert [total.currency for total in of_one.totals] == ["JPY"]
    assert sum(bucket.invoices for bucket in of_one.aging) == 1


def test_due_dates_are_counted_over_a_span_without_excluded_organizations(store: Store) -> None:
    store.sync(
        a_record("1", due_on="2026-03-01"),
        a_record("2", due_on="2026-03-03"),
        a_record("3", due_on="2026-03-03"),
        a_record("4", due_on="2026-03-03", organization_id="O-2"),
        a_record("5", due_on="2026-03-04"),
    )
    first, last = date(2026, 3, 1), date(2026, 3, 3)
    with store.ledger.read() as view:
        assert view.count_by_due_date(first, last, []) == [(first, 1), (last, 3)]
        assert view.count_by_due_date(first, last, ["O-2", "O-9"]) == [(first, 1), (last, 2)]


# What only a database can promise


def test_a_batch_takes_the_same_number_of_statements_whatever_its_size(database: Database) -> None:
    ledger = SqlLedger(database)

    def statements(size: int, start: int, **values: object) -> int:
        records = numbered(
            *[
                a_record(
                    f"N{n}",
                    organization_id=f"O-{n}",
                    contact_emails=(f"a{n}@x.test", f"b{n}@x.test"),
                    **values,
                )
                for n in range(start, start + size)
            ]
        )
        seen: list[str] = []

        def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
            seen.append(statement)

        event.listen(database._engine, "before_cursor_execute", note)
        sync_books([records], ledger=ledger, clock=SetClock())
        event.remove(database._engine, "before_cursor_execute", note)
        return len(seen)

    statements(1, 0)
    changes = {"organization_name": "New", "balance": "1", "contact_default": True}
    assert statements(3, 100) == statements(900, 1000)
    assert statements(3, 100) == statements(900, 1000)
    assert statements(3, 100, **changes) == statements(900, 1000, **changes)
    assert statements(900, 1000) <= 17


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # test_paynow_plans asks PostgreSQL
def test_a_scan_of_due_invoices_reads_only_the_index_of_due_ones(database: Database) -> None:
    ledger = SqlLedger(database)
    sync_books([numbered(*[a_record(str(n)) for n in range(50)])], ledger=ledger, clock=SetClock())
    seen: list[tuple[str, object]] = []

    def note(_conn: object, _cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        seen.append((statement, parameters))

    event.listen(database._engine, "before_cursor_execute", note)
    with ledger.read() as view:
        view.due_invoices(TODAY, 0, 10)
    event.remove(database._engine, "before_cursor_execute", note)
    (scan,) = [one for one in seen if one[0].startswith("SELECT")]
    with database.read() as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {scan[0]}", scan[1])]
    assert "invoices_due" in plan[0]
    assert not any("TEMP B-TREE" in step for step in plan)
