"""Payments as CSV, for the accounting side."""

import csv
from collections.abc import Iterable
from typing import TextIO

from dunlin.paynow.v1.paynow_pb2 import Payment

from services.shared.money import to_decimal
from services.shared.wire import instant

COLUMNS = (
    "payment_id",
    "organization_id",
    "organization_name",
    "invoice_number",
    "amount",
    "currency",
    "payer_email",
    "method",
    "paid_at",
)

# What makes a spreadsheet read a cell as a formula, or split it into one that is.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def plain_text(value: str) -> str:
    """The text as a spreadsheet shows it and never computes it.

    A text that could start a formula gets an apostrophe in front, which spreadsheets hide; readers of the
    file that are not spreadsheets take one leading apostrophe off.
    """
    return f"'{value}" if value.startswith(_FORMULA_STARTS) else value


def write_payments_csv(payments: Iterable[Payment], out: TextIO) -> int:
    """Writes a header and a line for each payment, and returns how many payments there were.

    Amounts are decimal numbers with a point, `paid_at` is UTC as 2026-01-31T12:00:00Z. Open the file with
    `newline=""`, or lines end twice.
    """
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    count = 0
    for payment in payments:
        writer.writerow(_row(payment))
        count += 1
    return count


def _row(payment: Payment) -> tuple[str, ...]:
    paid_at = f"{instant(payment.ended_at):%Y-%m-%dT%H:%M:%SZ}" if payment.HasField("ended_at") else ""
    return (
        payment.payment_id,
        plain_text(payment.organization_id),
        plain_text(payment.organization_name),
        plain_text(payment.invoice_number),
        to_decimal(payment.amount_minor, payment.currency),
        payment.currency,
        plain_text(payment.payer_email),
        plain_text(payment.method_label),
        paid_at,
    )
