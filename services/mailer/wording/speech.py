"""How a language writes amounts, dates, numbers and the sentences that depend on them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton
from babel.numbers import format_decimal

from services.mailer.domain.letter import Plan, Plans, Summary
from services.mailer.wording.words import Words
from services.shared.money import in_words, minor_digits


class Speech(ABC):
    """One language. Amounts are in minor units of an ISO 4217 currency; what is told is plain text."""

    tag: ClassVar[str]
    """As BCP 47 has it."""

    locale: ClassVar[str]
    """By which Babel writes dates, numbers and amounts."""

    moment_pattern: ClassVar[str]
    """Of an instant, in the letters of CLDR, without its zone."""

    words: ClassVar[Words]

    def money(self, minor: int, currency: str) -> str:
        """An amount as people write it: "$1,280.50"."""
        return _money(minor, currency, self.locale)

    def amounts(self, amounts: Sequence[tuple[int, str]]) -> str:
        """Amounts of several currencies: "$120.00 and €80.00"; "0" for none."""
        return self.listed([self.money(*amount) for amount in amounts]) or self.number(0)

    def number(self, count: int) -> str:
        """A whole number: "735,526"."""
        return _number(count, self.locale)

    def day(self, on: date | None) -> str:
        """A date that nobody can misread: "March 4, 2026"; empty for none."""
        return _day(on, "long", self.locale) if on else ""

    def short_day(self, on: date | None) -> str:
        """The same for a column of a table: "Mar 4, 2026"."""
        return _day(on, "medium", self.locale) if on else ""

    def month(self, year: int, month: int) -> str:
        """ "June 2026"; empty for month 0."""
        return format_skeleton("yMMMM", date(year, month, 1), locale=self.locale) if month else ""

    def short_month(self, year: int, month: int) -> str:
        """The same for a column of a table: "6/2026"; empty for month 0."""
        return f"{month:02}/{year}" if month else ""

    def moment(self, at: datetime, time_zone: str = "") -> str:
        """An instant in that zone, which the reader's need not be: "March 4, 2026, 8:30 AM CST"."""
        there = at.astimezone(zone(time_zone))
        text = format_datetime(there, self.moment_pattern, tzinfo=there.tzinfo, locale=self.locale)
        # CLDR puts a narrow no-break space before PM, which many mail programs show as a box.
        return f"{text} {_abbreviation(there)}".replace("\u202f", " ")

    def payment_failure(self, reason: str) -> str:
        """Why a payment failed, by its stable code; in words also for one that is new."""
        return self.words.payment_failures.get(reason, self.words.payment_failed_somehow)

    def method_failure(self, reason: str) -> str:
        """Why a card or bank account cannot be used, in the same way."""
        return self.words.method_failures.get(reason, self.words.method_failed_somehow)

    def total(self, plans: Plans) -> str:
        """What payments come to, in the order of their currencies; "more than" that if not all are known."""
        if plans.totals:
            return self.amounts([(total.amount_minor, total.currency) for total in plans.totals])
        totals: dict[str, int] = {}
        for plan in plans.plans:
            totals[plan.invoice.currency] = totals.get(plan.invoice.currency, 0) + plan.amount_minor
        text = self.amounts([(minor, currency) for currency, minor in totals.items()])
        return self.words.more_than.format(text) if plans.more_plans else text

    @abstractmethod
    def listed(self, names: Sequence[str]) -> str:
        """A list as it stands in a sentence: "Ann, Bob, and Eve"."""

    @abstractmethod
    def days(self, count: int) -> str:
        """ "3 days", "1 day", "today" for none; the sign does not matter."""

    @abstractmethod
    def when(self, days: int) -> str:
        """So many days from today: "in 3 days", "today", and for a negative number "3 days ago"."""

    @abstractmethod
    def method(self, label: str) -> str:
        """What a method is, of the label that the books have in English ("Visa ending 4242")."""

    @abstractmethod
    def reach_us(self, *, replies: bool, phone: str) -> str:
        """What readers with a question should do; never a reply that nobody would read."""

    @abstractmethod
    def more_invoices(self, count: int) -> str:
        """The line below a table that shows not all invoices."""

    @abstractmethod
    def more_payments(self, count: int) -> str:
        """The line below a table that shows not all payments."""

    @abstractmethod
    def open_invoices(self, count: int) -> str:
        """ "3 open invoices"."""

    @abstractmethod
    def payments(self, count: int) -> str:
        """ "3 payments"."""

    @abstractmethod
    def summary_sentence(self, summary: Summary) -> str:
        """How many invoices are open, what they come to, and how much of it is past due."""

    @abstractmethod
    def plans_sentence(self, plans: Plans, today: date) -> str:
        """What will be collected, and when."""

    @abstractmethod
    def change_sentence(self, plan: Plan) -> str:
        """What will be collected and when, after that was changed."""

    @abstractmethod
    def paid_by_itself(self, plan: Plan) -> str:
        """That an invoice will be paid by itself, and when."""


def count_of(summary: Summary) -> int:
    """How many invoices are open, shown or not."""
    return len(summary.lines) + summary.more_invoices


@lru_cache(maxsize=64)
def zone(name: str) -> tzinfo:
    """The zone of that name, UTC if it is empty or this machine does not know it."""
    # A mail in UTC is better than none where the machine does not know a zone that another one knows.
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def _abbreviation(at: datetime) -> str:
    """ "CST", or "UTC+05:30" where the zone has no letters of its own."""
    name = at.tzname() or ""
    return name if name.isalpha() else f"UTC{at.isoformat()[-6:]}"


@lru_cache(maxsize=4096)
def _money(minor: int, currency: str, locale: str) -> str:
    before, digits, after, group, decimal = _around(currency, locale, minor < 0)
    whole, rest = divmod(abs(minor), 10**digits)
    grouped = f"{whole:,}".replace(",", group)
    return f"{before}{grouped}{decimal}{rest:0{digits}}{after}" if digits else f"{before}{grouped}{after}"


@lru_cache(maxsize=512)
def _around(currency: str, locale: str, negative: bool) -> tuple[str, int, str, str, str]:
    """What stands around a number of that currency, its decimals, and what parts a number.

    Taken from how one unit is written; Babel itself takes a hundred times as long for an amount.
    """
    spoken, digits = Locale.parse(locale), minor_digits(currency)
    symbols = spoken.number_symbols["latn"]
    one = f"1{symbols['decimal']}{'0' * digits}" if digits else "1"
    before, _, after = in_words(-(10**digits) if negative else 10**digits, currency, spoken).partition(one)
    return before, digits, after, symbols["group"], symbols["decimal"]


@lru_cache(maxsize=2048)
def _day(on: date, form: str, locale: str) -> str:
    return format_date(on, form, locale=locale)


@lru_cache(maxsize=4096)
def _number(count: int, locale: str) -> str:
    return format_decimal(count, locale=locale)
