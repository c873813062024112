"""The structure of an invoice list is checked as a whole, and what is wrong is named with its place."""

import contextlib
import io
from collections.abc import Iterator
from datetime import date

import pytest
from dunlin.paynow.v1 import ledger_pb2
from hypothesis import given
from hypothesis import strategies as st

from gateway.imports import PRESETS, InvoiceListRefused, Limits, mapped, read_invoice_list
from services.shared.errors import Invalid

OWN = PRESETS["dunlin"]
HEADER = ",".join(OWN.required)
LINE = "o1,Acme,Ann,ann@example.test,0001,2026-01-01,2026-01-31,USD,100.00,100.00,open"


def _read(content: bytes | str, **options: object) -> list[ledger_pb2.SyncRecord]:
    raw = content.encode() if isinstance(content, str) else content
    invoice_list = read_invoice_list(io.BytesIO(raw), OWN, **options)  # type: ignore[arg-type]
    return [record for record in invoice_list.records() if isinstance(record, ledger_pb2.SyncRecord)]


def _refusal(content: bytes | str, **options: object) -> InvoiceListRefused:
    with pytest.raises(InvoiceListRefused) as caught:
        _read(content, **options)
    return caught.value


def test_a_line_becomes_a_record_that_knows_its_line() -> None:
    [record] = _read(f"{HEADER}\n{LINE}\n")
    assert record == ledger_pb2.SyncRecord(
        line=2,
        organization_id="o1",
        organization_name="Acme",
        contact_name="Ann",
        contact_emails=["ann@example.test"],
        invoice_number="0001",
        issued_on="2026-01-01",
        due_on="2026-01-31",
        currency="USD",
        amount="100.00",
        balance="100.00",
        status="open",
    )


@pytest.mark.parametrize(
    "content",
    [
        f"\ufeff{HEADER}\n{LINE}\n",
        f"{HEADER}\r\n{LINE}\r\n",
        f"{HEADER}\n{LINE}",
        f"{HEADER.upper()}\n{LINE}\n",
        f"\n{HEADER}\n\n{LINE}\n,,,,,,,,,,\n\n",
        '"' + HEADER.replace(",", '","') + '"\n"' + LINE.replace(",", '","') + '"\n',
    ],
    ids=["byte order mark", "windows line ends", "no last line end", "capitals", "blank lines", "quoted"],
)
def test_spreadsheets_may_write_it_their_way(content: str) -> None:
    [record] = _read(content)
    assert (record.organization_id, record.invoice_number, record.status) == ("o1", "0001", "open")


