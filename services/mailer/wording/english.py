"""What mails say in English."""

from collections.abc import Sequence
from datetime import date

from services.mailer.domain.letter import LineStatus, Plan, Plans, Summary
from services.mailer.wording.speech import Speech, count_of
from services.mailer.wording.words import Words

_WORDS = Words(
    invoice="Invoice",
    invoice_date="Invoice date",
    due_date="Due date",
    invoice_amount="Invoice amount",
    amount_due="Amount due",
    amount_paid="Amount paid",
    attempted_amount="Attempted amount",
    payment_method="Payment method",
    date="Date",
    remaining_balance="Remaining balance",
    balance_due="Balance due",
    payment_date="Payment date",
    previous_date="Previous date",
    new_date="New date",
    cancelled_date="Was scheduled for",
    amount="Amount",
    name="Name",
    expires="Expires",
    reason="Reason",
    status="Status",
    issued="Issued",
    due="Due",
    balance="Balance",
    total="Total",
    past_due_total="Past due",
    paid_by="Paid by",
    open_invoices="Open invoices",
    cards="Cards that need your attention",
    upcoming_payments="Upcoming payments",
    pay_invoice="Pay Invoice",
    pay="Pay",
    open_portal="Go to Portal",
    create_account="Create Account",
    choose_password="Choose Password",  # noqa: S106 - the words of a button
    unsubscribe="Unsubscribe from these emails",
    line_status={
        LineStatus.PAST_DUE: "Past due",
        LineStatus.OPEN: "Open",
        LineStatus.NEW: "New",
    },
    card_expired="Expired",
    card_expires_soon="Expires soon",
    autopay="AutoPay",
    scheduled="Scheduled",
    payment_failures={
        "CARD_DECLINED": "the card was declined",
        "INSUFFICIENT_FUNDS": "the account has insufficient funds",
        "RETURNED": "the bank returned the payment",
        "PROVIDER_ERROR": "the payment processor reported an error",
    },
    payment_failed_somehow="the payment could not be completed",
    method_failures={
        "CARD_DECLINED": "the card was declined",
        "ACCOUNT_CLOSED": "the bank account is closed",
        "RETURNED": "the bank returned the last payment",
        "EXPIRED": "the card has expired",
        "PROVIDER_ERROR": "the payment processor reported an error",
    },
    method_failed_somehow="the last payment with it did not go through",
    more_than="more than {}",
    link_lifetime="24 hours",
)


class English(Speech):
    """As people in the United States write it."""

    tag = "en"
    locale = "en_US"
    moment_pattern = "MMMM d, y, h:mm a"
    words = _WORDS

    def listed(self, names: Sequence[str]) -> str:
        """With a comma before the last of three or more."""
        if len(names) < 3:
            return " and ".join(names)
        return f"{', '.join(names[:-1])}, and {names[-1]}"

    def days(self, count: int) -> str:
        """As a span, or "today"."""
        return "today" if count == 0 else _counted(self, abs(count), "day", "days")

    def when(self, days: int) -> str:
        """To follow a verb."""
        span = self.days(days)
        return span if days == 0 else f"in {span}" if days > 0 else f"{span} ago"

    def method(self, label: str) -> str:
        """As it stands in the books."""
        return label

    def reach_us(self, *, replies: bool, phone: str) -> str:
        """To follow "please"."""
        if replies:
            return "reply to this email"
        return f"call us at {phone}" if phone else "contact us"

    def more_invoices(self, count: int) -> str:
        """A whole sentence."""
        return f"And {_counted(self, count, 'more invoice', 'more invoices')}, included in the total."

    def more_payments(self, count: int) -> str:
        """A whole sentence."""
        return f"And {_counted(self, count, 'more payment', 'more payments')}."

    def open_invoices(self, count: int) -> str:
        """To follow "You have"."""
        return _counted(self, count, "open invoice", "open invoices") if count else "no open invoices"

    def payments(self, count: int) -> str:
        """A count."""
        return _counted(self, count, "payment", "payments")

    def summary_sentence(self, summary: Summary) -> str:
        """One or two sentences."""
        count = count_of(summary)
        if not count:
            return "There are no open invoices."
        total = self.amounts([(one.open_minor, one.currency) for one in summary.totals])
        late = [(one.past_due_minor, one.currency) for one in summary.totals if one.past_due_minor]
        rest = f"of which {self.amounts(late)} is past due" if late else "and nothing is past due"
        if count == 1:
            return f"One invoice of {total} is open{' and past due' if late else ' and not yet past due'}."
        return f"{self.number(count)} invoices are open, {total} in all, {rest}."

    def plans_sentence(self, plans: Plans, today: date) -> str:
        """One sentence, or two if the payments are on several days."""
        first, count = plans.plans[0], len(plans.plans) + plans.more_plans
        day = f"{self.day(first.pays_on)}, {self.when((first.pays_on - today).days)}"
        if count == 1:
            return f"We will collect a payment of {self.total(plans)} on {day}."
        what = f"{self.payments(count)}, {self.total(plans)} in all"
        if not plans.more_plans and plans.plans[-1].pays_on == first.pays_on:
            return f"We will collect {what}, on {day}."
        return f"We will collect {what}. The first one is on {day}."

    def change_sentence(self, plan: Plan) -> str:
        """One sentence."""
        instead = f", instead of {self.day(plan.moved_from)}" if plan.moved_from else ""
        amount = self.money(plan.amount_minor, plan.invoice.currency)
        return f"We will now collect {amount} on {self.day(plan.pays_on)}{instead}."

    def paid_by_itself(self, plan: Plan) -> str:
        """Two sentences."""
        amount = self.money(plan.amount_minor, plan.invoice.currency)
        method = f" with {self.method(plan.method_label)}" if plan.method_label else ""
        who = "AutoPay will pay" if plan.by_autopay else "As scheduled, we will collect"
        return f"{who} {amount} on {self.day(plan.pays_on)}{method}. There is nothing for you to do."


def _counted(speech: Speech, count: int, one: str, many: str) -> str:
    return f"{speech.number(count)} {one if count == 1 else many}"
