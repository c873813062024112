"""What a line of an invoice list may say."""

import string
from datetime import date
from decimal import Decimal

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.paynow.domain.books import Address
from services.paynow.domain.lines import (
    ContactClaim,
    InvoiceClaim,
    InvoiceLine,
    LineRefusal,
    OrganizationClaim,
    check_line,
)
from services.shared.addresses import AddressMalformed, address_key
from tests.fakes.paynow_books import a_record


def accepted(**values: object) -> InvoiceLine:
    """The meaning of a line that must be taken."""
    line = check_line(a_record()._replace(**values))
    assert isinstance(line, InvoiceLine), line
    return line


def refused(**values: object) -> LineRefusal:
    """The refusal of a line that must not be taken."""
    refusal = check_line(a_record(line=7)._replace(**values))
    assert isinstance(refusal, LineRefusal), refusal
    assert refusal.line == 7
    return refusal


def test_a_good_line_means_what_it_says() -> None:
    assert accepted(
        organization_type="Managed",
        organization_status="associated",
        organization_address="1 Pier\r\nPortland",
        organization_time_zone="America/New_York",
        contact_default=True,
    ) == InvoiceLine(
        1,
        OrganizationClaim(
            "O-1", "Harbor Lights LLC", "Managed", "associated", "1 Pier\nPortland", "America/New_York"
        ),
        ContactClaim("Ana Costa", (Address("ana@harbor.test", "ana@harbor.test"),), True),
        InvoiceClaim("O-1", "1001", date(2026, 2, 1), date(2026, 3, 1), "USD", 25_000, 25_000, "open"),
    )


@pytest.mark.parametrize(
    "number",
    ["007", "7", "A/1-2", "№ 12", "🧾42", "=1+1", "👨‍👩‍👧", "e\u0301", "x" * 100],
)
def test_a_number_is_exact_to_the_letter(number: str) -> None:
    assert accepted(invoice_number=number).invoice.number == number


@pytest.mark.parametrize(
    "name", ["=cmd()", "+1 Inc", "-dash", "@home", '"quoted"', "<b>&co", "株式会社", "O'Neil"]
)
def test_a_name_is_kept_as_it_is(name: str) -> None:
    line = accepted(organization_name=name, contact_name=name)
    assert line.organization.name == name
    assert line.contact is not None
    assert line.contact.name == name


def test_white_space_around_values_is_no_part_of_them() -> None:
    line = accepted(
        invoice_number=" 007 ",
        due_on=" 2026-03-01 ",
        amount=" 5 ",
        balance="5",
        currency=" USD ",
        status=" open ",
    )
    assert line.invoice[1:] == ("007", date(2026, 2, 1), date(2026, 3, 1), "USD", 500, 500, "open")


