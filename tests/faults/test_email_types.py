"""What brings mails beside due notices goes on where it was when it is killed: nothing twice, nothing lost.

The mass welcome has a file of its own.
"""

from __future__ import annotations

import smtplib
import sqlite3
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from dunlin.mailer.v1 import messages_pb2, sending_pb2
from dunlin.paynow.v1 import accounts_pb2
from dunlin.scheduler.v1 import emails_pb2, notices_pb2

from tests.e2e.acts import drain, email_of, record, set_calendar, set_rules, sync, tick, wait_until
from tests.e2e.company import Company, running_company
from tests.fakes.mailer_reports import dsn
from tests.faults import evidence
from tests.faults.insist import insist
from tests.servers import free_port

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

SUMMARY = notices_pb2.NOTICE_TYPE_ACCOUNT_SUMMARY
UPCOMING = notices_pb2.NOTICE_TYPE_UPCOMING_PAYMENTS
EXPIRATION = notices_pb2.NOTICE_TYPE_METHOD_EXPIRATION
INVOICE = notices_pb2.NOTICE_TYPE_INVOICE

REPORTS, REPORTED = 45, (5, 20, 35)
"""Mails that come back, and how many have when the mailer is killed."""

LISTS, IN_LIST = 3, 700
"""More than what is decided on at once."""

CLIENTS = 1_300
"""The same."""

DAY = date(2025, 3, 3)

INVOICES = "notices WHERE type = 'invoice'"


@pytest.fixture(scope="module")
def lmtp_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, lmtp_port: int) -> Iterator[Company]:
    home: Path = tmp_path_factory.mktemp("types") / "home"
    reports = {
        "DUNLIN_BOUNCE_ADDRESS": "bounces@mail.test",
        "DUNLIN_BOUNCES_LMTP_LISTEN": f"127.0.0.1:{lmtp_port}",
    }
    with running_company(home, **reports) as company:
        set_calendar(company.clients)
        set_rules(company.clients)
        yield company


@pytest.fixture
def silent(company: Company) -> Iterator[Company]:
    """The company while no mail leaves: what is decided and handed over once leaves once, as others test."""
    set_stopped(company, stopped=True)
    yield company
    set_stopped(company, stopped=False)


def set_stopped(company: Company, *, stopped: bool) -> None:
    request = sending_pb2.SetStoppedRequest(stopped=stopped, stopped_by="sam@x.test")
    insist(lambda: company.clients.sending.SetStopped(request))


def turn_on(company: Company, settings: emails_pb2.EmailType) -> None:
    settings.enabled = True
    request = emails_pb2.UpdateEmailTypeRequest(email_type=settings, include_due=True)
    company.clients.emails.UpdateEmailType(request)


def new_invoices_bring(company: Company, what: emails_pb2.OnNewInvoice.ValueType) -> None:
    by_hand = emails_pb2.SummarySchedule(manual=True)
    turn_on(company, emails_pb2.EmailType(type=SUMMARY, schedule=by_hand, on_new_invoice=what))


def killed(company: Company, program: str) -> None:
    """Kills a program; returns once it has started again."""
    before = company.pid(program)
    assert company.kill(program)

    def is_back() -> bool:
        try:
            return company.pid(program) != before
        except (FileNotFoundError, ValueError):
            return False

    wait_until(is_back, what=f"{program} is back")


def count(company: Company, database: str, rows: str) -> int:
    """So many of these rows are in a database, behind everybody's back."""
    with closing(sqlite3.connect(company.home.root / "db" / f"{database}.sqlite")) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {rows}").fetchone()[0])


def told(company: Company, type: notices_pb2.NoticeType.ValueType, prefix: str) -> list[notices_pb2.Notice]:
    """The notices of a type about organizations whose ids begin so."""
    found = insist(lambda: evidence.notices(company.clients))
    return [one for one in found if one.type == type and one.organization_id.startswith(prefix)]


