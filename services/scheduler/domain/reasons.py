"""Why a notice stands where it stands: stable codes, and the same in words for staff."""

from services.scheduler.domain.thresholds import in_words

RULE_REACHED = "RULE_REACHED"
SCHEDULE_REACHED = "SCHEDULE_REACHED"
NEW_INVOICE = "NEW_INVOICE"
PAYMENTS_COMING = "PAYMENTS_COMING"
CARD_EXPIRES = "CARD_EXPIRES"
CARD_EXPIRED = "CARD_EXPIRED"
ASKED_FOR = "ASKED_FOR"
CAMPAIGN = "CAMPAIGN"
PAYMENT_SUCCEEDED = "PAYMENT_SUCCEEDED"
PAYMENT_FAILED = "PAYMENT_FAILED"
PAYMENT_SCHEDULED = "PAYMENT_SCHEDULED"
PAYMENT_RESCHEDULED = "PAYMENT_RESCHEDULED"
PAYMENT_CANCELLED = "PAYMENT_CANCELLED"
METHOD_FAILED = "METHOD_FAILED"
ORGANIZATION_EXCLUDED = "ORGANIZATION_EXCLUDED"
ORGANIZATION_MISSING = "ORGANIZATION_MISSING"
PAUSED = "PAUSED"
PAYMENT_UNDER_WAY = "PAYMENT_UNDER_WAY"
NO_ADDRESS = "NO_ADDRESS"
ADDRESSES_SUPPRESSED = "ADDRESSES_SUPPRESSED"
ADDRESS_RESTORED = "ADDRESS_RESTORED"
ADDRESS_GONE = "ADDRESS_GONE"
UNSUBSCRIBED = "UNSUBSCRIBED"
CONTACT_MISSING = "CONTACT_MISSING"
CONTACT_WITHOUT_ADDRESS = "CONTACT_WITHOUT_ADDRESS"
CAMPAIGN_CANCELLED = "CAMPAIGN_CANCELLED"
SIGNED_IN = "SIGNED_IN"
INVITED_BEFORE = "INVITED_BEFORE"
PROFILE_CHANGED = "PROFILE_CHANGED"
ORGANIZATION_LEFT_OUT = "ORGANIZATION_LEFT_OUT"
EMAIL_TYPE_OFF = "EMAIL_TYPE_OFF"
LARGER_THRESHOLD_REACHED = "LARGER_THRESHOLD_REACHED"
LARGER_THRESHOLD_SENT = "LARGER_THRESHOLD_SENT"
LARGER_THRESHOLD_QUEUED = "LARGER_THRESHOLD_QUEUED"
LATER_SUMMARY_DUE = "LATER_SUMMARY_DUE"
RULE_DISABLED = "RULE_DISABLED"
RULE_REMOVED = "RULE_REMOVED"
INVOICE_MISSING = "INVOICE_MISSING"
INVOICE_NOT_NEW = "INVOICE_NOT_NEW"
NOT_OPEN = "NOT_OPEN"
NOTHING_LEFT_TO_PAY = "NOTHING_LEFT_TO_PAY"
NOTHING_OPEN = "NOTHING_OPEN"
DUE_DATE_CHANGED = "DUE_DATE_CHANGED"
NO_LONGER_DUE = "NO_LONGER_DUE"
NO_LONGER_UPCOMING = "NO_LONGER_UPCOMING"
METHOD_GONE = "METHOD_GONE"
CARD_RENEWED = "CARD_RENEWED"
CARD_HAS_EXPIRED = "CARD_HAS_EXPIRED"
TOLD_BY_ANOTHER = "TOLD_BY_ANOTHER"
SUPERSEDED = "SUPERSEDED"
ACCEPTED_BY_SMTP_SERVER = "ACCEPTED_BY_SMTP_SERVER"
MAILER_GAVE_UP = "MAILER_GAVE_UP"
ALREADY_SENT = "ALREADY_SENT"
NOTICE_UNKNOWN = "NOTICE_UNKNOWN"
QUIET_HOURS = "QUIET_HOURS"
CLOSED_DAY = "CLOSED_DAY"

OF_ADDRESSES = frozenset({ADDRESSES_SUPPRESSED, UNSUBSCRIBED})
"""What was skipped for one of these is decided again only by who has asked whom it could go to by now.

A run does not know addresses. It would queue such a notice each time, and the second look withhold it.
"""

