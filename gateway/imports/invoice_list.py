"""A list whose structure has been checked from the first line to the last: of invoices, methods or plans."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, BinaryIO, Generic

from dunlin.paynow.v1 import ledger_pb2

from gateway.imports.presets import LineRefused, Preset, Record
from gateway.imports.structure import DEFAULT_LIMITS, InvoiceListRefused, Limits, Row, refused, rows
from services.shared.errors import Violation

# How many wrong lines, or columns, one refusal names; whoever repairs a file wants more than the first.
_NAMED = 10


@dataclass(frozen=True)
class InvoiceList(Generic[Record]):
    """A file that may be sent. Reads its stream again for each pass, so keep that open."""

    # Rows below the header that are not blank.
    total: int
    # Columns of the file that nothing is taken from.
    passed_over: tuple[str, ...]
    _stream: BinaryIO
    _preset: Preset[Record]
    _columns: tuple[str | None, ...]
    _as_of: date
    _limits: Limits

    def records(self) -> Iterator[Record | ledger_pb2.LineRefusal | None]:
        """One element for each row: a record, a refusal, or None where it is not known yet."""
        content = rows(self._stream, self._limits)
        next(content)
        for row in content:
            yield self._converted(row)

    def _converted(self, row: Row) -> Record | ledger_pb2.LineRefusal | None:
        cells = {
            column: cell.strip()
            for column, cell in zip(self._columns, row.cells, strict=True)
            if column is not None
        }
        try:
            return self._preset.convert(row.line, cells, self._as_of)
        except LineRefused as refusal:
            wrong = refusal.violation
            return ledger_pb2.LineRefusal(
                line=row.line, field=wrong.field, reason=wrong.reason, message=wrong.description
            )


def read_invoice_list(
    stream: BinaryIO, preset: Preset[Record], *, as_of: date | None = None, limits: Limits = DEFAULT_LIMITS
) -> InvoiceList[Record]:
    """Checks the structure of the whole file; sends nothing. The stream must be seekable.

    `as_of` is the date on which the list is to be known; None means today, in UTC. Only presets
    that are `dated` read it. Raises `InvoiceListRefused`, which names every place that is wrong.
    """
    content = rows(stream, limits)
    header = next(content, None)
    if header is None:
        raise refused("file", "FILE_EMPTY", "is empty; its first line must name the columns.")
    columns = _columns(header, preset)
    total = _count(content, len(columns))
    return InvoiceList(
        total=total,
        passed_over=tuple(
            name.strip() for name, column in zip(header.cells, columns, strict=True) if column is None
        ),
        _stream=stream,
        _preset=preset,
        _columns=columns,
        _as_of=as_of or datetime.now(UTC).date(),
        _limits=limits,
    )


def fits(stream: BinaryIO, preset: Preset[Any], *, limits: Limits = DEFAULT_LIMITS) -> bool:
    """Whether the file's first line has all columns that the preset needs."""
    header = next(rows(stream, limits), Row(1, []))
    names = {cell.strip().casefold() for cell in header.cells}
    return all(preset.header_of(column).casefold() in names for column in preset.required)


def _columns(header: Row, preset: Preset[Any]) -> tuple[str | None, ...]:
    """The preset's column for each column of the file, None for one to pass over."""
    known = {preset.header_of(column).casefold(): column for column in preset.columns}
    names = [cell.strip() for cell in header.cells]
    _check_delimiter(names, known)
    columns = tuple(known.get(name.casefold()) for name in names)
    violations = [
        *_repeated(names, columns),
        *_missing(columns, preset),
        *([] if preset.lenient else _unknown(names, columns, preset)),
    ]
    if violations:
        raise InvoiceListRefused(
            " ".join(violation.description for violation in violations),
            reason=violations[0].reason,
            violations=violations,
        )
    return columns


def _check_delimiter(names: list[str], known: dict[str, str]) -> None:
    if len(names) > 2:
        return
    line = ",".join(names)
    for delimiter, spoken in ((";", "semicolons (;)"), ("\t", "tabs"), ("|", "bars (|)")):
        parts = [part.strip().strip('"').casefold() for part in line.split(delimiter)]
        if len(parts) > 2 and any(part in known for part in parts):
            raise refused(
                "line 1",
                "DELIMITER_WRONG",
                f"this file seems to use {spoken} between its cells; save it with commas.",
            )


def _repeated(names: list[str], columns: tuple[str | None, ...]) -> list[Violation]:
    twice = {
        column: name
        for name, column in zip(names, columns, strict=True)
        if column and columns.count(column) > 1
    }
    return [
        Violation("line 1", "COLUMN_REPEATED", f"The column {name!r} is there more than once.")
        for name in twice.values()
    ]


def _missing(columns: tuple[str | None, ...], preset: Preset[Any]) -> list[Violation]:
    missing = [preset.header_of(column) for column in preset.required if column not in columns]
    if not missing:
        return []
    named = ", ".join(repr(name) for name in missing)
    return [Violation("line 1", "COLUMN_MISSING", f"Missing column: {named}.")]


def _unknown(names: list[str], columns: tuple[str | None, ...], preset: Preset[Any]) -> list[Violation]:
    unknown = [name for name, column in zip(names, columns, strict=True) if column is None]
    told = [f"Unknown column {name[:60]!r}{_suggestion(name, preset)}." for name in unknown[:_NAMED]]
    if more := len(unknown) - len(told):
        told.append(f"{more:,} more {'column is' if more == 1 else 'columns are'} unknown.")
    return [Violation("line 1", "COLUMN_UNKNOWN", words) for words in told]


def _suggestion(name: str, preset: Preset[Any]) -> str:
    near = difflib.get_close_matches(name.casefold(), preset.columns, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; the format {preset.name} does not have it"


def _count(content: Iterator[Row], width: int) -> int:
    """How many rows there are, all of them as wide as the header."""
    total = 0
    wrong: list[Violation] = []
    for row in content:
        total += 1
        if len(row.cells) != width and len(wrong) < _NAMED:
            cells = "1 cell" if len(row.cells) == 1 else f"{len(row.cells)} cells"
            text = f"has {cells} where the header has {width}; put a text that holds a comma into quotes."
            wrong.append(Violation(f"line {row.line}", "CELLS_WRONG", text))
    if wrong:
        raise InvoiceListRefused(
            " ".join(f"{violation.field.capitalize()} {violation.description}" for violation in wrong),
            reason="CELLS_WRONG",
            violations=wrong,
        )
    return total