@pytest.mark.parametrize(
    ("values", "field", "reason"),
    [
        ({"organization_id": ""}, "organization_id", "ORGANIZATION_ID_MISSING"),
        ({"organization_id": "\u00a0 "}, "organization_id", "ORGANIZATION_ID_MISSING"),
        ({"organization_id": "x" * 101}, "organization_id", "ORGANIZATION_ID_TOO_LONG"),
        ({"organization_id": "O\0"}, "organization_id", "ORGANIZATION_ID_MALFORMED"),
        ({"organization_name": ""}, "organization_name", "ORGANIZATION_NAME_MISSING"),
        ({"organization_name": "x" * 201}, "organization_name", "ORGANIZATION_NAME_TOO_LONG"),
        ({"organization_name": "a\r\nBcc: b@x.test"}, "organization_name", "ORGANIZATION_NAME_MALFORMED"),
        ({"organization_name": "a\u2028b"}, "organization_name", "ORGANIZATION_NAME_MALFORMED"),
        ({"organization_name": "a\x85b"}, "organization_name", "ORGANIZATION_NAME_MALFORMED"),
        ({"organization_status": "gone"}, "organization_status", "ORGANIZATION_STATUS_UNKNOWN"),
        ({"organization_time_zone": "Mars/Base"}, "time_zone", "TIME_ZONE_UNKNOWN"),
        ({"organization_time_zone": "../etc/passwd"}, "time_zone", "TIME_ZONE_UNKNOWN"),
        ({"organization_time_zone": "localtime"}, "time_zone", "TIME_ZONE_UNKNOWN"),
        ({"organization_time_zone": "Factory"}, "time_zone", "TIME_ZONE_UNKNOWN"),
        ({"organization_time_zone": "posixrules"}, "time_zone", "TIME_ZONE_UNKNOWN"),
        ({"organization_currency": "EURO"}, "organization_currency", "CURRENCY_UNKNOWN"),
        ({"organization_language": "German"}, "language", "LANGUAGE_MALFORMED"),
        ({"organization_address": "1 Pier\nPort\tland"}, "address", "ADDRESS_MALFORMED"),
        ({"organization_address": "x\n" * 300 + "y" * 400}, "address", "ADDRESS_TOO_LONG"),
        ({"contact_name": "a\nb"}, "contact_name", "CONTACT_NAME_MALFORMED"),
        ({"contact_name": "x" * 201}, "contact_name", "CONTACT_NAME_TOO_LONG"),
        ({"contact_emails": ("a@x.test", "nonsense")}, "contact_email", "EMAIL_MALFORMED"),
        ({"contact_emails": tuple(f"a{n}@x.test" for n in range(51))}, "contact_email", "TOO_MANY_ADDRESSES"),
        ({"invoice_number": ""}, "invoice_number", "NUMBER_MISSING"),
        ({"invoice_number": "7" * 101}, "invoice_number", "NUMBER_TOO_LONG"),
        ({"invoice_number": "7\r\n8"}, "invoice_number", "NUMBER_MALFORMED"),
        ({"invoice_number": "7\n"}, "invoice_number", "NUMBER_MALFORMED"),
        ({"issued_on": "yesterday"}, "issued_on", "DATE_MALFORMED"),
        ({"due_on": "2026-02-30"}, "due_on", "DATE_MALFORMED"),
        ({"due_on": "20260301"}, "due_on", "DATE_MALFORMED"),
        ({"due_on": "2026-W09-1"}, "due_on", "DATE_MALFORMED"),
        ({"due_on": "0000-01-01"}, "due_on", "DATE_MALFORMED"),
        ({"due_on": "２０２６-03-01"}, "due_on", "DATE_MALFORMED"),
        ({"due_on": "0013-03-01"}, "due_on", "DATE_OUT_OF_RANGE"),
        ({"due_on": "1969-12-31"}, "due_on", "DATE_OUT_OF_RANGE"),
        ({"issued_on": "2200-01-01"}, "issued_on", "DATE_OUT_OF_RANGE"),
        ({"issued_on": "9999-12-31"}, "issued_on", "DATE_OUT_OF_RANGE"),
        ({"currency": "DEM"}, "currency", "CURRENCY_UNKNOWN"),
        ({"currency": ""}, "currency", "CURRENCY_UNKNOWN"),
        ({"currency": "usd"}, "currency", "CURRENCY_UNKNOWN"),
        ({"currency": "ABC"}, "currency", "CURRENCY_UNKNOWN"),
        ({"amount": ""}, "amount", "AMOUNT_MALFORMED"),
        ({"amount": "NaN"}, "amount", "AMOUNT_MALFORMED"),
        ({"amount": "-Infinity"}, "amount", "AMOUNT_MALFORMED"),
        ({"amount": "1e3"}, "amount", "AMOUNT_MALFORMED"),
        ({"amount": "1,000.00"}, "amount", "AMOUNT_MALFORMED"),
        ({"amount": "+5"}, "amount", "AMOUNT_MALFORMED"),
        ({"amount": ".5"}, "amount", "AMOUNT_MALFORMED"),
        ({"amount": "٢٥٠"}, "amount", "AMOUNT_MALFORMED"),
        ({"amount": "-5.00"}, "amount", "AMOUNT_NEGATIVE"),
        ({"amount": "250.001"}, "amount", "AMOUNT_TOO_PRECISE"),
        ({"amount": "250.5", "currency": "JPY"}, "amount", "AMOUNT_TOO_PRECISE"),
        ({"amount": "10000000000000.00"}, "amount", "AMOUNT_TOO_LARGE"),
        ({"amount": "9" * 20}, "amount", "AMOUNT_TOO_LARGE"),
        ({"amount": "9" * 5000}, "amount", "AMOUNT_MALFORMED"),
        ({"balance": "-0.01"}, "balance", "AMOUNT_NEGATIVE"),
        ({"balance": "250.01"}, "balance", "BALANCE_ABOVE_AMOUNT"),
        ({"balance": ""}, "balance", "AMOUNT_MALFORMED"),
        ({"status": "paid"}, "balance", "PAID_WITH_BALANCE"),
        ({"status": ""}, "status", "STATUS_UNKNOWN"),
        ({"status": "overdue"}, "status", "STATUS_UNKNOWN"),
    ],
)
def test_what_is_wrong_is_named_by_its_column_and_reason(
    values: dict[str, object], field: str, reason: str
) -> None:
    refusal = refused(**values)
    assert (refusal.field, refusal.reason) == (field, reason)


def test_words_of_a_refusal_hold_no_control_characters_and_do_not_run_on() -> None:
    refusal = refused(organization_name="a\r\nb\x1b[31m" + "x" * 10_000)
    assert refusal.message.isprintable()
    assert len(refusal.message) < 200


def test_the_first_wrong_column_is_named() -> None:
    assert refused(amount="NaN", invoice_number="", status="?").field == "invoice_number"


