"""Invoice lists in Dunlin's own format, good ones and every sort of broken one."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta

COLUMNS = [
    "organization_id",
    "organization_name",
    "contact_name",
    "contact_email",
    "invoice_number",
    "issued_on",
    "due_on",
    "currency",
    "amount",
    "balance",
    "status",
]

Line = dict[str, str]


def line(number: str = "1001", **cells: str) -> Line:
    """A good line for an open invoice that is not due yet; `cells` replace what a test is about."""
    today = date.today()
    good = {
        "organization_id": "O-1",
        "organization_name": "Harbor Lights LLC",
        "contact_name": "Ana Costa",
        "contact_email": "ana@harbor.test",
        "invoice_number": number,
        "issued_on": (today - timedelta(days=10)).isoformat(),
        "due_on": (today + timedelta(days=20)).isoformat(),
        "currency": "USD",
        "amount": "250.00",
        "balance": "250.00",
        "status": "open",
    }
    assert set(cells) <= set(good), f"unknown columns {set(cells) - set(good)}"
    return good | cells


def text_of(lines: list[Line], columns: list[str] = COLUMNS, delimiter: str = ",") -> str:
    """The list as a file, with a header."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, delimiter=delimiter, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


GOOD = text_of([line("1001"), line("1002")])
_HEAD, _FIRST, _SECOND = GOOD.splitlines()

# Broken as files: refused whole. Each has a pattern that the error must match, in any case.
BROKEN_FILES: dict[str, tuple[bytes, str]] = {
    "semicolons": (text_of([line()], delimiter=";").encode(), "semicolon|delimiter|comma|;"),
    "tabs": (text_of([line()], delimiter="\t").encode(), "tab|delimiter|comma"),
    "a missing column": (text_of([line()], [c for c in COLUMNS if c != "due_on"]).encode(), "due_on"),
    "a column twice": (text_of([line()], [*COLUMNS, "amount"]).encode(), "amount"),
    "no header": (f"{_FIRST}\n{_SECOND}\n".encode(), "header|column|organization_id"),
    "too many cells in line 3": (f"{_HEAD}\n{_FIRST}\n{_SECOND},extra,more\n".encode(), "line 3"),
    "too few cells in line 3": (f"{_HEAD}\n{_FIRST}\nO-1,Harbor\n".encode(), "line 3"),
    "an open quote in line 3": (
        f'{_HEAD}\n{_FIRST}\nO-1,"Harbor,{_SECOND}\n{_SECOND}\n'.encode(),
        "line 3|quot",
    ),
    "latin-1 letters": (GOOD.replace("Ana Costa", "Ana Cósta").encode("latin-1"), "utf-8"),
    "utf-16": (GOOD.encode("utf-16"), "utf-8|utf-16"),
    "nul bytes": (GOOD.replace("Ana", "A\0na").encode(), "nul|line 2|character"),
    "an image": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, "utf-8|text|csv"),
    "nothing": (b"", "empty"),
    "blank lines only": (b"\n\n\n", "empty|header|column"),
}

# One cell is wrong: that line is refused and named, the others are taken. (what, cells, column)
BROKEN_CELLS: list[tuple[str, Line, str]] = [
    ("a day that does not exist", {"due_on": "2025-02-30"}, "due_on"),
    ("a date in another order", {"due_on": "31/12/2025"}, "due_on"),
    ("a date in words", {"issued_on": "tomorrow"}, "issued_on"),
    ("a date and a time", {"due_on": "2025-01-02T00:00:00"}, "due_on"),
    ("a negative amount", {"amount": "-5.00"}, "amount"),
    ("not a number", {"amount": "NaN"}, "amount"),
    ("infinity", {"amount": "Infinity"}, "amount"),
    ("an exponent", {"amount": "1e3"}, "amount"),
    ("thousands separators", {"amount": "1,000.00"}, "amount"),
    ("a decimal comma", {"amount": "250,00"}, "amount"),
    ("a currency sign", {"amount": "$250.00"}, "amount"),
    ("full-width digits", {"amount": "２５０.00"}, "amount"),
    ("no amount", {"amount": ""}, "amount"),
    ("a fraction of a cent", {"amount": "250.001"}, "amount"),
    ("a fraction of a yen", {"currency": "JPY", "amount": "250.50", "balance": "250"}, "amount"),
    ("more money than there is", {"amount": "9" * 30}, "amount"),
    ("a balance above the amount", {"balance": "250.01"}, "balance"),
    ("a negative balance", {"balance": "-0.01"}, "balance"),
    ("a balance that is not a number", {"balance": "NaN"}, "balance"),
    ("an unknown currency", {"currency": "XQZ"}, "currency"),
    ("no currency", {"currency": ""}, "currency"),
    ("an unknown status", {"status": "overdue"}, "status"),
    ("no number", {"invoice_number": ""}, "invoice_number"),
    ("an endless number", {"invoice_number": "7" * 101}, "invoice_number"),
    ("a number of two lines", {"invoice_number": "70\n71"}, "invoice_number"),
    ("no organization", {"organization_id": ""}, "organization_id"),
    ("an endless name", {"organization_name": "N" * 201}, "organization_name"),
    ("a name that smuggles a header", {"organization_name": "Evil\r\nBcc: all@x.test"}, "organization_name"),
    ("a contact that smuggles a header", {"contact_name": "Eve\nBcc: all@x.test"}, "contact_name"),
    ("an address that smuggles a header", {"contact_email": "a@x.test\r\nBcc: b@x.test"}, "contact_email"),
    ("an address without a domain", {"contact_email": "ana"}, "contact_email"),
    ("an address with two dots", {"contact_email": "a..b@harbor.test"}, "contact_email"),
    ("an address with spaces", {"contact_email": "ana costa@harbor.test"}, "contact_email"),
    ("an address in brackets", {"contact_email": "Ana <ana@harbor.test>"}, "contact_email"),
    ("an endless address", {"contact_email": "a" * 300 + "@harbor.test"}, "contact_email"),
]
