"""The first page of Pay Now: what a link fills in, what a wrong field is answered, what nobody is told."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from dunlin.paynow.v1 import books_pb2

from services.shared.database import Database
from services.shared.errors import Invalid, Violation
from tests.fakes.gateway_clients import FakeServices, a_story
from tests.fakes.gateway_visitor import Page, Visitor, a_site, an_identity


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = an_identity(tmp_path_factory.mktemp("identity"))
    yield database
    database.dispose()


@pytest.fixture
def services() -> FakeServices:
    return a_story()


@pytest.fixture
def payer(services: FakeServices, database: Database) -> Visitor:
    return Visitor(a_site(services, database))


def values(page: Page) -> dict[str, str]:
    fields = page.form("/pay").fields
    return {name: fields[name] for name in ("email", "invoice_number", "amount")}


def said_beside(page: Page, name: str) -> str:
    """The words that a field points to as its error."""
    field = page.one(f"//input[@name='{name}']")
    assert field.get("aria-invalid") == "true"
    error, _help = field.get("aria-describedby").split()
    return str(page.one(f"//*[@id='{error}']").text_content())


def test_a_link_fills_in_the_three_fields(payer: Visitor) -> None:
    page = payer.get("/pay/good-link")
    assert values(page) == {
        "email": "dana@acme.example",
        "invoice_number": "INV-0042",
        "amount": "1250.00",
    }


def test_a_link_shows_whose_invoice_it_is_when_it_is_due_and_what_remains(
    payer: Visitor, services: FakeServices
) -> None:
    page = payer.get("/pay/good-link")
    due = datetime.fromisoformat(services.ledger.invoices[1].due_on)
    for shown in (
        "Harbor Supply Co.",
        "Acme Corporation",
        "INV-0042",
        "$1,250.00",
        f"{due:%b} {due.day}, {due.year}",
    ):
        assert shown in page.text


def test_the_amount_filled_in_leaves_out_what_is_being_paid_at_this_moment(
    payer: Visitor, services: FakeServices
) -> None:
    services.ledger.invoices[1].reserved_minor = 25_000
    page = payer.get("/pay/good-link")
    assert values(page)["amount"] == "1000.00"
    assert "Payment under way" in page.text
    assert "$250.00" in page.text


def test_a_balance_that_is_being_paid_already_is_not_asked_for_again(
    payer: Visitor, services: FakeServices
) -> None:
    services.ledger.invoices[1].reserved_minor = 125_000
    page = payer.get("/pay/good-link")
    assert "A payment is under way" in page.text
    assert page.tree.forms == []


def test_a_paid_invoice_is_not_asked_for_again(payer: Visitor, services: FakeServices) -> None:
    services.ledger.invoices[1].balance_minor = 0
    services.ledger.invoices[1].status = books_pb2.INVOICE_STATUS_PAID
    page = payer.get("/pay/good-link")
    assert "Nothing is left to pay" in page.text
    assert page.tree.forms == []


@pytest.mark.parametrize(
    ("token", "status", "sentence"),
    [("expired", 410, "This link has expired."), ("cut-off", 404, "This link is not complete.")],
)
def test_a_link_that_does_not_open_leads_to_the_empty_form_and_says_why(
    payer: Visitor, token: str, status: int, sentence: str
) -> None:
    page = payer.get(f"/pay/{token}")
    assert page.status == status
    assert sentence in page.text
    assert set(values(page).values()) == {""}


def test_following_links_changes_nothing_however_often_a_scanner_does_it(
    payer: Visitor, services: FakeServices
) -> None:
    quote_id = payer.send(payer.get("/pay/good-link").form("/pay")).path.rpartition("/")[2]
    before = len(services.paynow.requests("Validate"))
    for path in (
        "good-link",
        f"method/{quote_id}",
        f"review/{quote_id}",
        f"confirm/{quote_id}",
        f"done/{quote_id}",
    ):
        payer.get(f"/pay/{path}")
    assert len(services.paynow.requests("Validate")) == before
    assert services.paynow.requests("ConfirmPayment") == []


def test_the_empty_form_works_without_a_link(payer: Visitor) -> None:
    page = payer.send(
        payer.get("/pay").form("/pay"), email="dana@acme.example", invoice_number="INV-0042", amount="50"
    )
    assert page.path.startswith("/pay/method/")
    assert "$50.00" in page.text


def test_a_wrong_field_is_said_beside_it_and_the_others_stay(payer: Visitor) -> None:
    page = payer.send(payer.get("/pay").form("/pay"), email="dana", invoice_number="00042", amount="12.50")
    assert page.status == 422
    assert "Enter one complete email address" in said_beside(page, "email")
    assert values(page) == {"email": "dana", "invoice_number": "00042", "amount": "12.50"}
    assert page.one("//input[@name='amount']").get("aria-invalid") is None


def test_several_wrong_fields_are_all_said_at_once(payer: Visitor, services: FakeServices) -> None:
    services.paynow.refuse["Validate"] = Invalid(
        "Both.",
        violations=[
            Violation("invoice_number", "NUMBER_MALFORMED", "Enter the invoice number."),
            Violation("amount", "AMOUNT_MALFORMED", "Enter an amount."),
        ],
    )
    page = payer.send(payer.get("/pay").form("/pay"), email="dana@acme.example")
    assert "Enter the invoice number on one line" in said_beside(page, "invoice_number")
    assert "Enter the amount as a number" in said_beside(page, "amount")


def without_what_was_typed(page: Page) -> str:
    return re.sub(r'value="[^"]*"', "", page.html)


def test_the_answer_is_the_same_whether_the_address_or_the_number_is_wrong(payer: Visitor) -> None:
    def answer(email: str, number: str) -> Page:
        return payer.send(payer.get("/pay").form("/pay"), email=email, invoice_number=number, amount="1.00")

    pages = [
        answer("stranger@else.example", "INV-0042"),
        answer("dana@acme.example", "INV-9999"),
        answer("pay@bolt.example", "INV-0042"),
    ]
    assert "We found no invoice with this email address and this number." in pages[0].text
    assert {page.status for page in pages} == {422}
    assert len({without_what_was_typed(page) for page in pages}) == 1


def test_an_amount_above_the_balance_is_refused_beside_the_field_without_naming_the_balance(
    payer: Visitor,
) -> None:
    page = payer.send(
        payer.get("/pay").form("/pay"), email="dana@acme.example", invoice_number="INV-0042", amount="9999"
    )
    assert "This amount cannot be paid on this invoice." in said_beside(page, "amount")
    assert "1,250" not in page.html
    assert "1250" not in page.html


def test_a_refused_form_keeps_what_its_link_has_shown(payer: Visitor) -> None:
    page = payer.send(payer.get("/pay/good-link").form("/pay"), amount="9999")
    assert "$1,250.00" in page.text
    assert page.form("/pay").fields["link_token"] == "good-link"
    assert values(page)["amount"] == "9999"


def test_fields_are_right_for_a_phone(payer: Visitor) -> None:
    page = payer.get("/pay")
    email, number, amount = (page.one(f"//input[@name='{n}']") for n in ("email", "invoice_number", "amount"))
    assert (email.get("type"), email.get("autocomplete"), email.get("inputmode")) == (
        "email",
        "email",
        "email",
    )
    assert (number.get("autocapitalize"), number.get("autocomplete")) == ("none", "off")
    assert amount.get("inputmode") == "decimal"
    for field in (email, number, amount):
        assert page.one(f"//label[@for='{field.get('id')}']").text_content()


def test_a_form_without_its_token_changes_nothing_and_keeps_the_fields(
    payer: Visitor, services: FakeServices
) -> None:
    page = payer.post(
        "/pay",
        {"email": "dana@acme.example", "invoice_number": "INV-0042", "amount": "50", "csrf_token": "old"},
    )
    assert page.status == 400
    assert "open for too long" in page.text
    assert values(page)["amount"] == "50"
    assert services.paynow.requests("Validate") == []


def test_guessing_ends_after_ten_tries_a_minute_from_one_address(
    services: FakeServices, database: Database
) -> None:
    payer = Visitor(a_site(services, database))
    form = payer.get("/pay").form("/pay")
    answers = [
        payer.send(form, email=f"a{n}@else.example", invoice_number="1", amount="1") for n in range(11)
    ]
    assert [page.status for page in answers] == [422] * 10 + [429]
    assert "Please wait a minute" in answers[-1].text
    assert answers[-1].headers["Retry-After"] == "60"


def test_guessing_ends_after_ten_tries_a_minute_at_one_email_from_many_addresses(
    services: FakeServices, database: Database
) -> None:
    app = a_site(services, database)
    answers = []
    for n in range(11):
        payer = Visitor(app, address=f"203.0.113.{n}")
        spelt = "Dana@acme.example" if n % 2 else "dana@ACME.example"
        answers.append(
            payer.send(payer.get("/pay").form("/pay"), email=spelt, invoice_number=str(n), amount="1")
        )
    assert [page.status for page in answers] == [422] * 10 + [429]


def test_an_expired_quote_starts_again_with_the_fields_kept(payer: Visitor, services: FakeServices) -> None:
    methods = payer.send(payer.get("/pay/good-link").form("/pay"), amount="75.50")
    quote = next(iter(services.paynow.quotes.values()))
    quote.expires_at.FromDatetime(datetime.now(UTC) - timedelta(minutes=1))
    page = payer.get(methods.path + "?link=good-link")
    assert page.path == "/pay/good-link"
    assert "longer than 15 minutes" in page.text
    assert values(page)["amount"] == "75.50"


def test_while_payments_are_away_the_page_says_so_and_that_nothing_was_charged(
    payer: Visitor, services: FakeServices
) -> None:
    form = payer.get("/pay/good-link").form("/pay")
    services.paynow.is_away = True
    for page in (payer.get("/pay/good-link"), payer.send(form)):
        assert page.status == 503
        assert "Nothing was charged." in page.text
        assert page.headers["Retry-After"]
