"""Pay Now as a caller sees it: a real server, a real database, the sandbox."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc
import pytest
from dunlin.paynow.v1 import paynow_pb2 as pb
from dunlin.paynow.v1 import paynow_pb2_grpc
from sqlalchemy import event

from services.paynow import provider_sandbox
from services.paynow.composition_payments import Payments
from services.paynow.domain.links import PayLinks
from services.paynow.provider_sandbox import SandboxProvider
from services.paynow.servicer_paynow import NAME
from services.shared.database import Database
from services.shared.errors import Conflict, Invalid, Missing, Refusal, WrongState
from services.shared.grpc_channel import open_channel
from services.shared.grpc_errors import refusal_of
from services.shared.grpc_server import Server
from tests.fakes.clock import SetClock
from tests.fakes.paynow_payments import MIGRATIONS, SqlBooks, payable
from tests.fakes.paynow_till import EMAIL, KEY
from tests.servers import DATABASES, MigratedUrl

TOKEN = "a token for the tests"


@dataclass
class Running:
    """The served half of payments, and what is behind it."""

    stub: paynow_pb2_grpc.PayNowServiceStub
    parts: Payments
    books: SqlBooks
    links: PayLinks
    clock: SetClock

    def validate(
        self, amount: str = "40.00", number: str = "INV-1", email: str = EMAIL, link: str = ""
    ) -> pb.Quote:
        return self.stub.Validate(
            pb.ValidateRequest(email=email, invoice_number=number, amount=amount, link_token=link)
        )

    def confirm(self, quote: pb.Quote, method: str = "sandbox_approve", key: str = "key-00001") -> pb.Payment:
        return self.stub.ConfirmPayment(
            pb.ConfirmPaymentRequest(quote_id=quote.quote_id, method_token=method, idempotency_key=key)
        )


@pytest.fixture(params=DATABASES)
def running(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[Running]:
    urls = [migrated_url(request.param, scripts) for scripts in (MIGRATIONS, provider_sandbox.MIGRATIONS)]
    databases = [Database(url, durable=True) for url in urls]
    books = SqlBooks(databases[0])
    books.add_organization("A", EMAIL, language="de")
    books.add_organization("B", "b@example.test")
    books.add_invoice(payable(1, "A", "INV-1", books=10_000))
    books.add_invoice(payable(2, "B", "0042", books=5_000, status="cancelled"))
    clock, links = SetClock(), PayLinks(KEY)
    parts = Payments(databases[0], SandboxProvider(databases[1], clock), clock)
    servicer = parts.servicer(KEY)
    server = Server(
        "127.0.0.1:0",
        TOKEN,
        servicers=lambda s: paynow_pb2_grpc.add_PayNowServiceServicer_to_server(servicer, s),
        names=[NAME],
    )
    with open_channel(server.start(), TOKEN) as channel:
        yield Running(paynow_pb2_grpc.PayNowServiceStub(channel), parts, books, links, clock)
    server.stop(0)
    for database in databases:
        database.dispose()


def refused(act: Callable[[], object]) -> Refusal:
    with pytest.raises(grpc.RpcError) as error:
        act()
    refusal = refusal_of(error.value)
    assert refusal is not None, error.value
    return refusal


def test_a_link_is_followed_to_a_receipt(running: Running) -> None:
    token = running.links.make(payable(1, "A", "INV-1"), EMAIL, running.clock.now())
    link = running.stub.OpenLink(pb.OpenLinkRequest(token=token))
    assert (link.email, link.invoice_number, link.balance_minor) == (EMAIL, "INV-1", 10_000)
    assert (link.currency, link.due_on, link.organization_name) == ("USD", "2026-03-01", "A Inc")
    assert link.language == "de"
    quote = running.validate("40.00", link=token)
    assert quote.expires_at.ToDatetime(tzinfo=running.clock.now().tzinfo) == running.clock.now() + timedelta(
        minutes=15
    )
    assert quote.language == "", "only looking at it says so"
    quote.language = "de"
    assert running.stub.GetQuote(pb.GetQuoteRequest(quote_id=quote.quote_id)) == quote
    payment = running.confirm(quote)
    assert payment.state == pb.PAYMENT_STATE_SUCCEEDED
    assert (payment.method_label, payment.organization_name) == ("Sandbox card ending 4242", "A Inc")
    assert not payment.HasField("acknowledged_at")
    assert running.stub.GetPayment(pb.GetPaymentRequest(payment_id=payment.payment_id)) == payment
    assert running.stub.OpenLink(pb.OpenLinkRequest(token=token)).balance_minor == 6_000
    export = pb.ListPaymentsRequest(unacknowledged=True)
    assert list(running.stub.ListPayments(export).payments) == [payment]
    request = pb.AcknowledgePaymentsRequest(payment_ids=[payment.payment_id])
    assert running.stub.AcknowledgePayments(request).acknowledged == 1
    assert running.stub.AcknowledgePayments(request).repeated_payments == 1
    assert running.stub.ListPayments(export) == pb.ListPaymentsResponse()
    assert running.stub.OpenLink(pb.OpenLinkRequest(token=token)).balance_minor == 6_000


def test_an_unknown_charge_is_told_as_unknown_and_resolved(running: Running) -> None:
    payment = running.confirm(running.validate(), "sandbox_timeout_then_approve")
    assert payment.state == pb.PAYMENT_STATE_UNKNOWN
    running.clock.advance(timedelta(seconds=1))
    assert running.parts.resolve()
    assert not running.parts.resolve()
    again = running.stub.GetPayment(pb.GetPaymentRequest(payment_id=payment.payment_id))
    assert again.state == pb.PAYMENT_STATE_SUCCEEDED


def test_a_bank_payment_settles_when_its_time_has_come(running: Running) -> None:
    payment = running.confirm(running.validate(), "sandbox_ach_returns")
    assert payment.state == pb.PAYMENT_STATE_PENDING
    running.clock.advance(timedelta(seconds=59))
    assert not running.parts.resolve()
    running.clock.advance(timedelta(seconds=1))
    assert running.parts.resolve()
    again = running.stub.GetPayment(pb.GetPaymentRequest(payment_id=payment.payment_id))
    assert (again.state, again.failure_reason) == (pb.PAYMENT_STATE_FAILED, "RETURNED")


def test_each_refusal_has_its_status_and_its_reason(running: Running) -> None:
    quote, stub, now = running.validate(), running.stub, running.clock.now()
    old = running.links.make(payable(1, "A", "INV-1"), EMAIL, now - timedelta(days=61))
    unknown = pb.AcknowledgePaymentsRequest(payment_ids=["x"])
    table: list[tuple[Callable[[], object], type[Refusal], str]] = [
        (lambda: running.validate(amount="x"), Invalid, "FIELDS_MALFORMED"),
        (lambda: running.validate(number="INV-2"), Missing, "NO_SUCH_INVOICE"),
        (lambda: running.validate(amount="100.01"), Invalid, "AMOUNT_ABOVE_BALANCE"),
        (lambda: running.validate(number="0042", email="b@example.test"), WrongState, "INVOICE_NOT_PAYABLE"),
        (lambda: stub.OpenLink(pb.OpenLinkRequest(token="forged")), Invalid, "LINK_INVALID"),
        (lambda: stub.OpenLink(pb.OpenLinkRequest(token=old)), WrongState, "LINK_EXPIRED"),
        (lambda: stub.GetQuote(pb.GetQuoteRequest(quote_id="none")), Missing, "QUOTE_MISSING"),
        (lambda: stub.GetPayment(pb.GetPaymentRequest(payment_id="none")), Missing, "PAYMENT_MISSING"),
        (lambda: running.confirm(quote, "4242 4242 4242 4242"), Invalid, "METHOD_UNKNOWN"),
        (lambda: running.confirm(quote, "no_such_method"), Invalid, "METHOD_UNKNOWN"),
        (lambda: running.confirm(quote, key="short"), Invalid, "KEY_MALFORMED"),
        (lambda: stub.ListPayments(pb.ListPaymentsRequest(page_size=-1)), Invalid, "PAGE_SIZE_INVALID"),
        (lambda: stub.ListPayments(pb.ListPaymentsRequest(page_token="x")), Invalid, "PAGE_TOKEN_INVALID"),
        (lambda: stub.AcknowledgePayments(unknown), Missing, "PAYMENT_MISSING"),
    ]  # fmt: skip
    answers = [refused(act) for act, *_ in table]
    assert [(type(answer), answer.reason) for answer in answers] == [
        (kind, reason) for _, kind, reason in table
    ]
    running.clock.advance(timedelta(minutes=15))
    assert refused(lambda: running.confirm(quote)).reason == "QUOTE_EXPIRED"


def test_a_key_that_was_used_otherwise_is_a_conflict(running: Running) -> None:
    quote = running.validate()
    payment = running.confirm(quote)
    assert running.confirm(quote) == payment
    answer = refused(lambda: running.confirm(quote, "sandbox_decline"))
    assert (type(answer), answer.reason) == (Conflict, "KEY_REUSED")


def test_malformed_fields_come_back_all_at_once_beside_their_names(running: Running) -> None:
    answer = refused(lambda: running.validate("-1", "", "nobody"))
    assert [(v.field, v.reason) for v in answer.violations] == [
        ("email", "EMAIL_MALFORMED"),
        ("invoice_number", "NUMBER_MALFORMED"),
        ("amount", "AMOUNT_MALFORMED"),
    ]


def test_the_ways_to_pay_say_that_they_are_a_sandbox(running: Running) -> None:
    answer = running.stub.ListPaymentMethods(pb.ListPaymentMethodsRequest())
    assert answer.sandbox
    assert answer.methods[0] == pb.PaymentMethod(
        method_token="sandbox_approve", label="Sandbox card ending 4242", behaviour="is approved"
    )
    assert len(answer.methods) == 8


@contextmanager
def statements(running: Running) -> Iterator[list[str]]:
    """The statements that SQLite runs meanwhile, but those that begin and end."""
    seen: list[str] = []

    def note(statement: str) -> None:
        if not statement.startswith(("BEGIN", "COMMIT", "ROLLBACK")):
            seen.append(statement)

    def trace(connection: Any, _record: object, _proxy: object) -> None:
        connection.set_trace_callback(note)

    pool = running.books.database._engine.pool
    running.books.database._readers.close()  # so that look-ups take a new connection from the pool as well
    event.listen(pool, "checkout", trace)
    yield seen
    event.remove(pool, "checkout", trace)


WRONG = [
    {"email": "nobody@example.test"},
    {"number": "INV-2"},
    {"email": "nobody@example.test", "number": "INV-2"},
    {"number": "0042"},  # there is one, elsewhere
    {"email": "b@example.test"},  # somebody else's
]


def test_the_answer_is_the_same_whichever_field_is_wrong(running: Running) -> None:
    answers = set()
    for fields in WRONG:
        answer = refused(lambda fields=fields: running.validate(**fields))  # type: ignore[misc]
        answers.add((type(answer), answer.reason, answer.message, answer.violations))
    assert answers == {(Missing, "NO_SUCH_INVOICE", answer.message, ())}


@pytest.mark.parametrize("running", ["sqlite"], indirect=True)  # which tells what it does
def test_the_same_work_is_done_whichever_field_is_wrong(running: Running) -> None:
    for fields in WRONG:
        with statements(running) as seen:
            refused(lambda fields=fields: running.validate(**fields))  # type: ignore[misc]
        (work,) = seen
        assert work.startswith("SELECT")
        assert "UNION ALL" in work


@pytest.mark.parametrize("running", ["sqlite"], indirect=True)  # test_paynow_plans asks PostgreSQL
def test_a_quote_costs_one_read_by_index_and_no_write(running: Running) -> None:
    with statements(running) as seen:
        running.validate()
    (read,) = seen
    with running.books.database.read() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {read}").all()
    tables = [row.detail for row in plan if row.detail.startswith(("SEARCH", "SCAN"))]
    assert len(tables) == 3
    assert all(detail.startswith("SEARCH") for detail in tables), plan
