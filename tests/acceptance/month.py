"""Lives through the month of `month_books` with running programs: lists, runs, and what went out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from email.message import EmailMessage
from typing import TYPE_CHECKING, Protocol

from dunlin.paynow.v1 import accounts_pb2, ledger_pb2
from dunlin.scheduler.v1 import emails_pb2, notices_pb2, scheduler_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from tests.acceptance import month_books as books
from tests.acceptance.month_books import Bill, Client
from tests.acceptance.month_oracle import COMPANY, DAYS_BEFORE, NEWEST_DAYS, RULES, SUMMARY_DAY, Mail

if TYPE_CHECKING:
    from gateway.clients import Clients

SENT = notices_pb2.NOTICE_STATE_SENT


class Place(Protocol):
    """Where the programs run."""

    @property
    def clients(self) -> Clients:
        """Stubs for all services."""
        ...

    def drain(self) -> None:
        """Waits until no work is left in any program."""
        ...

    def mails(self) -> list[EmailMessage]:
        """Every mail that went out."""
        ...


@dataclass
class Month:
    """One month of one company. `gone` are the notices of which a mail went out, with the day of each."""

    place: Place
    people: list[Client]
    gone: dict[str, Mail] = field(default_factory=dict)

    def prepare(self) -> None:
        """The books of the first day, and then every type on, what is due included."""
        stubs = self.place.clients
        calendar = scheduler_pb2.Calendar(time_zone=COMPANY, send_at="09:00", sandbox=True, automatic=False)
        stubs.scheduler.UpdateCalendar(scheduler_pb2.UpdateCalendarRequest(calendar=calendar))
        self._lists(books.FIRST_DAY)
        self.place.drain()
        for rule in stubs.scheduler.ListRules(scheduler_pb2.ListRulesRequest()).rules:
            enabled = rule.threshold_days in RULES
            stubs.scheduler.SetRuleEnabled(
                scheduler_pb2.SetRuleEnabledRequest(threshold_days=rule.threshold_days, enabled=enabled)
            )
        self.new_invoices_bring(emails_pb2.ON_NEW_INVOICE_INVOICES)
        for settings in (
            emails_pb2.EmailType(type=notices_pb2.NOTICE_TYPE_UPCOMING_PAYMENTS, days_before=DAYS_BEFORE),
            emails_pb2.EmailType(type=notices_pb2.NOTICE_TYPE_METHOD_EXPIRATION),
        ):
            self._turn_on(settings)
        stubs.emails.UpdateEmailType(
            emails_pb2.UpdateEmailTypeRequest(
                email_type=emails_pb2.EmailType(
                    type=notices_pb2.NOTICE_TYPE_INVOICE, tells_payment_date=True, newest_days=NEWEST_DAYS
                )
            )
        )
        for every, type in (
            (books.DUE_EXCLUDED, notices_pb2.NOTICE_TYPE_DUE_NOTICE),
            (books.SUMMARY_EXCLUDED, notices_pb2.NOTICE_TYPE_ACCOUNT_SUMMARY),
            (books.UPCOMING_EXCLUDED, notices_pb2.NOTICE_TYPE_UPCOMING_PAYMENTS),
        ):
            for client in self.people:
                if client.is_excluded(every):
                    stubs.scheduler.AddExclusion(
                        scheduler_pb2.AddExclusionRequest(type=type, organization_id=client.id)
                    )

    def new_invoices_bring(self, what: emails_pb2.OnNewInvoice.ValueType) -> None:
        """Turns the account summary on, with this for new invoices."""
        schedule = emails_pb2.SummarySchedule(
            day_of_month=SUMMARY_DAY, closed_days=emails_pb2.CLOSED_DAYS_AFTER
        )
        self._turn_on(
            emails_pb2.EmailType(
                type=notices_pb2.NOTICE_TYPE_ACCOUNT_SUMMARY, schedule=schedule, on_new_invoice=what
            )
        )

    def _turn_on(self, settings: emails_pb2.EmailType) -> None:
        settings.enabled = True
        self.place.clients.emails.UpdateEmailType(
            emails_pb2.UpdateEmailTypeRequest(email_type=settings, include_due=True)
        )

    def live(self, day: date) -> list[Mail]:
        """That day's lists and run; the mails that went out because of them."""
        if day != books.FIRST_DAY:
            self._lists(day)
            self.place.drain()
        stamp = Timestamp()
        stamp.FromDatetime(datetime.combine(day, time(15), UTC))
        request = scheduler_pb2.RunTickRequest(as_of=stamp)
        *_, last = self.place.clients.scheduler.RunTick(request, timeout=60)
        assert last.done
        self.place.drain()
        new = {
            notice.notice_id: _mail(notice, day)
            for notice in self._notices(notices_pb2.NOTICE_STATE_SENT)
            if notice.notice_id not in self.gone
        }
        self.gone |= new
        return list(new.values())

    def _notices(
        self, state: notices_pb2.NoticeState.ValueType = notices_pb2.NOTICE_STATE_UNSPECIFIED
    ) -> Iterator[notices_pb2.Notice]:
        token = ""
        while True:
            request = scheduler_pb2.ListNoticesRequest(page_size=1000, page_token=token, state=state)
            page = self.place.clients.scheduler.ListNotices(request)
            yield from page.notices
            token = page.next_page_token
            if not token:
                return

    def unsent(self) -> list[tuple[str, str, str]]:
        """Type, client and reason of every notice of which no mail went out."""
        return [
            (_type(notice), notice.organization_id, notice.reason)
            for notice in self._notices()
            if notice.state != SENT
        ]

    def envelopes(self) -> dict[str, tuple[str, ...]]:
        """By Message-ID, to whom each mail in the sink went."""
        return {
            mail["Message-ID"]: tuple(sorted(to.addr_spec for to in mail["To"].addresses))
            for mail in self.place.mails()
        }

    def expected_envelopes(self) -> dict[str, tuple[str, ...]]:
        """The same for the notices of which a mail went out, by the ledger and the clients' addresses."""
        emails = {client.id: tuple(sorted(client.emails)) for client in self.people}
        return {notice.message_id: emails[notice.organization_id] for notice in self._notices(SENT)}

    def _lists(self, day: date) -> None:
        """What the accounting side sends on that day."""
        lines = [
            _line(number, client, bill, day)
            for number, (client, bill) in enumerate(_bills(self.people, day), start=2)
        ]
        stubs = self.place.clients
        report = stubs.ledger.SyncBooks(iter(_in_parts(lines)), timeout=60)
        assert report.refused == 0, report.refusals[:3]
        known = {line.organization_id for line in lines}
        methods = [record for client in self.people if client.id in known for record in _methods(client, day)]
        taken = stubs.accounts.SyncMethods(
            iter([accounts_pb2.SyncMethodsRequest(records=methods)]), timeout=60
        )
        assert taken.refused == 0, taken.refusals[:3]
        plans = [record for client in self.people if client.id in known for record in _plans(client, day)]
        taken = stubs.accounts.SyncPlans(iter([accounts_pb2.SyncPlansRequest(records=plans)]), timeout=60)
        assert taken.refused == 0, taken.refusals[:3]


