"""The second look: whether a notice that was decided may go out now, and to whom."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from services.scheduler.domain import reasons
from services.scheduler.domain.about import Card, PayDay
from services.scheduler.domain.books import Account, Contact, Invoice, Recipient, Subject
from services.scheduler.domain.campaigns import Campaign, CampaignState, left
from services.scheduler.domain.closed import closed
from services.scheduler.domain.email_types import EmailType, OnNewInvoice
from services.scheduler.domain.hours import Wait
from services.scheduler.domain.notice import Known, Lane, Leaving, Notice, NoticeType, State
from services.scheduler.domain.occurrences import expiry_of
from services.scheduler.domain.overtaking import is_no_longer_news, is_told_by_another
from services.scheduler.domain.thresholds import applies
from services.scheduler.domain.whom import keys_of, who_can_be_told
from services.shared.addresses import compared


class Yes(NamedTuple):
    """It may go out, to these; `days_past_due` is 0 but for due notices.

    `paused_invoices` are those of a summary that are not to be told as past due.
    """

    recipients: tuple[Recipient, ...]
    days_past_due: int
    paused_invoices: Collection[int] = ()


class No(NamedTuple):
    """It may not: where that puts it, and why."""

    state: State
    reason: str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the second look at one notice sees; of the books only what its type is about.

    `today` is the organization's local date. `rules` are all rules, with whether each is on; `siblings` the
    due notices of the same invoice; `settings` those of the notice's type, and `summary` those of the account
    summary. `others`, for a notice that `may_be_told_by_another`, are those of its type and organization that
    are queued, and those that were sent since the first of these was decided. `paused` says whether a pause
    forbids the notice, `paused_invoices` are those of the organization that have a pause of their own.
    `campaign` is the one that it is of, and `invited` says whether its contact has got another invitation, or
    is about to. `suppressed` and `unsubscribed` are address keys, the latter of this type only. `wait` is
    what it has to wait for at this hour.
    """

    today: date
    subject: Subject | None = None
    account: Account | None = None
    contact: Contact | None = None
    rules: Mapping[int, bool] | None = None
    siblings: Iterable[Known] = ()
    excluded: bool = False
    paused: bool = False
    paused_invoices: Collection[int] = ()
    settings: EmailType | None = None
    summary: EmailType | None = None
    others: Collection[Leaving] = ()
    campaign: Campaign | None = None
    invited: bool = False
    suppressed: Collection[str] = ()
    unsubscribed: Collection[str] = ()
    wait: Wait | None = None


def look_again(notice: Notice, seen: Circumstances) -> Yes | No | Wait:
    """The verdict on a notice that is queued or held, as things stand now; a no does not wait."""
    if seen.campaign and seen.campaign.state is CampaignState.CANCELLED:
        return No(State.SKIPPED, reasons.CAMPAIGN_CANCELLED)
    verdict = _LOOKS.get(notice.type, _receipt)(notice, seen)
    if isinstance(verdict, Yes):
        verdict = _who_can_be_told(verdict, seen)
    return seen.wait if seen.wait and isinstance(verdict, Yes) else verdict


def _who_can_be_told(yes: Yes, seen: Circumstances) -> Yes | No:
    """The same without addresses that get no mail, or want none of this type."""
    able = who_can_be_told(yes.recipients, seen.suppressed, seen.unsubscribed)
    return No(State.SKIPPED, able) if isinstance(able, str) else yes._replace(recipients=able)


def _receipt(notice: Notice, seen: Circumstances) -> Yes | No:
    """A receipt needs an address only; who paid always hears of it."""
    if seen.subject is None:
        return No(State.SKIPPED, reasons.INVOICE_MISSING)
    recipients = seen.subject.addressees
    payer = notice.payment.payer_email if notice.payment else ""
    if payer and compared(payer) not in keys_of(recipients):
        recipients = (*recipients, Recipient("", payer))
    return Yes(recipients, 0)


