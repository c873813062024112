"""What commands print: lines for people, JSON for scripts, progress for whoever waits."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from google.protobuf.internal.enum_type_wrapper import _EnumTypeWrapper
    from google.protobuf.timestamp_pb2 import Timestamp

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on one line of standard output."""
    click.echo(json.dumps(value, ensure_ascii=False))


def say(text: str) -> None:
    """A line for people, on standard output."""
    click.echo(plain(text))


def remark(text: str) -> None:
    """A line beside the data, on standard error."""
    click.echo(plain(text), err=True)


def plain(text: str) -> str:
    """The text without characters that would steer a terminal; names come from outside."""
    return "".join(
        character if character.isprintable() or character == "\n" else "\ufffd" for character in text
    )


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> None:
    """A table on standard output; `right` are the columns whose figures stand at the right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    width = None if sys.stdout.isatty() else 200
    Console(file=sys.stdout, width=width, markup=False, highlight=False).print(table)


@contextmanager
def progress_bar(doing: str) -> Iterator[Callable[[int, int], None]]:
    """Gives a function to call with how much is done, and of how much; shows only on a terminal."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(doing, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def name_of(enum: "_EnumTypeWrapper[Any]", value: int, prefix: str) -> str:
    """The short name of an enum's value, such as "sent" for NOTICE_STATE_SENT."""
    return enum.Name(value).removeprefix(prefix).lower()


def utc(at: "Timestamp") -> str:
    """The instant as 2026-01-31T12:00:00.000Z."""
    from services.shared.wire import instant

    return instant(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def days_in_words(threshold_days: int) -> str:
    """ "5 days before" for -5, "15 days past due" for 15."""
    days = abs(threshold_days)
    unit = "day" if days == 1 else "days"
    return f"{days} {unit} before" if threshold_days < 0 else f"{days} {unit} past due"