def test_each_report_about_a_mail_that_came_back_counts_once_though_the_mailer_is_killed(
    company: Company, lmtp_port: int
) -> None:
    organizations = [f"Back{at:02}" for at in range(REPORTS)]
    sync(company.clients, *(record(one, f"B/{one}", DAY) for one in organizations))
    for one in organizations:
        request = emails_pb2.SendSummaryRequest(request_id=f"by-hand-{one}", organization_id=one)
        company.clients.emails.SendSummary(request)
    wait_until(lambda: len(company.mails()) == REPORTS, what="the mails are out", seconds=120)
    drain(company.clients)
    reports = [
        dsn(str(mail["Return-Path"]), (str(mail["X-Rcpt-To"]), "5.1.1", "550 5.1.1 no such user"))
        for mail in company.mails()
    ]
    taken: list[int] = []

    def hand_all_over() -> None:
        """As a mail server does: again and again, until it is told that the report was taken."""
        for at, (mail, report) in enumerate(zip(company.mails(), reports, strict=True)):
            path = str(mail["Return-Path"]).strip("<>")
            wait_until(lambda path=path, report=report: is_taken(lmtp_port, path, report), what="is taken")
            taken.append(at)

    with ThreadPoolExecutor(1) as mail_server:
        handing = mail_server.submit(hand_all_over)
        for some in REPORTED:
            wait_until(lambda some=some: len(taken) >= some or handing.done(), what=f"{some} have come back")
            killed(company, "mailer")
        handing.result()
        # Whoever has not heard that they were taken hands them over once more.
        mail_server.submit(hand_all_over).result()
    # Who takes reports again may not answer calls yet.
    insist(lambda: drain(company.clients))
    messages = evidence.messages(company.clients)
    bounces = [sum(e.kind == messages_pb2.MESSAGE_EVENT_KIND_BOUNCED for e in m.events) for m in messages]
    assert bounces == [1] * REPORTS
    listed = company.clients.sending.ListSuppressions(sending_pb2.ListSuppressionsRequest(page_size=200))
    assert Counter(one.email for one in listed.suppressions) == Counter(map(email_of, organizations))
    assert count(company, "scheduler", "suppressed WHERE is_suppressed") == REPORTS


def is_taken(port: int, path: str, report: bytes) -> bool:
    """Whether a report was taken; it was not if whoever took it has died, or says that it is too early."""
    try:
        with smtplib.LMTP("127.0.0.1", port, local_hostname="mx.test") as server:
            return server.sendmail("", [path], report) == {}
    except (OSError, smtplib.SMTPException):
        return False


def test_each_new_invoice_is_told_once_though_the_scheduler_is_killed(silent: Company) -> None:
    new_invoices_bring(silent, emails_pb2.ON_NEW_INVOICE_INVOICES)
    had = count(silent, "mailer", "messages")
    today = datetime.now(UTC).date()
    numbers = [f"N/{at:04}" for at in range(LISTS * IN_LIST)]
    for first in range(0, len(numbers), IN_LIST):
        lines = [
            record(f"New{number[-2:]}", number, today, issued_on=today.isoformat())
            for number in numbers[first : first + IN_LIST]
        ]
        sync(silent.clients, *lines)
        wait_until(lambda first=first: count(silent, "scheduler", INVOICES) > first, what="some are told")
        killed(silent, "scheduler")
    wanted = had + len(numbers)
    wait_until(lambda: count(silent, "mailer", "messages") >= wanted, what="all are handed over")
    assert Counter(n.invoice_number for n in told(silent, INVOICE, "New")) == Counter(numbers)
    assert count(silent, "mailer", "messages") == wanted
    new_invoices_bring(silent, emails_pb2.ON_NEW_INVOICE_NOTHING)


def test_a_run_tells_of_each_coming_payment_and_expiring_card_once_though_it_is_killed(
    silent: Company,
) -> None:
    organizations = [f"Run{at:04}" for at in range(CLIENTS)]
    sync(silent.clients, *(record(one, f"R/{one}", DAY + timedelta(days=2)) for one in organizations))
    for at in range(0, CLIENTS, 1000):
        some = organizations[at : at + 1000]
        methods = accounts_pb2.SyncMethodsRequest(records=map(card, some))
        plans = accounts_pb2.SyncPlansRequest(records=map(autopay, some))
        assert silent.clients.accounts.SyncMethods(iter([methods])).added == len(some)
        assert silent.clients.accounts.SyncPlans(iter([plans])).added == len(some)
    turn_on(silent, emails_pb2.EmailType(type=UPCOMING, days_before=3))
    turn_on(silent, emails_pb2.EmailType(type=EXPIRATION))
    kinds = ("upcoming_payments", "method_expiration")
    with ThreadPoolExecutor(1) as staff:
        run = staff.submit(lambda: insist(lambda: tick(silent.clients, DAY), seconds=120))
        for kind in kinds:
            some = f"notices WHERE type = '{kind}'"
            wait_until(lambda some=some: count(silent, "scheduler", some) > 0, what=f"some {kind} are told")
            killed(silent, "scheduler")
        run.result()
    each_once = Counter(organizations)
    assert Counter(n.organization_id for n in told(silent, UPCOMING, "Run")) == each_once
    assert Counter(n.organization_id for n in told(silent, EXPIRATION, "Run")) == each_once


def card(organization: str) -> accounts_pb2.MethodRecord:
    return accounts_pb2.MethodRecord(
        organization_id=organization, method_id="card", kind="card", last_four="4242", expires="2025-03"
    )


def autopay(organization: str) -> accounts_pb2.PlanRecord:
    return accounts_pb2.PlanRecord(
        organization_id=organization, autopay=accounts_pb2.AutopayRecord(status="on", method_id="card")
    )