def _due(notice: Notice, seen: Circumstances) -> Yes | No:
    if seen.subject is None:
        return No(State.SKIPPED, reasons.INVOICE_MISSING)
    invoice = seen.subject.invoice
    days = (seen.today - invoice.due_on).days if invoice.due_on else 0
    rules = seen.rules or {}
    no = (
        _rule(notice, rules) or _moot(notice, invoice, days) or _overtaken(notice, seen.siblings, rules, days)
    )
    if no:
        return no
    if no := _barred(seen):
        return no
    if invoice.reserved_minor >= invoice.balance_minor:
        return No(State.HELD, reasons.PAYMENT_UNDER_WAY)
    return Yes(seen.subject.addressees, days)


def _barred(seen: Circumstances) -> No | None:
    """Whether the organization is excluded, or a pause forbids it."""
    if seen.excluded:
        return No(State.SKIPPED, reasons.ORGANIZATION_EXCLUDED)
    return No(State.SKIPPED, reasons.PAUSED) if seen.paused else None


def _rule(notice: Notice, rules: Mapping[int, bool]) -> No | None:
    if notice.threshold not in rules:
        return No(State.SKIPPED, reasons.RULE_REMOVED)
    return None if rules[notice.threshold] else No(State.SKIPPED, reasons.RULE_DISABLED)


def _moot(notice: Notice, invoice: Invoice, days: int) -> No | None:
    """Whether the notice has lost its object."""
    if no := _closed(invoice):
        return no
    if invoice.due_on is None or invoice.due_on != notice.due_on:
        return No(State.SKIPPED, reasons.DUE_DATE_CHANGED)
    return None if applies(notice.threshold, days) else No(State.SKIPPED, reasons.NO_LONGER_DUE)


def _closed(invoice: Invoice) -> No | None:
    reason = closed(invoice.status, invoice.balance_minor)
    return No(State.SKIPPED, reason) if reason else None


def _overtaken(notice: Notice, siblings: Iterable[Known], rules: Mapping[int, bool], days: int) -> No | None:
    """A larger threshold that was sent or is queued goes first; one that waits, while its rule holds."""
    for other in siblings:
        if other.due_on != notice.due_on or other.threshold <= notice.threshold:
            continue
        if other.state is State.SENT:
            return No(State.SUPERSEDED, reasons.LARGER_THRESHOLD_SENT)
        waits = other.state in (State.HELD, State.FAILED)
        holds = rules.get(other.threshold, False) and applies(other.threshold, days)
        if other.state is State.QUEUED or (waits and holds):
            return No(State.SUPERSEDED, reasons.SUPERSEDED)
    return None


def _summary(notice: Notice, seen: Circumstances) -> Yes | No:
    """All open invoices; one sent by hand goes out whether or not the type is on."""
    if seen.account is None:
        return No(State.SKIPPED, reasons.ORGANIZATION_MISSING)
    if no := _needless(notice, seen):
        return no
    if notice.lane is not Lane.AT_ONCE and (no := _barred(seen)):
        return no
    if not seen.account.payable:
        return No(State.SKIPPED, reasons.NOTHING_OPEN)
    if notice.lane is not Lane.AT_ONCE and _asks_for_nothing(seen.account, seen):
        return No(State.SKIPPED, reasons.PAUSED)
    return Yes(seen.account.addressees, 0, seen.paused_invoices)


def _needless(notice: Notice, seen: Circumstances) -> No | None:
    """Whether nothing brings it any more, or another one says all that it would."""
    is_off = seen.settings is None or not seen.settings.enabled
    if notice.lane is Lane.USUAL and (is_off or is_no_longer_news(notice.occurrence, seen.settings)):
        return No(State.SKIPPED, reasons.EMAIL_TYPE_OFF)
    return _told_by_another(notice, seen)


def _told_by_another(notice: Notice, seen: Circumstances) -> No | None:
    is_told = is_told_by_another(notice, seen.others, seen.settings)
    return No(State.SUPERSEDED, reasons.TOLD_BY_ANOTHER) if is_told else None


def _asks_for_nothing(account: Account, seen: Circumstances) -> bool:
    """Whether each invoice that it would list is paused."""
    listed = {one.invoice_id for one in account.payable}
    return not account.more_invoices and listed <= set(seen.paused_invoices)


