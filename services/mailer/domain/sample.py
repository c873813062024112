"""The data that previews and test mails are written from. It is nobody's."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from services.mailer.domain.languages import ENGLISH
from services.mailer.domain.letter import (
    About,
    Access,
    Due,
    Invoice,
    Letter,
    LineStatus,
    Method,
    Notification,
    Payment,
    Plan,
    Plans,
    Recipient,
    Summary,
    SummaryLine,
    Total,
)
from services.mailer.domain.templates import Key
from services.mailer.domain.templates import TemplateType as T

SAMPLE_TOKEN = "sample"  # noqa: S105 - a placeholder that opens nothing

_THRESHOLDS = {T.DUE_NOTICE_BEFORE: -5, T.DUE_NOTICE_AFTER: 15}
_CARD = "Visa ending 4242"


@dataclass(frozen=True)
class _Cast:
    """Who and what the samples of a language are about."""

    person: str
    email: str
    organization: str
    prefix: str
    currency: str
    nickname: str


_CASTS = {
    "en": _Cast(
        "Dana Whitfield",
        "dana.whitfield@example.com",
        "Whitfield & Sons Bakery",
        "INV-",
        "USD",
        "Office card",
    ),
    "de": _Cast(
        "Dana Sommer",
        "dana.sommer@example.com",
        "Bäckerei Sommer & Söhne",
        "RE-",
        "EUR",
        "Firmenkarte",
    ),
}


def sample_of(key: Key, today: date) -> Letter:
    """A letter of the template's type, in its language, as it could go out on that day."""
    return sample_letter(key.type, today, language=key.language, threshold_days=key.threshold_days)


def sample_letter(type: T, today: date, *, language: str = ENGLISH.tag, threshold_days: int = 0) -> Letter:
    """A letter of the type; a due notice has reached its threshold, or else the most usual one."""
    cast = _CASTS[language]
    days = threshold_days or _THRESHOLDS.get(type, -5)
    invoice = _invoice(cast, 417, today - timedelta(days=days), 128_050, 98_050)
    if type is T.PAYMENT_SUCCEEDED:
        invoice = _invoice(cast, 417, today - timedelta(days=days), 128_050, 0)
    about = _about(type, cast, invoice, today, days)
    is_about_invoice = not isinstance(about, Summary | Method | Access) and type is not T.UPCOMING_PAYMENTS
    return Letter(
        type=type,
        recipients=(Recipient(cast.person, cast.email),),
        organization_id="sample",
        organization_name=cast.organization,
        about=about,
        invoice=invoice if is_about_invoice else None,
        language=language,
        today=today,
    )


def _about(type: T, cast: _Cast, invoice: Invoice, today: date, days: int) -> About:
    about: About
    match type:
        case T.DUE_NOTICE_BEFORE | T.DUE_NOTICE_AFTER:
            about = Due(days, days)
        case T.PAYMENT_SUCCEEDED | T.PAYMENT_FAILED:
            about = _payment(type, cast, today)
        case T.ACCOUNT_SUMMARY:
            about = _summary(cast, today)
        case T.UPCOMING_PAYMENTS:
            about = _upcoming(cast, today)
        case T.INVOICE:
            about = Notification(_plan(invoice, today + timedelta(days=5), by_autopay=True))
        case T.WELCOME | T.PASSWORD_RESET:
            about = Access(0, SAMPLE_TOKEN)
        case T.METHOD_FAILED | T.METHOD_EXPIRING | T.METHOD_EXPIRED:
            about = _method(type, cast, today)
        case T.PAYMENT_RESCHEDULED:
            moved_from = today + timedelta(days=3)
            about = Plans((_plan(invoice, today + timedelta(days=10), moved_from=moved_from),))
        case T.PAYMENT_SCHEDULED | T.PAYMENT_CANCELLED:
            about = Plans((_plan(invoice, today + timedelta(days=10)),))
    return about


def _invoice(cast: _Cast, number: int, due_on: date, amount_minor: int, balance_minor: int) -> Invoice:
    return Invoice(
        invoice_id=0,
        number=f"{cast.prefix}{number:05}",
        issued_on=due_on - timedelta(days=30),
        due_on=due_on,
        amount_minor=amount_minor,
        balance_minor=balance_minor,
        currency=cast.currency,
        pay_token=SAMPLE_TOKEN,
    )


def _payment(type: T, cast: _Cast, today: date) -> Payment:
    failed = type is T.PAYMENT_FAILED
    return Payment(
        amount_minor=98_050,
        currency=cast.currency,
        method_label=_CARD,
        ended_at=datetime.combine(today, time(14, 30), tzinfo=UTC),
        balance_minor=98_050 if failed else 0,
        failure_reason="CARD_DECLINED" if failed else "",
    )


def _plan(
    invoice: Invoice, pays_on: date, *, by_autopay: bool = False, moved_from: date | None = None
) -> Plan:
    return Plan(invoice, pays_on, invoice.balance_minor, _CARD, by_autopay, moved_from)


def _upcoming(cast: _Cast, today: date) -> Plans:
    first, second = today + timedelta(days=3), today + timedelta(days=4)
    return Plans(
        (
            _plan(_invoice(cast, 417, first, 128_050, 98_050), first, by_autopay=True),
            _plan(_invoice(cast, 421, second, 24_000, 24_000), second),
        )
    )


def _summary(cast: _Cast, today: date) -> Summary:
    late, later, fresh = (
        _invoice(cast, number, today + timedelta(days=days), amount, balance)
        for number, days, amount, balance in (
            (417, -12, 128_050, 98_050),
            (421, 1, 24_000, 24_000),
            (430, 24, 315_900, 315_900),
        )
    )
    return Summary(
        lines=(
            SummaryLine(late, LineStatus.PAST_DUE),
            SummaryLine(later, LineStatus.OPEN),
            SummaryLine(fresh, LineStatus.NEW),
        ),
        totals=(Total(cast.currency, 437_950, 98_050),),
        methods=(_method(T.METHOD_EXPIRED, cast, today), _method(T.METHOD_EXPIRING, cast, today)),
    )


def _method(type: T, cast: _Cast, today: date) -> Method:
    if type is T.METHOD_EXPIRED:
        gone = today.replace(day=1) - timedelta(days=1)
        return Method("Mastercard ending 4444", "", gone.month, gone.year, expired=True)
    soon = today.replace(day=28) + timedelta(days=4)
    failure = "CARD_DECLINED" if type is T.METHOD_FAILED else ""
    return Method(_CARD, cast.nickname, soon.month, soon.year, failure_reason=failure)
