"""Why a notice stands where it stands: stable codes, and the same in words for staff."""

from services.scheduler.domain.thresholds import in_words

RULE_REACHED = "RULE_REACHED"
ORGANIZATION_EXCLUDED = "ORGANIZATION_EXCLUDED"
PAYMENT_UNDER_WAY = "PAYMENT_UNDER_WAY"
NO_ADDRESS = "NO_ADDRESS"
LARGER_THRESHOLD_REACHED = "LARGER_THRESHOLD_REACHED"
LARGER_THRESHOLD_SENT = "LARGER_THRESHOLD_SENT"
LARGER_THRESHOLD_QUEUED = "LARGER_THRESHOLD_QUEUED"
RULE_DISABLED = "RULE_DISABLED"
RULE_REMOVED = "RULE_REMOVED"
INVOICE_MISSING = "INVOICE_MISSING"
NOT_OPEN = "NOT_OPEN"
NOTHING_LEFT_TO_PAY = "NOTHING_LEFT_TO_PAY"
DUE_DATE_CHANGED = "DUE_DATE_CHANGED"
NO_LONGER_DUE = "NO_LONGER_DUE"
SUPERSEDED = "SUPERSEDED"
PAYMENT_SUCCEEDED = "PAYMENT_SUCCEEDED"
PAYMENT_FAILED = "PAYMENT_FAILED"
ACCEPTED_BY_SMTP_SERVER = "ACCEPTED_BY_SMTP_SERVER"
MAILER_GAVE_UP = "MAILER_GAVE_UP"
ALREADY_SENT = "ALREADY_SENT"
NOTICE_UNKNOWN = "NOTICE_UNKNOWN"

_WORDS = {
    RULE_REACHED: "The invoice has reached the rule “{threshold}”, which is on.",
    ORGANIZATION_EXCLUDED: "The organization is on the exclusion list for due notices.",
    PAYMENT_UNDER_WAY: "A payment that covers the balance is under way; a later run decides again.",
    NO_ADDRESS: "None of the organization’s default contacts has an email address.",
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
}


def explanation(reason: str, threshold: int = 0, detail: str = "") -> str:
    """The reason in a sentence for staff; `threshold` is the notice's own, `detail` what came with it."""
    words = _WORDS.get(reason, "{detail}")
    return words.format(threshold=in_words(threshold), detail=detail)
