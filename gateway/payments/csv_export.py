"""Payments as CSV, for the accounting side."""

import csv
from collections.abc import Callable, Iterable
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

# What makes a spreadsheet read a cell as a formula, or split it into one that is; and the apostrophe,
# so that one which was in the text from the start can be told from one that was added.
_GUARDED_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "'")


def plain_text(value: str) -> str:
    """The text as a spreadsheet shows it and never computes it.

    A text that could start a formula gets an apostrophe in front, which spreadsheets hide, and so does one
    that begins with an apostrophe: taking one leading apostrophe off always gives the text back.
    """
    return f"'{value}" if value.startswith(_GUARDED_STARTS) else value


def write_payments_csv(payments: Iterable[Payment], out: TextIO, *, raw: bool = False) -> int:
    """Writes a header and a line for each payment, and returns how many payments there were.

    Amounts are decimal numbers with a point, `paid_at` is UTC as 2026-01-31T12:00:00Z. With `raw` texts are
    exactly as they are, for readers that compute nothing. Open the file with `newline=""`, or lines end
    twice.
    """
    text = _as_it_is if raw else plain_text
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    count = 0
    for payment in payments:
        writer.writerow(_row(payment, text))
        count += 1
    return count


def _as_it_is(value: str) -> str:
    return value


def _row(payment: Payment, text: Callable[[str], str]) -> tuple[str, ...]:
    paid_at = f"{instant(payment.ended_at):%Y-%m-%dT%H:%M:%SZ}" if payment.HasField("ended_at") else ""
    return (
        payment.payment_id,
        text(payment.organization_id),
        text(payment.organization_name),
        text(payment.invoice_number),
        to_decimal(payment.amount_minor, payment.currency),
        payment.currency,
        text(payment.payer_email),
        text(payment.method_label),
        paid_at,
    )
