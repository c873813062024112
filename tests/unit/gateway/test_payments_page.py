"""The payments page: what came in, what waits to be booked, and that booking is asked about once more."""

import csv
import io
from collections.abc import Iterator

import pytest
from dunlin.paynow.v1 import paynow_pb2

from services.shared.database import Database
from tests.fakes.gateway_clients import FakeServices, a_story
from tests.fakes.gateway_visitor import Visitor, a_site, an_identity


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = an_identity(tmp_path_factory.mktemp("identity"))
    yield database
    database.dispose()


@pytest.fixture
def services() -> FakeServices:
    services = a_story()
    add_payments(services, 2)
    return services


@pytest.fixture
def staff(services: FakeServices, database: Database) -> Visitor:
    return Visitor(a_site(services, database)).sign_in()


def add_payments(services: FakeServices, number: int) -> None:
    first = services.paynow.payments["payment-0"]
    for _ in range(number):
        payment = paynow_pb2.Payment()
        payment.CopyFrom(first)
        payment.payment_id = f"payment-{len(services.paynow.payments)}"
        services.paynow.payments[payment.payment_id] = payment


def test_nobody_sees_payments_without_signing_in(services: FakeServices, database: Database) -> None:
    stranger = Visitor(a_site(services, database))
    for path in ("/payments", "/payments/export.csv"):
        assert stranger.get(path).path == "/login"
    assert services.paynow.calls == []


def test_the_list_shows_amount_state_and_what_is_still_to_be_booked(staff: Visitor) -> None:
    page = staff.get("/payments")
    for shown in ("Bolt & Sons", "B-1", "$100.00", "Succeeded", "Waiting for the accounting side (3)"):
        assert shown in page.text


def test_a_state_filters_the_list_and_stays_in_the_address(staff: Visitor, services: FakeServices) -> None:
    services.paynow.payments["payment-1"].state = paynow_pb2.PAYMENT_STATE_FAILED
    services.paynow.payments["payment-1"].failure_reason = "CARD_DECLINED"
    page = staff.get(f"/payments?state={paynow_pb2.PAYMENT_STATE_FAILED}")
    assert len(page.tree.xpath("//tbody/tr")) == 1
    assert "Card declined" in page.text


def test_a_made_up_state_shows_all(staff: Visitor) -> None:
    for state in ("99", "-1", "x", "²"):
        assert len(staff.get(f"/payments?state={state}").tree.xpath("//tbody/tr")) == 3


def test_a_long_list_has_a_next_page_that_keeps_the_filter(staff: Visitor, services: FakeServices) -> None:
    add_payments(services, 60)
    link = staff.get("/payments?tab=waiting").one("//a[@rel='next']").get("href")
    assert "tab=waiting" in link
    assert len(staff.get(link).tree.xpath("//tbody/tr")) == 13


def test_the_export_holds_every_waiting_payment_and_no_other(staff: Visitor, services: FakeServices) -> None:
    add_payments(services, 1200)
    services.paynow.payments["payment-1"].state = paynow_pb2.PAYMENT_STATE_PENDING
    answer = staff.get("/payments/export.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="payments-')
    rows = list(csv.DictReader(io.StringIO(answer.html)))
    assert {row["payment_id"] for row in rows} == set(services.paynow.payments) - {"payment-1"}


def test_acknowledging_asks_first_with_count_and_sum(staff: Visitor, services: FakeServices) -> None:
    form = staff.get("/payments?tab=waiting").form("/acknowledge")
    page = staff.send(form, button=("which", "all"))
    assert "Acknowledge 3 payments?" in page.text
    assert "$300.00" in page.text
    assert services.paynow.requests("AcknowledgePayments") == []


def test_only_the_chosen_ones_are_acknowledged(staff: Visitor, services: FakeServices) -> None:
    form = staff.get("/payments?tab=waiting").form("/acknowledge")
    form.xpath(".//input[@value='payment-1']")[0].checked = True
    done = staff.send(staff.send(form, button=("which", "chosen")).form("/acknowledged"))
    assert "1 payment acknowledged." in done.text
    [request] = services.paynow.requests("AcknowledgePayments")
    assert list(request.payment_ids) == ["payment-1"]
    assert len(done.tree.xpath("//tbody/tr")) == 2


def test_all_means_those_of_the_question_not_what_came_in_meanwhile(
    staff: Visitor, services: FakeServices
) -> None:
    question = staff.send(staff.get("/payments?tab=waiting").form("/acknowledge"), button=("which", "all"))
    add_payments(services, 1)
    staff.send(question.form("/acknowledged"))
    assert not services.paynow.payments["payment-3"].HasField("acknowledged_at")


def test_acknowledging_twice_changes_nothing_more(staff: Visitor) -> None:
    question = staff.send(staff.get("/payments?tab=waiting").form("/acknowledge"), button=("which", "all"))
    staff.send(question.form("/acknowledged"))
    again = staff.send(question.form("/acknowledged"))
    assert "0 payments acknowledged. 3 payments had been before." in again.text
    assert "Everything is booked" in again.text


def test_none_chosen_is_said(staff: Visitor, services: FakeServices) -> None:
    page = staff.send(staff.get("/payments?tab=waiting").form("/acknowledge"), button=("which", "chosen"))
    assert "Choose at least one payment" in page.text
    assert services.paynow.requests("AcknowledgePayments") == []


def test_a_company_without_payments_is_told_how_they_come(database: Database) -> None:
    page = Visitor(a_site(FakeServices(), database)).sign_in().get("/payments")
    assert "No payments yet" in page.text
    assert page.one("//main//a[contains(@href, '/pay')][contains(., 'Pay Now')]").get("href") == "/pay"
