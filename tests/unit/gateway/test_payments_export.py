"""The payments export: exact amounts, UTC, and no cell that a spreadsheet would compute."""

import csv
import io
from datetime import UTC, datetime

import pytest
from dunlin.paynow.v1.paynow_pb2 import Payment
from hypothesis import given
from hypothesis import strategies as st

from gateway.payments.csv_export import COLUMNS, plain_text, write_payments_csv
from services.shared.wire import timestamp


def payment(**fields: str) -> Payment:
    return Payment(
        **{
            "payment_id": "7d4f0a56-3d5c-4f4f-9a55-2f6f2b8f7f10",
            "organization_id": "ACME",
            "organization_name": "Acme Corporation",
            "invoice_number": "00042",
            "payer_email": "dana@acme.example",
            "method_label": "Card ending 4242",
            **fields,
        },
        amount_minor=123_450,
        currency="USD",
        ended_at=timestamp(datetime(2026, 1, 31, 23, 59, 58, tzinfo=UTC)),
    )


def rows(*payments: Payment) -> list[dict[str, str]]:
    out = io.StringIO(newline="")
    assert write_payments_csv(payments, out) == len(payments)
    return list(csv.DictReader(io.StringIO(out.getvalue(), newline="")))


def test_a_payment_is_one_line_with_decimal_amount_and_utc_time() -> None:
    assert rows(payment()) == [
        {
            "payment_id": "7d4f0a56-3d5c-4f4f-9a55-2f6f2b8f7f10",
            "organization_id": "ACME",
            "organization_name": "Acme Corporation",
            "invoice_number": "00042",
            "amount": "1234.50",
            "currency": "USD",
            "payer_email": "dana@acme.example",
            "method": "Card ending 4242",
            "paid_at": "2026-01-31T23:59:58Z",
        }
    ]


def test_an_empty_export_still_has_its_header() -> None:
    out = io.StringIO(newline="")
    write_payments_csv([], out)
    assert out.getvalue() == ",".join(COLUMNS) + "\r\n"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
@pytest.mark.parametrize("column", ["organization_id", "organization_name", "invoice_number", "payer_email"])
def test_a_text_that_could_be_a_formula_is_written_as_text(column: str, start: str) -> None:
    hostile = f'{start}HYPERLINK("http://else.example","Click")'
    [row] = rows(payment(**{column: hostile}))
    assert row[column] == f"'{hostile}"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_every_text_can_be_had_back_and_none_starts_a_formula(text: str) -> None:
    written = plain_text(text)
    assert not written.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert written.removeprefix("'") == text


def test_an_apostrophe_at_the_start_gets_one_more() -> None:
    assert rows(payment(organization_name="'=Quoted"))[0]["organization_name"] == "''=Quoted"


def test_raw_texts_are_exactly_as_they_are() -> None:
    out = io.StringIO(newline="")
    write_payments_csv([payment(organization_name="=1+1", invoice_number="'7")], out, raw=True)
    [row] = csv.DictReader(io.StringIO(out.getvalue(), newline=""))
    assert (row["organization_name"], row["invoice_number"]) == ("=1+1", "'7")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60))
def test_commas_quotes_and_line_breaks_in_a_name_stay_in_their_cell(name: str) -> None:
    [row] = rows(payment(organization_name=name))
    assert row["organization_name"] == plain_text(name)
    assert row["amount"] == "1234.50"