_WORDS = {
    RULE_REACHED: "The invoice has reached the rule “{threshold}”, which is on.",
    SCHEDULE_REACHED: "The day of the account summary has come.",
    NEW_INVOICE: "A new invoice came in.",
    PAYMENTS_COMING: "Payments will be made automatically in a few days.",
    CARD_EXPIRES: "A card on file expires within a month.",
    CARD_EXPIRED: "A card on file has expired.",
    ASKED_FOR: "A person asked for this email.",
    CAMPAIGN: "It was sent to many at once.",
    PAYMENT_SCHEDULED: "A payment was scheduled.",
    PAYMENT_RESCHEDULED: "A scheduled payment was changed.",
    PAYMENT_CANCELLED: "A scheduled payment was cancelled.",
    METHOD_FAILED: "A payment method on file cannot be used.",
    ORGANIZATION_EXCLUDED: "The organization is on the exclusion list for this type of email.",
    ORGANIZATION_MISSING: "The organization is not in the books.",
    PAUSED: "Reminders to the organization, or about the invoice, were paused.",
    ADDRESSES_SUPPRESSED: "None of its addresses can be used, because emails to them come back.",
    ADDRESS_RESTORED: "An address could be used again.",
    ADDRESS_GONE: "The contact no longer has this email address.",
    UNSUBSCRIBED: "Everybody it would go to has unsubscribed from this type of email.",
    CONTACT_MISSING: "The contact is not in the books.",
    CONTACT_WITHOUT_ADDRESS: "The contact has no email address.",
    CAMPAIGN_CANCELLED: "It was cancelled before the email went out.",
    SIGNED_IN: "The contact had signed in before the invitation went out.",
    INVITED_BEFORE: "Another invitation to the contact went out, or is about to.",
    PROFILE_CHANGED: "The contact no longer has the client profile that was to be invited.",
    ORGANIZATION_LEFT_OUT: "The organization is now of a type or status that was left out.",
    EMAIL_TYPE_OFF: "This type of email was turned off before the email went out.",
    LATER_SUMMARY_DUE: "A later account summary took its place.",
    INVOICE_NOT_NEW: "The invoice was issued too long ago to be announced as new.",
    NOTHING_OPEN: "The organization has no open invoice.",
    NO_LONGER_UPCOMING: "No payment will be made on that day any more.",
    METHOD_GONE: "The payment method is no longer on file.",
    CARD_RENEWED: "The card on file has a new expiration date.",
    CARD_HAS_EXPIRED: "The card expired before the email that announces it went out.",
    TOLD_BY_ANOTHER: "Another email told the organization the same, or is about to.",
    PAYMENT_UNDER_WAY: "A payment that covers the balance is under way; a later run decides again.",
    NO_ADDRESS: "Nobody whom it would go to has an email address.",
    LARGER_THRESHOLD_REACHED: "The invoice had also reached a later rule, which replaced “{threshold}”.",
    LARGER_THRESHOLD_SENT: "The notice of a later rule went out for this due date; “{threshold}” never will.",
    LARGER_THRESHOLD_QUEUED: "The notice of a later rule is about to be sent for this due date.",
    RULE_DISABLED: "The rule “{threshold}” was turned off before the email went out.",
    RULE_REMOVED: "The rule “{threshold}” was removed before the email went out.",
    INVOICE_MISSING: "The invoice is not in the books.",
    NOT_OPEN: "The invoice is no longer open.",
    NOTHING_LEFT_TO_PAY: "Nothing is left to pay on the invoice.",
    DUE_DATE_CHANGED: "The due date of the invoice has changed, so its notices start over.",
    NO_LONGER_DUE: "“{threshold}” no longer applied when this was decided.",
    SUPERSEDED: "A later rule replaced “{threshold}” before the email went out.",
    PAYMENT_SUCCEEDED: "A payment was made, and this is its receipt.",
    PAYMENT_FAILED: "A payment failed, and this email says so.",
    ACCEPTED_BY_SMTP_SERVER: "The mail server accepted the email.",
    MAILER_GAVE_UP: "The email could not be delivered and will not be tried again: {detail}",
    ALREADY_SENT: "The email has already been sent.",
    NOTICE_UNKNOWN: "There is no such notice.",
    QUIET_HOURS: "Held until {detail} by quiet hours.",
    CLOSED_DAY: "Held until the next business day, {detail}.",
}


def explanation(reason: str, threshold: int = 0, detail: str = "") -> str:
    """The reason in a sentence for staff; `threshold` is the notice's own, `detail` what came with it."""
    words = _WORDS.get(reason, "{detail}")
    return words.format(threshold=in_words(threshold), detail=detail)
