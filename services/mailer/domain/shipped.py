"""The texts that Dunlin ships: version 1 of each template, inserted by the first migration.

They are history as soon as they are released: a better text is a new version in a new migration.
"""

from services.mailer.domain.templates import Areas, TemplateType

SHIPPED = {
    TemplateType.DUE_NOTICE_BEFORE: Areas(
        subject="Invoice {{ invoice.number }} is due {{ due.when }}",
        title="{{ invoice.balance }} is due {{ due.when }}",
        header=(
            "<p>Hello {{ contact.name }},</p>"
            "<p>This is a short reminder that invoice <strong>{{ invoice.number }}</strong> is due"
            " {{ due.when }}, on {{ invoice.due_on }}. What remains to be paid is"
            " {{ invoice.balance }}.</p>"
        ),
        footer=(
            "<p>If your payment is already on its way, thank you; there is nothing more to do. If something"
            " about this invoice is unclear, please answer this mail and we will sort it out.</p>"
        ),
    ),
    TemplateType.DUE_NOTICE_AFTER: Areas(
        subject="Invoice {{ invoice.number }} is {{ due.days_text }} past due",
        title="{{ invoice.balance }} is {{ due.days_text }} past due",
        header=(
            "<p>Hello {{ contact.name }},</p>"
            "<p>Invoice <strong>{{ invoice.number }}</strong> was due on {{ invoice.due_on }}, and we have"
            " not received the full payment yet. {{ invoice.balance }} is still open and is now"
            " {{ due.days_text }} past due.</p>"
            "<p>Please pay it now. It takes a minute, and you need no account for it.</p>"
        ),
        footer=(
            "<p>Have you paid in the last few days? Then our mails have crossed, and you can ignore this one."
            " If something keeps you from paying, please answer this mail, so that we can find a way"
            " together.</p>"
        ),
    ),
    TemplateType.PAYMENT_SUCCEEDED: Areas(
        subject="Receipt for invoice {{ invoice.number }}: {{ payment.amount }}",
        title="Thank you, we have received {{ payment.amount }}",
        header=(
            "<p>Hello {{ contact.name }},</p>"
            "<p>Your payment for invoice <strong>{{ invoice.number }}</strong> has arrived. This mail is"
            " your receipt; please keep it for your records.</p>"
        ),
        footer="<p>Did you not expect this payment? Please answer this mail, and we will look into it.</p>",
    ),
    TemplateType.PAYMENT_FAILED: Areas(
        subject="Your payment for invoice {{ invoice.number }} did not go through",
        title="The payment of {{ payment.amount }} did not go through",
        header=(
            "<p>Hello {{ contact.name }},</p>"
            "<p>We could not take your payment for invoice <strong>{{ invoice.number }}</strong>:"
            " {{ payment.failure }}. Nothing was charged.</p>"
            "<p>To try again, choose Pay Invoice and use the same or another payment method.</p>"
        ),
        footer=(
            "<p>If it fails again, your bank can tell you the reason, or answer this mail and we will agree"
            " on another way to pay.</p>"
        ),
    ),
}
