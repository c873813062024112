"""Wire -> domain of the lines about methods on file, AutoPay and scheduled payments."""

from collections.abc import Iterable, Iterator

from dunlin.paynow.v1 import accounts_pb2

from services.paynow.domain.on_file import MethodRecord
from services.paynow.domain.plan_lines import AutopayRecord, PlanRecord, ScheduledRecord


def method_batches(requests: Iterable[accounts_pb2.SyncMethodsRequest]) -> Iterator[list[MethodRecord]]:
    """The lines of each request."""
    for request in requests:
        yield [_method(record) for record in request.records]


def plan_batches(requests: Iterable[accounts_pb2.SyncPlansRequest]) -> Iterator[list[PlanRecord]]:
    """The lines of each request."""
    for request in requests:
        yield [_plan(record) for record in request.records]


def _method(record: accounts_pb2.MethodRecord) -> MethodRecord:
    return MethodRecord(
        record.line,
        record.organization_id,
        record.method_id,
        record.kind,
        record.brand,
        record.last_four,
        record.expires,
        record.nickname,
        record.status,
        record.failure_reason,
    )


def _plan(record: accounts_pb2.PlanRecord) -> PlanRecord:
    """A line that says nothing is one about AutoPay without a status, which is refused for that."""
    if record.WhichOneof("plan") != "scheduled":
        autopay = record.autopay
        return AutopayRecord(
            record.line, record.organization_id, autopay.status, autopay.method_id, autopay.days_after_due
        )
    scheduled = record.scheduled
    return ScheduledRecord(
        record.line,
        record.organization_id,
        scheduled.scheduled_id,
        scheduled.invoice_number,
        scheduled.method_id,
        scheduled.pays_on,
        scheduled.amount,
        scheduled.status,
    )
