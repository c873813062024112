"""The data that previews and test mails are written from. It is nobody's."""

from datetime import UTC, date, datetime, time, timedelta

from services.mailer.domain.letter import Due, Invoice, Letter, Payment, Recipient
from services.mailer.domain.templates import TemplateType

SAMPLE_PAY_TOKEN = "sample"  # noqa: S105 - a placeholder that opens nothing

_DAYS_PAST_DUE = {TemplateType.DUE_NOTICE_BEFORE: -5, TemplateType.DUE_NOTICE_AFTER: 15}


def sample_letter(type: TemplateType, today: date) -> Letter:
    """A letter of the type as it could go out on that day."""
    days = _DAYS_PAST_DUE.get(type, -5)
    due_on = today - timedelta(days=days)
    payment = _payment(type, today) if type not in _DAYS_PAST_DUE else None
    return Letter(
        type=type,
        recipients=(Recipient("Dana Whitfield", "dana.whitfield@example.com"),),
        organization_id="sample",
        organization_name="Whitfield & Sons Bakery",
        invoice=Invoice(
            invoice_id=0,
            number="INV-00417",
            issued_on=due_on - timedelta(days=30),
            due_on=due_on,
            amount_minor=128_050,
            balance_minor=payment.balance_minor if payment else 98_050,
            currency="USD",
            pay_token=SAMPLE_PAY_TOKEN,
        ),
        due=None if payment else Due(days),
        payment=payment,
    )


def _payment(type: TemplateType, today: date) -> Payment:
    failed = type is TemplateType.PAYMENT_FAILED
    return Payment(
        amount_minor=98_050,
        currency="USD",
        method_label="Visa ending 4242",
        ended_at=datetime.combine(today, time(14, 30), tzinfo=UTC),
        balance_minor=98_050 if failed else 0,
        failure_reason="CARD_DECLINED" if failed else "",
    )
