"""States and thresholds in words for staff, the same on every page."""

from dunlin.mailer.v1.messages_pb2 import MessageEventKind, MessageState
from dunlin.mailer.v1.templates_pb2 import TemplateType
from dunlin.paynow.v1.books_pb2 import InvoiceStatus
from dunlin.paynow.v1.paynow_pb2 import PaymentState
from dunlin.scheduler.v1.notices_pb2 import NoticeState, NoticeType
from dunlin.scheduler.v1.pauses_pb2 import PauseReason, PauseState

from services.shared.paging import MOST_COUNTED

Label = tuple[str, str]
"""What a page says, and the tone that it says it in: good, bad, wait, quiet."""

MESSAGE_STATES: dict[MessageState.ValueType, Label] = {
    MessageState.MESSAGE_STATE_QUEUED: ("Queued", "wait"),
    MessageState.MESSAGE_STATE_SENDING: ("Sending", "wait"),
    MessageState.MESSAGE_STATE_DEFERRED: ("Deferred", "wait"),
    MessageState.MESSAGE_STATE_SENT: ("Sent", "good"),
    MessageState.MESSAGE_STATE_FAILED: ("Failed", "bad"),
    MessageState.MESSAGE_STATE_WITHHELD: ("Withheld", "quiet"),
}
MESSAGE_EVENTS: dict[int, Label] = {
    MessageEventKind.MESSAGE_EVENT_KIND_QUEUE_TRIGGERED: ("Queue triggered", "quiet"),
    MessageEventKind.MESSAGE_EVENT_KIND_QUEUED: ("Queued", "wait"),
    MessageEventKind.MESSAGE_EVENT_KIND_PROCESSED: ("Processed", "wait"),
    MessageEventKind.MESSAGE_EVENT_KIND_SENT: ("Sent", "good"),
    MessageEventKind.MESSAGE_EVENT_KIND_DEFERRED: ("Deferred", "wait"),
    MessageEventKind.MESSAGE_EVENT_KIND_FAILED: ("Failed", "bad"),
    MessageEventKind.MESSAGE_EVENT_KIND_WITHHELD: ("Withheld", "quiet"),
    MessageEventKind.MESSAGE_EVENT_KIND_BOUNCED: ("Bounced", "bad"),
    MessageEventKind.MESSAGE_EVENT_KIND_COMPLAINED: ("Marked as spam", "bad"),
    MessageEventKind.MESSAGE_EVENT_KIND_LEFT_OUT: ("Recipient left out", "quiet"),
}
NOTICE_STATES: dict[NoticeState.ValueType, Label] = {
    NoticeState.NOTICE_STATE_QUEUED: ("Queued", "wait"),
    NoticeState.NOTICE_STATE_SENT: ("Sent", "good"),
    NoticeState.NOTICE_STATE_HELD: ("Held", "wait"),
    NoticeState.NOTICE_STATE_SKIPPED: ("Skipped", "quiet"),
    NoticeState.NOTICE_STATE_SUPERSEDED: ("Superseded", "quiet"),
    NoticeState.NOTICE_STATE_FAILED: ("Failed", "bad"),
}
NOTICE_TYPES: dict[NoticeType.ValueType, str] = {
    NoticeType.NOTICE_TYPE_DUE_NOTICE: "Invoice due notice",
    NoticeType.NOTICE_TYPE_PAYMENT_SUCCEEDED: "Payment succeeded",
    NoticeType.NOTICE_TYPE_PAYMENT_FAILED: "Payment failed",
    NoticeType.NOTICE_TYPE_PAYMENT_SCHEDULED: "Payment scheduled",
    NoticeType.NOTICE_TYPE_PAYMENT_RESCHEDULED: "Payment rescheduled",
    NoticeType.NOTICE_TYPE_PAYMENT_CANCELLED: "Payment cancelled",
    NoticeType.NOTICE_TYPE_METHOD_FAILED: "Payment method failed",
    NoticeType.NOTICE_TYPE_WELCOME: "Welcome",
    NoticeType.NOTICE_TYPE_PASSWORD_RESET: "Password reset",
    NoticeType.NOTICE_TYPE_ACCOUNT_SUMMARY: "Account summary",
    NoticeType.NOTICE_TYPE_INVOICE: "Invoice notification",
    NoticeType.NOTICE_TYPE_UPCOMING_PAYMENTS: "Upcoming payments",
    NoticeType.NOTICE_TYPE_METHOD_EXPIRATION: "Payment method expiration",
}
TEMPLATE_TYPES: dict[int, str] = {
    TemplateType.TEMPLATE_TYPE_DUE_NOTICE_BEFORE: "Invoice due soon",
    TemplateType.TEMPLATE_TYPE_DUE_NOTICE_AFTER: "Invoice past due",
    TemplateType.TEMPLATE_TYPE_PAYMENT_SUCCEEDED: "Payment succeeded",
    TemplateType.TEMPLATE_TYPE_PAYMENT_FAILED: "Payment failed",
    TemplateType.TEMPLATE_TYPE_PAYMENT_SCHEDULED: "Payment scheduled",
    TemplateType.TEMPLATE_TYPE_PAYMENT_RESCHEDULED: "Payment rescheduled",
    TemplateType.TEMPLATE_TYPE_PAYMENT_CANCELLED: "Payment cancelled",
    TemplateType.TEMPLATE_TYPE_METHOD_FAILED: "Payment method failed",
    TemplateType.TEMPLATE_TYPE_WELCOME: "Welcome",
    TemplateType.TEMPLATE_TYPE_PASSWORD_RESET: "Password reset",
    TemplateType.TEMPLATE_TYPE_ACCOUNT_SUMMARY: "Account summary",
    TemplateType.TEMPLATE_TYPE_INVOICE: "Invoice notification",
    TemplateType.TEMPLATE_TYPE_UPCOMING_PAYMENTS: "Upcoming payments",
    TemplateType.TEMPLATE_TYPE_METHOD_EXPIRING: "Card expires soon",
    TemplateType.TEMPLATE_TYPE_METHOD_EXPIRED: "Card has expired",
}
PAYMENT_STATES: dict[PaymentState.ValueType, Label] = {
    PaymentState.PAYMENT_STATE_CHARGING: ("Charging", "wait"),
    PaymentState.PAYMENT_STATE_UNKNOWN: ("Outcome unknown", "wait"),
    PaymentState.PAYMENT_STATE_PENDING: ("Pending at the bank", "wait"),
    PaymentState.PAYMENT_STATE_SUCCEEDED: ("Succeeded", "good"),
    PaymentState.PAYMENT_STATE_FAILED: ("Failed", "bad"),
}
INVOICE_STATUSES: dict[int, Label] = {
    InvoiceStatus.INVOICE_STATUS_OPEN: ("Open", "wait"),
    InvoiceStatus.INVOICE_STATUS_PAID: ("Paid", "good"),
    InvoiceStatus.INVOICE_STATUS_CANCELLED: ("Cancelled", "quiet"),
    InvoiceStatus.INVOICE_STATUS_THIRD_PARTY: ("With a third party", "quiet"),
}
PAUSE_STATES: dict[int, Label] = {
    PauseState.PAUSE_STATE_IN_FORCE: ("Paused", "wait"),
    PauseState.PAUSE_STATE_OVER: ("Over", "quiet"),
    PauseState.PAUSE_STATE_ENDED: ("Ended early", "quiet"),
    PauseState.PAUSE_STATE_REPLACED: ("Changed", "quiet"),
    PauseState.PAUSE_STATE_PROMISE_KEPT: ("Promise kept", "good"),
    PauseState.PAUSE_STATE_PROMISE_BROKEN: ("Promise broken", "bad"),
}
PAUSE_REASONS: dict[PauseReason.ValueType, str] = {
    PauseReason.PAUSE_REASON_DISPUTE: "Dispute",
    PauseReason.PAUSE_REASON_PROMISE_TO_PAY: "Promise to pay",
    PauseReason.PAUSE_REASON_PAYMENT_PLAN: "Payment plan",
    PauseReason.PAUSE_REASON_OTHER: "Other",
}
UNKNOWN: Label = ("Unknown", "quiet")


