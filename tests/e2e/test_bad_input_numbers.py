"""Invoice numbers of every shape go all the way: list, notice, mail, pay link, payment."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from dunlin.paynow.v1 import paynow_pb2

from tests.e2e.acts import (
    confirm,
    drain,
    email_of,
    invoice,
    mails_to,
    notices,
    quote,
    record,
    set_calendar,
    set_rules,
    state_of,
    sync,
    text_of,
    tick,
)
from tests.e2e.company import Company, running_company
from tests.e2e.site import Site

TODAY = date(2025, 6, 16)
NUMBERS = [
    "7",
    "07",
    "007",
    "000000000000000000007",
    "2025/06/0001",
    "../../etc/passwd",
    "A B  C",
    "N° 12 – ½",
    "🧾🦆",
    "発票-12",
    "فاتورة ١٢",
    "a%2Fb?c=d&e#f",
    "'; DROP TABLE invoices; --",
    '"quoted", and more',
    "<b>bold</b>",
    "=1+1",
    "{{ invoice.balance }}",
    "1e3",
    "NaN",
    "null",
    "x" * 100,
]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """All of them belong to one client, are 20 days past due, and their notices have gone out."""
    with running_company(tmp_path_factory.mktemp("numbers") / "home") as company:
        set_calendar(company.clients)
        set_rules(company.clients, 15)
        due = TODAY - timedelta(days=20)
        report = sync(company.clients, *(record("Odd", number, due) for number in NUMBERS))
        assert report.added == len(NUMBERS), report.refusals
        tick(company.clients, TODAY)
        drain(company.clients)
        yield company


@pytest.mark.parametrize("number", NUMBERS)
def test_the_number_goes_all_the_way_from_the_list_to_the_receipt(company: Company, number: str) -> None:
    assert invoice(company.clients, number).number == number
    assert notices(company.clients, number) == [(15, "sent", "ACCEPTED_BY_SMTP_SERVER")]
    subject = f"Invoice {number} is 20 days past due"
    (mail,) = [mail for mail in mails_to(company, email_of("Odd")) if mail["Subject"] == subject]
    assert number in text_of(mail)

    (link,) = set(re.findall(rf"{re.escape(company.address)}/pay/[\w.~%-]+", text_of(mail)))
    page = Site(company.address).get(link)
    assert page.status == 200
    assert " ".join(number.split()) in page.text
    token = urllib.parse.unquote(link.rpartition("/")[2])
    contents = company.clients.paynow.OpenLink(paynow_pb2.OpenLinkRequest(token=token))
    assert contents.invoice_number == number

    quoted = quote(company.clients, contents.email, number, "50.00", token)
    assert quoted.invoice_number == number
    assert state_of(confirm(company.clients, quoted.quote_id)) == "succeeded"
    assert invoice(company.clients, number).balance_minor == 200_00


def test_no_payment_went_to_a_neighbour_and_each_has_its_receipt(company: Company) -> None:
    drain(company.clients)
    subjects = [mail["Subject"] for mail in mails_to(company, email_of("Odd"))]
    for number in NUMBERS:
        assert subjects.count(f"Receipt for invoice {number}: $50.00") == 1, number
        assert invoice(company.clients, number).balance_minor == 200_00


def test_why_finds_each_number_on_the_command_line(company: Company) -> None:
    for number in ("007", "2025/06/0001", "🧾🦆"):
        (explained,) = company.must("why", "--json", "--", number).lines
        assert explained["invoice_number"] == number
    assert company.run("why", "0007").code != 0
