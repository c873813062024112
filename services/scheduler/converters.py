"""Between the wire and the domain; every rule of the wire is here."""

from datetime import UTC, datetime

from dunlin.scheduler.v1 import notices_pb2, scheduler_pb2

from services.scheduler.domain.calendar import CalendarSettings
from services.scheduler.domain.explaining import Explanation
from services.scheduler.domain.forecasting import Forecast
from services.scheduler.domain.notice import Decision, Notice, NoticeFilter, NoticeType, State
from services.scheduler.domain.quiet_hours import QuietHours
from services.scheduler.domain.reasons import explanation
from services.scheduler.ports import Excluded
from services.scheduler.use_cases.calendar import CalendarToday
from services.scheduler.use_cases.exclusions import ExclusionPage
from services.scheduler.use_cases.explain import NoticePage
from services.scheduler.use_cases.rules import RuleInUse
from services.scheduler.use_cases.run import Progress
from services.scheduler.use_cases.tally import Counts
from services.scheduler.use_cases.tick import TickOrder
from services.shared.errors import invalid_field
from services.shared.wire import instant, iso, timestamp

TYPES = {getattr(notices_pb2, f"NOTICE_TYPE_{type.name}"): type for type in NoticeType}
TYPES_OUT = {ours: theirs for theirs, ours in TYPES.items()}
_STATES = {
    notices_pb2.NOTICE_STATE_QUEUED: State.QUEUED,
    notices_pb2.NOTICE_STATE_SENT: State.SENT,
    notices_pb2.NOTICE_STATE_HELD: State.HELD,
    notices_pb2.NOTICE_STATE_SKIPPED: State.SKIPPED,
    notices_pb2.NOTICE_STATE_SUPERSEDED: State.SUPERSEDED,
    notices_pb2.NOTICE_STATE_FAILED: State.FAILED,
}
_STATES_OUT = {ours: theirs for theirs, ours in _STATES.items()}


def notice_type(value: notices_pb2.NoticeType.ValueType) -> NoticeType | None:
    """The type; None for "any". `Invalid` (TYPE_UNKNOWN) for a number that is none."""
    if value and value not in TYPES:
        raise invalid_field("type", "TYPE_UNKNOWN", f"{value} is not a type of notice.")
    return TYPES.get(value)


def notice_filter(request: scheduler_pb2.ListNoticesRequest) -> NoticeFilter:
    """The filter. `Invalid` for a type or state that is none."""
    if request.state and request.state not in _STATES:
        raise invalid_field("state", "STATE_UNKNOWN", f"{request.state} is not a state of a notice.")
    return NoticeFilter(
        organization_id=request.organization_id,
        invoice_number=request.invoice_number,
        invoice_id=request.invoice_id,
        type=notice_type(request.type),
        state=_STATES.get(request.state),
        campaign_id=request.campaign_id,
    )


def tick_order(request: scheduler_pb2.RunTickRequest) -> TickOrder:
    """The order. `Invalid` (INSTANT_OUT_OF_RANGE) for an instant that no local date can be found for."""
    if not request.HasField("as_of"):
        return TickOrder(None, request.dry_run, only_due_notices=request.only_due_notices)
    try:
        as_of = instant(request.as_of)
    except (ValueError, OverflowError):
        as_of = datetime.min.replace(tzinfo=UTC)
    if not 1900 <= as_of.year <= 2200:
        description = "The clock can be set to the years 1900 to 2200."
        raise invalid_field("as_of", "INSTANT_OUT_OF_RANGE", description)
    return TickOrder(as_of, request.dry_run, only_due_notices=request.only_due_notices)


def calendar_settings(request: scheduler_pb2.UpdateCalendarRequest) -> CalendarSettings:
    """The settings."""
    calendar = request.calendar
    return CalendarSettings(
        time_zone=calendar.time_zone,
        send_at=calendar.send_at,
        sandbox=calendar.sandbox,
        automatic=calendar.automatic,
        country=calendar.country,
        business_days_only=calendar.business_days_only,
        quiet=QuietHours(calendar.quiet_from, calendar.quiet_until),
    )


def to_rule(found: RuleInUse) -> scheduler_pb2.Rule:
    """A rule."""
    return scheduler_pb2.Rule(
        threshold_days=found.rule.threshold,
        enabled=found.rule.enabled,
        last_sent_at=timestamp(found.last_sent_at),
    )


