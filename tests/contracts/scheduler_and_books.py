"""A whole scheduler before real books, both on a database, and a mailer that keeps what it is handed.

The days that runs are for lie far ahead, so that no test depends on the day it runs on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from pathlib import Path

import grpc
from dunlin.events.v1 import events_pb2
from dunlin.mailer.v1 import mailer_pb2_grpc
from dunlin.paynow.v1 import accounts_pb2, accounts_pb2_grpc, ledger_pb2, ledger_pb2_grpc
from dunlin.scheduler.v1 import emails_pb2, letters_pb2, notices_pb2
from dunlin.scheduler.v1 import scheduler_pb2 as pb

from services.paynow.domain.links import PayLinks
from services.paynow.repository.accounts_writer import SqlAccounts
from services.paynow.repository.books import SqlLedger
from services.paynow.servicer_accounts import AccountsServicer
from services.paynow.servicer_ledger import LedgerServicer
from services.shared.clock import SystemClock
from services.shared.database import Database
from services.shared.wire import timestamp
from tests.contracts.scheduler_program import OpenScheduler, Scheduler, scheduler_before
from tests.fakes.paynow_payments import MIGRATIONS
from tests.fakes.scheduler_servers import Mailroom
from tests.servers import MigratedUrl

T = notices_pb2.NoticeType
SUMMARY, UPCOMING = T.NOTICE_TYPE_ACCOUNT_SUMMARY, T.NOTICE_TYPE_UPCOMING_PAYMENTS
CARDS, DUE, INVOICE = T.NOTICE_TYPE_METHOD_EXPIRATION, T.NOTICE_TYPE_DUE_NOTICE, T.NOTICE_TYPE_INVOICE
WELCOME = T.NOTICE_TYPE_WELCOME


class Office(Scheduler):
    """The scheduler, the books that it asks, and what the mailer was handed."""

    def __init__(self, scheduler: OpenScheduler, books: grpc.Channel, mailroom: Mailroom) -> None:
        super().__init__(*scheduler)
        self.ledger = ledger_pb2_grpc.LedgerServiceStub(books)
        self.accounts = accounts_pb2_grpc.AccountsServiceStub(books)
        self._mailroom = mailroom
        self.set_calendar(time_zone="UTC")

    def set_calendar(self, *, time_zone: str) -> None:
        """The company's time zone; runs may be for any day."""
        calendar = pb.Calendar(time_zone=time_zone, send_at="09:00", sandbox=True)
        self.scheduler.UpdateCalendar(pb.UpdateCalendarRequest(calendar=calendar))

    def take_in(self, *records: ledger_pb2.SyncRecord) -> None:
        """Invoices."""
        report = self.ledger.SyncBooks(iter([ledger_pb2.SyncBooksRequest(records=records)]))
        assert report.refused == 0, report

    def take_in_cards(self, *records: accounts_pb2.MethodRecord) -> None:
        """Methods on file."""
        report = self.accounts.SyncMethods(iter([accounts_pb2.SyncMethodsRequest(records=records)]))
        assert report.refused == 0, report

    def schedule(self, organization_id: str, number: str, *days: date) -> None:
        """Payments of 40.00 each on these days."""
        records = [
            accounts_pb2.PlanRecord(
                line=line,
                organization_id=organization_id,
                scheduled=accounts_pb2.ScheduledRecord(
                    scheduled_id=f"{number} {on}",
                    invoice_number=number,
                    pays_on=on.isoformat(),
                    amount="40.00",
                    status="scheduled",
                ),
            )
            for line, on in enumerate(days, 1)
        ]
        self.take_in_plans(*records)

    def take_in_plans(self, *records: accounts_pb2.PlanRecord) -> None:
        """AutoPay and scheduled payments."""
        report = self.accounts.SyncPlans(iter([accounts_pb2.SyncPlansRequest(records=records)]))
        assert report.refused == 0, report

    def turn_on(self, settings: emails_pb2.EmailType) -> None:
        """Whatever is due by then goes as well."""
        settings.enabled = True
        self.emails.UpdateEmailType(emails_pb2.UpdateEmailTypeRequest(email_type=settings, include_due=True))

    def set_rule(self, threshold_days: int, *, on: bool) -> None:
        """Turns a rule of due notices on or off."""
        rule = pb.SetRuleEnabledRequest(threshold_days=threshold_days, enabled=on)
        self.scheduler.SetRuleEnabled(rule)

    def exclude(self, type: notices_pb2.NoticeType, organization_id: str) -> None:
        """Puts it on the list of that type."""
        self.scheduler.AddExclusion(pb.AddExclusionRequest(type=type, organization_id=organization_id))

    def excluded(self) -> set[tuple[notices_pb2.NoticeType, str]]:
        """Types and organizations that have a decision not to be told for it."""
        return {
            (one.type, one.organization_id) for one in self.notices() if one.reason == "ORGANIZATION_EXCLUDED"
        }

    def send_what_waits(self) -> None:
        """All that is queued leaves."""
        for notice in self.notices():
            if notice.state == notices_pb2.NOTICE_STATE_QUEUED:
                self.hear(message_sent=events_pb2.MessageSent(notice_id=notice.notice_id, message_id="<m@x>"))

    def run_for(self, day: date) -> list[letters_pb2.Letter]:
        """The letters of what a run for that day hands to the mailer, all of which may go."""
        before = len(self._mailroom.accepted)
        at = timestamp(datetime.combine(day, time(12), UTC))
        list(self.scheduler.RunTick(pb.RunTickRequest(as_of=at)))
        self.run("dispatch")
        letters = []
        for handed in self._mailroom.accepted[before:]:
            review = self.review(handed.notice_id)
            assert review.HasField("letter"), f"decided, and then {review}"
            letters.append(review.letter)
        return letters


@contextmanager
def open_office(kind: str, tmp_path: Path, migrated_url: MigratedUrl) -> Iterator[Office]:
    """Everything on databases of that kind, with empty books, in UTC."""
    database = Database(migrated_url(kind, MIGRATIONS))
    links, clock, mailroom = PayLinks("a key that is long enough"), SystemClock(), Mailroom()
    ledger = LedgerServicer(ledger=SqlLedger(database), tokens=links, clock=clock)
    accounts = AccountsServicer(accounts=SqlAccounts(database), tokens=links, clock=clock)

    def add(server: grpc.Server) -> None:
        ledger_pb2_grpc.add_LedgerServiceServicer_to_server(ledger, server)
        accounts_pb2_grpc.add_AccountsServiceServicer_to_server(accounts, server)
        mailer_pb2_grpc.add_MailerServiceServicer_to_server(mailroom, server)

    with scheduler_before(add, kind, tmp_path, migrated_url) as (scheduler, books):
        yield Office(scheduler, books, mailroom)
    database.dispose()