@pytest.mark.parametrize(
    ("content", "reason", "words"),
    [
        (b"", "FILE_EMPTY", "is empty"),
        (b"\n\n  \n", "FILE_EMPTY", "is empty"),
        (HEADER.replace(",", ";") + "\n", "DELIMITER_WRONG", "seems to use semicolons"),
        (HEADER.replace(",", "\t") + "\n", "DELIMITER_WRONG", "seems to use tabs"),
        (HEADER.replace(",currency", "") + "\n", "COLUMN_MISSING", "'currency'"),
        (HEADER + ",currency\n", "COLUMN_REPEATED", "'currency'"),
        (HEADER + ",contact_defualt\n", "COLUMN_UNKNOWN", "did you mean 'contact_default'"),
        (f"{HEADER}\n{LINE}\n{LINE},\n", "CELLS_WRONG", "Line 3 has 12 cells where the header has 11"),
        (f"{HEADER}\n{LINE}\n\no1\n", "CELLS_WRONG", "Line 4 has 1 cell "),
        (f'{HEADER}\n{LINE}\n"o1,Acme\n{LINE}\n', "QUOTE_OPEN", "Line 3: opens a quote"),
        (f'{HEADER}\n"o1"x,Acme\n', "QUOTE_MISPLACED", "Line 2"),
        (f"{HEADER}\n{LINE}\rxx\n", "LINE_END_UNKNOWN", "Line 2"),
        (f"{HEADER}\n{LINE}\n".encode() + b"o\0\n", "NUL_BYTE", "Line 3"),
        (f"{HEADER}\n".encode() + b"caf\xe9\n", "NOT_UTF8", "Line 2: is not UTF-8 (byte 0xE9 at position 4)"),
        (HEADER.encode("utf-16"), "NOT_UTF8", "UTF-16"),
        (f"{HEADER}\n" + "x" * 70_000, "LINE_TOO_LONG", "Line 2: is longer than 64 kB"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(content: bytes | str, reason: str, words: str) -> None:
    refusal = _refusal(content)
    assert refusal.reason == reason
    assert words in refusal.message
    assert refusal.violations


def test_all_wrong_columns_are_named_at_once() -> None:
    refusal = _refusal("organization_id,organization_id,colour\n")
    assert {violation.reason for violation in refusal.violations} == {
        "COLUMN_REPEATED",
        "COLUMN_MISSING",
        "COLUMN_UNKNOWN",
    }


@pytest.mark.parametrize(
    ("unknown", "last"),
    [(11, "1 more column is unknown."), (9000, "8,990 more columns are unknown.")],
)
def test_of_many_unknown_columns_the_first_are_named_and_the_rest_counted(unknown: int, last: str) -> None:
    refusal = _refusal(f"{HEADER},{','.join(f'c{number}' for number in range(unknown))}\n")
    told = [violation.description for violation in refusal.violations]
    assert len(told) == 11
    assert told[9].startswith("Unknown column 'c9'")
    assert told[10] == last
    assert refusal.reason == "COLUMN_UNKNOWN"
    assert refusal.message.endswith(last)


def test_a_wrong_line_far_down_refuses_the_file_before_a_record_is_seen() -> None:
    content = f"{HEADER}\n" + f"{LINE}\n" * 5000 + "short\n"
    refusal = _refusal(content)
    assert refusal.violations[0].field == "line 5002"


def test_a_quote_left_open_is_noticed_before_the_rest_of_a_large_file_is_swallowed() -> None:
    stream = io.BytesIO((f'{HEADER}\n"o1,Acme\n' + f"{LINE}\n" * 100_000).encode())
    with pytest.raises(InvoiceListRefused) as caught:
        read_invoice_list(stream, OWN)
    assert caught.value.reason == "QUOTE_OPEN"
    assert stream.tell() < 200_000


def test_a_file_above_the_limit_is_refused() -> None:
    refusal = _refusal(f"{HEADER}\n" + f"{LINE}\n" * 100, limits=Limits(file_bytes=4096))
    assert refusal.reason == "FILE_TOO_LARGE"


def test_a_quoted_cell_may_hold_commas_quotes_and_line_ends() -> None:
    content = f'{HEADER},address\n{LINE},"12 ""Old"" Road,\nSpringfield"\n{LINE},\n'
    first, second = _read(content)
    assert first.organization.address == '12 "Old" Road,\nSpringfield'
    assert (first.line, second.line) == (2, 4)


def test_several_addresses_are_separated_by_semicolons() -> None:
    [record] = _read(f"{HEADER}\n{LINE.replace('ann@example.test', ' a@example.test ; ;b@example.test;')}\n")
    assert list(record.contact_emails) == ["a@example.test", "b@example.test"]


def test_optional_columns_reach_the_ledger_and_empty_ones_say_nothing() -> None:
    content = f"{HEADER},organization_type,time_zone,contact_default\n{LINE},Managed,,yes\n{LINE},,,\n"
    first, second = _read(content)
    assert first.organization == ledger_pb2.OrganizationDetails(type="Managed")
    assert first.contact_default is True
    assert not second.HasField("organization")
    assert not second.HasField("contact_default")


def test_a_value_that_cannot_be_sent_refuses_its_line_alone() -> None:
    content = f"{HEADER},contact_default\n{LINE},maybe\n{LINE},no\n"
    refusal, record = read_invoice_list(io.BytesIO(content.encode()), OWN).records()
    assert isinstance(refusal, ledger_pb2.LineRefusal)
    assert (refusal.line, refusal.field, refusal.reason) == (2, "contact_default", "ANSWER_UNKNOWN")
    assert isinstance(record, ledger_pb2.SyncRecord)


def test_numbers_with_zeros_slashes_and_emoji_stay_exactly_as_they_are() -> None:
    number = "00/7 \U0001f9fe"
    [record] = _read(f"{HEADER}\n{LINE.replace('0001', number)}\n")
    assert record.invoice_number == number


def test_columns_may_go_by_other_names_and_further_ones_are_passed_over() -> None:
    preset = mapped(OWN, {"invoice_number": "Invoice No", "balance": "Open Amount"})
    header = HEADER.replace("invoice_number", "Invoice No").replace("balance", "open amount")
    invoice_list = read_invoice_list(io.BytesIO(f"{header},Memo\n{LINE},x\n".encode()), preset)
    [record] = invoice_list.records()
    assert isinstance(record, ledger_pb2.SyncRecord)
    assert (record.invoice_number, record.balance) == ("0001", "100.00")
    assert invoice_list.passed_over == ("Memo",)


def test_a_mapping_of_a_column_that_does_not_exist_is_refused() -> None:
    with pytest.raises(Invalid, match="'number' is no column"):
        mapped(OWN, {"number": "No"})


@given(st.binary(max_size=400))
def test_no_bytes_at_all_lead_to_anything_but_a_list_or_a_refusal(content: bytes) -> None:
    for start in (b"", f"{HEADER}\n".encode()):
        with contextlib.suppress(InvoiceListRefused):
            list(read_invoice_list(io.BytesIO(start + content), OWN).records())


def _lines(count: int) -> Iterator[bytes]:
    yield f"{HEADER}\n".encode()
    for number in range(count):
        yield LINE.replace("0001", str(number)).encode() + b"\n"


def test_two_hundred_thousand_lines_are_read_to_the_last() -> None:
    invoice_list = read_invoice_list(io.BytesIO(b"".join(_lines(200_000))), OWN)
    assert invoice_list.total == 200_000


IBM = PRESETS["ibm-late-payments"]
IBM_LINES = (
    b"countryCode,customerID,PaperlessDate,invoiceNumber,InvoiceDate,DueDate,InvoiceAmount,Disputed,"
    b"SettledDate,PaperlessBill,DaysToSettle,DaysLate\r\n"
    b"391,0379-NEVHP,4/6/2013,0000611365,1/2/2013,2/1/2013,55.94,No,1/15/2013,Paper,13,0\r\n"
)


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        (date(2013, 1, 1), None),
        (date(2013, 1, 2), ("open", "55.94")),
        (date(2013, 1, 14), ("open", "55.94")),
        (date(2013, 1, 15), ("paid", "0")),
        (None, ("paid", "0")),
    ],
)
def test_a_payment_history_is_told_as_it_was_known_on_a_date(
    as_of: date | None, expected: tuple[str, str] | None
) -> None:
    [record] = read_invoice_list(io.BytesIO(IBM_LINES), IBM, as_of=as_of).records()
    if expected is None:
        assert record is None
        return
    assert isinstance(record, ledger_pb2.SyncRecord)
    assert (record.status, record.balance) == expected
    assert (record.issued_on, record.due_on, record.currency) == ("2013-01-02", "2013-02-01", "USD")
    assert record.invoice_number == "0000611365"
    assert list(record.contact_emails) == ["0379-NEVHP@example.test"]


@pytest.mark.parametrize("date_text", ["13/2/2013", "2013-02-01", "1/x/31/2013", "2/1/13", ""])
def test_a_date_that_is_none_refuses_its_line(date_text: str) -> None:
    content = IBM_LINES.replace(b"2/1/2013", date_text.encode())
    [refusal] = read_invoice_list(io.BytesIO(content), IBM).records()
    assert isinstance(refusal, ledger_pb2.LineRefusal)
    assert (refusal.line, refusal.field, refusal.reason) == (2, "due_on", "DATE_MALFORMED")
