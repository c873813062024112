"""The second look: whether a notice that was decided may go out now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from services.scheduler.domain import reasons
from services.scheduler.domain.books import Invoice, Recipient, Subject
from services.scheduler.domain.notice import Known, Notice, NoticeType, State
from services.scheduler.domain.thresholds import applies


class Yes(NamedTuple):
    """It may go out, to these; `days_past_due` is 0 for receipts."""

    recipients: tuple[Recipient, ...]
    days_past_due: int


class No(NamedTuple):
    """It may not: where that puts it, and why."""

    state: State
    reason: str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the second look at one notice sees.

    `rules` are all rules, with whether each is on; `siblings` the notices of the same invoice.
    """

    subject: Subject | None
    today: date
    rules: Mapping[int, bool]
    siblings: Iterable[Known]
    excluded: bool


def look_again(notice: Notice, seen: Circumstances) -> Yes | No:
    """The verdict on a notice that is queued or held, as things stand now."""
    if seen.subject is None:
        return No(State.SKIPPED, reasons.INVOICE_MISSING)
    if notice.type is not NoticeType.DUE_NOTICE:
        return _receipt(notice, seen.subject)
    return _rule(notice, seen.rules) or _due(notice, seen.subject, seen)


def _receipt(notice: Notice, subject: Subject) -> Yes | No:
    """A receipt needs an address only; who paid always hears of it."""
    recipients = subject.addressees
    payer = notice.payment.payer_email if notice.payment else ""
    if payer and payer.casefold() not in {recipient.email.casefold() for recipient in recipients}:
        recipients = (*recipients, Recipient("", payer))
    return Yes(recipients, 0) if recipients else No(State.SKIPPED, reasons.NO_ADDRESS)


def _rule(notice: Notice, rules: Mapping[int, bool]) -> No | None:
    if notice.threshold not in rules:
        return No(State.SKIPPED, reasons.RULE_REMOVED)
    return None if rules[notice.threshold] else No(State.SKIPPED, reasons.RULE_DISABLED)


def _due(notice: Notice, subject: Subject, seen: Circumstances) -> Yes | No:
    invoice = subject.invoice
    days = (seen.today - invoice.due_on).days if invoice.due_on else 0
    no = _moot(notice, invoice, days) or _overtaken(notice, seen, days)
    if no:
        return no
    if seen.excluded:
        return No(State.SKIPPED, reasons.ORGANIZATION_EXCLUDED)
    if invoice.reserved_minor >= invoice.balance_minor:
        return No(State.HELD, reasons.PAYMENT_UNDER_WAY)
    if not subject.addressees:
        return No(State.SKIPPED, reasons.NO_ADDRESS)
    return Yes(subject.addressees, days)


def _moot(notice: Notice, invoice: Invoice, days: int) -> No | None:
    """Whether the notice has lost its object."""
    if invoice.status != "open":
        return No(State.SKIPPED, reasons.NOT_OPEN)
    if invoice.balance_minor <= 0:
        return No(State.SKIPPED, reasons.NOTHING_LEFT_TO_PAY)
    if invoice.due_on is None or invoice.due_on != notice.due_on:
        return No(State.SKIPPED, reasons.DUE_DATE_CHANGED)
    return None if applies(notice.threshold, days) else No(State.SKIPPED, reasons.NO_LONGER_DUE)


def _overtaken(notice: Notice, seen: Circumstances, days: int) -> No | None:
    """A larger threshold that was sent or is queued goes first; one that waits, while its rule holds."""
    for other in seen.siblings:
        if other.due_on != notice.due_on or other.threshold <= notice.threshold:
            continue
        if other.state is State.SENT:
            return No(State.SUPERSEDED, reasons.LARGER_THRESHOLD_SENT)
        waits = other.state in (State.HELD, State.FAILED)
        holds = seen.rules.get(other.threshold, False) and applies(other.threshold, days)
        if other.state is State.QUEUED or (waits and holds):
            return No(State.SUPERSEDED, reasons.SUPERSEDED)
    return None
