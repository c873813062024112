"""The texts that staff may edit: what addresses call each, what it is for, in which group it stands."""

from dataclasses import dataclass

from dunlin.mailer.v1.templates_pb2 import TemplateType


@dataclass(frozen=True)
class TextKind:
    """One kind of text."""

    slug: str
    """What addresses of pages call it."""
    type: TemplateType.ValueType
    group: str
    meaning: str
    """When the mail goes."""
    facts: str
    """What stands between header and footer, whatever the text says."""


RECEIPTS, PORTAL, ACCOUNT, DUE = (
    "Transaction receipts",
    "Portal access",
    "Account notifications",
    "Invoice due notices",
)

_T = TemplateType
KINDS: dict[str, TextKind] = {
    kind.slug: kind
    for kind in (
        TextKind("payment-succeeded", _T.TEMPLATE_TYPE_PAYMENT_SUCCEEDED, RECEIPTS,
                 "The receipt, once a payment has gone through.", "the payment"),
        TextKind("payment-failed", _T.TEMPLATE_TYPE_PAYMENT_FAILED, RECEIPTS,
                 "A payment did not go through, and nothing was taken.", "the payment"),
        TextKind("payment-scheduled", _T.TEMPLATE_TYPE_PAYMENT_SCHEDULED, RECEIPTS,
                 "A payment will be made by itself on a date.", "the planned payment"),
        TextKind("payment-rescheduled", _T.TEMPLATE_TYPE_PAYMENT_RESCHEDULED, RECEIPTS,
                 "A planned payment was moved, or its amount changed.", "the planned payment"),
        TextKind("payment-cancelled", _T.TEMPLATE_TYPE_PAYMENT_CANCELLED, RECEIPTS,
                 "A planned payment will not be made.", "the cancelled payment"),
        TextKind("method-failed", _T.TEMPLATE_TYPE_METHOD_FAILED, RECEIPTS,
                 "A card or bank account on file cannot be used.", "the card or bank account"),
        TextKind("welcome", _T.TEMPLATE_TYPE_WELCOME, PORTAL,
                 "Invites a contact to the portal. Its link works once, for 24 hours.",
                 "the button that opens the portal"),
        TextKind("password-reset", _T.TEMPLATE_TYPE_PASSWORD_RESET, PORTAL,
                 "Lets a contact choose a new password. Its link works once, for 24 hours.",
                 "the button for a new password"),
        TextKind("account-summary", _T.TEMPLATE_TYPE_ACCOUNT_SUMMARY, ACCOUNT,
                 "A friendly overview: all open invoices of an organization, and cards that expire.",
                 "the list of open invoices"),
        TextKind("invoice", _T.TEMPLATE_TYPE_INVOICE, ACCOUNT,
                 "One invoice: when it is new, or when you send it from the invoice’s page.",
                 "the invoice"),
        TextKind("upcoming-payments", _T.TEMPLATE_TYPE_UPCOMING_PAYMENTS, ACCOUNT,
                 "AutoPay and scheduled payments that will be made in the next days.",
                 "the planned payments"),
        TextKind("method-expiring", _T.TEMPLATE_TYPE_METHOD_EXPIRING, ACCOUNT,
                 "A card on file expires soon.", "the card"),
        TextKind("method-expired", _T.TEMPLATE_TYPE_METHOD_EXPIRED, ACCOUNT,
                 "A card on file has expired.", "the card"),
        TextKind("due-notice-before", _T.TEMPLATE_TYPE_DUE_NOTICE_BEFORE, DUE,
                 "Some days before an invoice is due.", "the invoice"),
        TextKind("due-notice-after", _T.TEMPLATE_TYPE_DUE_NOTICE_AFTER, DUE,
                 "Some days after an invoice was due.", "the invoice"),
    )
}  # fmt: skip
"""By slug, in the order in which pages show them."""

SLUGS: dict[str, TemplateType.ValueType] = {slug: kind.type for slug, kind in KINDS.items()}


def has_rules(type_: TemplateType.ValueType) -> bool:
    """Whether due notice rules may have texts of their own for this type."""
    return type_ in (_T.TEMPLATE_TYPE_DUE_NOTICE_BEFORE, _T.TEMPLATE_TYPE_DUE_NOTICE_AFTER)
