"""Types of mail, mails by hand and facts as the scheduler's peers see them, on each database."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from dunlin.events.v1 import events_pb2
from dunlin.scheduler.v1 import emails_pb2 as pb
from dunlin.scheduler.v1 import notices_pb2, scheduler_pb2

from services.shared.wire import instant
from tests.contracts.scheduler_program import SchedulerProgram, refused, running
from tests.servers import DATABASES, MigratedUrl

T = notices_pb2.NoticeType
SUMMARY, INVOICE = T.NOTICE_TYPE_ACCOUNT_SUMMARY, T.NOTICE_TYPE_INVOICE
UPCOMING, EXPIRATION = T.NOTICE_TYPE_UPCOMING_PAYMENTS, T.NOTICE_TYPE_METHOD_EXPIRATION
WELCOME, RESET, DUE = T.NOTICE_TYPE_WELCOME, T.NOTICE_TYPE_PASSWORD_RESET, T.NOTICE_TYPE_DUE_NOTICE
QUEUED, SKIPPED = notices_pb2.NOTICE_STATE_QUEUED, notices_pb2.NOTICE_STATE_SKIPPED
TODAY = datetime.now(UTC).date()
ON_THE_15TH = pb.SummarySchedule(day_of_month=15, closed_days=pb.CLOSED_DAYS_SEND)


@pytest.fixture(params=DATABASES)
def peers(
    request: pytest.FixtureRequest, tmp_path: Path, migrated_url: MigratedUrl
) -> Iterator[SchedulerProgram]:
    with running(request.param, tmp_path, migrated_url) as program:
        yield program


def listed(peers: SchedulerProgram) -> dict[int, pb.EmailType]:
    found = peers.emails.ListEmailTypes(pb.ListEmailTypesRequest()).email_types
    assert [one.type for one in found] == sorted(T.values())[1:]
    return {one.type: one for one in found}


def save(peers: SchedulerProgram, settings: pb.EmailType, *, include_due: bool = False) -> pb.EmailType:
    return peers.emails.UpdateEmailType(
        pb.UpdateEmailTypeRequest(email_type=settings, include_due=include_due)
    )


def count(peers: SchedulerProgram, settings: pb.EmailType, threshold: int = 0) -> pb.EmailCount:
    return peers.emails.CountEmails(pb.CountEmailsRequest(email_type=settings, threshold_days=threshold))


def test_types_are_listed_as_they_ship_and_replaced_whole(peers: SchedulerProgram) -> None:
    shipped = listed(peers)
    assert {type for type, one in shipped.items() if one.enabled} == set(T.values()) - {
        0,
        SUMMARY,
        INVOICE,
        UPCOMING,
        EXPIRATION,
        DUE,
    }
    assert (shipped[SUMMARY].schedule.manual, shipped[UPCOMING].days_before) == (True, 3)
    assert (shipped[INVOICE].tells_payment_date, shipped[INVOICE].newest_days) == (True, 14)
    assert not any(one.HasField("next_at") or one.HasField("last_sent_at") for one in shipped.values())

    wanted = pb.EmailType(
        type=SUMMARY,
        enabled=True,
        schedule=ON_THE_15TH,
        on_new_invoice=pb.ON_NEW_INVOICE_INVOICES,
        profile_ids=["billing"],
    )
    saved = save(peers, wanted)
    assert saved == listed(peers)[SUMMARY]
    assert (saved.schedule, saved.on_new_invoice, list(saved.profile_ids)) == (
        ON_THE_15TH,
        pb.ON_NEW_INVOICE_INVOICES,
        ["billing"],
    )
    next_at = instant(saved.next_at)
    assert (next_at.day, next_at.hour, next_at.minute) == (15, 9, 0)
    assert listed(peers)[INVOICE].enabled, "by what new invoices bring"
    assert peers.notices() == [], "saving sends nothing"

    save(peers, pb.EmailType(type=INVOICE, newest_days=30))
    assert listed(peers)[INVOICE].enabled
    assert not listed(peers)[INVOICE].tells_payment_date
    save(peers, pb.EmailType(type=SUMMARY, schedule=pb.SummarySchedule(last_day=True)))
    again = listed(peers)[SUMMARY]
    assert (again.enabled, again.schedule.WhichOneof("day"), again.HasField("next_at")) == (
        False,
        "last_day",
        False,
    )
    assert not listed(peers)[INVOICE].enabled

    peers.scheduler.SetRuleEnabled(scheduler_pb2.SetRuleEnabledRequest(threshold_days=15, enabled=True))
    due = listed(peers)[DUE]
    assert due.enabled
    assert due.HasField("next_at")


def test_bad_settings_name_the_field_and_change_nothing(peers: SchedulerProgram) -> None:
    def summary(**schedule: object) -> pb.EmailType:
        return pb.EmailType(type=SUMMARY, schedule=pb.SummarySchedule(**schedule))  # type: ignore[arg-type]

    cases = [
        (pb.EmailType(type=SUMMARY), "email_type.schedule", "SCHEDULE_MISSING"),
        (summary(closed_days=pb.CLOSED_DAYS_SKIP), "email_type.schedule", "SCHEDULE_MISSING"),
        (summary(manual=True, closed_days=9), "email_type.schedule", "SCHEDULE_MISSING"),
        (summary(day_of_month=0), "email_type.schedule", "DAY_OUT_OF_RANGE"),
        (summary(day_of_month=29), "email_type.schedule", "DAY_OUT_OF_RANGE"),
        (summary(day_of_month=-1), "email_type.schedule", "DAY_OUT_OF_RANGE"),
        (pb.EmailType(type=UPCOMING), "email_type.days_before", "DAYS_OUT_OF_RANGE"),
        (pb.EmailType(type=UPCOMING, days_before=31), "email_type.days_before", "DAYS_OUT_OF_RANGE"),
        (pb.EmailType(type=INVOICE), "email_type.newest_days", "DAYS_OUT_OF_RANGE"),
        (pb.EmailType(type=INVOICE, newest_days=366), "email_type.newest_days", "DAYS_OUT_OF_RANGE"),
    ]
    before = listed(peers)
    many = pb.EmailType(type=SUMMARY, schedule=ON_THE_15TH, profile_ids=[f"p{n}" for n in range(51)])
    for settings, field, reason in [*cases, (many, "email_type.profile_ids", "TOO_MANY_PROFILES")]:
        for call in (save, count):
            refusal = refused(lambda call=call, settings=settings: call(peers, settings))  # type: ignore[misc]
            assert refusal.reason == "EMAIL_TYPE_INVALID"
            assert [(v.field, v.reason) for v in refusal.violations] == [(field, reason)]
    for type, reason in (
        (WELCOME, "TYPE_NOT_SWITCHABLE"),
        (DUE, "TYPE_NOT_SWITCHABLE"),
        (0, "TYPE_UNKNOWN"),
        (99, "TYPE_UNKNOWN"),
    ):
        settings = pb.EmailType(type=type)  # type: ignore[arg-type]
        assert refused(lambda settings=settings: save(peers, settings)).reason == reason  # type: ignore[misc]
    assert refused(lambda: count(peers, pb.EmailType(type=DUE))).reason == "THRESHOLD_OUT_OF_RANGE"
    assert listed(peers) == before


def test_counts_tell_who_would_be_told_and_write_nothing(peers: SchedulerProgram) -> None:
    summary = pb.EmailType(type=SUMMARY, schedule=ON_THE_15TH)
    found = count(peers, summary)
    assert (found.organizations, list(found.names), found.excluded) == (1, ["Acme Ltd"], 0)
    assert instant(found.next_at).day == 15
    assert [date.fromisoformat(on).day for on in found.next_dates] == [15, 15, 15]
    peers.scheduler.AddExclusion(scheduler_pb2.AddExclusionRequest(type=SUMMARY, organization_id="acme"))
    found = count(peers, summary)
    assert (found.organizations, found.excluded, list(found.names)) == (0, 1, [])
    assert listed(peers)[SUMMARY].excluded == listed(peers)[INVOICE].excluded == 1

    peers.accounts.expires = TODAY.replace(day=1) - timedelta(days=50)
    found = count(peers, pb.EmailType(type=EXPIRATION))
    assert (found.due_now, found.organizations) == (1, 0), "only with what is due already"
    save(peers, pb.EmailType(type=EXPIRATION, enabled=True), include_due=True)
    assert count(peers, pb.EmailType(type=EXPIRATION)).organizations == 1

    peers.accounts.pays_on = TODAY + timedelta(days=2)
    found = count(peers, pb.EmailType(type=UPCOMING, days_before=7))
    assert (found.due_now, list(found.names)) == (1, [])
    assert found.HasField("next_at")

    found = count(peers, pb.EmailType(type=DUE), threshold=30)
    assert (found.due_now, found.organizations, list(found.names)) == (1, 1, ["Acme Ltd"])
    found = count(peers, pb.EmailType(type=INVOICE, newest_days=14))
    assert found == pb.EmailCount()
    assert peers.notices() == []


def test_mails_by_hand_leave_at_once_and_once_for_each_request(peers: SchedulerProgram) -> None:
    e = peers.emails
    peers.scheduler.AddExclusion(scheduler_pb2.AddExclusionRequest(type=SUMMARY, organization_id="acme"))
    asks: list[Callable[[str], notices_pb2.Notice]] = [
        lambda r: e.SendSummary(pb.SendSummaryRequest(request_id=r, organization_id="acme")),
        lambda r: e.SendInvoice(pb.SendInvoiceRequest(request_id=r, invoice_id=1)),
        lambda r: e.SendWelcome(pb.SendWelcomeRequest(request_id=r, contact_id=2, email="P2@Acme.test")),
        lambda r: e.SendPasswordReset(
            pb.SendPasswordResetRequest(request_id=r, contact_id=2, email="p2@acme.test")
        ),
    ]
    sent = [ask("r-1") for ask in asks]
    assert [ask("r-1") for ask in asks] == sent
    assert {ask("r-2").notice_id for ask in asks}.isdisjoint({one.notice_id for one in sent})
    assert [one.type for one in sent] == [SUMMARY, INVOICE, WELCOME, RESET]
    assert {(one.state, one.reason) for one in sent} == {(QUEUED, "ASKED_FOR")}
    assert (sent[1].invoice_number, sent[2].contact_id, sent[2].email) == ("001", 2, "p2@acme.test")
    peers.run("dispatch")
    assert len({one.notice_id for one in peers.mailroom.accepted}) == len(peers.mailroom.accepted) == 8
    for one in sent:
        assert peers.review(one.notice_id).HasField("letter"), "though the organization is excluded"
        assert e.GetNotice(pb.GetNoticeRequest(notice_id=one.notice_id)) == one


def test_what_can_not_be_sent_by_hand_is_skipped_or_refused(peers: SchedulerProgram) -> None:
    e = peers.emails
    peers.books.invoices = [peers.books.invoice(1, balance_minor=0)]
    summary = e.SendSummary(pb.SendSummaryRequest(request_id="r", organization_id="acme"))
    invoice = e.SendInvoice(pb.SendInvoiceRequest(request_id="r", invoice_id=1))
    assert [(one.state, one.reason) for one in (summary, invoice)] == [
        (SKIPPED, "NOTHING_OPEN"),
        (SKIPPED, "NOTHING_LEFT_TO_PAY"),
    ]

    def welcome(request_id: str = "r", contact_id: int = 2, email: str = "p2@acme.test") -> object:
        return e.SendWelcome(pb.SendWelcomeRequest(request_id=request_id, contact_id=contact_id, email=email))

    cases: list[tuple[Callable[[], object], str]] = [
        (
            lambda: e.SendSummary(pb.SendSummaryRequest(request_id="r", organization_id="x")),
            "ORGANIZATION_MISSING",
        ),
        (lambda: e.SendInvoice(pb.SendInvoiceRequest(request_id="r", invoice_id=7)), "INVOICE_MISSING"),
        (lambda: welcome(contact_id=9), "CONTACT_MISSING"),
        (lambda: welcome(email="other@acme.test"), "ADDRESS_NOT_OF_CONTACT"),
        (lambda: welcome(email="no address"), "ADDRESS_NOT_OF_CONTACT"),
        (lambda: welcome(contact_id=3, email="p3@acme.test"), "PROFILE_MISSING"),
        (lambda: welcome(request_id=""), "REQUEST_ID_MALFORMED"),
        (lambda: welcome(request_id="x|y"), "REQUEST_ID_MALFORMED"),
        (lambda: e.GetNotice(pb.GetNoticeRequest(notice_id="no")), "NOTICE_MISSING"),
    ]
    assert [refused(call).reason for call, _ in cases] == [reason for _, reason in cases]
    assert len(peers.notices()) == 2


def test_an_address_that_unsubscribes_is_left_out_from_then_on(peers: SchedulerProgram) -> None:
    e = peers.emails
    sent = e.SendSummary(pb.SendSummaryRequest(request_id="r", organization_id="acme"))
    ask = pb.UnsubscribeRequest(type=SUMMARY, email="Ann@ACME.test", notice_id=sent.notice_id)
    added = e.Unsubscribe(ask)
    assert e.Unsubscribe(ask) == added
    assert (added.email, added.notice_id) == ("Ann@ACME.test", sent.notice_id)
    assert peers.review(sent.notice_id).withheld.reason == "UNSUBSCRIBED"
    checked = e.CheckAddresses(
        pb.CheckAddressesRequest(type=SUMMARY, emails=["ann@ACME.test", "b@acme.test"])
    )
    assert (list(checked.unsubscribed), list(checked.suppressed)) == (["ann@ACME.test"], [])
    e.Unsubscribe(pb.UnsubscribeRequest(type=WELCOME, email="bob@acme.test"))
    first = e.ListUnsubscriptions(pb.ListUnsubscriptionsRequest(page_size=1))
    rest = e.ListUnsubscriptions(pb.ListUnsubscriptionsRequest(page_size=1, page_token=first.next_page_token))
    assert [one.email for one in (*first.unsubscriptions, *rest.unsubscriptions)] == [
        "bob@acme.test",
        "Ann@ACME.test",
    ]
    assert (first.total, rest.next_page_token) == (2, "")
    found = count(peers, pb.EmailType(type=SUMMARY, schedule=ON_THE_15TH))
    assert (found.organizations, found.unsubscribed, found.suppressed) == (0, 1, 0)
    undo = pb.ResubscribeRequest(type=SUMMARY, email="ann@acme.test")
    assert e.Resubscribe(undo) == added
    assert refused(lambda: e.Resubscribe(undo)).reason == "UNSUBSCRIPTION_MISSING"
    for type, email, reason in (
        (DUE, "ann@acme.test", "TYPE_NOT_OPTIONAL"),
        (RESET, "ann@acme.test", "TYPE_NOT_OPTIONAL"),
        (SUMMARY, "no address", "EMAIL_MALFORMED"),
        (99, "ann@acme.test", "TYPE_UNKNOWN"),
    ):
        bad = pb.UnsubscribeRequest(type=type, email=email)  # type: ignore[arg-type]
        assert refused(lambda bad=bad: e.Unsubscribe(bad)).reason == reason  # type: ignore[misc]
    for call in (
        lambda: e.ListUnsubscriptions(pb.ListUnsubscriptionsRequest(page_token="?")),
        lambda: e.ListUnreachable(pb.ListUnreachableRequest(page_token=first.next_page_token)),
    ):
        assert refused(call).reason == "PAGE_TOKEN_INVALID"


def test_suppressed_addresses_get_nothing_until_they_are_restored(peers: SchedulerProgram) -> None:
    e = peers.emails
    sent = e.SendSummary(pb.SendSummaryRequest(request_id="r", organization_id="acme"))
    gone = events_pb2.AddressSuppressed(email="ann@acme.test", reason="BOUNCED_FOR_GOOD")
    peers.hear(address_suppressed=gone)
    assert peers.review(sent.notice_id).withheld.reason == "ADDRESSES_SUPPRESSED"
    told = e.ListUnreachable(pb.ListUnreachableRequest())
    (one,) = told.organizations
    assert (told.total, one.organization_id, one.reason, one.notices) == (
        1,
        "acme",
        "ADDRESSES_SUPPRESSED",
        1,
    )
    assert one.explanation
    found = count(peers, pb.EmailType(type=DUE), threshold=30)
    assert (found.due_now, found.unsubscribed, found.suppressed) == (0, 0, 1)
    other = e.SendSummary(pb.SendSummaryRequest(request_id="r2", organization_id="acme"))
    peers.hear(
        message_failed=events_pb2.MessageFailed(
            notice_id=other.notice_id,
            reason="Mails to ann@acme.test come back.",
            code="ADDRESSES_SUPPRESSED",
        )
    )
    notice = e.GetNotice(pb.GetNoticeRequest(notice_id=other.notice_id))
    assert (notice.state, notice.reason) == (SKIPPED, "ADDRESSES_SUPPRESSED")
    for email in ("other@acme.test", "ann@acme.test"):
        peers.hear(address_restored=events_pb2.AddressRestored(email=email))
        assert e.ListUnreachable(pb.ListUnreachableRequest()).total == 1, "it has not been told anything yet"
    third = e.SendSummary(pb.SendSummaryRequest(request_id="r3", organization_id="acme"))
    assert peers.review(third.notice_id).HasField("letter")
    assert not e.ListUnreachable(pb.ListUnreachableRequest()).organizations


def test_scheduled_payments_and_failed_methods_bring_receipts_once_each(peers: SchedulerProgram) -> None:
    def plan(revision: int, pays_on: str = "2026-04-01") -> events_pb2.PlannedPaymentFacts:
        return events_pb2.PlannedPaymentFacts(
            scheduled_id="s1",
            organization_id="acme",
            invoice_id=1,
            invoice_number="001",
            pays_on=pays_on,
            amount_minor=4_000,
            currency="USD",
            method_label="Visa 4242",
            revision=revision,
        )

    moved = events_pb2.PaymentRescheduled(plan=plan(2, "2026-04-03"), moved_from="2026-04-01")
    failed = events_pb2.MethodFailed(
        method_id="m1", organization_id="acme", label="Visa 4242", reason="CARD_DECLINED", failures=1
    )
    for _ in range(2):
        peers.hear(payment_scheduled=events_pb2.PaymentScheduled(plan=plan(1)))
        peers.hear(payment_rescheduled=moved)
        peers.hear(payment_cancelled=events_pb2.PaymentCancelled(plan=plan(3)))
        peers.hear(method_failed=failed)
    again = events_pb2.MethodFailed()
    again.CopyFrom(failed)
    again.failures = 2
    peers.hear(method_failed=again)
    peers.hear(message_bounced=events_pb2.MessageBounced(notice_id="n", email="ann@acme.test"))
    notices = peers.notices()[::-1]
    assert [(one.type, one.occurrence) for one in notices] == [
        (T.NOTICE_TYPE_PAYMENT_SCHEDULED, "acme|s1|1"),
        (T.NOTICE_TYPE_PAYMENT_RESCHEDULED, "acme|s1|2"),
        (T.NOTICE_TYPE_PAYMENT_CANCELLED, "acme|s1|3"),
        (T.NOTICE_TYPE_METHOD_FAILED, "acme|m1|1"),
        (T.NOTICE_TYPE_METHOD_FAILED, "acme|m1|2"),
    ]
    assert {one.state for one in notices} == {QUEUED}
    letters = [peers.review(one.notice_id).letter for one in notices]
    (told,) = letters[1].plans.plans
    assert (told.pays_on, told.moved_from, told.amount_minor) == ("2026-04-03", "2026-04-01", 4_000)
    assert (letters[3].method.label, letters[3].method.failure_reason) == ("Visa 4242", "CARD_DECLINED")
    peers.books.invoices.clear()
    assert peers.review(notices[2].notice_id).withheld.reason == "INVOICE_MISSING"


def test_new_invoices_of_a_sync_are_told_as_the_settings_say(peers: SchedulerProgram) -> None:
    settings = pb.EmailType(
        type=SUMMARY,
        enabled=True,
        schedule=pb.SummarySchedule(manual=True),
        on_new_invoice=pb.ON_NEW_INVOICE_INVOICES,
    )
    new = peers.books.invoice(2, issued_on=TODAY.isoformat())
    old = peers.books.invoice(3, issued_on=(TODAY - timedelta(days=20)).isoformat())
    peers.books.invoices += [new, old]

    def sync(sync_id: str) -> None:
        told = [events_pb2.RecordedInvoice(invoice_id=i, organization_id="acme") for i in (2, 3)]
        before = peers.backlog()
        peers.hear(invoices_recorded=events_pb2.InvoicesRecorded(sync_id=sync_id, invoices=told))
        assert peers.backlog() - before == (2 if listed(peers)[SUMMARY].enabled else 0)
        peers.run("new invoices")

    sync("1")
    assert peers.notices() == [], "nothing is on"
    save(peers, settings)
    sync("2")
    sync("3")
    notices = {one.invoice_number: one for one in peers.notices()}
    assert {number: (one.state, one.reason) for number, one in notices.items()} == {
        "002": (QUEUED, "NEW_INVOICE"),
        "003": (SKIPPED, "INVOICE_NOT_NEW"),
    }
    assert peers.review(notices["002"].notice_id).letter.invoice.number == "002"
    settings.on_new_invoice = pb.ON_NEW_INVOICE_SUMMARY
    save(peers, settings)
    sync("4")
    newest = peers.notices()[0]
    assert (newest.type, newest.occurrence, newest.state) == (SUMMARY, "acme|new:4", QUEUED)
    sent = events_pb2.MessageSent(notice_id=newest.notice_id, message_id="<m@x>")
    peers.hear(message_sent=sent)
    assert listed(peers)[SUMMARY].HasField("last_sent_at")
