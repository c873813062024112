"""`dunlin sync-methods` and `dunlin sync-plans`: take in lists about accounts."""

import click

from gateway.cli.company import open_company
from gateway.cli.output import json_option, progress_bar
from gateway.cli.sync import opened, told
from gateway.imports import METHODS, PLANS, read_invoice_list
from gateway.imports import sync_methods as send_methods
from gateway.imports import sync_plans as send_plans

_FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))


@click.command()
@_FILE
@json_option
def sync_methods(file: str, *, as_json: bool) -> int:
    """Take in the list FILE of cards and bank accounts on file ("-" for standard input).

    Never give whole card numbers: lines that hold one are refused. Sending the same list again changes
    nothing. Ends with exit code 1 if lines were refused; the other lines are taken in all the same.
    """
    with opened(file) as stream:
        accounts = open_company().accounts
        listed = read_invoice_list(stream, METHODS)
        with progress_bar("Sending") as progress:
            report = send_methods(accounts, listed, progress)
    return told(report, as_json=as_json)


@click.command()
@_FILE
@json_option
def sync_plans(file: str, *, as_json: bool) -> int:
    """Take in the list FILE of AutoPay and scheduled payments ("-" for standard input).

    Clients are told of what is scheduled, moved or cancelled. Sending the same list again changes nothing.
    Ends with exit code 1 if lines were refused; the other lines are taken in all the same.
    """
    with opened(file) as stream:
        accounts = open_company().accounts
        listed = read_invoice_list(stream, PLANS)
        with progress_bar("Sending") as progress:
            report = send_plans(accounts, listed, progress)
    return told(report, as_json=as_json)
