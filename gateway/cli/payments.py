"""`dunlin export payments` and `dunlin payments acknowledge`: the way to the accounting side."""

import itertools
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from dunlin.paynow.v1 import paynow_pb2

from gateway.cli.company import Company, open_company
from gateway.cli.output import json_option, print_json, remark, say
from gateway.payments.csv_export import write_payments_csv

_MOST_AT_ONCE = 1000


@click.group()
def export() -> None:
    """Write what the accounting side takes in."""


@export.command("payments")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Instead of standard output.",
)
@click.option("--acknowledge", is_flag=True, help="Then mark exactly these payments as booked.")
@click.option(
    "--raw", is_flag=True, help="Write texts exactly as they are; without it they are safe in spreadsheets."
)
def export_payments(output: Path | None, *, acknowledge: bool, raw: bool) -> None:
    """Write the payments that wait for the accounting side, as CSV.

    Until they are acknowledged they come again each time, so an export that was lost is no harm.
    """
    company = open_company()
    found = list(_waiting(company))
    if output is None:
        write_payments_csv(found, sys.stdout, raw=raw)
        sys.stdout.flush()
    else:
        _write_whole(output, found, raw=raw)
        remark(f"{_payments(len(found))} in {output}.")
    if acknowledge and found:
        acknowledged, _ = _acknowledge(company, [payment.payment_id for payment in found])
        remark(f"{_payments(acknowledged)} acknowledged.")


def _payments(count: int) -> str:
    return "1 payment is" if count == 1 else f"{count} payments are"


def _waiting(company: Company) -> Iterator[paynow_pb2.Payment]:
    request = paynow_pb2.ListPaymentsRequest(unacknowledged=True, page_size=1000)
    while True:
        page = company.paynow.ListPayments(request, timeout=60)
        yield from page.payments
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def _write_whole(output: Path, found: Iterable[paynow_pb2.Payment], *, raw: bool) -> None:
    """Writes the file whole or not at all, and onto the disk: what is acknowledged must not get lost."""
    draft = output.with_name(f".{output.name}.part")
    with draft.open("w", encoding="utf-8", newline="") as out:
        write_payments_csv(found, out, raw=raw)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(output)


@click.group()
def payments() -> None:
    """Say what the accounting side has booked."""


@payments.command()
@click.argument("payment_ids", metavar="PAYMENT_ID...", nargs=-1, required=True)
@json_option
def acknowledge(payment_ids: tuple[str, ...], *, as_json: bool) -> None:
    """Mark payments as booked; they leave the export. A repeat changes nothing."""
    acknowledged, repeated = _acknowledge(open_company(), payment_ids)
    if as_json:
        print_json({"acknowledged": acknowledged, "repeated": repeated})
    else:
        say(f"{acknowledged} acknowledged, {repeated} had been before")


def _acknowledge(company: Company, payment_ids: Iterable[str]) -> tuple[int, int]:
    """How many were acknowledged now, and how many had been before."""
    acknowledged = repeated = 0
    remaining = iter(payment_ids)
    while batch := list(itertools.islice(remaining, _MOST_AT_ONCE)):
        answer = company.paynow.AcknowledgePayments(paynow_pb2.AcknowledgePaymentsRequest(payment_ids=batch))
        acknowledged += answer.acknowledged
        repeated += answer.repeated_payments
    return acknowledged, repeated
