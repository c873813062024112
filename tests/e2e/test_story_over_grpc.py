"""The main job through the running programs: who is written to, who is not, and what is charged."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import grpc
import pytest
from dunlin.paynow.v1 import ledger_pb2, paynow_pb2
from dunlin.scheduler.v1 import notices_pb2, scheduler_pb2

from services.shared.errors import Conflict, Refusal
from services.shared.grpc_errors import refusal_of
from tests.e2e.acts import (
    APPROVE,
    BANK_RETURNS,
    DECLINE,
    confirm,
    drain,
    email_of,
    frozen,
    invoice,
    mails_to,
    noon,
    notices,
    pay,
    quote,
    record,
    set_calendar,
    set_rules,
    state_of,
    sync,
    text_of,
    tick,
    wait_until,
)
from tests.e2e.company import Company, running_company

TODAY = date(2025, 6, 16)
DUE = TODAY - timedelta(days=20)
REACHED = [(15, "sent", "ACCEPTED_BY_SMTP_SERVER")]


def after(days: int) -> date:
    return TODAY + timedelta(days=days)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    home = tmp_path_factory.mktemp("story") / "home"
    with running_company(home, DUNLIN_SANDBOX_ACH_SECONDS="3") as company:
        set_calendar(company.clients)
        set_rules(company.clients, 15, 30)
        yield company


@pytest.fixture
def organization(company: Company) -> Iterator[str]:
    """A new client; nothing of it is due any more when the test is over."""
    name = f"Org{uuid.uuid4().hex[:8]}"
    yield name
    drain(company.clients)
    for owed in company.clients.ledger.ListInvoices(
        ledger_pb2.ListInvoicesRequest(organization_id=name)
    ).invoices:
        sync(company.clients, record(name, owed.number, DUE, status="cancelled"))


@pytest.fixture
def number(organization: str) -> str:
    return f"00{organization[3:]}"


def refused(call: grpc.Future, *arguments: object, **named: object) -> Refusal:
    """The refusal that a call must end with."""
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **named)
    refusal = refusal_of(caught.value)
    assert refusal is not None, caught.value
    return refusal


def test_a_payment_of_the_balance_withholds_the_notice_that_is_already_queued(
    company: Company, organization: str, number: str
) -> None:
    sync(company.clients, record(organization, number, DUE))
    with frozen(company, "mailer"):
        assert tick(company.clients, TODAY).counts.queued == 1
        assert notices(company.clients, number) == [(15, "queued", "RULE_REACHED")]
        assert state_of(pay(company.clients, organization, number, "250.00")) == "succeeded"
    drain(company.clients)
    assert notices(company.clients, number) == [(15, "skipped", "NOTHING_LEFT_TO_PAY")]
    (mail,) = mails_to(company, email_of(organization))
    assert "250.00" in text_of(mail), "the only mail is the receipt"
    assert [state for _, state, _ in notices(company.clients, number, "PAYMENT_SUCCEEDED")] == ["sent"]


def test_an_exclusion_withholds_the_notice_that_is_already_queued_and_its_end_lets_it_go(
    company: Company, organization: str, number: str
) -> None:
    sync(company.clients, record(organization, number, DUE))
    due_notice = notices_pb2.NOTICE_TYPE_DUE_NOTICE
    with frozen(company, "mailer"):
        tick(company.clients, TODAY)
        company.clients.scheduler.AddExclusion(
            scheduler_pb2.AddExclusionRequest(type=due_notice, organization_id=organization)
        )
    drain(company.clients)
    assert notices(company.clients, number) == [(15, "skipped", "ORGANIZATION_EXCLUDED")]
    assert mails_to(company, email_of(organization)) == []
    assert tick(company.clients, after(1)).counts.queued == 0
    company.clients.scheduler.RemoveExclusion(
        scheduler_pb2.RemoveExclusionRequest(type=due_notice, organization_id=organization)
    )
    tick(company.clients, after(2))
    drain(company.clients)
    assert notices(company.clients, number) == REACHED
    assert len(mails_to(company, email_of(organization))) == 1


def test_after_a_part_was_paid_the_next_notice_asks_for_the_rest(
    company: Company, organization: str, number: str
) -> None:
    sync(company.clients, record(organization, number, DUE))
    tick(company.clients, TODAY)
    drain(company.clients)
    pay(company.clients, organization, number, "93.75")
    drain(company.clients)
    tick(company.clients, after(10))
    drain(company.clients)
    assert [(days, state) for days, state, _ in notices(company.clients, number)] == [
        (15, "sent"),
        (30, "sent"),
    ]
    first, receipt, second = map(text_of, mails_to(company, email_of(organization)))
    assert "250.00" in first
    assert "93.75" in receipt
    assert "156.25" in second
    assert "250.00" not in second.split("156.25")[0], "what is asked for is the rest"


def test_a_paid_invoice_brings_nothing_at_all(company: Company, organization: str, number: str) -> None:
    sync(company.clients, record(organization, number, DUE, balance="0", status="paid"))
    sync(company.clients, record(organization, f"{number}-0", DUE, balance="0"))
    sync(company.clients, record(organization, f"{number}-x", DUE, status="cancelled"))
    sync(company.clients, record(organization, f"{number}-3", DUE, status="third_party"))
    tick(company.clients, TODAY)
    drain(company.clients)
    for each in (number, f"{number}-0", f"{number}-x", f"{number}-3"):
        assert notices(company.clients, each) == []
    assert mails_to(company, email_of(organization)) == []


def test_two_ticks_at_once_do_the_work_once(company: Company, organization: str) -> None:
    numbers = [f"{organization}/{at:03}" for at in range(200)]
    sync(company.clients, *(record(organization, number, DUE) for number in numbers))
    with ThreadPoolExecutor(4) as ticking:
        done = list(ticking.map(lambda _: tick(company.clients, TODAY), range(4)))
    assert sum(progress.counts.queued for progress in done) == 200
    drain(company.clients)
    assert len(mails_to(company, email_of(organization))) == 200
    assert all(notices(company.clients, number) == REACHED for number in numbers[::20])


def test_a_dry_run_counts_and_changes_nothing(company: Company, organization: str, number: str) -> None:
    sync(company.clients, record(organization, number, DUE))
    assert tick(company.clients, TODAY, dry_run=True).counts.queued == 1
    drain(company.clients)
    assert notices(company.clients, number) == []
    assert mails_to(company, email_of(organization)) == []


def test_the_clock_cannot_be_set_outside_of_the_sandbox(company: Company) -> None:
    set_calendar(company.clients, sandbox=False)
    try:
        ticking = company.clients.scheduler.RunTick(scheduler_pb2.RunTickRequest(as_of=noon(TODAY)))
        refusal = refused(lambda: list(ticking))
    finally:
        set_calendar(company.clients)
    assert refusal.reason == "CLOCK_NOT_SETTABLE"
    assert "sandbox" in refusal.message.lower()


def test_a_list_from_before_the_payment_does_not_bring_the_balance_back(
    company: Company, organization: str, number: str
) -> None:
    stale = record(organization, number, DUE)
    sync(company.clients, stale)
    pay(company.clients, organization, number, "250.00")
    report = sync(company.clients, stale)
    assert report.refused == 0
    assert invoice(company.clients, number).balance_minor == 0
    tick(company.clients, TODAY)
    drain(company.clients)
    assert notices(company.clients, number) == []


def test_acknowledging_and_the_next_list_leave_the_balance_as_it_is(
    company: Company, organization: str, number: str
) -> None:
    sync(company.clients, record(organization, number, DUE))
    paid = pay(company.clients, organization, number, "100.00")
    waiting = paynow_pb2.ListPaymentsRequest(unacknowledged=True, organization_id=organization)
    assert [p.payment_id for p in company.clients.paynow.ListPayments(waiting).payments] == [paid.payment_id]
    acknowledge = paynow_pb2.AcknowledgePaymentsRequest(payment_ids=[paid.payment_id])
    assert company.clients.paynow.AcknowledgePayments(acknowledge).acknowledged == 1
    assert company.clients.paynow.AcknowledgePayments(acknowledge).repeated_payments == 1
    assert list(company.clients.paynow.ListPayments(waiting).payments) == []
    assert invoice(company.clients, number).balance_minor == 150_00
    sync(company.clients, record(organization, number, DUE, balance="150.00"))
    assert invoice(company.clients, number).balance_minor == 150_00


def test_another_due_date_starts_anew(company: Company, organization: str, number: str) -> None:
    sync(company.clients, record(organization, number, DUE))
    tick(company.clients, TODAY)
    drain(company.clients)
    assert notices(company.clients, number) == REACHED
    sync(company.clients, record(organization, number, DUE + timedelta(days=3)))
    assert tick(company.clients, TODAY).counts.queued == 1
    drain(company.clients)
    assert notices(company.clients, number) == REACHED * 2
    assert len(mails_to(company, email_of(organization))) == 2


def test_coming_back_after_an_outage_only_the_largest_threshold_goes_out(
    company: Company, organization: str, number: str
) -> None:
    sync(company.clients, record(organization, number, DUE))
    tick(company.clients, after(60))
    drain(company.clients)
    assert notices(company.clients, number) == [
        (15, "superseded", "LARGER_THRESHOLD_REACHED"),
        (30, "sent", "ACCEPTED_BY_SMTP_SERVER"),
    ]
    assert tick(company.clients, after(61)).counts.queued == 0


def test_a_bank_payment_under_way_holds_the_notice_and_its_return_lets_it_go(
    company: Company, organization: str, number: str
) -> None:
    sync(company.clients, record(organization, number, DUE))
    paid = pay(company.clients, organization, number, "250.00", BANK_RETURNS)
    assert state_of(paid) == "pending"
    tick(company.clients, TODAY)
    drain(company.clients)
    assert notices(company.clients, number) == [(15, "held", "PAYMENT_UNDER_WAY")]
    ask = paynow_pb2.GetPaymentRequest(payment_id=paid.payment_id)
    wait_until(
        lambda: state_of(company.clients.paynow.GetPayment(ask)) == "failed", what="the bank returns it"
    )
    assert invoice(company.clients, number).reserved_minor == 0
    tick(company.clients, TODAY)
    drain(company.clients)
    assert notices(company.clients, number) == REACHED
    assert [state for _, state, _ in notices(company.clients, number, "PAYMENT_FAILED")] == ["sent"]


def test_no_address_is_a_reason_and_an_address_lets_the_notice_go(
    company: Company, organization: str, number: str
) -> None:
    sync(company.clients, record(organization, number, DUE, contact_emails=[]))
    tick(company.clients, TODAY)
    assert notices(company.clients, number) == [(15, "skipped", "NO_ADDRESS")]
    sync(company.clients, record(organization, number, DUE))
    tick(company.clients, TODAY)
    drain(company.clients)
    assert notices(company.clients, number) == REACHED


def test_pay_now_answers_alike_whichever_of_address_and_number_is_wrong(
    company: Company, organization: str, number: str
) -> None:
    other = f"{organization}b"
    sync(company.clients, record(organization, number, DUE), record(other, f"{number}-b", DUE))
    wrong = {
        "the number": (email_of(organization), f"{number}7"),
        "the address": ("nobody@nowhere.test", number),
        "both": ("nobody@nowhere.test", f"{number}7"),
        "whose it is": (email_of(other), number),
        "the zeros": (email_of(organization), number.lstrip("0")),
        "the case": (email_of(organization), number.upper() + "x"),
    }
    told = {what: refused(quote, company.clients, *both, "10.00") for what, both in wrong.items()}
    said = {(refusal.reason, refusal.message, refusal.violations) for refusal in told.values()}
    assert len(said) == 1
    assert said.pop()[0] == "NO_SUCH_INVOICE"


def test_an_amount_above_the_balance_is_refused_and_the_balance_named_only_under_a_link(
    company: Company, organization: str, number: str
) -> None:
    sync(company.clients, record(organization, number, DUE, balance="123.45"))
    refusal = refused(quote, company.clients, email_of(organization), number, "123.46")
    assert refusal.reason == "AMOUNT_ABOVE_BALANCE"
    assert "123.45" not in refusal.message
    ask = ledger_pb2.ReadSubjectsRequest(
        invoice_ids=[invoice(company.clients, number).invoice_id], with_pay_tokens=True
    )
    (subject,) = company.clients.ledger.ReadSubjects(ask).subjects
    refusal = refused(quote, company.clients, email_of(organization), number, "123.46", subject.pay_token)
    assert refusal.reason == "AMOUNT_ABOVE_BALANCE"
    assert "123.45" in refusal.message


def test_malformed_fields_are_named_one_by_one(company: Company) -> None:
    refusal = refused(quote, company.clients, "not an address", "", "1,5")
    assert {violation.field: violation.reason for violation in refusal.violations} == {
        "email": "EMAIL_MALFORMED",
        "invoice_number": "NUMBER_MALFORMED",
        "amount": "AMOUNT_MALFORMED",
    }


def test_one_confirmation_is_one_charge_however_often_it_is_sent(
    company: Company, organization: str, number: str
) -> None:
    sync(company.clients, record(organization, number, DUE))
    quoted = quote(company.clients, email_of(organization), number, "40.00")
    key = str(uuid.uuid4())
    with ThreadPoolExecutor(8) as windows:
        paid = list(windows.map(lambda _: confirm(company.clients, quoted.quote_id, APPROVE, key), range(16)))
    assert len({payment.payment_id for payment in paid}) == 1
    assert invoice(company.clients, number).balance_minor == 210_00
    assert state_of(confirm(company.clients, quoted.quote_id, APPROVE, key)) == "succeeded"

    another_key = refused(confirm, company.clients, quoted.quote_id, APPROVE, str(uuid.uuid4()))
    another_way = refused(confirm, company.clients, quoted.quote_id, DECLINE, key)
    assert isinstance(another_key, Conflict)
    assert isinstance(another_way, Conflict)
    assert {another_key.reason, another_way.reason} == {"KEY_REUSED"}
    assert invoice(company.clients, number).balance_minor == 210_00


def test_many_payers_at_once_never_pay_more_than_the_balance(
    company: Company, organization: str, number: str
) -> None:
    sync(company.clients, record(organization, number, DUE))
    quotes = [quote(company.clients, email_of(organization), number, "60.00") for _ in range(10)]

    def try_to_pay(quoted: paynow_pb2.Quote) -> str:
        try:
            return state_of(confirm(company.clients, quoted.quote_id))
        except grpc.RpcError as error:
            refusal = refusal_of(error)
            return refusal.reason if refusal else repr(error)

    with ThreadPoolExecutor(10) as payers:
        outcomes = sorted(payers.map(try_to_pay, quotes))
    assert outcomes == ["AMOUNT_ABOVE_BALANCE"] * 6 + ["succeeded"] * 4
    assert invoice(company.clients, number).balance_minor == 10_00
    assert invoice(company.clients, number).reserved_minor == 0


def test_a_declined_card_takes_nothing_and_the_payer_is_told(
    company: Company, organization: str, number: str
) -> None:
    sync(company.clients, record(organization, number, DUE))
    paid = pay(company.clients, organization, number, "250.00", DECLINE)
    assert (state_of(paid), paid.failure_reason) == ("failed", "CARD_DECLINED")
    owed = invoice(company.clients, number)
    assert (owed.balance_minor, owed.reserved_minor) == (250_00, 0)
    drain(company.clients)
    assert [state for _, state, _ in notices(company.clients, number, "PAYMENT_FAILED")] == ["sent"]
    assert len(mails_to(company, email_of(organization))) == 1
