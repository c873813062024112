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
            "<p>This is a friendly reminder that invoice <strong>{{ invoice.number }}</strong> is due"
            " {{ due.when }} ({{ invoice.due_on }}). The remaining balance is {{ invoice.balance }}.</p>"
        ),
        footer=(
            "<p>If your payment is already on its way, thank you. There is nothing more to do. If you have"
            " any questions about this invoice, please {{ company.reach_us }}, and we will be happy to"
            " help.</p>"
        ),
    ),
    TemplateType.DUE_NOTICE_AFTER: Areas(
        subject="Invoice {{ invoice.number }} is {{ due.days_text }} past due",
        title="{{ invoice.balance }} is {{ due.days_text }} past due",
        header=(
            "<p>Hello {{ contact.name }},</p>"
            "<p>Invoice <strong>{{ invoice.number }}</strong> was due on {{ invoice.due_on }}, and we have"
            " not yet received full payment. The remaining balance is {{ invoice.balance }}, which is now"
            " {{ due.days_text }} past due.</p>"
            "<p>Please pay it now. It only takes a minute, with no account needed.</p>"
        ),
        footer=(
            "<p>If you paid in the last few days, our messages crossed, and you can ignore this one. If"
            " something is keeping you from paying, please {{ company.reach_us }} so that we can find a"
            " solution together.</p>"
        ),
    ),
    TemplateType.PAYMENT_SUCCEEDED: Areas(
        subject="Receipt for invoice {{ invoice.number }}: {{ payment.amount }}",
        title="Thank you for your payment of {{ payment.amount }}",
        header=(
            "<p>Hello {{ contact.name }},</p>"
            "<p>We have received your payment for invoice <strong>{{ invoice.number }}</strong>. This email"
            " is your receipt. Please keep it for your records.</p>"
        ),
        footer="<p>Didn't expect this payment? Please {{ company.reach_us }}, and we will look into it.</p>",
    ),
    TemplateType.PAYMENT_FAILED: Areas(
        subject="Your payment for invoice {{ invoice.number }} did not go through",
        title="Your payment of {{ payment.amount }} did not go through",
        header=(
            "<p>Hello {{ contact.name }},</p>"
            "<p>We could not complete your payment for invoice <strong>{{ invoice.number }}</strong>:"
            " {{ payment.failure }}. We did not collect any money.</p>"
            "<p>To try again, click Pay Invoice and use the same payment method or a different one.</p>"
        ),
        footer=(
            "<p>If it fails again, your bank may be able to tell you why. You can also"
            " {{ company.reach_us }}, and we will find another way for you to pay.</p>"
        ),
    ),
}
