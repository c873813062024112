"""`dunlin sync`: takes in an invoice list."""

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from typing import BinaryIO, cast

import click
from dunlin.paynow.v1 import ledger_pb2

from gateway.cli.company import open_company
from gateway.cli.exits import Exit
from gateway.cli.output import json_option, print_json, progress_bar, remark, say
from gateway.imports import DEFAULT_LIMITS, PRESETS, Preset, mapped, read_invoice_list
from gateway.imports import sync as send
from services.shared.iso_dates import day_of


def _iso_date(_ctx: click.Context, _param: click.Parameter, value: str | None) -> date | None:
    if value is None:
        return None
    try:
        return day_of(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a date such as 2026-01-31.") from None


def _pairs(_ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in value:
        own, equals, theirs = text.partition("=")
        if not equals or not own.strip() or not theirs.strip():
            raise click.BadParameter(f"{text!r} must be OWN=THEIRS, such as invoice_number='Invoice No'.")
        pairs[own.strip()] = theirs.strip()
    return pairs


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--format", "name", type=click.Choice(list(PRESETS)), default="dunlin", show_default=True,
    help="Which columns the file has; see docs/csv.md.",
)  # fmt: skip
@click.option(
    "--as-of", callback=_iso_date, metavar="DATE", help="Read a history as it was known on this date."
)
@click.option(
    "--map", "renamed", multiple=True, callback=_pairs, metavar="OWN=THEIRS",
    help="The file calls our column OWN by the name THEIRS. May be given several times.",
)  # fmt: skip
@json_option
def sync(file: str, name: str, as_of: date | None, renamed: dict[str, str], *, as_json: bool) -> int:
    """Take in the invoice list FILE ("-" for standard input).

    Sending the same list again changes nothing. Ends with exit code 1 if lines were refused; the other
    lines are taken in all the same.
    """
    preset = mapped(PRESETS[name], renamed) if renamed else PRESETS[name]
    if as_of is not None and not preset.dated:
        raise click.UsageError(
            f"--as-of has no meaning for the format {name}: its files say how things stand."
        )
    with opened(file) as stream:
        report = _send(stream, preset, as_of)
    return told(report, as_json=as_json)


def told(report: ledger_pb2.SyncReport, *, as_json: bool) -> int:
    """Prints what a sync did; returns the exit code."""
    counts = {
        "added": report.added,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "refused": report.refused,
    }
    refusals = [
        {"line": refusal.line, "field": refusal.field, "reason": refusal.reason, "message": refusal.message}
        for refusal in report.refusals
    ]
    if as_json:
        print_json({**counts, "refusals": refusals})
    else:
        say(", ".join(f"{count} {name}" for name, count in counts.items()))
        for refusal in refusals:
            remark("line {line}: {field}: {message} ({reason})".format(**refusal))
        if report.refused > len(refusals):
            remark(f"and {report.refused - len(refusals)} more lines")
    return Exit.LEFT_OVER if report.refused else Exit.DONE


def _send(
    stream: BinaryIO, preset: Preset[ledger_pb2.SyncRecord], as_of: date | None
) -> ledger_pb2.SyncReport:
    company = open_company()
    if preset.dated and as_of is None:
        as_of = date.fromisoformat(company.calendar.today)
    invoice_list = read_invoice_list(stream, preset, as_of=as_of)
    if invoice_list.passed_over:
        remark(f"Passed over: {', '.join(invoice_list.passed_over)}")
    with progress_bar("Sending") as progress:
        return send(company.ledger, invoice_list, progress)


@contextlib.contextmanager
def opened(file: str) -> Iterator[BinaryIO]:
    """The file as a stream that can be read twice; standard input is copied to disk for that."""
    if file != "-":
        with open(file, "rb") as stream:
            yield stream
        return
    with tempfile.TemporaryFile() as copy:
        # One byte beyond the limit is enough to be refused for.
        remaining = DEFAULT_LIMITS.file_bytes + 1
        while remaining > 0 and (part := sys.stdin.buffer.read(min(remaining, 1024 * 1024))):
            copy.write(part)
            remaining -= len(part)
        yield cast(BinaryIO, copy)