def _bills(people: Iterable[Client], day: date) -> Iterator[tuple[Client, Bill]]:
    for client in people:
        for bill in client.bills:
            if bill.listed <= day:
                yield client, bill


def _line(number: int, client: Client, bill: Bill, day: date) -> ledger_pb2.SyncRecord:
    is_owed = bill.owed_on(day)
    return ledger_pb2.SyncRecord(
        line=number,
        organization_id=client.id,
        organization_name=f"Client {client.number} Ltd",
        organization=ledger_pb2.OrganizationDetails(time_zone=client.zone, language=client.language),
        contact_name=f"Ana {client.number}",
        contact_emails=client.emails,
        invoice_number=bill.number,
        issued_on=bill.issued.isoformat(),
        due_on=bill.due.isoformat(),
        currency="EUR" if client.language else "USD",
        amount="250.00",
        balance="250.00" if is_owed else "0.00",
        status="open" if is_owed else "paid",
    )


def _in_parts(lines: list[ledger_pb2.SyncRecord]) -> Iterator[ledger_pb2.SyncBooksRequest]:
    for at in range(0, len(lines), 1000):
        yield ledger_pb2.SyncBooksRequest(records=lines[at : at + 1000])


def _methods(client: Client, day: date) -> Iterator[accounts_pb2.MethodRecord]:
    for card in client.cards:
        status = "active"
        if card.failed is not None and card.failed <= day:
            status = "failed"
        if card.deleted is not None and card.deleted <= day:
            status = "deleted"
        yield accounts_pb2.MethodRecord(
            line=2,
            organization_id=client.id,
            method_id=card.method_id,
            kind="card",
            brand="Visa",
            last_four="4242",
            expires=f"{card.year}-{card.month:02}",
            status=status,
            failure_reason="CARD_DECLINED" if status == "failed" else "",
        )


def _plans(client: Client, day: date) -> Iterator[accounts_pb2.PlanRecord]:
    if client.autopay_days is not None:
        autopay = accounts_pb2.AutopayRecord(status="on", days_after_due=str(client.autopay_days))
        yield accounts_pb2.PlanRecord(line=2, organization_id=client.id, autopay=autopay)
    told = [one for one in client.schedulings if one.told <= day]
    if told:
        newest = told[-1]
        scheduled = accounts_pb2.ScheduledRecord(
            scheduled_id=newest.scheduled_id,
            invoice_number=newest.number,
            pays_on=newest.pays_on.isoformat(),
            status=newest.status,
        )
        yield accounts_pb2.PlanRecord(line=2, organization_id=client.id, scheduled=scheduled)


def _type(notice: notices_pb2.Notice) -> str:
    return notices_pb2.NoticeType.Name(notice.type).removeprefix("NOTICE_TYPE_").lower()


def _mail(notice: notices_pb2.Notice, day: date) -> Mail:
    """A notice as the oracle tells it."""
    type = _type(notice)
    about = notice.invoice_number
    if type == "due_notice":
        about = f"{notice.invoice_number} {notice.threshold_days}"
    elif type in ("account_summary", "upcoming_payments"):
        said = notice.occurrence.partition("|")[2]
        about = "new" if said.startswith("new:") else said
    elif type == "method_expiration":
        _, method, month, what = notice.occurrence.split("|")
        about = " ".join([method, month, *what.split(":")])
    elif type == "method_failed":
        about = notice.occurrence.split("|")[1]
    return Mail(day, type, notice.organization_id, about)
