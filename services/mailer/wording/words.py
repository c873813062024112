"""The words of a mail that nobody edits: labels, column heads, buttons, states, reasons."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.mailer.domain.letter import LineStatus


@dataclass(frozen=True)
class Words:
    """Those of one language; each attribute is named by what it says in English."""

    # Facts and columns
    invoice: str
    invoice_date: str
    due_date: str
    invoice_amount: str
    amount_due: str
    amount_paid: str
    attempted_amount: str
    payment_method: str
    date: str
    remaining_balance: str
    balance_due: str
    payment_date: str
    previous_date: str
    new_date: str
    cancelled_date: str
    amount: str
    name: str
    expires: str
    reason: str
    status: str
    issued: str
    due: str
    balance: str
    total: str
    past_due_total: str
    paid_by: str
    # Headings of tables
    open_invoices: str
    cards: str
    upcoming_payments: str
    # Buttons and links
    pay_invoice: str
    pay: str
    open_portal: str
    create_account: str
    choose_password: str
    unsubscribe: str
    # States
    line_status: Mapping[LineStatus, str]
    card_expired: str
    card_expires_soon: str
    autopay: str
    scheduled: str
    # Why a payment failed, or why a method cannot be used, by stable code; to follow a colon
    payment_failures: Mapping[str, str]
    payment_failed_somehow: str
    method_failures: Mapping[str, str]
    method_failed_somehow: str
    # What comes to more than is told
    more_than: str
    # How long a link into the portal opens it
    link_lifetime: str
    # Before the subject of a mail that is a test
    test_mark: str = "[Test] "
