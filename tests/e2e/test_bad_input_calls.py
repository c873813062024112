"""Calls that are too large, too many or from strangers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import grpc
import pytest
from dunlin.events.v1 import events_pb2
from dunlin.mailer.v1 import mailer_pb2
from dunlin.operations.v1 import operations_pb2
from dunlin.paynow.v1 import ledger_pb2, paynow_pb2
from dunlin.scheduler.v1 import scheduler_pb2
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

from tests.e2e.company import Company, running_company

SERVED = {
    "scheduler": [
        scheduler_pb2.DESCRIPTOR.services_by_name["SchedulerService"],
        events_pb2.DESCRIPTOR.services_by_name["InboxService"],
        operations_pb2.DESCRIPTOR.services_by_name["OperationsService"],
    ],
    "mailer": [
        mailer_pb2.DESCRIPTOR.services_by_name["MailerService"],
        operations_pb2.DESCRIPTOR.services_by_name["OperationsService"],
    ],
    "paynow": [
        ledger_pb2.DESCRIPTOR.services_by_name["LedgerService"],
        paynow_pb2.DESCRIPTOR.services_by_name["PayNowService"],
        operations_pb2.DESCRIPTOR.services_by_name["OperationsService"],
    ],
}
METHODS = [
    pytest.param(program, method, id=f"{program}-{method.containing_service.name}-{method.name}")
    for program, services in SERVED.items()
    for service in services
    for method in service.methods
]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with running_company(tmp_path_factory.mktemp("calls") / "home") as company:
        yield company


def call(channel: grpc.Channel, method: MethodDescriptor, metadata: list[tuple[str, str]]) -> None:
    """Calls a method with an empty request, whatever its kind, and reads the answer to its end."""
    answer = GetMessageClass(method.output_type)
    options = {"request_serializer": lambda message: message.SerializeToString(),
               "response_deserializer": answer.FromString}  # fmt: skip
    path = f"/{method.containing_service.full_name}/{method.name}"
    request = GetMessageClass(method.input_type)()
    if method.client_streaming:
        channel.stream_unary(path, **options)(iter([request]), metadata=metadata, timeout=10)
    elif method.server_streaming:
        list(channel.unary_stream(path, **options)(request, metadata=metadata, timeout=10))
    else:
        channel.unary_unary(path, **options)(request, metadata=metadata, timeout=10)


@pytest.mark.parametrize("metadata", [[], [("x-dunlin-token", "guessed")], [("x-dunlin-token", "")]],
                         ids=["no token", "a guessed token", "an empty token"])  # fmt: skip
@pytest.mark.parametrize(("program", "method"), METHODS)
def test_a_call_without_the_service_token_is_unauthenticated(
    company: Company, program: str, method: MethodDescriptor, metadata: list[tuple[str, str]]
) -> None:
    addresses = company.home.addresses()
    assert addresses is not None
    assert addresses[program].startswith("127.0.0.1:"), "nobody outside this machine can ask at all"
    with grpc.insecure_channel(addresses[program]) as channel, pytest.raises(grpc.RpcError) as caught:
        call(channel, method, metadata)
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED


def too_much(company: Company) -> dict[str, tuple[Callable[[], object], str]]:
    """Calls with more of something than the contract allows, and what the refusal must name."""
    to = company.clients
    record = ledger_pb2.SyncRecord(organization_id="A", organization_name="x" * 1000)
    fact = events_pb2.Fact(fact_id="f", message_sent=events_pb2.MessageSent(notice_id="n"))
    message = mailer_pb2.MessageRequest(notice_id="n", organization_id="o")
    return {
        "records in a part of a sync": (
            lambda: to.ledger.SyncBooks(iter([ledger_pb2.SyncBooksRequest(records=[record] * 1001)])),
            "1000",
        ),
        "invoices to read": (
            lambda: to.ledger.ReadSubjects(ledger_pb2.ReadSubjectsRequest(invoice_ids=range(1, 502))),
            "500",
        ),
        "organizations to get": (
            lambda: to.ledger.BatchGetOrganizations(
                ledger_pb2.BatchGetOrganizationsRequest(organization_ids=["A"] * 1001)
            ),
            "1000",
        ),
        "messages to accept": (
            lambda: to.mailer.AcceptMessages(mailer_pb2.AcceptMessagesRequest(messages=[message] * 501)),
            "500",
        ),
        "notices to review": (
            lambda: to.scheduler.ReviewNotices(scheduler_pb2.ReviewNoticesRequest(notice_ids=["n"] * 201)),
            "200",
        ),
        "payments to acknowledge": (
            lambda: to.paynow.AcknowledgePayments(
                paynow_pb2.AcknowledgePaymentsRequest(payment_ids=["p"] * 1001)
            ),
            "1000",
        ),
        "days to look ahead": (
            lambda: to.scheduler.GetForecast(scheduler_pb2.GetForecastRequest(days=61)),
            "60",
        ),
        "days of a rule": (
            lambda: to.scheduler.AddRule(scheduler_pb2.AddRuleRequest(threshold_days=3651)),
            "3650",
        ),
        "facts at once": (lambda: deliver(company, [fact] * 501), "500"),
    }


def deliver(company: Company, facts: list[events_pb2.Fact]) -> None:
    addresses = company.home.addresses()
    assert addresses is not None
    token = company.home.secret("service-token").read_text().strip()
    method = events_pb2.DESCRIPTOR.services_by_name["InboxService"].methods_by_name["DeliverFacts"]
    with grpc.insecure_channel(addresses["scheduler"]) as channel:
        channel.unary_unary(
            f"/{method.containing_service.full_name}/{method.name}",
            request_serializer=events_pb2.DeliverFactsRequest.SerializeToString,
        )(events_pb2.DeliverFactsRequest(facts=facts), metadata=[("x-dunlin-token", token)], timeout=10)


@pytest.mark.parametrize("what", [
    "records in a part of a sync", "invoices to read", "organizations to get", "messages to accept",
    "notices to review", "payments to acknowledge", "days to look ahead", "days of a rule", "facts at once",
])  # fmt: skip
def test_more_than_the_contract_allows_is_refused_with_the_limit(company: Company, what: str) -> None:
    ask, limit = too_much(company)[what]
    with pytest.raises(grpc.RpcError) as caught:
        ask()
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT, caught.value
    assert limit in caught.value.details().replace(",", ""), caught.value.details()


def test_a_message_that_is_too_large_is_refused_and_the_service_goes_on(company: Company) -> None:
    addresses = company.home.addresses()
    assert addresses is not None
    token = company.home.secret("service-token").read_text().strip()
    large = ledger_pb2.SyncBooksRequest(
        records=[ledger_pb2.SyncRecord(organization_id="A", organization_name="x" * (17 * 1024 * 1024))]
    )
    with grpc.insecure_channel(addresses["paynow"]) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.stream_unary(
            "/dunlin.paynow.v1.LedgerService/SyncBooks",
            request_serializer=ledger_pb2.SyncBooksRequest.SerializeToString,
        )(iter([large]), metadata=[("x-dunlin-token", token)], timeout=20)
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    summary = company.clients.ledger.GetBooksSummary(ledger_pb2.GetBooksSummaryRequest(today="2025-01-01"))
    assert summary.organizations == 0, "nothing of it was taken in"


@pytest.mark.parametrize("today", ["", "2025-02-30", "16.06.2025", "2025-06-16T00:00:00", "9" * 5000])
def test_a_date_that_is_none_is_named(company: Company, today: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        company.clients.ledger.GetBooksSummary(ledger_pb2.GetBooksSummaryRequest(today=today))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert len(caught.value.details()) < 500


@pytest.mark.parametrize("token", ["x", "🦆", "AAAA" * 1000, "bm90IGEgdG9rZW4="])
def test_a_page_token_that_nobody_gave_is_refused(company: Company, token: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        company.clients.ledger.ListInvoices(ledger_pb2.ListInvoicesRequest(page_token=token))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("number", ["4111 1111 1111 1111", "4111111111111111", "4111-1111-1111-1111"])
def test_a_card_number_is_never_taken_nor_repeated_nor_kept(company: Company, number: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        company.clients.paynow.ConfirmPayment(
            paynow_pb2.ConfirmPaymentRequest(quote_id="q", method_token=number, idempotency_key="k" * 8)
        )
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "1111" not in caught.value.details()
    for path in (*company.home.logs.iterdir(), *(company.home.root / "db").iterdir()):
        assert number.encode() not in path.read_bytes(), path
