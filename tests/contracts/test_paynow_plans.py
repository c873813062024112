"""At a million invoices PostgreSQL answers each frequent question by an index; it is asked how it would."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import event, text

from services.paynow.domain.payment import PaymentState
from services.paynow.ports import BooksReader, InvoiceFilter, InvoicePlace
from services.paynow.ports_payments import PaymentFilter, PaymentReads, PaymentWork
from services.paynow.repository.books import SqlLedger
from services.paynow.repository.payments import CANDIDATES, SqlPaymentStore, open_charges
from services.shared.database import Database
from tests.contracts.paynow_million import INVOICES, fill
from tests.fakes.paynow_payments import MIGRATIONS
from tests.servers import PostgresServer

pytestmark = [pytest.mark.postgresql]

TODAY = date(2026, 7, 1)
NOW = datetime(2026, 7, 1, tzinfo=UTC)
MIDDLE = INVOICES // 2
ORGANIZATIONS = [f"O-{n}" for n in range(1, 51)]


@pytest.fixture(scope="session")
def million(postgres: PostgresServer) -> Iterator[Database]:
    """A database with a million invoices; only read, or written and undone."""
    url = postgres.migrated(MIGRATIONS)
    database = Database(url)
    fill(database)
    yield database
    database.dispose()
    postgres.drop(url)


class Undone(Exception):
    """Ends a transaction that is not to be kept."""


def plans(database: Database, act: Callable[[], object]) -> list[dict[str, Any]]:
    """How the server would run each statement that the act runs."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_others: Any) -> None:
        seen.append((statement, parameters))

    event.listen(database._engine, "before_cursor_execute", note)
    act()
    event.remove(database._engine, "before_cursor_execute", note)
    assert seen
    found = []
    with database.read() as connection:
        for statement, parameters in seen:
            answer = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
            found.append((json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"])
    return found


def steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The plan's steps, from the outermost on."""
    yield plan
    for inner in plan.get("Plans", ()):
        yield from steps(inner)


def must_use(found: list[dict[str, Any]], *indexes: str) -> None:
    """The plans use one of these indexes, and read neither all invoices nor all payments."""
    all_steps = [step for plan in found for step in steps(plan)]
    read_whole = {step["Relation Name"] for step in all_steps if step["Node Type"] == "Seq Scan"}
    assert not read_whole & {"invoices", "payments"}, json.dumps(found, indent=1)
    used = {step.get("Index Name") for step in all_steps}
    assert used & set(indexes), (indexes, used)


# Where nearly all invoices are due, both say in the same order which ones.
DUE = "invoices_due or invoices_pkey"

LEDGER: dict[str, tuple[Callable[[BooksReader], object], str]] = {
    "due, from the first on": (lambda view: view.due_invoices(TODAY, 0, 1000), DUE),
    "due, from the middle on": (
        lambda view: view.due_invoices(TODAY, MIDDLE, 5000), DUE,
    ),
    "due, of a day long ago": (lambda view: view.due_invoices(date(2026, 2, 3), 0, 1000), "invoices_due"),
    "subjects of mails": (lambda view: view.invoices_by_id(range(MIDDLE, MIDDLE + 500)), "invoices_pkey"),
    "whom to mail": (lambda view: view.addressees(ORGANIZATIONS), "contacts_organization_id_position_key"),
    "an organization": (lambda view: view.organization("O-7"), "organizations_pkey"),
    "a page of organizations": (lambda view: view.organizations("", None, 51), "organizations_by_name"),
    "what a page of organizations owes": (
        lambda view: view.totals(TODAY, ORGANIZATIONS), "invoices_organization_id_number_key",
    ),
    "what an organization owes": (
        lambda view: view.aged_sums(TODAY, "O-7"), "invoices_organization_id_number_key",
    ),
    "the first page of invoices": (
        lambda view: view.invoices(InvoiceFilter(), None, 51), "invoices_by_due_date",
    ),
    "a page in the middle of the invoices": (
        lambda view: view.invoices(InvoiceFilter(), InvoicePlace(TODAY, MIDDLE), 51), "invoices_by_due_date",
    ),
    "a page of open invoices": (
        lambda view: view.invoices(InvoiceFilter(status="open"), InvoicePlace(TODAY, MIDDLE), 51),
        "invoices_by_due_date",
    ),
    "the invoices of an organization": (
        lambda view: view.invoices(InvoiceFilter(organization_id="O-7"), None, 51),
        "invoices_organization_id_number_key",
    ),
    "how many an organization has": (
        lambda view: view.count_invoices(InvoiceFilter(organization_id="O-7")),
        "invoices_organization_id_number_key",
    ),
    "invoices of a number": (
        lambda view: view.invoices(InvoiceFilter(number="INV-7"), None, 51), "invoices_by_number",
    ),
    "how many are due on each day of a month": (
        lambda view: view.count_by_due_date(TODAY, date(2026, 7, 31), []), "invoices_by_due_date",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LEDGER)
def test_the_ledger_answers_by_index(million: Database, name: str) -> None:
    ask, index = LEDGER[name]

    def act() -> None:
        with SqlLedger(million).read() as view:
            ask(view)

    must_use(plans(million, act), *index.split(" or "))


# Both indexes hold only what waits for the books; with few of them it does not matter which one is read.
EXPORT = "payments_waiting_for_books or payments_waiting_of_invoice"

PAY_NOW: dict[str, tuple[Callable[[PaymentReads], object], str]] = {
    "a pay link": (lambda view: view.shown(MIDDLE), "invoices_pkey"),
    "the payment of a quote or key": (
        lambda view: view.payment_for(quote_id="q-7", idempotency_key="key-7"), "payments_one_for_a_key",
    ),
    "a payment": (lambda view: view.payment("p-7"), "payments_pkey"),
    "the newest payments": (lambda view: view.page(PaymentFilter(), None, 51), "payments_newest"),
    "older payments": (lambda view: view.page(PaymentFilter(), (NOW, "p-7"), 51), "payments_newest"),
    "the newest that succeeded": (
        lambda view: view.page(PaymentFilter(PaymentState.SUCCEEDED), (NOW, "p-7"), 51), "payments_newest",
    ),
    "the payments of an organization": (
        lambda view: view.page(PaymentFilter(organization_id="O-7"), None, 51), "payments_of_organization",
    ),
    "how many payments an organization has": (
        lambda view: view.count(PaymentFilter(organization_id="O-7")), "payments_of_organization",
    ),
    "the export": (
        lambda view: view.page(PaymentFilter(unacknowledged=True), None, 1001), EXPORT,
    ),
    "how many the export has": (
        lambda view: view.count(PaymentFilter(unacknowledged=True)), EXPORT,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PAY_NOW)
def test_pay_now_answers_by_index(million: Database, name: str) -> None:
    ask, index = PAY_NOW[name]

    def act() -> None:
        with SqlPaymentStore(million).read() as view:
            ask(view)

    must_use(plans(million, act), *index.split(" or "))


def test_a_quote_is_one_statement_by_index(million: Database) -> None:
    with million.read() as connection:
        parameters = {"number": "INV-7", "email_key": "a7@x.test"}
        found = plans(million, lambda: connection.execute(CANDIDATES, parameters).all())
    for index in ("invoices_by_number", "addresses_by_key", "contacts_pkey"):
        must_use(found, index)


CHANGES: dict[str, tuple[Callable[[PaymentWork], object], str]] = {
    "invoices to pay": (lambda work: work.lock_invoices([MIDDLE, 7]), "invoices_pkey"),
    "open charges whose check is due": (lambda work: work.claim(NOW, NOW, 10), "payments_open"),
    "payments that wait for the books": (
        lambda work: work.waiting([100, 200]),
        "payments_waiting_of_invoice",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_changes_is_found_by_index(million: Database, name: str) -> None:
    change, index = CHANGES[name]

    def act() -> None:
        with suppress(Undone), SqlPaymentStore(million).write() as work:
            change(work)
            raise Undone

    must_use(plans(million, act), *index.split(" or "))


def test_a_sync_finds_the_invoices_of_a_batch_by_index(million: Database) -> None:
    keys = [(f"O-{1 + n % 20_000}", f"INV-{n}") for n in range(MIDDLE, MIDDLE + 1000)]

    def act() -> None:
        with suppress(Undone), SqlLedger(million).write() as books:
            known = books.known({organization_id for organization_id, _ in keys}, keys)
            assert len(known.invoices) == 1000
            raise Undone

    must_use(plans(million, act), "invoices_organization_id_number_key", "invoices_by_number")


def test_the_backlog_counts_open_charges_by_index(million: Database) -> None:
    def act() -> None:
        with million.read() as connection:
            assert open_charges(connection) == 100

    must_use(plans(million, act), "payments_open")


def test_a_plan_that_reads_all_invoices_would_be_noticed(million: Database) -> None:
    def act() -> None:
        with million.read() as connection:
            connection.execute(text("SELECT count(*) FROM invoices WHERE currency = 'EUR'"))

    with pytest.raises(AssertionError):
        must_use(plans(million, act))
