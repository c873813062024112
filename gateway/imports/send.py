"""Sends a checked invoice list to the ledger, and adds up what became of it."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from dunlin.paynow.v1 import ledger_pb2

from gateway.imports.invoice_list import InvoiceList

if TYPE_CHECKING:
    from dunlin.paynow.v1.ledger_pb2_grpc import LedgerServiceStub

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
    ledger: "LedgerServiceStub", invoice_list: InvoiceList, progress: Progress = no_progress
) -> ledger_pb2.SyncReport:
    """Sends the list and returns the ledger's report, with the lines refused before they were sent.

    Sending the same list again changes nothing, so a sync that failed midway may simply be
    repeated. Raises `grpc.RpcError` as the stub does.
    """
    batches = _Batches(invoice_list, progress)
    report: ledger_pb2.SyncReport = ledger.SyncBooks(iter(batches), timeout=_TIMEOUT_SECONDS)
    if batches.refused:
        report.refused += batches.refused
        merged = sorted([*report.refusals, *batches.refusals], key=lambda refusal: refusal.line)
        del report.refusals[:]
        report.refusals.extend(merged[:_REFUSALS])
    return report


class _Batches:
    """The list as requests; keeps the refusals that it came upon, as many as a report names."""

    def __init__(self, invoice_list: InvoiceList, progress: Progress) -> None:
        self._list = invoice_list
        self._progress = progress
        self.refused = 0
        self.refusals: list[ledger_pb2.LineRefusal] = []

    def __iter__(self) -> Iterator[ledger_pb2.SyncBooksRequest]:
        batch: list[ledger_pb2.SyncRecord] = []
        size = 0
        done = 0
        for done, record in enumerate(self._list.records(), 1):
            if isinstance(record, ledger_pb2.LineRefusal):
                self._keep(record)
            elif record is not None:
                batch.append(record)
                size += record.ByteSize()
            if len(batch) >= _BATCH_RECORDS or size >= _BATCH_BYTES:
                yield ledger_pb2.SyncBooksRequest(records=batch)
                self._progress(done, self._list.total)
                batch, size = [], 0
        if batch:
            yield ledger_pb2.SyncBooksRequest(records=batch)
        self._progress(done, self._list.total)

    def _keep(self, refusal: ledger_pb2.LineRefusal) -> None:
        self.refused += 1
        if len(self.refusals) < _REFUSALS:
            self.refusals.append(refusal)
