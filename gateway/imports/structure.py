"""From bytes to rows of cells; whatever is wrong with the file is refused with its line."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from services.shared.errors import Invalid, Violation


class InvoiceListRefused(Invalid):
    """The file cannot be an invoice list as it is; nothing of it was taken in.

    `reason` says why as a stable code, each violation names a place ("line 7", "columns").
    """

    reason = "INVOICE_LIST_REFUSED"


@dataclass(frozen=True)
class Limits:
    """What a file may be at most, in bytes."""

    file_bytes: int = 50 * 1024 * 1024
    line_bytes: int = 64 * 1024


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True)
class Row:
    """One record of the file and the line it begins in, counted from 1."""

    line: int
    cells: list[str]


def refused(place: str, reason: str, description: str) -> InvoiceListRefused:
    """A refusal about one place; the message repeats it, since many callers show only that."""
    return InvoiceListRefused(
        f"{place.capitalize()}: {description}",
        reason=reason,
        violations=[Violation(place, reason, description)],
    )


def rows(stream: BinaryIO, limits: Limits) -> Iterator[Row]:
    """All rows that are not blank, the header first, read from the start in constant memory.

    Raises `InvoiceListRefused` at the first place that cannot be read.
    """
    stream.seek(0)
    lines = _Lines(stream, limits)
    reader = csv.reader(lines, strict=True)
    while True:
        lines.begin_record()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _explained(error, lines) from None
        if any(cell and not cell.isspace() for cell in cells):
            yield Row(lines.record_line, cells)


class _Lines:
    """The physical lines as text, each checked before the CSV reader sees it.

    A quoted cell may span lines. The limit on a line holds for such a record as a whole, so that a
    quote left open is noticed after 64 kB and not after the rest of the file.
    """

    def __init__(self, stream: BinaryIO, limits: Limits) -> None:
        self._stream = stream
        self._limits = limits
        self._file_bytes = 0
        self._record_bytes = 0
        self.number = 0
        self.record_line = 1

    def begin_record(self) -> None:
        self.record_line = self.number + 1
        self._record_bytes = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = self._stream.readline(self._limits.line_bytes + 1)
        if not raw:
            raise StopIteration
        self.number += 1
        self._check_size(len(raw))
        if self.number == 1:
            raw = _without_mark(raw)
        if b"\0" in raw:
            raise refused(
                f"line {self.number}",
                "NUL_BYTE",
                "holds a zero byte; this is not a CSV file, or it is damaged.",
            )
        return self._decoded(raw)

    def _check_size(self, size: int) -> None:
        self._file_bytes += size
        self._record_bytes += size
        if self._file_bytes > self._limits.file_bytes:
            most = self._limits.file_bytes / (1024 * 1024)
            raise refused(
                "file", "FILE_TOO_LARGE", f"is larger than {most:g} MB; split it into several files."
            )
        if self._record_bytes <= self._limits.line_bytes:
            return
        if self.record_line < self.number:
            raise _quote_open(self.record_line)
        most = self._limits.line_bytes / 1024
        raise refused(
            f"line {self.number}", "LINE_TOO_LONG", f"is longer than {most:g} kB; is this a CSV file?"
        )

    def _decoded(self, raw: bytes) -> str:
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise refused(
                f"line {self.number}",
                "NOT_UTF8",
                f"is not UTF-8 (byte 0x{raw[error.start]:02X} at position {error.start + 1}); "
                "save the file as CSV UTF-8.",
            ) from None


def _without_mark(raw: bytes) -> bytes:
    """The first line without the byte order mark that spreadsheets put before UTF-8."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise refused("line 1", "NOT_UTF8", "begins like UTF-16; save the file as CSV UTF-8.")
    return raw.removeprefix(b"\xef\xbb\xbf")


def _explained(error: csv.Error, lines: _Lines) -> InvoiceListRefused:
    """The CSV reader's error in words that name the place and the cure."""
    text = str(error)
    place = f"line {lines.record_line}"
    if "unexpected end of data" in text or "field larger" in text:
        return _quote_open(lines.record_line)
    if "expected after" in text:
        closed = "" if lines.number == lines.record_line else f" in line {lines.number}"
        return refused(
            place,
            "QUOTE_MISPLACED",
            f"has a quoted cell that goes on after its closing quote{closed}; "
            'write a quote within quotes twice, as "".',
        )
    if "new-line character" in text:
        return refused(place, "LINE_END_UNKNOWN", "has a lone carriage return; end lines with LF or CR LF.")
    return refused(place, "CSV_MALFORMED", f"cannot be read as CSV: {text}.")


def _quote_open(line: int) -> InvoiceListRefused:
    return refused(f"line {line}", "QUOTE_OPEN", "opens a quote that is never closed.")