def to_exclusion(excluded: Excluded) -> scheduler_pb2.Exclusion:
    """An exclusion."""
    return scheduler_pb2.Exclusion(
        type=TYPES_OUT[excluded.type],
        organization_id=excluded.organization_id,
        created_at=timestamp(excluded.created_at),
    )


def to_exclusions(page: ExclusionPage) -> scheduler_pb2.ListExclusionsResponse:
    """A page of exclusions."""
    return scheduler_pb2.ListExclusionsResponse(
        exclusions=[to_exclusion(excluded) for excluded in page.exclusions],
        next_page_token=page.next_page_token,
        total=page.total,
    )


def to_progress(progress: Progress) -> scheduler_pb2.TickProgress:
    """How far a tick has come."""
    return scheduler_pb2.TickProgress(
        examined=progress.examined,
        total=progress.total,
        counts=_counts(progress.counts),
        done=progress.done,
        today=iso(progress.today),
        types=[
            scheduler_pb2.TypeCounts(type=TYPES_OUT[type], counts=_counts(counts))
            for type, counts in progress.types.items()
        ],
    )


def _counts(counts: Counts) -> scheduler_pb2.TickCounts:
    return scheduler_pb2.TickCounts(**counts._asdict())


def to_notice(notice: Notice) -> notices_pb2.Notice:
    """A notice."""
    return notices_pb2.Notice(
        notice_id=notice.notice_id,
        type=TYPES_OUT[notice.type],
        organization_id=notice.organization_id,
        invoice_id=notice.invoice_id,
        invoice_number=notice.invoice_number,
        threshold_days=notice.threshold,
        due_on=iso(notice.due_on),
        payment_id=notice.payment.payment_id if notice.payment else "",
        state=_STATES_OUT[notice.state],
        reason=notice.reason,
        explanation=explanation(notice.reason, notice.threshold, notice.detail),
        decided_at=timestamp(notice.decided_at),
        message_id=notice.message_id,
        occurrence="" if notice.payment else notice.occurrence,
        contact_id=notice.access.contact_id if notice.access else 0,
        email=notice.access.email if notice.access else "",
        campaign_id=notice.campaign_id,
    )


def to_notices(page: NoticePage) -> scheduler_pb2.ListNoticesResponse:
    """A page of notices."""
    notices = [to_notice(notice) for notice in page.notices]
    return scheduler_pb2.ListNoticesResponse(notices=notices, next_page_token=page.next_page_token)


def to_decision(decision: Decision) -> notices_pb2.Decision:
    """A decision."""
    return notices_pb2.Decision(
        notice_id=decision.notice_id,
        state=_STATES_OUT[decision.state],
        reason=decision.reason,
        explanation=explanation(decision.reason, decision.threshold, decision.detail),
        decided_at=timestamp(decision.decided_at),
        as_of=timestamp(decision.as_of),
    )


def to_explanation(found: Explanation) -> scheduler_pb2.Explanation:
    """Everything about one invoice."""
    coming = found.next
    return scheduler_pb2.Explanation(
        invoice_id=found.invoice_id,
        notices=[to_notice(notice) for notice in found.notices],
        decisions=[to_decision(decision) for decision in found.decisions],
        now=found.now,
        next=coming and scheduler_pb2.NextNotice(threshold_days=coming.threshold, on=iso(coming.on)),
    )


def to_forecast(forecast: Forecast) -> scheduler_pb2.Forecast:
    """What is to come."""
    lines = [
        scheduler_pb2.ForecastLine(on=iso(line.on), threshold_days=line.threshold, invoices=line.invoices)
        for line in forecast.lines
    ]
    return scheduler_pb2.Forecast(
        next_tick_at=timestamp(forecast.next_tick_at),
        lines=lines,
        catch_up=forecast.catch_up,
        counted_at=timestamp(forecast.counted_at),
    )


def to_calendar(found: CalendarToday) -> scheduler_pb2.Calendar:
    """The calendar."""
    calendar, settings = found.calendar, found.calendar.settings
    return scheduler_pb2.Calendar(
        time_zone=settings.time_zone,
        send_at=settings.send_at,
        sandbox=settings.sandbox,
        automatic=settings.automatic,
        today=found.today,
        clock_set=calendar.rests,
        country=settings.country,
        business_days_only=settings.business_days_only,
        quiet_from=settings.quiet.start,
        quiet_until=settings.quiet.end,
    )
