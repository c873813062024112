"""The types of mail that staff turn on and off: their settings, and what may be in them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from services.scheduler.domain.monthly import MANUAL, Monthly
from services.scheduler.domain.notice import NoticeType
from services.shared.errors import Invalid, Violation, invalid_field

MOST_PROFILES = 50
MOST_DAYS_BEFORE = 30
MOST_NEWEST_DAYS = 365

SWITCHED = (NoticeType.ACCOUNT_SUMMARY, NoticeType.UPCOMING_PAYMENTS, NoticeType.METHOD_EXPIRATION)
"""Types with a switch of their own."""

SET_BY_STAFF = (*SWITCHED, NoticeType.INVOICE)
"""Types with settings; invoice notifications are switched by what the account summary does on new invoices.
"""


class OnNewInvoice(StrEnum):
    """What a sync with new invoices of an organization brings."""

    NOTHING = "nothing"
    SUMMARY = "summary"
    INVOICES = "invoices"


@dataclass(frozen=True, slots=True)
class EmailType:
    """The settings of one type; what does not belong to the type keeps its default.

    `since`: what becomes due from that date on counts; None means whatever is due. `days_before` is how long
    before a payment upcoming payments are told. An invoice that was issued more than `newest_days` before it
    came in is not new. `profile_ids` are the client profiles whose contacts get the account summary; empty
    means the default contacts.
    """

    type: NoticeType
    enabled: bool = False
    since: date | None = None
    schedule: Monthly = MANUAL
    on_new_invoice: OnNewInvoice = OnNewInvoice.NOTHING
    profile_ids: tuple[str, ...] = ()
    days_before: int = 3
    tells_payment_date: bool = True
    newest_days: int = 14


def check_email_type(settings: EmailType) -> None:
    """`Invalid`: TYPE_NOT_SWITCHABLE without settings, EMAIL_TYPE_INVALID names each wrong field."""
    if settings.type not in SET_BY_STAFF:
        raise invalid_field(
            "email_type.type",
            "TYPE_NOT_SWITCHABLE",
            "Only the account summary, invoice notifications, upcoming payments and expiring payment methods"
            " have settings here.",
        )
    violations = list(_problems(settings))
    if violations:
        words = " ".join(violation.description for violation in violations)
        raise Invalid(words, reason="EMAIL_TYPE_INVALID", violations=violations)


def _problems(settings: EmailType) -> Iterator[Violation]:
    yield from settings.schedule.problems()
    if not 1 <= settings.days_before <= MOST_DAYS_BEFORE:
        words = f"Choose 1 to {MOST_DAYS_BEFORE} days before the payment."
        yield Violation("email_type.days_before", "DAYS_OUT_OF_RANGE", words)
    if not 1 <= settings.newest_days <= MOST_NEWEST_DAYS:
        words = f"An invoice counts as new for 1 to {MOST_NEWEST_DAYS} days after it was issued."
        yield Violation("email_type.newest_days", "DAYS_OUT_OF_RANGE", words)
    if len(settings.profile_ids) > MOST_PROFILES:
        words = f"Choose at most {MOST_PROFILES} client profiles."
        yield Violation("email_type.profile_ids", "TOO_MANY_PROFILES", words)


def resaved(old: EmailType, new: EmailType, *, today: date, include_due: bool) -> EmailType:
    """The new settings with the date that they count from.

    A type that is turned on counts what becomes due from today on, unless what is due is to be included; one
    that stays on keeps its date, so that saving it again neither forgets nor brings back anything.
    """
    if old.enabled and new.enabled:
        return replace(new, since=None if include_due else old.since)
    return replace(new, since=None if include_due else today)
