"""The books as the second look needs them: read once for all notices, each by what it is about."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from services.scheduler.domain.about import Card, PayDay
from services.scheduler.domain.books import Account, Contact, Subject
from services.scheduler.domain.calendar import Calendar
from services.scheduler.domain.email_types import EmailType
from services.scheduler.domain.notice import PORTAL_ACCESS, Notice, NoticeType
from services.scheduler.ports_peers import Accounts, Ledger
from services.shared.clock import Clock

OF_ACCOUNTS = frozenset(
    {
        NoticeType.ACCOUNT_SUMMARY,
        NoticeType.UPCOMING_PAYMENTS,
        NoticeType.METHOD_EXPIRATION,
        NoticeType.METHOD_FAILED,
    }
)
"""About an organization, not one invoice."""


@dataclass(frozen=True)
class BooksSeen:
    """What the books say at one moment about the subjects of some notices.

    Summaries have accounts of their own, since they may go to other contacts; so has, by its id, a notice of
    payments that counts them from another day.
    """

    subjects: Mapping[int, Subject] = field(default_factory=dict)
    accounts: Mapping[str, Account] = field(default_factory=dict)
    summaries: Mapping[str, Account] = field(default_factory=dict)
    contacts: Mapping[int, Contact] = field(default_factory=dict)
    paying: Mapping[str, Account] = field(default_factory=dict)

    def subject(self, notice: Notice) -> Subject | None:
        """The invoice that it is about."""
        return self.subjects.get(notice.invoice_id)

    def account(self, notice: Notice) -> Account | None:
        """The organization that it is about."""
        of = self.summaries if notice.type is NoticeType.ACCOUNT_SUMMARY else self.accounts
        return self.paying.get(notice.notice_id) or of.get(notice.organization_id)

    def contact(self, notice: Notice) -> Contact | None:
        """The contact that it is for."""
        return self.contacts.get(notice.access.contact_id) if notice.access else None

    def time_zone(self, notice: Notice) -> str:
        """The organization's own time zone; empty if it has none."""
        found = self.subject(notice) or self.account(notice)
        return found.time_zone if found else ""

    def language(self, notice: Notice) -> str:
        """The organization's own language; empty if it has none."""
        found = self.subject(notice) or self.account(notice) or self.contact(notice)
        return found.language if found else ""


def read_books(
    notices: Collection[Notice],
    summary: EmailType,
    calendar: Calendar,
    clock: Clock,
    *,
    ledger: Ledger,
    accounts: Accounts,
) -> BooksSeen:
    """Asks the ledger about all of them; one question for each kind of subject.

    Payments that were to be made by themselves before the organization's own date do not count, nor do those
    of that date beside later ones, as in a run: the balance may well be what such a payment has left. Which
    date that is the books say, so those that tell of payments where it is not the company's are asked about
    again, date by date.
    """
    today = min((today_of(n, "", calendar, clock) for n in notices), default=calendar.date_at(clock.now()))
    invoices = {n.invoice_id for n in notices if n.type not in OF_ACCOUNTS and n.type not in PORTAL_ACCESS}
    of_accounts = [n for n in notices if n.type in OF_ACCOUNTS]
    summaries = {n.organization_id for n in of_accounts if n.type is NoticeType.ACCOUNT_SUMMARY}
    others = {n.organization_id for n in of_accounts if n.type is not NoticeType.ACCOUNT_SUMMARY}
    method_ids = {n.about.method_id for n in of_accounts if isinstance(n.about, Card)}
    pay_days = {n.about.pays_on for n in of_accounts if isinstance(n.about, PayDay)}
    contacts = {n.access.contact_id for n in notices if n.access}

    def subjects_on(on: date, ids: Collection[int]) -> Mapping[int, Subject]:
        return ledger.subjects(ids, with_pay_tokens=True, today=on) if ids else {}

    def accounts_on(on: date, ids: Collection[str]) -> Mapping[str, Account]:
        return accounts.accounts(ids, today=on, pay_days=pay_days, method_ids=method_ids) if ids else {}

    tomorrow = today + timedelta(days=1)
    books = BooksSeen(
        subjects_on(today, invoices),
        accounts_on(tomorrow, others),
        _summaries(summaries, summary, today, accounts) if summaries else {},
        accounts.contacts_by_id(contacts) if contacts else {},
    )
    invoices_on: defaultdict[date, set[int]] = defaultdict(set)
    paying_on: defaultdict[date, list[Notice]] = defaultdict(list)
    for notice in notices:
        own = today_of(notice, books.time_zone(notice), calendar, clock)
        if notice.type is NoticeType.INVOICE and own != today:
            invoices_on[own].add(notice.invoice_id)
        if isinstance(notice.about, PayDay) and (first := _first(notice.about, own)) != tomorrow:
            paying_on[first].append(notice)
    subjects, paying = dict(books.subjects), dict(books.paying)
    for on, ids in invoices_on.items():
        subjects |= subjects_on(on, ids)
    for on, those in paying_on.items():
        found = accounts_on(on, {notice.organization_id for notice in those})
        paying |= {n.notice_id: found[n.organization_id] for n in those if n.organization_id in found}
    return replace(books, subjects=subjects, paying=paying)


def _first(pay_day: PayDay, today: date) -> date:
    """The day from which on payments count: tomorrow, as for whom a run tells, unless today's are told."""
    return today if pay_day.pays_on <= today else today + timedelta(days=1)


def _summaries(
    organization_ids: Collection[str], settings: EmailType, today: date, accounts: Accounts
) -> Mapping[str, Account]:
    return accounts.accounts(
        organization_ids, profile_ids=settings.profile_ids, with_pay_tokens=True, today=today
    )


def today_of(notice: Notice, time_zone: str, calendar: Calendar, clock: Clock) -> date:
    """The organization's date that counts: that of the instant it was decided for, if a sandbox had its clock
    set.
    """
    set_to = notice.as_of if calendar.settings.sandbox else None
    return calendar.date_at(set_to or clock.now(), time_zone)
