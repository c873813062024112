"""Whom mails go to, and what letters say, as settings, exclusions and facts have it; on each database."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from dunlin.events.v1 import events_pb2
from dunlin.paynow.v1 import ledger_pb2
from dunlin.scheduler.v1 import emails_pb2 as pb
from dunlin.scheduler.v1 import letters_pb2, notices_pb2, scheduler_pb2

from tests.contracts.scheduler_program import SchedulerProgram, running
from tests.contracts.test_scheduler_emails_grpc import (
    QUEUED,
    SKIPPED,
    SUMMARY,
    TODAY,
    UPCOMING,
    T,
    count,
    save,
)
from tests.servers import DATABASES, MigratedUrl

TEN = ledger_pb2.Addressee(name="Ten", email="ten@acme.test")


@pytest.fixture(params=DATABASES)
def peers(
    request: pytest.FixtureRequest, tmp_path: Path, migrated_url: MigratedUrl
) -> Iterator[SchedulerProgram]:
    with running(request.param, tmp_path, migrated_url) as program:
        yield program


def run_for_today(peers: SchedulerProgram) -> None:
    list(peers.scheduler.RunTick(scheduler_pb2.RunTickRequest()))


def to(letter: letters_pb2.Letter) -> list[str]:
    return [recipient.email for recipient in letter.recipients]


def test_a_summary_goes_to_the_client_profiles_that_the_settings_name(peers: SchedulerProgram) -> None:
    settings = pb.EmailType(type=SUMMARY, enabled=True, schedule=pb.SummarySchedule(manual=True))
    save(peers, settings)
    sent = peers.emails.SendSummary(pb.SendSummaryRequest(request_id="r1", organization_id="acme"))
    assert to(peers.review(sent.notice_id).letter) == ["ann@acme.test"]
    settings.profile_ids.append("billing")
    save(peers, settings)
    assert peers.review(sent.notice_id).withheld.reason == "NO_ADDRESS", "nobody has that profile"
    assert (count(peers, settings).organizations, count(peers, settings).unreachable) == (0, 1)
    peers.accounts.by_profile["billing"] = TEN
    assert count(peers, settings).organizations == 1
    again = peers.emails.SendSummary(pb.SendSummaryRequest(request_id="r2", organization_id="acme"))
    letter = peers.review(again.notice_id).letter
    assert (letter.type, to(letter)) == (SUMMARY, ["ten@acme.test"])


def test_what_is_on_the_list_of_upcoming_payments_is_told_of_none(peers: SchedulerProgram) -> None:
    peers.accounts.pays_on = TODAY + timedelta(days=2)
    save(peers, pb.EmailType(type=UPCOMING, enabled=True, days_before=5), include_due=True)
    listed = scheduler_pb2.AddExclusionRequest(type=UPCOMING, organization_id="acme")
    off_the_list = scheduler_pb2.RemoveExclusionRequest(type=UPCOMING, organization_id="acme")
    peers.scheduler.AddExclusion(listed)
    assert count(peers, pb.EmailType(type=UPCOMING, days_before=5)).due_now == 0
    run_for_today(peers)
    (notice,) = peers.notices()
    assert (notice.type, notice.state, notice.reason) == (UPCOMING, SKIPPED, "ORGANIZATION_EXCLUDED")
    peers.scheduler.RemoveExclusion(off_the_list)
    run_for_today(peers)
    (notice,) = peers.notices()
    assert (notice.state, notice.reason) == (QUEUED, "PAYMENTS_COMING")
    peers.scheduler.AddExclusion(listed)
    assert peers.review(notice.notice_id).withheld.reason == "ORGANIZATION_EXCLUDED"


def test_each_receipt_ends_in_a_letter_of_its_type(peers: SchedulerProgram) -> None:
    def plan(revision: int) -> events_pb2.PlannedPaymentFacts:
        return events_pb2.PlannedPaymentFacts(
            scheduled_id="s1",
            organization_id="acme",
            invoice_id=1,
            invoice_number="001",
            pays_on="2026-04-01",
            amount_minor=4_000,
            currency="USD",
            method_label="Visa 4242",
            revision=revision,
        )

    payment = events_pb2.PaymentFacts(
        payment_id="p1",
        organization_id="acme",
        invoice_id=1,
        invoice_number="001",
        amount_minor=4_000,
        currency="USD",
        method_label="Card",
    )
    facts = {
        T.NOTICE_TYPE_PAYMENT_SUCCEEDED: {"payment_succeeded": events_pb2.PaymentSucceeded(payment=payment)},
        T.NOTICE_TYPE_PAYMENT_FAILED: {
            "payment_failed": events_pb2.PaymentFailed(payment=payment, reason="CARD_DECLINED")
        },
        T.NOTICE_TYPE_PAYMENT_SCHEDULED: {"payment_scheduled": events_pb2.PaymentScheduled(plan=plan(1))},
        T.NOTICE_TYPE_PAYMENT_RESCHEDULED: {
            "payment_rescheduled": events_pb2.PaymentRescheduled(plan=plan(2), moved_from="2026-03-30")
        },
        T.NOTICE_TYPE_PAYMENT_CANCELLED: {"payment_cancelled": events_pb2.PaymentCancelled(plan=plan(3))},
        T.NOTICE_TYPE_METHOD_FAILED: {
            "method_failed": events_pb2.MethodFailed(
                method_id="m1", organization_id="acme", label="Visa 4242", reason="CARD_DECLINED", failures=1
            )
        },
    }
    letters: dict[notices_pb2.NoticeType, letters_pb2.Letter] = {}
    for type, fact in facts.items():
        peers.hear(**fact)
        letters[type] = peers.review(peers.notices()[0].notice_id).letter
    assert [letter.type for letter in letters.values()] == list(facts)
    assert {tuple(to(letter)) for letter in letters.values()} == {("ann@acme.test",)}
    assert letters[T.NOTICE_TYPE_PAYMENT_FAILED].payment.failure_reason == "CARD_DECLINED"
    assert letters[T.NOTICE_TYPE_METHOD_FAILED].method.failure_reason == "CARD_DECLINED"
    for type in (
        T.NOTICE_TYPE_PAYMENT_SCHEDULED,
        T.NOTICE_TYPE_PAYMENT_RESCHEDULED,
        T.NOTICE_TYPE_PAYMENT_CANCELLED,
    ):
        (told,) = letters[type].plans.plans
        assert (told.pays_on, told.amount_minor, told.method_label) == ("2026-04-01", 4_000, "Visa 4242")
        assert told.moved_from == ("2026-03-30" if type == T.NOTICE_TYPE_PAYMENT_RESCHEDULED else "")