def _invoice(notice: Notice, seen: Circumstances) -> Yes | No:
    """One invoice; a new one is told as long as new invoices bring notifications."""
    if seen.subject is None:
        return No(State.SKIPPED, reasons.INVOICE_MISSING)
    told = seen.summary
    is_off = told is None or not told.enabled or told.on_new_invoice is not OnNewInvoice.INVOICES
    if notice.lane is Lane.USUAL and is_off:
        return No(State.SKIPPED, reasons.EMAIL_TYPE_OFF)
    if notice.lane is Lane.USUAL and (no := _barred(seen)):
        return no
    invoice = seen.subject.invoice
    if no := _closed(invoice):
        return no
    if invoice.reserved_minor >= invoice.balance_minor:
        return No(State.SKIPPED, reasons.PAYMENT_UNDER_WAY)
    return Yes(seen.subject.addressees, 0)


def _upcoming(notice: Notice, seen: Circumstances) -> Yes | No:
    if seen.account is None:
        return No(State.SKIPPED, reasons.ORGANIZATION_MISSING)
    if seen.settings is None or not seen.settings.enabled:
        return No(State.SKIPPED, reasons.EMAIL_TYPE_OFF)
    if seen.excluded:
        return No(State.SKIPPED, reasons.ORGANIZATION_EXCLUDED)
    pays_on = notice.about.pays_on if isinstance(notice.about, PayDay) else None
    if pays_on is None or pays_on < seen.today or not any(p.pays_on == pays_on for p in seen.account.plans):
        return No(State.SKIPPED, reasons.NO_LONGER_UPCOMING)
    return Yes(seen.account.addressees, 0)


def _expiration(notice: Notice, seen: Circumstances) -> Yes | No:
    if seen.account is None:
        return No(State.SKIPPED, reasons.ORGANIZATION_MISSING)
    if seen.settings is None or not seen.settings.enabled:
        return No(State.SKIPPED, reasons.EMAIL_TYPE_OFF)
    card = notice.about
    if not isinstance(card, Card):
        return No(State.SKIPPED, reasons.METHOD_GONE)
    return _outdated(notice, card, seen.account, seen) or Yes(seen.account.addressees, 0)


def _outdated(notice: Notice, card: Card, account: Account, seen: Circumstances) -> No | None:
    """Whether what it says of the card is not so any more, or another one says it."""
    method = next((m for m in account.methods if m.method_id == card.method_id), None)
    if method is None:
        return No(State.SKIPPED, reasons.METHOD_GONE)
    if (method.expires_year, method.expires_month) != (card.year, card.month):
        return No(State.SKIPPED, reasons.CARD_RENEWED)
    if card.week is None and _has_expired(card, seen.today):
        return No(State.SKIPPED, reasons.CARD_HAS_EXPIRED)
    return _told_by_another(notice, seen)


def _has_expired(card: Card, today: date) -> bool:
    expiry = expiry_of(card.year, card.month, today)
    return expiry is not None and expiry.week is not None


def _of_account(notice: Notice, seen: Circumstances) -> Yes | No:
    """A receipt about a method on file."""
    if seen.account is None:
        return No(State.SKIPPED, reasons.ORGANIZATION_MISSING)
    return Yes(seen.account.addressees, 0)


def _access(notice: Notice, seen: Circumstances) -> Yes | No:
    """An invitation or new password goes to the very address that it was asked for, while that is the
    contact's.
    """
    if seen.contact is None or notice.access is None:
        return No(State.SKIPPED, reasons.CONTACT_MISSING)
    asked = compared(notice.access.email)
    email = next((email for email in seen.contact.emails if compared(email) == asked), None)
    if email is None:
        return No(State.SKIPPED, reasons.ADDRESS_GONE)
    if seen.campaign and (reason := left(seen.campaign.audience, seen.contact, invited=seen.invited)):
        return No(State.SKIPPED, reason)
    return Yes((Recipient(seen.contact.name, email),), 0)


_LOOKS: Mapping[NoticeType, Callable[[Notice, Circumstances], Yes | No]] = {
    NoticeType.DUE_NOTICE: _due,
    NoticeType.ACCOUNT_SUMMARY: _summary,
    NoticeType.INVOICE: _invoice,
    NoticeType.UPCOMING_PAYMENTS: _upcoming,
    NoticeType.METHOD_EXPIRATION: _expiration,
    NoticeType.METHOD_FAILED: _of_account,
    NoticeType.WELCOME: _access,
    NoticeType.PASSWORD_RESET: _access,
}
"""All others are receipts about one invoice."""
