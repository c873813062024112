"""The English texts as releases up to the eighth migration shipped them.

They stay as they are, for databases that are there have them: what changes later is a migration.
"""

Texts = dict[str, tuple[str, str, str, str]]
"""By type: subject, title, header, footer."""

FIRST_TYPES = ("due_notice_before", "due_notice_after", "payment_succeeded", "payment_failed")
"""What there was before all others."""

ENGLISH: Texts = {
    "due_notice_before": (
        "Invoice {{ invoice.number }} is due {{ due.when }}",
        "{{ invoice.balance }} is due {{ due.when }}",
        (
            "<p>Hello {{ contact.name }},</p><p>This is a friendly reminder that invoice "
            "<strong>{{ invoice.number }}</strong> is due {{ due.when }} ({{ invoice.due_on }}). "
            "The remaining balance is {{ invoice.balance }}.</p>"
        ),
        (
            "<p>If your payment is already on its way, thank you. There is nothing more to do. If "
            "you have any questions about this invoice, please {{ company.reach_us }}, and we will "
            "be happy to help.</p>"
        ),
    ),
    "due_notice_after": (
        "Invoice {{ invoice.number }} is {{ due.days_text }} past due",
        "{{ invoice.balance }} is {{ due.days_text }} past due",
        (
            "<p>Hello {{ contact.name }},</p><p>Invoice <strong>{{ invoice.number }}</strong> was "
            "due on {{ invoice.due_on }}, and we have not yet received full payment. The remaining "
            "balance is {{ invoice.balance }}, which is now {{ due.days_text }} past "
            "due.</p><p>Please pay it now. It only takes a minute, with no account needed.</p>"
        ),
        (
            "<p>If you paid in the last few days, our messages crossed, and you can ignore this "
            "one. If something is keeping you from paying, please {{ company.reach_us }} so that "
            "we can find a solution together.</p>"
        ),
    ),
    "payment_succeeded": (
        "Receipt for invoice {{ invoice.number }}: {{ payment.amount }}",
        "Thank you for your payment of {{ payment.amount }}",
        (
            "<p>Hello {{ contact.name }},</p><p>We have received your payment for invoice "
            "<strong>{{ invoice.number }}</strong>. This email is your receipt. Please keep it for "
            "your records.</p>"
        ),
        ("<p>Didn't expect this payment? Please {{ company.reach_us }}, and we will look into it.</p>"),
    ),
    "payment_failed": (
        "Your payment for invoice {{ invoice.number }} did not go through",
        "Your payment of {{ payment.amount }} did not go through",
        (
            "<p>Hello {{ contact.name }},</p><p>We could not complete your payment for invoice "
            "<strong>{{ invoice.number }}</strong>: {{ payment.failure }}. We did not collect any "
            "money.</p><p>To try again, click Pay Invoice and use the same payment method or a "
            "different one.</p>"
        ),
        (
            "<p>If it fails again, your bank may be able to tell you why. You can also {{ "
            "company.reach_us }}, and we will find another way for you to pay.</p>"
        ),
    ),
    "payment_scheduled": (
        "Payment scheduled for {{ payment.date }}: invoice {{ invoice.number }}",
        "{{ payment.amount }} will be paid on {{ payment.date }}",
        (
            "<p>Hello {{ contact.name }},</p><p>Your payment for invoice <strong>{{ invoice.number "
            "}}</strong> is scheduled. We will collect {{ payment.amount }} on {{ payment.date }}, "
            "and there is nothing more for you to do.</p>"
        ),
        (
            "<p>If you would like to change or cancel this payment, please {{ company.reach_us }} "
            "before that day.</p>"
        ),
    ),
    "payment_rescheduled": (
        "Your scheduled payment for invoice {{ invoice.number }} has changed",
        "Your scheduled payment has changed",
        (
            "<p>Hello {{ contact.name }},</p><p>The payment that was scheduled for invoice "
            "<strong>{{ invoice.number }}</strong> has changed. {{ payment.change }} There is "
            "nothing more for you to do.</p>"
        ),
        ("<p>If this is not what you wanted, please {{ company.reach_us }}, and we will put it right.</p>"),
    ),
    "payment_cancelled": (
        "Your scheduled payment for invoice {{ invoice.number }} is cancelled",
        "Your scheduled payment is cancelled",
        (
            "<p>Hello {{ contact.name }},</p><p>The payment of {{ payment.amount }} for invoice "
            "<strong>{{ invoice.number }}</strong> that was scheduled for {{ payment.date }} is "
            "cancelled. We will not collect it.</p><p>If a balance remains on the invoice, it is "
            "still due.</p>"
        ),
        "<p>If you did not expect this, please {{ company.reach_us }}.</p>",
    ),
    "method_failed": (
        "Your payment method needs attention: {{ method.label }}",
        "We could not use your payment method",
        (
            "<p>Hello {{ contact.name }},</p><p>The payment method <strong>{{ method.name "
            "}}</strong> that you keep with us cannot be used: {{ method.failure }}. Payments with "
            "it will not go through until it is replaced.</p><p>Please add a new payment method in "
            "our portal. It only takes a minute.</p>"
        ),
        "<p>If you have any questions or need help, please {{ company.reach_us }}.</p>",
    ),
    "welcome": (
        "Your invitation to the {{ company.name }} portal",
        "Welcome to our portal",
        (
            "<p>Hello {{ contact.name }},</p><p>{{ company.name }} invites you to its billing "
            "portal, where you can see the invoices of {{ organization.name }} and pay them at any "
            "time.</p><p>Click Create Account to choose your password. The link works once, within "
            "the next {{ access.valid_for }}.</p>"
        ),
        (
            "<p>If the link has expired, please {{ company.reach_us }}, and we will send you a new "
            "one. If you did not expect this invitation, you can ignore it.</p>"
        ),
    ),
    "password_reset": (
        "Choose a new password for the {{ company.name }} portal",
        "Choose a new password",
        (
            "<p>Hello {{ contact.name }},</p><p>A new password was requested for your account in "
            "the portal of {{ company.name }}. Click Choose Password to set it. The link works "
            "once, within the next {{ access.valid_for }}.</p>"
        ),
        (
            "<p>If you do not want a new password, you can ignore this email, and your password "
            "stays as it is. If you get such emails again and again, please {{ company.reach_us }}.</p>"
        ),
    ),
    "account_summary": (
        "Your account with {{ company.name }} on {{ summary.date }}",
        "Account summary",
        (
            "<p>Hello {{ contact.name }},</p><p>This is how the account of {{ organization.name }} "
            "stands on {{ summary.date }}. {{ summary.sentence }}</p>"
        ),
        (
            "<p>If you have already paid, thank you. Payments of the last few days may not be "
            "shown yet. If you have any questions, please {{ company.reach_us }}.</p>"
        ),
    ),
    "invoice": (
        "Invoice {{ invoice.number }} from {{ company.name }}: {{ invoice.balance }}",
        "Invoice {{ invoice.number }}",
        (
            "<p>Hello {{ contact.name }},</p><p>Here is invoice <strong>{{ invoice.number "
            "}}</strong> from {{ company.name }}. The balance is {{ invoice.balance }}, and you "
            "will find the details below.</p>"
        ),
        (
            "<p>If you have any questions about this invoice, please {{ company.reach_us }}. Thank "
            "you for your business!</p>"
        ),
    ),
    "upcoming_payments": (
        "Upcoming: {{ payments.count }}, {{ payments.total }}",
        "Upcoming: {{ payments.count }}",
        (
            "<p>Hello {{ contact.name }},</p><p>This is a friendly heads-up. {{ payments.sentence "
            "}} There is nothing more for you to do.</p>"
        ),
        ("<p>If something is not right, please {{ company.reach_us }} before the payment is made.</p>"),
    ),
    "method_expiring": (
        "Your card expires soon: {{ method.label }}",
        "Your card expires at the end of {{ method.expires }}",
        (
            "<p>Hello {{ contact.name }},</p><p>The card <strong>{{ method.name }}</strong> that "
            "you keep with us expires at the end of {{ method.expires }}. After that, payments "
            "with it will fail.</p><p>Please replace it in our portal before then, so that your "
            "payments go on without a break.</p>"
        ),
        "<p>If you have any questions or need help, please {{ company.reach_us }}.</p>",
    ),
    "method_expired": (
        "Your card has expired: {{ method.label }}",
        "Your card has expired",
        (
            "<p>Hello {{ contact.name }},</p><p>The card <strong>{{ method.name }}</strong> that "
            "you keep with us expired at the end of {{ method.expires }}, and payments with it "
            "fail.</p><p>Please replace it in our portal, or delete it there if you no longer need "
            "it.</p>"
        ),
        (
            "<p>We remind you once a week until the card is replaced or deleted. If you have any "
            "questions or need help, please {{ company.reach_us }}.</p>"
        ),
    ),
}
