"""From the method to the outcome: one charge for one confirmation, and the truth about what became of it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from dunlin.paynow.v1 import paynow_pb2

from gateway.pay.forms import key_of
from services.shared.database import Database
from services.shared.errors import Busy, Invalid
from tests.fakes.gateway_clients import FakeServices, a_story
from tests.fakes.gateway_rpc import away
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


def at_methods(payer: Visitor, amount: str = "50.00") -> Page:
    return payer.send(payer.get("/pay/good-link").form("/pay"), amount=amount)


def at_confirmation(payer: Visitor, method: str = "tok_approve", amount: str = "50.00") -> Page:
    return payer.send(at_methods(payer, amount).form("/pay/review"), method=method)


def test_methods_are_offered_as_test_methods_and_no_field_takes_a_card(payer: Visitor) -> None:
    page = at_methods(payer)
    assert "Test mode" in page.text
    assert "Test card ending 4242" in page.text
    assert "is declined" in page.text
    kinds = {field.get("type") for field in page.tree.xpath("//input")}
    assert kinds == {"hidden", "radio"}


def test_no_method_chosen_is_said_and_nothing_is_charged(payer: Visitor, services: FakeServices) -> None:
    page = payer.send(at_methods(payer).form("/pay/review"))
    assert page.status == 422
    assert "Choose one of these ways to pay." in page.text
    assert services.paynow.requests("ConfirmPayment") == []


def test_a_method_that_was_not_offered_is_refused(payer: Visitor, services: FakeServices) -> None:
    form = at_methods(payer).form("/pay/review")
    page = payer.post(form.action, {"csrf_token": form.fields["csrf_token"], "method": "4111111111111111"})
    assert page.status == 422
    assert "4111111111111111" not in page.html
    assert services.paynow.requests("ConfirmPayment") == []


def test_the_confirmation_page_says_who_gets_how_much_for_what_and_by_which_method(payer: Visitor) -> None:
    page = at_confirmation(payer)
    for shown in ("Harbor Supply Co.", "$50.00", "INV-0042", "Test card ending 4242", "dana@acme.example"):
        assert shown in page.text
    assert page.one("//main//button").text_content() == "Pay $50.00"


def test_the_confirmation_page_charges_nothing(payer: Visitor, services: FakeServices) -> None:
    at_confirmation(payer)
    assert services.paynow.requests("ConfirmPayment") == []


def test_a_confirmed_payment_is_thanked_for_on_a_page_that_can_be_reloaded(
    payer: Visitor, services: FakeServices
) -> None:
    form = at_confirmation(payer).form("/pay/confirm")
    answer = payer.send(form, follow=False)
    assert answer.status == 303
    done = payer.get(answer.headers["Location"])
    payer.get(answer.headers["Location"])
    assert "Thank you" in done.text
    assert "$50.00" in done.text
    assert "The receipt goes to dana@acme.example." in done.text
    assert len(services.paynow.requests("ConfirmPayment")) == 1
    assert services.ledger.invoices[1].balance_minor == 120_000


def test_a_double_click_confirms_with_one_key_and_charges_once(
    payer: Visitor, services: FakeServices
) -> None:
    form = at_confirmation(payer).form("/pay/confirm")
    pages = [payer.send(form), payer.send(form)]
    keys = {request.idempotency_key for request in services.paynow.requests("ConfirmPayment")}
    assert len(keys) == 1
    assert services.ledger.invoices[1].balance_minor == 120_000
    assert pages[0].text == pages[1].text


def test_the_same_quote_in_two_windows_has_the_same_key(payer: Visitor) -> None:
    methods = at_methods(payer).form("/pay/review")
    keys = {
        payer.send(methods, method=method).form("/pay/confirm").fields["idempotency_key"]
        for method in ("tok_approve", "tok_ach")
    }
    assert len(keys) == 1


def test_a_second_window_with_another_method_is_shown_what_the_first_one_paid(
    payer: Visitor, services: FakeServices
) -> None:
    methods = at_methods(payer).form("/pay/review")
    first = payer.send(methods, method="tok_approve").form("/pay/confirm")
    second = payer.send(methods, method="tok_ach").form("/pay/confirm")
    payer.send(first)
    page = payer.send(second)
    assert "Thank you" in page.text
    assert "Test card ending 4242" in page.text
    assert services.ledger.invoices[1].balance_minor == 120_000


def test_going_back_to_the_methods_after_paying_shows_what_was_paid(payer: Visitor) -> None:
    methods = at_methods(payer)
    payer.send(payer.send(methods.form("/pay/review"), method="tok_approve").form("/pay/confirm"))
    assert "Thank you" in payer.get(methods.path).text
    assert "Thank you" in payer.send(methods.form("/pay/review"), method="tok_ach").text


def test_a_key_that_is_not_the_quotes_own_charges_nothing(payer: Visitor, services: FakeServices) -> None:
    page = payer.send(at_confirmation(payer).form("/pay/confirm"), idempotency_key=key_of("another quote"))
    assert page.path.startswith("/pay/method/")
    assert services.paynow.requests("ConfirmPayment") == []


def test_a_confirmation_without_the_forms_token_charges_nothing(
    payer: Visitor, services: FakeServices
) -> None:
    page = payer.send(at_confirmation(payer).form("/pay/confirm"), csrf_token="forged")
    assert page.path.startswith("/pay/method/")
    assert services.paynow.requests("ConfirmPayment") == []


def test_a_declined_card_is_said_in_words_and_may_be_tried_again_with_another_method(
    payer: Visitor, services: FakeServices
) -> None:
    page = payer.send(at_confirmation(payer, "tok_decline").form("/pay/confirm"))
    assert "The payment did not go through" in page.text
    assert "declined" in page.text
    assert "Nothing was charged." in page.text
    again = payer.send(page.form("/pay"))
    assert again.path.startswith("/pay/method/")
    assert "$50.00" in again.text
    assert len(services.paynow.quotes) == 2


def test_a_failure_of_an_unknown_kind_is_still_said_in_words(payer: Visitor, services: FakeServices) -> None:
    page = payer.send(at_confirmation(payer, "tok_decline").form("/pay/confirm"))
    next(p for p in services.paynow.payments.values() if p.failure_reason).failure_reason = "SOMETHING_NEW"
    page = payer.get(page.path)
    assert "The payment was refused." in page.text
    assert "SOMETHING_NEW" not in page.text


def test_a_bank_payment_under_way_asks_not_to_pay_again_and_stands_still(payer: Visitor) -> None:
    page = payer.send(at_confirmation(payer, "tok_ach").form("/pay/confirm"))
    assert "Your bank payment is under way" in page.text
    assert "Please do not pay again" in page.text
    assert page.tree.xpath("//meta[@http-equiv='refresh']") == []


@pytest.mark.parametrize("state", [paynow_pb2.PAYMENT_STATE_CHARGING, paynow_pb2.PAYMENT_STATE_UNKNOWN])
def test_an_unknown_outcome_is_said_as_such_and_looked_for_again(
    payer: Visitor, services: FakeServices, state: paynow_pb2.PaymentState
) -> None:
    page = payer.send(at_confirmation(payer).form("/pay/confirm"))
    payment = services.paynow.payments["payment-2"]
    payment.state = state
    waiting = payer.get(page.path)
    assert "We are checking with the bank" in waiting.text
    assert "do not pay again" in waiting.text
    assert waiting.one("//meta[@http-equiv='refresh']").get("content") == "5"
    payment.state = paynow_pb2.PAYMENT_STATE_SUCCEEDED
    assert "Thank you" in payer.get(page.path).text


def test_no_answer_to_a_confirmation_never_reads_as_not_charged(
    payer: Visitor, services: FakeServices
) -> None:
    form = at_confirmation(payer).form("/pay/confirm")
    services.paynow.refuse["ConfirmPayment"] = away()
    page = payer.send(form)
    assert "We do not know yet" in page.text
    assert "do not pay again" in page.text
    assert "charged" not in page.text.replace("It can be charged only once.", "")
    assert page.one("//meta[@http-equiv='refresh']").get("content") == "5"


def test_after_no_answer_the_same_quote_may_be_gone_on_with(payer: Visitor, services: FakeServices) -> None:
    form = at_confirmation(payer).form("/pay/confirm")
    services.paynow.refuse["ConfirmPayment"] = away()
    payer.send(form)
    services.paynow.refuse.clear()
    page = payer.send(form)
    assert "Thank you" in page.text
    assert len({request.idempotency_key for request in services.paynow.requests("ConfirmPayment")}) == 1


def test_a_confirmation_that_never_arrived_is_called_so_once_it_no_longer_can(
    payer: Visitor, services: FakeServices
) -> None:
    form = at_confirmation(payer).form("/pay/confirm")
    services.paynow.refuse["ConfirmPayment"] = away()
    location = payer.send(form, follow=False).headers["Location"]
    quote = next(iter(services.paynow.quotes.values()))
    quote.expires_at.FromDatetime(datetime.now(UTC) - timedelta(minutes=1))
    assert "We do not know yet" in payer.get(location).text
    quote.expires_at.FromDatetime(datetime.now(UTC) - timedelta(minutes=3))
    page = payer.get(location)
    assert "The payment did not begin" in page.text
    assert "Nothing was charged." in page.text


def test_while_payments_are_away_the_outcome_page_claims_nothing(
    payer: Visitor, services: FakeServices
) -> None:
    done = payer.send(at_confirmation(payer).form("/pay/confirm"))
    services.paynow.is_away = True
    page = payer.get(done.path)
    assert page.status == 503
    assert "We do not know yet" in page.text
    assert "Nothing was charged" not in page.text


def test_an_outcome_page_before_any_confirmation_leads_back_to_the_methods(payer: Visitor) -> None:
    quote_id = at_methods(payer).path.rpartition("/")[2]
    assert payer.get(f"/pay/done/{quote_id}").path == f"/pay/method/{quote_id}"


def test_a_provider_that_is_away_leads_back_to_the_methods(payer: Visitor, services: FakeServices) -> None:
    form = at_confirmation(payer).form("/pay/confirm")
    services.paynow.refuse["ConfirmPayment"] = Busy("The payment provider is away.", reason="PROVIDER_AWAY")
    page = payer.send(form)
    assert page.path.startswith("/pay/method/")
    assert "Nothing was charged." in page.text


def test_when_others_have_paid_meanwhile_the_link_shows_what_is_left(
    payer: Visitor, services: FakeServices
) -> None:
    form = at_confirmation(payer, amount="1250.00").form("/pay/confirm")
    services.ledger.invoices[1].balance_minor = 30_000
    services.paynow.refuse["ConfirmPayment"] = Invalid("Too much.", reason="AMOUNT_ABOVE_BALANCE")
    page = payer.send(form)
    assert page.path == "/pay/good-link"
    assert "more than what remains by now" in page.text
    assert page.form("/pay").fields["amount"] == "300.00"


def test_an_unknown_quote_leads_to_the_empty_form(payer: Visitor) -> None:
    for step in ("method", "done"):
        page = payer.get(f"/pay/{step}/nobody-made-this")
        assert page.path == "/pay"
        assert "We do not know this payment." in page.text


def test_the_time_of_a_payment_names_its_zone(payer: Visitor, services: FakeServices) -> None:
    page = payer.send(at_confirmation(payer).form("/pay/confirm"))
    [payment] = [found for key, found in services.paynow.payments.items() if key != "payment-0"]
    payment.ended_at.FromDatetime(datetime(2026, 7, 4, 14, 0, tzinfo=UTC))
    shown = payer.get(page.path).one("//time").text_content()
    assert shown.replace("\u202f", " ") == "Jul 4, 2026, 9:00 AM CDT"
