"""Which tokens the templates of each type may use, what they stand for, and how a palette groups them."""

from collections.abc import Iterator
from dataclasses import dataclass

from services.mailer.domain.templates import TemplateType as T


@dataclass(frozen=True)
class Group:
    """Tokens under one heading, each with what it stands for in words for staff."""

    heading: str
    tokens: dict[str, str]


_CLIENT = Group(
    "Client",
    {
        "contact.name": "The name of the contact the mail goes to; the client's if there is none",
        "organization.name": "The client's name",
    },
)
_INVOICE_TOKENS = {
    "invoice.number": "The invoice's number",
    "invoice.amount": "The invoice's full amount",
    "invoice.balance": "The remaining balance",
    "invoice.issued_on": "The date of the invoice",
    "invoice.due_on": "The date the invoice is due",
}
_INVOICE = Group("Invoice", _INVOICE_TOKENS)
_NEW_INVOICE = Group(
    "Invoice",
    _INVOICE_TOKENS
    | {
        "invoice.paid_by_itself": "That AutoPay or a scheduled payment will pay it and when, in a sentence;"
        " empty otherwise. The mail says so by itself below the facts",
    },
)
_DUE = Group(
    "Due date",
    {
        "due.days": "Days until the due date, or since; a number",
        "due.days_text": "The same in words: “3 days”, “1 day”, “today”",
        "due.when": "The same in a sentence: “in 3 days”, “today”, “3 days ago”",
    },
)
_PAYMENT_TOKENS = {
    "payment.amount": "The amount of the payment",
    "payment.method": "What was paid with, such as “Visa ending 4242”",
    "payment.date": "When the payment ended, in the client's time zone",
    "payment.balance": "The remaining balance of the invoice right after the payment",
}
_PAYMENT = Group("Payment", _PAYMENT_TOKENS)
_FAILED = Group("Payment", _PAYMENT_TOKENS | {"payment.failure": "Why the payment failed, in words"})
_PLANNED_TOKENS = {
    "payment.amount": "The amount of the payment",
    "payment.date": "The date for which it is scheduled",
    "payment.when": "The same in a sentence: “in 3 days”, “today”",
    "payment.method": "What will be paid with, such as “Visa ending 4242”; may be empty",
}
_PLANNED = Group("Payment", _PLANNED_TOKENS)
_MOVED = Group(
    "Payment",
    _PLANNED_TOKENS
    | {
        "payment.change": "What has changed, in a sentence",
        "payment.previous_date": "The date for which it was scheduled before; empty if only the amount"
        " has changed",
    },
)
_UPCOMING = Group(
    "Payments",
    {
        "payments.sentence": "How many payments, how much and when, in a sentence",
        "payments.count": "How many payments, in words: “3 payments”",
        "payments.total": "What they come to",
        "payments.first_date": "The date of the first one",
        "payments.first_when": "The same in a sentence: “in 3 days”",
    },
)
_SUMMARY = Group(
    "Summary",
    {
        "summary.sentence": "How many invoices are open, what they come to and how much of it is past due,"
        " in a sentence",
        "summary.date": "The date of the summary",
        "summary.invoices": "How many invoices are open, in words: “3 open invoices”",
        "summary.total": "What they come to",
        "summary.past_due": "How much of it is past due",
    },
)
_METHOD_TOKENS = {
    "method.name": "What the card or account is, with what the client calls it",
    "method.label": "What it is, such as “Visa ending 4242”",
    "method.nickname": "What the client calls it; may be empty",
    "method.expires": "The last month a card can be used in, such as “June 2026”",
}
_METHOD = Group("Payment method", _METHOD_TOKENS)
_UNUSABLE = Group("Payment method", _METHOD_TOKENS | {"method.failure": "Why it cannot be used, in words"})
_ACCESS = Group(
    "Access",
    {
        "access.link": "The address that opens the portal, once, to whom the mail goes; hidden in a subject",
        "access.valid_for": "How long this link opens it: “24 hours”",
    },
)
_PAY = Group(
    "Links",
    {
        "pay.link": "The address of the page where the invoice can be paid",
        "portal.link": "The address of the portal",
    },
)
_PORTAL = Group("Links", {"portal.link": "The address of the portal"})
_COMPANY = Group(
    "Our company",
    {
        "company.name": "Our name",
        "company.phone": "Our telephone number",
        "company.address": "Our postal address",
        "company.reach_us": "How to reach us, in a sentence: “reply to this email”, or else “call us at ...”",
    },
)

_GROUPS: dict[T, tuple[Group, ...]] = {
    T.DUE_NOTICE_BEFORE: (_CLIENT, _INVOICE, _DUE, _PAY, _COMPANY),
    T.DUE_NOTICE_AFTER: (_CLIENT, _INVOICE, _DUE, _PAY, _COMPANY),
    T.PAYMENT_SUCCEEDED: (_CLIENT, _INVOICE, _PAYMENT, _PAY, _COMPANY),
    T.PAYMENT_FAILED: (_CLIENT, _INVOICE, _FAILED, _PAY, _COMPANY),
    T.PAYMENT_SCHEDULED: (_CLIENT, _INVOICE, _PLANNED, _PAY, _COMPANY),
    T.PAYMENT_RESCHEDULED: (_CLIENT, _INVOICE, _MOVED, _PAY, _COMPANY),
    T.PAYMENT_CANCELLED: (_CLIENT, _INVOICE, _PLANNED, _PAY, _COMPANY),
    T.METHOD_FAILED: (_CLIENT, _UNUSABLE, _PORTAL, _COMPANY),
    T.WELCOME: (_CLIENT, _ACCESS, _PORTAL, _COMPANY),
    T.PASSWORD_RESET: (_CLIENT, _ACCESS, _PORTAL, _COMPANY),
    T.ACCOUNT_SUMMARY: (_CLIENT, _SUMMARY, _PORTAL, _COMPANY),
    T.INVOICE: (_CLIENT, _NEW_INVOICE, _PAY, _COMPANY),
    T.UPCOMING_PAYMENTS: (_CLIENT, _UPCOMING, _PORTAL, _COMPANY),
    T.METHOD_EXPIRING: (_CLIENT, _METHOD, _PORTAL, _COMPANY),
    T.METHOD_EXPIRED: (_CLIENT, _METHOD, _PORTAL, _COMPANY),
}


def groups_of(type: T) -> tuple[Group, ...]:
    """The tokens that the type knows, in the order in which a palette should show them."""
    return _GROUPS[type]


def tokens_of(type: T) -> dict[str, str]:
    """Name and meaning of each token that the type knows, in the same order."""
    return {name: meaning for group in _GROUPS[type] for name, meaning in group.tokens.items()}


def _all() -> Iterator[str]:
    for type in T:
        yield from tokens_of(type)


ALL_TOKENS = frozenset(_all())
"""Every token of any type."""
