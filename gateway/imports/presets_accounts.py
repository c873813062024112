"""Formats of lists about accounts: methods on file, and payments that are to be made by themselves."""

from datetime import date

from dunlin.paynow.v1 import accounts_pb2

from gateway.imports.presets import Cells, LineRefused, Preset
from services.shared.errors import Violation


def _method(line: int, cells: Cells, _as_of: date) -> accounts_pb2.MethodRecord:
    return accounts_pb2.MethodRecord(line=line, **cells)


METHODS = Preset(
    name="methods",
    title="Cards and bank accounts on file",
    required=("organization_id", "method_id", "kind", "expires"),
    optional=("brand", "last_four", "nickname", "status", "failure_reason"),
    convert=_method,
)


def _plan(line: int, cells: Cells, _as_of: date) -> accounts_pb2.PlanRecord:
    record = accounts_pb2.PlanRecord(line=line, organization_id=cells["organization_id"])
    match cells["plan"].casefold():
        case "autopay":
            record.autopay.CopyFrom(accounts_pb2.AutopayRecord(**_of(cells, _AUTOPAY)))
        case "scheduled":
            record.scheduled.CopyFrom(accounts_pb2.ScheduledRecord(**_of(cells, _SCHEDULED)))
        case other:
            words = f"{other[:40]!r} is not a kind of plan; write autopay or scheduled."
            raise LineRefused(Violation("plan", "PLAN_UNKNOWN", words))
    return record


_AUTOPAY = ("status", "method_id", "days_after_due")
_SCHEDULED = ("status", "method_id", "scheduled_id", "invoice_number", "pays_on", "amount")


def _of(cells: Cells, columns: tuple[str, ...]) -> dict[str, str]:
    return {column: cells.get(column, "") for column in columns}


PLANS = Preset(
    name="plans",
    title="AutoPay and scheduled payments",
    required=("organization_id", "plan"),
    optional=(*_AUTOPAY, *_SCHEDULED[2:]),
    convert=_plan,
)
