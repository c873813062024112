"""A list is sent in batches that the ledger takes, and the report counts every line of the file."""

import io
from collections.abc import Iterator
from typing import cast

from dunlin.paynow.v1 import ledger_pb2
from dunlin.paynow.v1.ledger_pb2_grpc import LedgerServiceStub

from gateway.imports import PRESETS, InvoiceList, read_invoice_list, sync

OWN = PRESETS["dunlin"]
HEADER = ",".join((*OWN.required, "contact_default"))


class LedgerThatCounts:
    """Answers a sync as the ledger does, with one refusal in line 3."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def SyncBooks(
        self, requests: Iterator[ledger_pb2.SyncBooksRequest], *, timeout: float
    ) -> ledger_pb2.SyncReport:
        assert timeout > 60
        report = ledger_pb2.SyncReport()
        for request in requests:
            assert request.ByteSize() < 8 * 1024 * 1024
            self.batches.append(len(request.records))
            for record in request.records:
                if record.line == 3:
                    report.refusals.add(
                        line=3, field="amount", reason="AMOUNT_MALFORMED", message="no amount"
                    )
                    report.refused += 1
                else:
                    report.added += 1
        return report


def _list(*contact_default: str, address: str = "") -> InvoiceList:
    header = f"{HEADER},address" if address else HEADER
    lines = [f"o,Acme,,a@example.test,{n},,,USD,1,1,open,{star}" for n, star in enumerate(contact_default)]
    content = "\n".join([header, *(f"{line},{address}" if address else line for line in lines)])
    return read_invoice_list(io.BytesIO(content.encode()), OWN)


def _sync(
    ledger: LedgerThatCounts, invoice_list: InvoiceList
) -> tuple[ledger_pb2.SyncReport, list[tuple[int, int]]]:
    told: list[tuple[int, int]] = []
    report = sync(
        cast(LedgerServiceStub, ledger), invoice_list, lambda done, total: told.append((done, total))
    )
    return report, told


def test_batches_hold_at_most_a_thousand_records_and_progress_reaches_the_end() -> None:
    ledger = LedgerThatCounts()
    report, told = _sync(ledger, _list(*[""] * 2500))
    assert ledger.batches == [1000, 1000, 500]
    assert told == [(1000, 2500), (2000, 2500), (2500, 2500)]
    assert (report.added, report.refused) == (2499, 1)


def test_batches_of_long_lines_stay_well_below_the_size_of_a_message() -> None:
    ledger = LedgerThatCounts()
    _sync(ledger, _list(*[""] * 300, address="x" * 60_000))
    assert sum(ledger.batches) == 300
    assert max(ledger.batches) < 100


def test_lines_refused_before_sending_stand_among_the_ledgers_own() -> None:
    report, _ = _sync(LedgerThatCounts(), _list("perhaps", "yes", "never"))
    assert [(refusal.line, refusal.reason) for refusal in report.refusals] == [
        (2, "ANSWER_UNKNOWN"),
        (3, "AMOUNT_MALFORMED"),
        (4, "ANSWER_UNKNOWN"),
    ]
    assert (report.added, report.refused) == (0, 3)


def test_the_report_counts_every_refusal_and_names_the_first_thousand() -> None:
    report, _ = _sync(LedgerThatCounts(), _list(*["perhaps"] * 1500))
    assert report.refused == 1500
    assert len(report.refusals) == 1000


def test_a_list_without_lines_is_an_empty_sync() -> None:
    ledger = LedgerThatCounts()
    report, told = _sync(ledger, _list())
    assert ledger.batches == []
    assert report == ledger_pb2.SyncReport()
    assert told == [(0, 0)]
