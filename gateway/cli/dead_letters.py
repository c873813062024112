"""`dunlin dead-letters`: facts that could not be handled, to be tried again or given up."""

import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click
from dunlin.operations.v1 import operations_pb2

from gateway.cli.company import Company, open_company
from gateway.cli.output import json_option, print_json, print_table, remark, say, utc

if TYPE_CHECKING:
    from dunlin.operations.v1.operations_pb2_grpc import OperationsServiceStub

_MOST_AT_ONCE = 500
_PAGE = 200

_ids = click.argument("dead_letter_ids", metavar="[ID]...", nargs=-1, type=click.IntRange(1, 2**63 - 1))
_all = click.option("--all", "everything", is_flag=True, help="All of them, instead of some by their ids.")


@click.group("dead-letters")
def dead_letters() -> None:
    """See, retry and drop facts that could not be handled."""


@dead_letters.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """List them, the one given up last first."""
    found = _listed(open_company())
    if as_json:
        for letter in found:
            print_json(_values(letter))
        return
    rows = [_row(letter) for letter in found]
    if rows:
        print_table(("Id", "Kind", "Given up", "Tries", "Error"), rows, right=(0, 3))
    else:
        remark("There are no dead letters.")


@dead_letters.command()
@_ids
@_all
@json_option
def retry(dead_letter_ids: tuple[int, ...], *, everything: bool, as_json: bool) -> None:
    """Have them tried again at once, as if for the first time. A repeat changes nothing."""
    company = open_company()
    chosen = _chosen(company, dead_letter_ids, everything=everything)
    retried = sum(
        _scheduler(company)
        .RetryDeadLetters(operations_pb2.RetryDeadLettersRequest(dead_letter_ids=some))
        .retried
        for some in _batches(chosen)
    )
    _tell("retried", retried, len(chosen), as_json=as_json)


@dead_letters.command()
@_ids
@_all
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def drop(dead_letter_ids: tuple[int, ...], *, everything: bool, yes: bool, as_json: bool) -> None:
    """Give them up for good: they are never tried again, and what is missing stays missing."""
    company = open_company()
    chosen = _chosen(company, dead_letter_ids, everything=everything)
    if chosen and not yes:
        click.confirm(f"Give up {len(chosen)} for good? This cannot be undone.", abort=True, err=True)
    dropped = sum(
        _scheduler(company).DropDeadLetters(operations_pb2.DropDeadLettersRequest(dead_letter_ids=some)).dropped
        for some in _batches(chosen)
    )  # fmt: skip
    _tell("dropped", dropped, len(chosen), as_json=as_json)


def _scheduler(company: Company) -> "OperationsServiceStub":
    # The one program that others tell facts to.
    return company.operations["scheduler"]


def _listed(company: Company) -> Iterator[operations_pb2.DeadLetter]:
    request = operations_pb2.ListDeadLettersRequest(page_size=_PAGE)
    while True:
        page = _scheduler(company).ListDeadLetters(request)
        yield from page.dead_letters
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def _chosen(company: Company, ids: tuple[int, ...], *, everything: bool) -> list[int]:
    if everything == bool(ids):
        raise click.UsageError("Name dead letters by their ids, or say --all.")
    return [letter.dead_letter_id for letter in _listed(company)] if everything else list(dict.fromkeys(ids))


def _batches(ids: Iterable[int]) -> Iterator[list[int]]:
    remaining = iter(ids)
    while some := list(itertools.islice(remaining, _MOST_AT_ONCE)):
        yield some


def _tell(what: str, done: int, asked: int, *, as_json: bool) -> None:
    if as_json:
        print_json({what: done, "not_found": asked - done})
        return
    say(f"{done} {what}" + (f", {asked - done} not there any more" if done < asked else ""))


def _row(letter: operations_pb2.DeadLetter) -> tuple[str, ...]:
    what = (str(letter.dead_letter_id), letter.name)
    return (*what, utc(letter.parked_at), str(letter.attempts), letter.error.partition("\n")[0])


def _values(letter: operations_pb2.DeadLetter) -> dict[str, object]:
    return {
        "dead_letter_id": letter.dead_letter_id,
        "fact_id": letter.fact_id,
        "name": letter.name,
        "occurred_at": utc(letter.occurred_at),
        "received_at": utc(letter.received_at),
        "parked_at": utc(letter.parked_at),
        "attempts": letter.attempts,
        "error": letter.error,
        "request_id": letter.request_id,
        "body": letter.body,
    }
