"""An amount as people type it: taken where it can mean only one sum, in the currency of the invoice."""

import pytest

from gateway.pay.forms import other_currency, plain_amount
from tests.fakes.gateway_visitor import Visitor


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("50", "50"),
        ("50.00", "50.00"),
        (" $50.00 ", "50.00"),
        ("€ 50", "50"),
        ("50.00 USD", "50.00"),
        ("USD 50.00", "50.00"),
        ("1,234.50", "1234.50"),
        ("1,234,567.50", "1234567.50"),
        # What can mean two amounts stays as it is, for the service to refuse.
        ("1,234", "1,234"),
        ("1.234,50", "1.234,50"),
        ("12,34.50", "12,34.50"),
        ("-5", "-5"),
        ("1e3", "1e3"),
        ("fifty", "fifty"),
        ("", ""),
    ],
)
def test_an_amount_is_taken_as_typed_where_it_can_mean_only_one(typed: str, meant: str) -> None:
    assert plain_amount(typed) == meant


@pytest.mark.parametrize("typed", ["€5", "5 €", "EUR 5", "5.00CAD", "£5", "$5 EUR"])
@pytest.mark.parametrize("path", ["/pay", "/pay/good-link"])
def test_an_amount_in_another_currency_than_the_invoices_is_refused_beside_the_field(
    stranger: Visitor, path: str, typed: str
) -> None:
    fields = {"email": "dana@acme.example", "invoice_number": "INV-0042", "amount": typed}
    page = stranger.send(stranger.get(path).form("/pay"), **fields)
    assert page.status == 422
    beside = page.one("//*[@id='amount-error']").text_content()
    assert "but this invoice is in US dollars (USD). Enter the amount in USD." in beside
    kept = page.form("/pay").fields
    assert {name: kept[name] for name in fields} == fields


@pytest.mark.parametrize("typed", ["5", "$5", "5.00 $", "USD 5", "$5.00 USD"])
def test_an_amount_with_the_invoices_own_sign_or_code_goes_on(stranger: Visitor, typed: str) -> None:
    page = stranger.send(stranger.get("/pay/good-link").form("/pay"), amount=typed)
    assert page.path.startswith("/pay/method/")
    assert "$5.00" in page.text


@pytest.mark.parametrize(
    ("typed", "currency", "is_other"),
    [
        ("$5", "EUR", True),
        ("€5", "EUR", False),
        ("$5", "CAD", False),
        ("$5", "SGD", False),
        ("$5", "MXN", False),
        ("£5", "EGP", False),
        ("£5", "EUR", True),
        ("¥5", "JPY", False),
        ("¥5", "CNY", False),
        ("₹5", "INR", False),
        ("5 CHF", "CHF", False),
        ("5 CHF", "EUR", True),
    ],
)
def test_a_sign_belongs_to_each_currency_that_is_written_with_it(
    typed: str, currency: str, is_other: bool
) -> None:
    assert bool(other_currency(typed, currency)) == is_other
