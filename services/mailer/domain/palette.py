"""Which tokens the templates of each type may use, and what they stand for."""

from services.mailer.domain.templates import TemplateType

_COMMON = {
    "contact.name": "The name of the contact the mail goes to; the organization's if there is none",
    "organization.name": "The client's name",
    "invoice.number": "The invoice's number",
    "invoice.amount": "The invoice's full amount",
    "invoice.balance": "The remaining balance",
    "invoice.issued_on": "The date of the invoice",
    "invoice.due_on": "The date the invoice is due",
}
_DUE = {
    "due.days": "Days until the due date, or since; a number",
    "due.days_text": "The same in words: “3 days”, “1 day”, “today”",
    "due.when": "The same in a sentence: “in 3 days”, “today”, “3 days ago”",
}
_PAYMENT = {
    "payment.amount": "The amount of the payment",
    "payment.method": "What was paid with, such as “Visa ending 4242”",
    "payment.date": "When the payment ended, in the company's time zone",
    "payment.balance": "The remaining balance of the invoice right after the payment",
}
_FAILURE = {"payment.failure": "Why the payment failed, in words"}
_COMPANY = {
    "company.name": "Our name",
    "company.phone": "Our telephone number",
    "company.address": "Our postal address",
    "company.reach_us": "How to reach us, in a sentence: “reply to this email”, or else “call us at ...”",
}
_LINK = {"pay.link": "The address of the page where the invoice can be paid"}

_TOKENS: dict[TemplateType, dict[str, str]] = {
    TemplateType.DUE_NOTICE_BEFORE: _COMMON | _DUE | _LINK | _COMPANY,
    TemplateType.DUE_NOTICE_AFTER: _COMMON | _DUE | _LINK | _COMPANY,
    TemplateType.PAYMENT_SUCCEEDED: _COMMON | _PAYMENT | _LINK | _COMPANY,
    TemplateType.PAYMENT_FAILED: _COMMON | _PAYMENT | _FAILURE | _LINK | _COMPANY,
}

ALL_TOKENS = frozenset(name for tokens in _TOKENS.values() for name in tokens)
"""Every token of any type."""


def tokens_of(type: TemplateType) -> dict[str, str]:
    """Name and meaning of each token that the type knows, in the order a palette should show them."""
    return dict(_TOKENS[type])
