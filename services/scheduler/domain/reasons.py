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
    RULE_REACHED: "The invoice has reached “{threshold}”, and that rule is on.",
    ORGANIZATION_EXCLUDED: "The organization is on the exclusion list of due notices.",
    PAYMENT_UNDER_WAY: "A payment that covers the balance is under way; a later run decides again.",
    NO_ADDRESS: "No default contact of the organization has an e-mail address.",
    LARGER_THRESHOLD_REACHED: "A later rule had been reached by then and took the place of “{threshold}”.",
    LARGER_THRESHOLD_SENT: "A later rule has been sent for this due date, so “{threshold}” never is.",
    LARGER_THRESHOLD_QUEUED: "A later rule is about to be sent for this due date.",
    RULE_DISABLED: "The rule “{threshold}” was turned off before the mail went out.",
    RULE_REMOVED: "The rule “{threshold}” was removed before the mail went out.",
    INVOICE_MISSING: "The books do not know the invoice.",
    NOT_OPEN: "The invoice is no longer open.",
    NOTHING_LEFT_TO_PAY: "Nothing is left to pay on the invoice.",
    DUE_DATE_CHANGED: "The invoice has another due date now, which starts anew.",
    NO_LONGER_DUE: "“{threshold}” does not apply on this day any more.",
    SUPERSEDED: "A later rule was decided on in the meantime and took the place of “{threshold}”.",
    PAYMENT_SUCCEEDED: "A payment was made; its receipt goes out.",
    PAYMENT_FAILED: "A payment failed; the payer is told.",
    ACCEPTED_BY_SMTP_SERVER: "The mail server took the mail.",
    MAILER_GAVE_UP: "The mail could not be delivered and was given up: {detail}",
    ALREADY_SENT: "The mail has gone out before.",
    NOTICE_UNKNOWN: "There is no such notice.",
}


def explanation(reason: str, threshold: int = 0, detail: str = "") -> str:
    """The reason in a sentence for staff; `threshold` is the notice's own, `detail` what came with it."""
    words = _WORDS.get(reason, "{detail}")
    return words.format(threshold=in_words(threshold), detail=detail)
