"""Formats: which columns a file has, and how a row of it becomes a record of the ledger."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Generic, TypeVar

from dunlin.paynow.v1 import ledger_pb2
from google.protobuf.message import Message

from services.shared.errors import Violation, invalid_field

Record = TypeVar("Record", bound=Message)
"""What a row becomes."""

# The cells of one row by the preset's column names, without surrounding white space.
Cells = Mapping[str, str]


class LineRefused(Exception):
    """One line says something that cannot be turned into a record; the others are not touched."""

    def __init__(self, violation: Violation) -> None:
        super().__init__(violation.description)
        self.violation = violation


@dataclass(frozen=True)
class Preset(Generic[Record]):
    """A format. `convert` returns None for a row that is not known yet as of the date."""

    name: str
    title: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    convert: Callable[[int, Cells, date], Record | None]
    # Whether rows are read differently from one day to the next, so that an as-of date has a meaning.
    dated: bool = False
    # What the file calls a column, where it is not the preset's own name.
    renamed: Mapping[str, str] | None = None
    # Whether columns that nothing is known about are passed over instead of refused.
    lenient: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        return self.required + self.optional

    def header_of(self, column: str) -> str:
        """What the file calls the column."""
        return (self.renamed or {}).get(column, column)


def mapped(preset: Preset[Record], renamed: Mapping[str, str]) -> Preset[Record]:
    """The preset for a file that calls columns by other names; its further columns are passed over.

    Raises `Invalid` (COLUMN_UNKNOWN) for a name that the preset does not have.
    """
    for column in renamed:
        if column not in preset.columns:
            known = ", ".join(preset.columns)
            raise invalid_field(
                "map",
                "COLUMN_UNKNOWN",
                f"{column!r} is no column of the format {preset.name}; it has {known}.",
            )
    return replace(preset, renamed={**(preset.renamed or {}), **renamed}, lenient=True)


def _own_record(line: int, cells: Cells, _as_of: date) -> ledger_pb2.SyncRecord:
    record = ledger_pb2.SyncRecord(
        line=line,
        organization_id=cells["organization_id"],
        organization_name=cells["organization_name"],
        contact_name=cells["contact_name"],
        contact_emails=_addresses(cells["contact_email"]),
        invoice_number=cells["invoice_number"],
        issued_on=cells["issued_on"],
        due_on=cells["due_on"],
        currency=cells["currency"],
        amount=cells["amount"],
        balance=cells["balance"],
        status=cells["status"],
    )
    starred = _starred(cells.get("contact_default", ""))
    if starred is not None:
        record.contact_default = starred
    for column, field in _DETAILS.items():
        if value := cells.get(column, ""):
            setattr(record.organization, field, value)
    record.contact_profile = cells.get("contact_profile", "")
    return record


def _addresses(text: str) -> list[str]:
    return [address for part in text.split(";") if (address := part.strip())]


def _starred(text: str) -> bool | None:
    answer = text.casefold()
    if answer in {"yes", "true", "1"}:
        return True
    if answer in {"no", "false", "0"}:
        return False
    if not answer:
        return None
    raise LineRefused(
        Violation(
            "contact_default", "ANSWER_UNKNOWN", f"{text[:40]!r} is neither yes nor no; it may also be empty."
        )
    )


_DETAILS: Final = {
    "organization_type": "type",
    "organization_status": "status",
    "address": "address",
    "time_zone": "time_zone",
    "organization_currency": "currency",
    "language": "language",
}

_OWN = Preset(
    name="dunlin",
    title="Dunlin's own columns",
    required=(
        "organization_id",
        "organization_name",
        "contact_name",
        "contact_email",
        "invoice_number",
        "issued_on",
        "due_on",
        "currency",
        "amount",
        "balance",
        "status",
    ),
    optional=(*_DETAILS, "contact_default", "contact_profile"),
    convert=_own_record,
)


def _ibm_record(line: int, cells: Cells, as_of: date) -> ledger_pb2.SyncRecord | None:
    issued = _us_date(cells["InvoiceDate"], "issued_on", "InvoiceDate")
    settled = _us_date(cells["SettledDate"], "status", "SettledDate") if cells["SettledDate"] else None
    due = _us_date(cells["DueDate"], "due_on", "DueDate")
    if issued > as_of:
        return None
    paid = settled is not None and settled <= as_of
    customer = cells["customerID"]
    return ledger_pb2.SyncRecord(
        line=line,
        organization_id=customer,
        organization_name=customer,
        # The list has no addresses; example.test is reserved, so that nothing can reach anybody.
        contact_emails=[f"{customer}@example.test"] if customer else [],
        invoice_number=cells["invoiceNumber"],
        issued_on=issued.isoformat(),
        due_on=due.isoformat(),
        currency="USD",
        amount=cells["InvoiceAmount"],
        balance="0" if paid else cells["InvoiceAmount"],
        status="paid" if paid else "open",
    )


# A year of two digits is refused, not guessed: 13 may be 1913, 2013, or the year 13.
_US_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)


def _us_date(text: str, field: str, column: str) -> date:
    try:
        found = _US_DATE.fullmatch(text)
        if found is None:
            raise ValueError(text)
        month, day, year = map(int, found.groups())
        return date(year, month, day)
    except ValueError:
        raise LineRefused(
            Violation(
                field,
                "DATE_MALFORMED",
                f"{column} is {text[:40]!r}, not a date as month/day/year, such as 1/31/2013; "
                "the year has four digits.",
            )
        ) from None


_IBM = Preset(
    name="ibm-late-payments",
    title="IBM late payment histories",
    required=("customerID", "invoiceNumber", "InvoiceDate", "DueDate", "InvoiceAmount", "SettledDate"),
    optional=("countryCode", "PaperlessDate", "Disputed", "PaperlessBill", "DaysToSettle", "DaysLate"),
    convert=_ibm_record,
    dated=True,
)

# Every format of invoice lists by its name.
PRESETS: Final[Mapping[str, Preset[ledger_pb2.SyncRecord]]] = {preset.name: preset for preset in (_OWN, _IBM)}
