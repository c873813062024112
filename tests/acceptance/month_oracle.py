"""Which mails a month must bring with every type of mail on, told from the words of the rules alone.

Nothing here is imported from the product, so that a misreading there is not repeated here. A day is that of
15:00 UTC, which is the morning in Chicago, where the company is, and the next day in Auckland and Tokyo.

Due notices       5 days before, 15 and 30 days past due: the largest that applies, each once, none smaller
                  after a larger one. Not to the excluded.
Account summary   on the 8th, or the Monday behind it where that is a weekend; to all who owe something then.
New invoices      told in the list of a day after the first, issued at most 14 days before: at first one mail
                  for each that is owed, from the 16th day on a summary for each client with such.
Upcoming          payments that come within 3 days: once for each client and day.
Cards             a month before the last day of their last month, then weekly from the day behind it.
Receipts          a payment is scheduled, moved, cancelled; a card fails. To everybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tests.acceptance import month_books as books
from tests.acceptance.month_books import Bill, Card, Client, Scheduling

COMPANY = "America/Chicago"
RULES = (-5, 15, 30)
SUMMARY_DAY = 8
DAYS_BEFORE = 3
NEWEST_DAYS = 14
SUMMARIES_FROM = books.day(15)
"""From this day on new invoices bring a summary."""


class Mail(NamedTuple):
    """A mail that must go out on a day: which type, to whom, about what."""

    day: date
    type: str
    client: str
    about: str


def local_day(client: Client, day: date) -> date:
    """The client's own date at the instant of that day's run."""
    at = datetime.combine(day, time(15), UTC)
    return at.astimezone(ZoneInfo(client.zone or COMPANY)).date()


@dataclass
class Oracle:
    """Lives through the month; remembers what has been sent."""

    clients: list[Client]
    _due: dict[str, int] = field(default_factory=dict)
    _told: set[tuple[str, str, str]] = field(default_factory=set)

    def day(self, day: date) -> list[Mail]:
        """The mails of one day."""
        return [
            Mail(day, type, client.id, about)
            for client in self.clients
            if client.emails
            for type, about in self._of(client, day)
        ]

    def _of(self, client: Client, day: date) -> Iterator[tuple[str, str]]:
        today = local_day(client, day)
        yield from receipts(client, day)
        yield from self._new(client, day)
        if not client.is_excluded(books.DUE_EXCLUDED):
            yield from self._due_notices(client, day, today)
        if not client.is_excluded(books.SUMMARY_EXCLUDED) and owed(client, day):
            yield from self._once(client, "account_summary", summary_of(client, day, today))
        if not client.is_excluded(books.UPCOMING_EXCLUDED):
            for pays_on in sorted(pay_days(client, day)):
                if today < pays_on <= today + timedelta(days=DAYS_BEFORE):
                    yield from self._once(client, "upcoming_payments", pays_on.isoformat())
        for card in client.cards:
            yield from self._once(client, "method_expiration", expiry_of(card, day, today))

    def _once(self, client: Client, type: str, about: str) -> Iterator[tuple[str, str]]:
        if about and (client.id, type, about) not in self._told:
            self._told.add((client.id, type, about))
            yield type, about

    def _due_notices(self, client: Client, day: date, today: date) -> Iterator[tuple[str, str]]:
        for bill in owed(client, day):
            days = (today - bill.due).days
            reached = [rule for rule in RULES if (rule <= days <= 0 if rule < 0 else days >= rule)]
            largest = max(reached, default=None)
            if largest is not None and largest > self._due.get(bill.number, -1000):
                self._due[bill.number] = largest
                yield "due_notice", f"{bill.number} {largest}"

    def _new(self, client: Client, day: date) -> Iterator[tuple[str, str]]:
        if client.is_excluded(books.SUMMARY_EXCLUDED) or day == books.FIRST_DAY:
            return
        new = [
            bill
            for bill in client.bills
            if bill.listed == day and bill.owed_on(day) and day - bill.issued <= timedelta(days=NEWEST_DAYS)
        ]
        if day >= SUMMARIES_FROM:
            yield from [("account_summary", "new")] if new else []
        else:
            yield from (("invoice", bill.number) for bill in new)


def owed(client: Client, day: date) -> list[Bill]:
    """What is open in the lists of that day."""
    return [bill for bill in client.bills if bill.owed_on(day)]


def receipts(client: Client, day: date) -> Iterator[tuple[str, str]]:
    """What happened to payments and cards in that day's lists."""
    before: Scheduling | None = None
    for one in client.schedulings:
        if one.told == day:
            type = "payment_scheduled" if before is None else "payment_rescheduled"
            yield ("payment_cancelled" if one.status == "cancelled" else type), one.number
        before = one
    for card in client.cards:
        if card.failed == day:
            yield "method_failed", card.method_id


def summary_of(client: Client, day: date, today: date) -> str:
    """The date of the account summary that a run has to send; it ran the day before as well."""
    yesterday = local_day(client, day - timedelta(days=1)) if day > books.FIRST_DAY else today - timedelta(1)
    for back in range((today - yesterday).days):
        on = today - timedelta(days=back)
        if any(_falls_on(year, month) == on for year, month in ((on.year, on.month),)):
            return on.isoformat()
    return ""


def _falls_on(year: int, month: int) -> date:
    on = date(year, month, SUMMARY_DAY)
    return on + timedelta(days={5: 2, 6: 1}.get(on.weekday(), 0))


def pay_days(client: Client, day: date) -> set[date]:
    """When payments will be made by themselves, as known on that day; by hand before AutoPay."""
    newest: dict[str, Scheduling] = {}
    for one in client.schedulings:
        if one.told <= day:
            newest[one.number] = one
    found = set()
    for bill in owed(client, day):
        by_hand = newest.get(bill.number)
        if by_hand and by_hand.status == "scheduled":
            found.add(by_hand.pays_on)
        elif client.autopay_days is not None:
            found.add(bill.due + timedelta(days=client.autopay_days))
    return found


def expiry_of(card: Card, day: date, today: date) -> str:
    """What is to be said of a card on a local date: that it expires, or since how many weeks it has."""
    if card.deleted is not None and day >= card.deleted:
        return ""
    behind = date(card.year + (card.month == 12), card.month % 12 + 1, 1)
    if today >= behind:
        return f"{card.method_id} {card.year}-{card.month:02} expired {(today - behind).days // 7}"
    last = behind - timedelta(days=1)
    length = (date(last.year, last.month, 1) - timedelta(days=1)).day
    month_before = date(last.year, last.month, 1) - timedelta(days=max(length - last.day + 1, 1))
    return f"{card.method_id} {card.year}-{card.month:02} expiring" if today >= month_before else ""
