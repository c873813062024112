"""The wire of the types of mail, and of mails that a person asks for."""

from dunlin.scheduler.v1 import emails_pb2 as pb

from services.scheduler.converters import TYPES_OUT, notice_type
from services.scheduler.domain.email_types import EmailType, OnNewInvoice
from services.scheduler.domain.monthly import MANUAL, ClosedDays, Monthly
from services.scheduler.domain.notice import NoticeType
from services.scheduler.domain.reasons import explanation
from services.scheduler.ports_emails import Unreachable, Unsubscription
from services.scheduler.use_cases.counting import EmailCount
from services.scheduler.use_cases.email_types import TypeShown
from services.scheduler.use_cases.reaching import UnreachablePage, UnsubscriptionPage
from services.shared.errors import Invalid, Violation, invalid_field
from services.shared.wire import timestamp

_CLOSED_DAYS = {
    pb.CLOSED_DAYS_UNSPECIFIED: ClosedDays.CALENDAR,
    pb.CLOSED_DAYS_SEND: ClosedDays.SEND,
    pb.CLOSED_DAYS_SKIP: ClosedDays.SKIP,
    pb.CLOSED_DAYS_BEFORE: ClosedDays.BEFORE,
    pb.CLOSED_DAYS_AFTER: ClosedDays.AFTER,
}
_CLOSED_DAYS_OUT = {ours: theirs for theirs, ours in _CLOSED_DAYS.items()}
_ON_NEW_INVOICE = {
    pb.ON_NEW_INVOICE_UNSPECIFIED: OnNewInvoice.NOTHING,
    pb.ON_NEW_INVOICE_NOTHING: OnNewInvoice.NOTHING,
    pb.ON_NEW_INVOICE_SUMMARY: OnNewInvoice.SUMMARY,
    pb.ON_NEW_INVOICE_INVOICES: OnNewInvoice.INVOICES,
}
_ON_NEW_INVOICE_OUT = {ours: theirs for theirs, ours in _ON_NEW_INVOICE.items()}

_NO_DAY = -1
"""Day 0 of the wire is no day; ours is the last one of the month."""


def a_type(value: int) -> NoticeType:
    """The type. `Invalid` (TYPE_UNKNOWN) for a number that is none."""
    type = notice_type(value)  # type: ignore[arg-type]  # whatever number came over the wire
    if type is None:
        raise invalid_field("type", "TYPE_UNKNOWN", "Say which type of mail this is about.")
    return type


def email_type(told: pb.EmailType) -> EmailType:
    """The settings, as far as they belong to the type. `Invalid`: TYPE_UNKNOWN, SCHEDULE_MISSING."""
    type = a_type(told.type)
    default = EmailType(type)
    is_summary = type is NoticeType.ACCOUNT_SUMMARY
    is_invoice = type is NoticeType.INVOICE
    return EmailType(
        type=type,
        enabled=told.enabled,
        schedule=_schedule(told.schedule) if is_summary else MANUAL,
        on_new_invoice=_on_new_invoice(told.on_new_invoice) if is_summary else default.on_new_invoice,
        profile_ids=tuple(dict.fromkeys(told.profile_ids)) if is_summary else (),
        days_before=told.days_before if type is NoticeType.UPCOMING_PAYMENTS else default.days_before,
        tells_payment_date=told.tells_payment_date if is_invoice else default.tells_payment_date,
        newest_days=told.newest_days if is_invoice else default.newest_days,
    )


def _schedule(told: pb.SummarySchedule) -> Monthly:
    if told.closed_days not in _CLOSED_DAYS:
        raise _no_schedule(f"{told.closed_days} says nothing about weekends and holidays.")
    closed_days = _CLOSED_DAYS[told.closed_days]
    match told.WhichOneof("day"):
        case "day_of_month":
            return Monthly(told.day_of_month or _NO_DAY, closed_days)
        case "last_day":
            return Monthly(0, closed_days)
        case "manual":
            return Monthly(None, closed_days)
    raise _no_schedule("Choose a day of the month, its last day, or to send by hand only.")


def _no_schedule(words: str) -> Invalid:
    violation = Violation("email_type.schedule", "SCHEDULE_MISSING", words)
    return Invalid(words, reason="EMAIL_TYPE_INVALID", violations=[violation])


def _on_new_invoice(told: pb.OnNewInvoice.ValueType) -> OnNewInvoice:
    return _ON_NEW_INVOICE.get(told, OnNewInvoice.NOTHING)


def to_email_type(shown: TypeShown) -> pb.EmailType:
    """A type with what is output only."""
    settings = shown.settings
    told = pb.EmailType(
        type=TYPES_OUT[settings.type],
        enabled=settings.enabled,
        last_sent_at=timestamp(shown.last_sent_at),
        excluded=shown.excluded,
        next_at=timestamp(shown.next_at),
    )
    match settings.type:
        case NoticeType.ACCOUNT_SUMMARY:
            told.schedule.CopyFrom(_to_schedule(settings.schedule))
            told.on_new_invoice = _ON_NEW_INVOICE_OUT[settings.on_new_invoice]
            told.profile_ids.extend(settings.profile_ids)
        case NoticeType.UPCOMING_PAYMENTS:
            told.days_before = settings.days_before
        case NoticeType.INVOICE:
            told.tells_payment_date = settings.tells_payment_date
            told.newest_days = settings.newest_days
    return told


def _to_schedule(schedule: Monthly) -> pb.SummarySchedule:
    told = pb.SummarySchedule(closed_days=_CLOSED_DAYS_OUT[schedule.closed_days])
    if schedule.day is None:
        told.manual = True
    elif schedule.day:
        told.day_of_month = schedule.day
    else:
        told.last_day = True
    return told


def to_email_count(count: EmailCount) -> pb.EmailCount:
    """A count."""
    return pb.EmailCount(**count._asdict() | {"next_at": timestamp(count.next_at)})


def to_unreachable(page: UnreachablePage) -> pb.ListUnreachableResponse:
    """A page of organizations that cannot be reached."""
    return pb.ListUnreachableResponse(
        organizations=[_to_unreachable(one) for one in page.organizations],
        next_page_token=page.next_page_token,
        total=page.total,
    )


def _to_unreachable(one: Unreachable) -> pb.Unreachable:
    return pb.Unreachable(
        organization_id=one.organization_id,
        reason=one.reason,
        explanation=explanation(one.reason),
        notices=one.notices,
        decided_at=timestamp(one.decided_at),
    )


def to_unsubscription(one: Unsubscription) -> pb.Unsubscription:
    """An address that wants no more of a type."""
    return pb.Unsubscription(
        type=TYPES_OUT[one.type],
        email=one.email,
        created_at=timestamp(one.created_at),
        notice_id=one.notice_id,
    )


def to_unsubscriptions(page: UnsubscriptionPage) -> pb.ListUnsubscriptionsResponse:
    """A page of them."""
    return pb.ListUnsubscriptionsResponse(
        unsubscriptions=[to_unsubscription(one) for one in page.unsubscriptions],
        next_page_token=page.next_page_token,
        total=page.total,
    )
