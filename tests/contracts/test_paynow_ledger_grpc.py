"""The ledger over the wire: a real server on loopback, each real database, the stubs that others use."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from dunlin.paynow.v1 import books_pb2, ledger_pb2, ledger_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.paynow.domain.links import PayLinks
from services.paynow.repository.books import SqlLedger
from services.paynow.servicer_ledger import NAME, LedgerServicer
from services.shared.clock import SystemClock
from services.shared.database import Database
from services.shared.errors import Invalid, Missing
from services.shared.grpc_channel import open_channel
from services.shared.grpc_errors import refusal_of
from services.shared.grpc_server import MOST_BYTES, Server
from services.shared.migrate import migrate
from tests.fakes.paynow_payments import MIGRATIONS
from tests.servers import DATABASES

TOKEN = "a token that is long enough"
LINKS = PayLinks("a key that is long enough")
TODAY = "2026-03-02"


@dataclass(frozen=True)
class Running:
    """A server and a way to it."""

    address: str
    stub: ledger_pb2_grpc.LedgerServiceStub


@pytest.fixture(scope="module", params=DATABASES)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").migrated(MIGRATIONS)
    else:
        url = f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'paynow.sqlite'}"
        migrate(url, MIGRATIONS)
    database = Database(url)
    servicer = LedgerServicer(ledger=SqlLedger(database), tokens=LINKS, clock=SystemClock())
    server = Server(
        "127.0.0.1:0",
        TOKEN,
        servicers=lambda server: ledger_pb2_grpc.add_LedgerServiceServicer_to_server(servicer, server),
        names=[NAME],
    )
    address = server.start()
    channel = open_channel(address, TOKEN, timeout=30)
    yield Running(address, ledger_pb2_grpc.LedgerServiceStub(channel))
    channel.close()
    server.stop(1)
    database.dispose()


def a_record(line: int, organization_id: str, number: str, **values: Any) -> ledger_pb2.SyncRecord:
    """A good record of an open invoice; `values` replace what a test is about."""
    good: dict[str, Any] = {
        "organization_name": f"Name of {organization_id}",
        "contact_name": "Ana",
        "contact_emails": [f"ana@{organization_id.lower()}.test"],
        "issued_on": "2026-02-01",
        "due_on": "2026-03-01",
        "currency": "USD",
        "amount": "250.00",
        "balance": "250.00",
        "status": "open",
    }
    return ledger_pb2.SyncRecord(
        line=line, organization_id=organization_id, invoice_number=number, **(good | values)
    )


def batch(*records: ledger_pb2.SyncRecord) -> ledger_pb2.SyncBooksRequest:
    """One part of a stream."""
    return ledger_pb2.SyncBooksRequest(records=records)


def reason_of(error: grpc.RpcError) -> str:
    """The stable reason that a call was refused with."""
    refusal = refusal_of(error)
    assert refusal is not None
    return refusal.reason


def counts(report: ledger_pb2.SyncReport) -> tuple[int, int, int, int]:
    """Added, changed, unchanged, refused."""
    return report.added, report.changed, report.unchanged, report.refused


def test_the_same_list_again_changes_nothing(running: Running) -> None:
    requests = [
        batch(*[a_record(n, "AGAIN", f"A{n}") for n in range(1, 1001)]),
        batch(*[a_record(n, "AGAIN", f"A{n}") for n in range(1001, 1501)]),
    ]
    assert counts(running.stub.SyncBooks(iter(requests))) == (1500, 0, 0, 0)
    assert counts(running.stub.SyncBooks(iter(requests))) == (0, 0, 1500, 0)


def test_a_number_twice_is_refused_across_the_batches_of_a_stream(running: Running) -> None:
    further = batch(a_record(7, "TWICE", "001"), a_record(8, "TWICE", "1"))
    report = running.stub.SyncBooks(iter([batch(a_record(2, "TWICE", "001")), further]))
    assert counts(report) == (2, 0, 0, 1)
    (refusal,) = report.refusals
    assert (refusal.line, refusal.field, refusal.reason) == (7, "invoice_number", "DUPLICATE_NUMBER")
    assert "line 2" in refusal.message


def test_a_bad_line_is_named_and_the_others_are_taken(running: Running) -> None:
    report = running.stub.SyncBooks(
        iter([batch(a_record(1, "BAD", "1", amount="NaN"), a_record(2, "BAD", "2"))])
    )
    assert counts(report) == (1, 0, 0, 1)
    assert (report.refusals[0].line, report.refusals[0].field) == (1, "amount")


def test_details_of_an_organization_travel(running: Running) -> None:
    details = ledger_pb2.OrganizationDetails(type="Managed", status="associated", time_zone="Asia/Tokyo")
    running.stub.SyncBooks(iter([batch(a_record(1, "DETAILS", "1", organization=details))]))
    found = running.stub.GetOrganization(ledger_pb2.GetOrganizationRequest(organization_id="DETAILS"))
    assert (found.type, found.status, found.time_zone) == ("Managed", "associated", "Asia/Tokyo")
    (contact,) = found.contacts
    assert (contact.name, list(contact.emails), contact.is_default) == ("Ana", ["ana@details.test"], True)


def test_a_stream_that_breaks_off_has_applied_a_prefix_and_a_repeat_completes_it(running: Running) -> None:
    cut = threading.Event()

    def requests() -> Iterator[ledger_pb2.SyncBooksRequest]:
        yield batch(a_record(1, "CUT", "1"))
        cut.wait(20)

    call = running.stub.SyncBooks.future(requests())
    applied = poll(lambda: len(invoices_of(running, "CUT")) == 1)
    call.cancel()
    cut.set()
    assert applied
    whole = [batch(a_record(1, "CUT", "1")), batch(a_record(2, "CUT", "2"))]
    assert counts(running.stub.SyncBooks(iter(whole))) == (1, 0, 1, 0)


def test_a_batch_of_more_than_a_thousand_is_refused_and_the_one_before_it_stays(running: Running) -> None:
    too_many = batch(*[a_record(n, "MANY", f"M{n}") for n in range(2, 1003)])
    with pytest.raises(grpc.RpcError) as caught:
        running.stub.SyncBooks(iter([batch(a_record(1, "MANY", "M1")), too_many]))
    assert reason_of(caught.value) == "TOO_MANY"
    assert len(invoices_of(running, "MANY")) == 1


def test_a_message_that_is_too_large_is_refused_and_changes_nothing(running: Running) -> None:
    huge = batch(a_record(1, "HUGE", "1", organization_name="N" * (MOST_BYTES + 1)))
    # A channel without limits of its own, as a careless caller has it.
    channel = grpc.insecure_channel(running.address, options=[("grpc.max_send_message_length", -1)])
    stub = ledger_pb2_grpc.LedgerServiceStub(channel)
    with pytest.raises(grpc.RpcError) as caught:
        stub.SyncBooks(iter([huge]), metadata=[("x-dunlin-token", TOKEN)], timeout=30)
    channel.close()
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert isinstance(refusal_of(caught.value), Invalid)
    assert invoices_of(running, "HUGE") == []


def test_without_the_token_nothing_is_answered_but_health(running: Running) -> None:
    channel = grpc.insecure_channel(running.address)
    stub = ledger_pb2_grpc.LedgerServiceStub(channel)
    with pytest.raises(grpc.RpcError) as caught:
        stub.ListInvoices(ledger_pb2.ListInvoicesRequest(), timeout=10)
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
    with pytest.raises(grpc.RpcError) as caught:
        stub.SyncBooks(iter([batch(a_record(1, "NOBODY", "1"))]), timeout=10)
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
    health = health_pb2_grpc.HealthStub(channel)
    answer = health.Check(health_pb2.HealthCheckRequest(service=NAME), timeout=10)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    channel.close()
    assert invoices_of(running, "NOBODY") == []


def test_what_is_not_there_is_missing_by_name(running: Running) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        running.stub.GetOrganization(ledger_pb2.GetOrganizationRequest(organization_id="nobody"))
    assert isinstance(refusal_of(caught.value), Missing)
    assert reason_of(caught.value) == "ORGANIZATION_MISSING"
    with pytest.raises(grpc.RpcError) as caught:
        running.stub.GetInvoice(ledger_pb2.GetInvoiceRequest(invoice_id=-1))
    assert reason_of(caught.value) == "INVOICE_MISSING"
    asked = ledger_pb2.BatchGetOrganizationsRequest(organization_ids=["nobody"])
    assert not running.stub.BatchGetOrganizations(asked).organizations


def test_subjects_carry_addressees_and_a_pay_link_for_the_first(running: Running) -> None:
    two = ["first@pay.test", "second@pay.test"]
    running.stub.SyncBooks(
        iter(
            [
                batch(
                    a_record(1, "PAY", "P1", contact_emails=two),
                    a_record(2, "PAY-NONE", "P2", contact_name="", contact_emails=[]),
                )
            ]
        )
    )
    ids = [one.invoice_id for one in [*invoices_of(running, "PAY"), *invoices_of(running, "PAY-NONE")]]
    request = ledger_pb2.ReadSubjectsRequest(invoice_ids=[*ids, 999_999], with_pay_tokens=True)
    with_mail, without = sorted(running.stub.ReadSubjects(request).subjects, key=lambda s: s.invoice.number)
    assert [to.email for to in with_mail.addressees] == two
    link = LINKS.open(with_mail.pay_token, SystemClock().now())
    assert (link.invoice_id, link.email) == (ids[0], "first@pay.test")
    assert (list(without.addressees), without.pay_token) == ([], "")


def test_pages_continue_only_the_list_that_they_belong_to(running: Running) -> None:
    running.stub.SyncBooks(iter([batch(*[a_record(n, "PAGES", f"{n:03}") for n in range(1, 6)])]))
    first = running.stub.ListInvoices(ledger_pb2.ListInvoicesRequest(organization_id="PAGES", page_size=3))
    rest = running.stub.ListInvoices(
        ledger_pb2.ListInvoicesRequest(organization_id="PAGES", page_size=3, page_token=first.next_page_token)
    )
    assert [one.number for one in [*first.invoices, *rest.invoices]] == ["001", "002", "003", "004", "005"]
    assert (rest.next_page_token, first.total) == ("", 5)
    with pytest.raises(grpc.RpcError) as caught:
        running.stub.ListInvoices(ledger_pb2.ListInvoicesRequest(page_token=first.next_page_token))
    assert reason_of(caught.value) == "PAGE_TOKEN_INVALID"


def test_invoices_are_filtered_by_status(running: Running) -> None:
    paid = a_record(1, "STATUS", "1", status="paid", balance="0")
    running.stub.SyncBooks(iter([batch(paid, a_record(2, "STATUS", "2", status="third_party"))]))
    asked = ledger_pb2.ListInvoicesRequest(organization_id="STATUS", status=books_pb2.INVOICE_STATUS_PAID)
    assert [one.number for one in running.stub.ListInvoices(asked).invoices] == ["1"]


def test_a_date_that_is_needed_is_asked_for_by_name(running: Running) -> None:
    calls = [
        (running.stub.ListOrganizations, ledger_pb2.ListOrganizationsRequest(), "today"),
        (running.stub.GetBooksSummary, ledger_pb2.GetBooksSummaryRequest(today="1.2.2026"), "today"),
        (running.stub.ListDueInvoices, ledger_pb2.ListDueInvoicesRequest(), "due_on_or_before"),
        (running.stub.CountByDueDate, ledger_pb2.CountByDueDateRequest(**{"from": TODAY}), "to"),
    ]
    for call, request, field in calls:
        with pytest.raises(grpc.RpcError) as caught:
            call(request)
        refusal = refusal_of(caught.value)
        assert isinstance(refusal, Invalid)
        assert [violation.field for violation in refusal.violations] == [field]


def test_due_invoices_counts_and_sums_agree(running: Running) -> None:
    running.stub.SyncBooks(iter([batch(*[a_record(n, f"SUM-{n % 3}", f"S{n}") for n in range(1, 10)])]))
    due = running.stub.ListDueInvoices(
        ledger_pb2.ListDueInvoicesRequest(due_on_or_before=TODAY, batch_size=5000)
    )
    assert due.total == len(due.invoices)
    counted = running.stub.CountByDueDate(
        ledger_pb2.CountByDueDateRequest(**{"from": "2000-01-01", "to": TODAY})
    )
    assert sum(one.invoices for one in counted.counts) == due.total
    summary = running.stub.GetBooksSummary(ledger_pb2.GetBooksSummaryRequest(today=TODAY))
    (usd,) = summary.totals
    assert (usd.past_due_invoices, usd.past_due_minor) == (
        due.total,
        sum(one.balance_minor for one in due.invoices),
    )
    assert sum(bucket.invoices for bucket in summary.aging) == usd.open_invoices
    assert summary.HasField("last_synced_at")
    listed = running.stub.ListOrganizations(ledger_pb2.ListOrganizationsRequest(today=TODAY, page_size=200))
    assert listed.total == summary.organizations == len(listed.organizations)


def invoices_of(running: Running, organization_id: str) -> list[books_pb2.Invoice]:
    """All of one organization, at most 200."""
    request = ledger_pb2.ListInvoicesRequest(organization_id=organization_id, page_size=200)
    return list(running.stub.ListInvoices(request).invoices)


def poll(condition: Any, seconds: float = 20) -> bool:
    """Whether the condition holds within the time."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if condition():
            return True
        pause.wait(0.05)
    return False