@pytest.mark.parametrize(
    ("values", "balance"),
    [
        ({"status": "paid", "balance": "0"}, 0),
        ({"status": "paid", "balance": "0.00", "amount": "0"}, 0),
        ({"status": "cancelled"}, 25_000),
        ({"status": "third_party", "balance": "1"}, 100),
        ({"balance": "0"}, 0),
        ({"amount": "9999999999999.99", "balance": "9999999999999.99"}, 10**15 - 1),
        ({"currency": "KWD", "amount": "1.234", "balance": "1.234"}, 1234),
        ({"balance": "1.500"}, 150),
    ],
)
def test_amounts_at_the_edges_are_taken(values: dict[str, object], balance: int) -> None:
    assert accepted(**values).invoice.balance_minor == balance


def test_an_invoice_may_be_issued_after_it_is_due_and_have_no_dates_at_all() -> None:
    assert accepted(issued_on="2026-04-01").invoice.issued_on == date(2026, 4, 1)
    assert accepted(issued_on="", due_on="").invoice[2:4] == (None, None)


@settings(deadline=None)
@given(st.decimals(min_value=0, max_value=10**12, places=2))
def test_no_cent_is_lost(amount: Decimal) -> None:
    line = accepted(amount=str(amount), balance=str(amount))
    assert line.invoice.amount_minor == line.invoice.balance_minor == int(amount * 100)


ONE_LINE_FIELDS = ["organization_id", "organization_name", "contact_name", "invoice_number"]


@settings(deadline=None)
@given(st.text(max_size=300), st.sampled_from(ONE_LINE_FIELDS))
def test_whatever_is_taken_fits_into_one_header_line(text: str, field: str) -> None:
    line = check_line(a_record()._replace(**{field: text}))
    if isinstance(line, InvoiceLine):
        contact = line.contact.name if line.contact else ""
        organization = line.organization
        for value in (organization.organization_id, organization.name, line.invoice.number, contact):
            assert len(value.splitlines()) <= 1
            assert len(value) <= 200


@settings(deadline=None)
@given(st.text(max_size=40))
def test_no_text_makes_the_check_fail_otherwise_than_by_a_refusal(text: str) -> None:
    for field in a_record()._fields:
        value: object = (text,) if field == "contact_emails" else text
        if field not in ("line", "contact_default"):
            check_line(a_record()._replace(**{field: value}))


# Addresses


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Ana@Harbor.Test", "ana@harbor.test"),
        ("o'neil+bills@mail.example.com", "o'neil+bills@mail.example.com"),
        ("info@Bücher.example.com", "info@bücher.example.com"),
        ("info@xn--bcher-kva.example.com", "info@bücher.example.com"),
        ("用户@例え.jp", "用户@例え.jp"),
        ("ALFKI@example.test", "alfki@example.test"),
    ],
)
def test_two_spellings_of_an_address_have_one_key(text: str, key: str) -> None:
    assert address_key(text) == key


@pytest.mark.parametrize(
    "text",
    [
        *("ana", "@x.test", "ana@", "a b@x.test", "a..b@x.test", ".a@x.test", "a@x..test", "a@-x.test"),
        *("Ana <ana@x.test>", "a@x.test,b@x.test", "a@x.test\r\nBcc: b@x.test", "a@x.test\n", "a@\0.test"),
        *("a@localhost", "a@127.0.0.1", "a@[127.0.0.1]", '"a b"@x.test'),
        *("a" * 65 + "@x.test", "a@" + "x" * 300),
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(AddressMalformed):
        address_key(text)


def test_a_contact_has_each_address_once_as_first_written() -> None:
    contact = accepted(contact_emails=("", " Ana@X.test ", "ana@x.TEST", "b@x.test")).contact
    assert contact is not None
    assert [address.email for address in contact.addresses] == ["Ana@X.test", "b@x.test"]


def test_a_line_without_a_contact_says_nothing_of_contacts() -> None:
    assert accepted(contact_name=" ", contact_emails=(), contact_default=True).contact is None


WORD = st.text(string.ascii_letters + string.digits + "_+-", min_size=1, max_size=20)
LABEL = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=20)
TOP = st.sampled_from(["test", "com", "Local", "invalid", "museum", "x", "c0m", "localhost", "onion", "arpa"])


@given(st.lists(WORD, min_size=1, max_size=5), st.lists(LABEL, min_size=1, max_size=5), TOP)
@example(["a" * 64], ["b"], "com")
@example(["a" * 65], ["b"], "com")
@example(["a"], ["b" * 63], "com")
@example(["a"], ["b" * 64], "com")
@example(["a"], ["xn--bcher-kva"], "com")
@example(["a"], ["ab--cd"], "com")
@example(["a" * 64], ["b" * 60] * 3, "com")
def test_an_address_that_looks_plain_means_what_the_validator_says(
    words: list[str], labels: list[str], top: str
) -> None:
    text = f"{'.'.join(words)}@{'.'.join([*labels, top])}"
    try:
        found = validate_email(text, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError:
        with pytest.raises(AddressMalformed):
            address_key(text)
    else:
        assert address_key(text) == found.normalized.lower()
