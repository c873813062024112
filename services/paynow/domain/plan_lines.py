"""The lines of a list of payments that are to be made by themselves."""

import re
from typing import Final, NamedTuple

from services.paynow.domain.books import Invoice
from services.paynow.domain.cells import (
    LONGEST_ID,
    LineRefusal,
    Wrong,
    date_of,
    money_of,
    refuse,
    shown,
    text_of,
)
from services.paynow.domain.on_file import MethodKey, StoredMethod
from services.paynow.domain.plans import MOST_DAYS, SCHEDULED, STATUSES, Autopay, ScheduledPayment

ON_OR_OFF: Final = ("on", "off")

NumberKey = tuple[str, str]
"""Organization id and invoice number."""


class AutopayRecord(NamedTuple):
    """A line about AutoPay as it came. Fields are as in the proto."""

    line: int
    organization_id: str
    status: str
    method_id: str
    days_after_due: str


class ScheduledRecord(NamedTuple):
    """A line about a scheduled payment as it came. Fields are as in the proto."""

    line: int
    organization_id: str
    scheduled_id: str
    invoice_number: str
    method_id: str
    pays_on: str
    amount: str
    status: str


PlanRecord = AutopayRecord | ScheduledRecord


class AutopayLine(NamedTuple):
    """A line about AutoPay that may be taken."""

    line: int
    autopay: Autopay


class ScheduledLine(NamedTuple):
    """A line about a scheduled payment that may be taken, and the invoice that it pays."""

    line: int
    payment: ScheduledPayment
    invoice: Invoice


class PlanContext(NamedTuple):
    """What the books know of everything that lines name.

    Beside that, the invoices that named payments pay so far, and all that is scheduled for these and for the
    named ones, with their methods: what one of them leaves is for the next one.
    """

    organizations: frozenset[str]
    invoices: dict[NumberKey, Invoice]
    methods: dict[MethodKey, StoredMethod]
    scheduled: dict[tuple[str, str], ScheduledPayment]
    autopay: dict[str, Autopay]


def check_plan(record: PlanRecord, known: PlanContext) -> AutopayLine | ScheduledLine | LineRefusal:
    """The line's meaning, or the first thing that is wrong with it, from left to right.

    White space around a value is no part of it.
    """
    try:
        organization_id = record.organization_id.strip()
        if organization_id not in known.organizations:
            refuse("organization_id", "ORGANIZATION_MISSING", organization_missing(organization_id))
        if isinstance(record, AutopayRecord):
            return AutopayLine(record.line, _autopay(record, organization_id, known))
        return _scheduled(record, organization_id, known)
    except Wrong as wrong:
        return LineRefusal(record.line, *wrong.args)


def organization_missing(organization_id: str) -> str:
    """What is wrong with a line whose organization is not in the books."""
    named = shown(organization_id) if organization_id else "An empty id"
    return f"{named} is no organization in the books; sync its invoices first, or correct the id."


def duplicate_scheduled(line: ScheduledLine, first: int) -> LineRefusal:
    """The refusal of a line whose payment was in line `first` already."""
    return LineRefusal(
        line.line,
        "scheduled_id",
        "DUPLICATE_SCHEDULED",
        f"This payment of the organization is already on line {first}; list each payment once.",
    )


def _autopay(record: AutopayRecord, organization_id: str, known: PlanContext) -> Autopay:
    status = record.status.strip()
    if status not in ON_OR_OFF:
        refuse("status", "STATUS_UNKNOWN", f"{shown(status)} is not a status of AutoPay; use on or off.")
    method_id = _method_id(record.method_id, organization_id, known)
    return Autopay(organization_id, status == "on", method_id, _days(record.days_after_due))


def _scheduled(record: ScheduledRecord, organization_id: str, known: PlanContext) -> ScheduledLine:
    scheduled_id = text_of(record.scheduled_id, "scheduled_id", "SCHEDULED_ID", LONGEST_ID)
    number = record.invoice_number.strip()
    invoice = known.invoices.get((organization_id, number))
    if invoice is None:
        named = shown(number) if number else "An empty number"
        refuse(
            "invoice_number",
            "INVOICE_MISSING",
            f"{named} is no invoice of this organization in the books; sync it first, or correct the number.",
        )
    method_id = _method_id(record.method_id, organization_id, known)
    pays_on = date_of(record.pays_on, "pays_on")
    if pays_on is None:
        refuse("pays_on", "DATE_MISSING", "pays_on is empty; write a date such as 2026-01-31.")
    amount = _amount(record.amount, invoice)
    status = record.status.strip() or SCHEDULED
    if status not in STATUSES:
        known_ones = ", ".join(STATUSES)
        refuse("status", "STATUS_UNKNOWN", f"{shown(status)} is not a valid status; use one of {known_ones}.")
    payment = ScheduledPayment(
        organization_id, scheduled_id, invoice.invoice_id, method_id, pays_on, amount, status
    )
    before = known.scheduled.get(payment.key)
    # What was taken once may be repeated: the balance may have fallen since, and less is paid then.
    is_new = before is None or (before.amount_minor, before.invoice_id) != (amount, payment.invoice_id)
    if status == SCHEDULED and is_new and amount is not None and amount > invoice.balance_minor:
        refuse(
            "amount",
            "AMOUNT_ABOVE_BALANCE",
            "The amount is above what remains of the invoice; it is at most that, or empty for all of it.",
        )
    return ScheduledLine(record.line, payment, invoice)


def _amount(text: str, invoice: Invoice) -> int | None:
    if not text.strip():
        return None
    amount = -1 if text.strip().startswith("-") else money_of(text, "amount", invoice.currency)
    if amount <= 0:
        refuse("amount", "AMOUNT_NOT_POSITIVE", "The amount is not above zero; leave it empty for all of it.")
    return amount


def _method_id(text: str, organization_id: str, known: PlanContext) -> str:
    method_id = text.strip()
    if method_id and (organization_id, method_id) not in known.methods:
        refuse(
            "method_id",
            "METHOD_MISSING",
            f"{shown(method_id)} is no method on file of this organization; sync the methods first.",
        )
    return method_id


_WHOLE = re.compile(r"[+-]?\d{1,4}", re.ASCII)


def _days(text: str) -> int:
    days = text.strip()
    if not days:
        return 0
    if not _WHOLE.fullmatch(days) or abs(int(days)) > MOST_DAYS:
        refuse(
            "days_after_due",
            "DAYS_OUT_OF_RANGE",
            f"{shown(text)} is not a whole number from -{MOST_DAYS} to {MOST_DAYS}.",
        )
    return int(days)
