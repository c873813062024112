"""Sends a checked list to the service that takes it in, and adds up what became of it."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

from dunlin.paynow.v1 import accounts_pb2, ledger_pb2
from google.protobuf.message import Message

from gateway.imports.invoice_list import InvoiceList
from gateway.imports.presets import Record

if TYPE_CHECKING:
    from dunlin.paynow.v1.accounts_pb2_grpc import AccountsServiceStub
    from dunlin.paynow.v1.ledger_pb2_grpc import LedgerServiceStub

Request = TypeVar("Request", bound=Message)

# Told how many rows have been sent, and how many there are.
Progress = Callable[[int, int], None]

# The ledger's own limit, and a size well below what a message may have.
_BATCH_RECORDS = 1000
_BATCH_BYTES = 2 * 1024 * 1024

# The report names as many refusals as the ledger does.
_REFUSALS = 1000

# 200,000 lines take well under a minute; a ledger that is silent for this long is not coming back.
_TIMEOUT_SECONDS = 900.0


def no_progress(_sent: int, _total: int) -> None:
    """For callers who show none."""


def sync(
    ledger: "LedgerServiceStub",
    invoice_list: InvoiceList[ledger_pb2.SyncRecord],
    progress: Progress = no_progress,
) -> ledger_pb2.SyncReport:
    """Sends the list and returns the ledger's report, with the lines refused before they were sent.

    Sending the same list again changes nothing, so a sync that failed midway may simply be
    repeated. Raises `grpc.RpcError` as the stub does.
    """
    requests = _Batches(invoice_list, lambda batch: ledger_pb2.SyncBooksRequest(records=batch), progress)
    return requests.reported(ledger.SyncBooks(iter(requests), timeout=_TIMEOUT_SECONDS))


def sync_methods(
    accounts: "AccountsServiceStub",
    listed: InvoiceList[accounts_pb2.MethodRecord],
    progress: Progress = no_progress,
) -> ledger_pb2.SyncReport:
    """The same for methods on file."""
    requests = _Batches(listed, lambda batch: accounts_pb2.SyncMethodsRequest(records=batch), progress)
    return requests.reported(accounts.SyncMethods(iter(requests), timeout=_TIMEOUT_SECONDS))


def sync_plans(
    accounts: "AccountsServiceStub",
    listed: InvoiceList[accounts_pb2.PlanRecord],
    progress: Progress = no_progress,
) -> ledger_pb2.SyncReport:
    """The same for AutoPay and scheduled payments."""
    requests = _Batches(listed, lambda batch: accounts_pb2.SyncPlansRequest(records=batch), progress)
    return requests.reported(accounts.SyncPlans(iter(requests), timeout=_TIMEOUT_SECONDS))


class _Batches(Generic[Record, Request]):
    """The list as requests; keeps the refusals that it came upon, as many as a report names."""

    def __init__(
        self, listed: InvoiceList[Record], request: Callable[[list[Record]], Request], progress: Progress
    ) -> None:
        self._list = listed
        self._request = request
        self._progress = progress
        self._refused = 0
        self._refusals: list[ledger_pb2.LineRefusal] = []

    def __iter__(self) -> Iterator[Request]:
        batch: list[Record] = []
        size = 0
        done = 0
        for done, record in enumerate(self._list.records(), 1):
            if isinstance(record, ledger_pb2.LineRefusal):
                self._keep(record)
            elif record is not None:
                batch.append(record)
                size += record.ByteSize()
            if len(batch) >= _BATCH_RECORDS or size >= _BATCH_BYTES:
                yield self._request(batch)
                self._progress(done, self._list.total)
                batch, size = [], 0
        if batch:
            yield self._request(batch)
        self._progress(done, self._list.total)

    def _keep(self, refusal: ledger_pb2.LineRefusal) -> None:
        self._refused += 1
        if len(self._refusals) < _REFUSALS:
            self._refusals.append(refusal)

    def reported(self, report: ledger_pb2.SyncReport) -> ledger_pb2.SyncReport:
        """The service's report with these refusals in it."""
        if self._refused:
            report.refused += self._refused
            merged = sorted([*report.refusals, *self._refusals], key=lambda refusal: refusal.line)
            del report.refusals[:]
            report.refusals.extend(merged[:_REFUSALS])
        return report