def count(number: int, one: str, many: str = "", *, at_least: bool = False) -> str:
    """A number with its noun: "1 invoice", "1,204 invoices"; of a count cut short "at least 20 invoices"."""
    counted = f"{number:,} {one if number == 1 else many or one + 's'}"
    return f"at least {counted}" if at_least else counted


def sentence(text: str) -> str:
    """The text with a capital letter in front; the rest stays, as names in it must."""
    return text[:1].upper() + text[1:]


def many(number: int, one: str, plural: str = "") -> str:
    """The same for a list's total: "more than 10,000 invoices" where the list was counted no further."""
    most = f"more than {count(MOST_COUNTED, one, plural)}"
    return most if number > MOST_COUNTED else count(number, one, plural)


def total(number: int) -> str:
    """A list's total by itself: "10,000+" where the list was counted no further."""
    return f"{MOST_COUNTED:,}+" if number > MOST_COUNTED else f"{number:,}"


def threshold(days: int) -> str:
    """A due notice rule by its threshold: "5 days before due", "15 days past due"."""
    return f"{count(abs(days), 'day')} {'before due' if days < 0 else 'past due'}"


def message_state(value: MessageState.ValueType) -> Label:
    """A message's state."""
    return MESSAGE_STATES.get(value, UNKNOWN)


def message_event(value: int) -> Label:
    """An event in a message's history."""
    return MESSAGE_EVENTS.get(value, UNKNOWN)


def notice_state(value: NoticeState.ValueType) -> Label:
    """A notice's state."""
    return NOTICE_STATES.get(value, UNKNOWN)


def notice_type(value: NoticeType.ValueType) -> str:
    """A notice's type."""
    return NOTICE_TYPES.get(value, "Unknown")


def template_type(value: int) -> str:
    """A template's type; a message that was not rendered yet has none."""
    return TEMPLATE_TYPES.get(value, "Not written yet")


def payment_state(value: PaymentState.ValueType) -> Label:
    """A payment's state."""
    return PAYMENT_STATES.get(value, UNKNOWN)


def invoice_status(value: int) -> Label:
    """An invoice's status."""
    return INVOICE_STATUSES.get(value, UNKNOWN)
