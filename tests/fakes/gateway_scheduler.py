"""A scheduler in memory for the gateway's tests."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from dunlin.scheduler.v1 import notices_pb2, scheduler_pb2
from dunlin.scheduler.v1.notices_pb2 import NOTICE_TYPE_DUE_NOTICE, NoticeType

from services.shared.errors import Conflict, Missing, WrongState, invalid_field
from services.shared.wire import instant, timestamp
from tests.fakes.gateway_rpc import FakeStub, rpc

DEFAULT_THRESHOLDS = (-5, 15, 30, 45, 60, 90)


class Stream(Iterator[Any]):
    """An answer in parts, as gRPC gives it."""

    def __init__(self, parts: Iterable[Any]) -> None:
        self._parts = iter(parts)

    def __next__(self) -> Any:
        return next(self._parts)

    def cancel(self) -> None:
        """Ends it."""
        self._parts = iter(())


class FakeScheduler(FakeStub):
    """Rules, exclusions, notices, calendar; a tick reports `tick` of due notices, and `other_types` unless it
    is asked for due notices alone, without deciding anything.
    """

    def __init__(self, today: date, organization_ids: set[str]) -> None:
        super().__init__()
        self.rules = {
            days: scheduler_pb2.Rule(threshold_days=days, enabled=days in (15, 30))
            for days in DEFAULT_THRESHOLDS
        }
        self.rules[15].last_sent_at.FromDatetime(datetime.combine(today, datetime.min.time(), UTC))
        self.organization_ids = organization_ids
        self.exclusions: dict[tuple[int, str], scheduler_pb2.Exclusion] = {}
        self.notices: list[notices_pb2.Notice] = []
        self.explanations: dict[int, scheduler_pb2.Explanation] = {}
        self.calendar = scheduler_pb2.Calendar(
            time_zone="America/Chicago",
            send_at="09:00",
            sandbox=True,
            automatic=True,
            today=today.isoformat(),
        )
        self.tick = scheduler_pb2.TickCounts(queued=4, held=1, skipped=2, superseded=3, unchanged=5)
        self.other_types: dict[NoticeType.ValueType, scheduler_pb2.TickCounts] = {}
        tomorrow = datetime.combine(today + timedelta(days=1), datetime.min.time(), UTC) + timedelta(hours=15)
        self.forecast = scheduler_pb2.Forecast(
            next_tick_at=timestamp(tomorrow),
            counted_at=timestamp(datetime.now(UTC)),
            lines=[
                scheduler_pb2.ForecastLine(
                    on=(today + timedelta(days=1)).isoformat(), threshold_days=15, invoices=3
                ),
                scheduler_pb2.ForecastLine(
                    on=(today + timedelta(days=2)).isoformat(), threshold_days=30, invoices=1
                ),
            ],
        )

    def _rule(self, days: int) -> scheduler_pb2.Rule:
        if days not in self.rules:
            raise Missing("There is no rule with this threshold.", reason="RULE_MISSING")
        return self.rules[days]

    @rpc
    def ListRules(self, request: Any) -> Any:
        return scheduler_pb2.ListRulesResponse(rules=[self.rules[days] for days in sorted(self.rules)])

    @rpc
    def AddRule(self, request: Any) -> Any:
        if not (-365 <= request.threshold_days <= -1 or 1 <= request.threshold_days <= 3650):
            raise invalid_field(
                "threshold_days", "THRESHOLD_OUT_OF_RANGE", "Days are 1 to 365 before or 1 to 3650 after."
            )
        if request.threshold_days in self.rules:
            raise Conflict("There is a rule with this threshold.", reason="RULE_EXISTS")
        rule = scheduler_pb2.Rule(threshold_days=request.threshold_days, enabled=request.enabled)
        self.rules[request.threshold_days] = rule
        return rule

    @rpc
    def SetRuleEnabled(self, request: Any) -> Any:
        self._rule(request.threshold_days).enabled = request.enabled
        return self._rule(request.threshold_days)

    @rpc
    def RemoveRule(self, request: Any) -> Any:
        self._rule(request.threshold_days)
        return self.rules.pop(request.threshold_days)

    @rpc
    def ListExclusions(self, request: Any) -> Any:
        found = [self.exclusions[key] for key in sorted(self.exclusions) if key[0] == request.type]
        size, start = request.page_size or 100, int(request.page_token or 0)
        following = str(start + size) if start + size < len(found) else ""
        return scheduler_pb2.ListExclusionsResponse(
            exclusions=found[start : start + size], total=len(found), next_page_token=following
        )

    @rpc
    def AddExclusion(self, request: Any) -> Any:
        if request.organization_id not in self.organization_ids:
            raise Missing("The ledger does not know this organization.", reason="ORGANIZATION_MISSING")
        exclusion = scheduler_pb2.Exclusion(
            type=request.type,
            organization_id=request.organization_id,
            created_at=timestamp(datetime.now(UTC)),
        )
        return self.exclusions.setdefault((request.type, request.organization_id), exclusion)

    @rpc
    def RemoveExclusion(self, request: Any) -> Any:
        key = (request.type, request.organization_id)
        if key not in self.exclusions:
            raise Missing("It is not excluded.", reason="EXCLUSION_MISSING")
        return self.exclusions.pop(key)

    @rpc
    def RunTick(self, request: Any) -> Iterator[Any]:
        today = self.calendar.today
        if request.HasField("as_of"):
            if not self.calendar.sandbox:
                raise WrongState("The clock can only be set in sandbox mode.", reason="CLOCK_NOT_SETTABLE")
            today = instant(request.as_of).date().isoformat()
        types = {NOTICE_TYPE_DUE_NOTICE: self.tick}
        if not request.only_due_notices:
            types |= self.other_types
        total = 10 * len(types)
        done = scheduler_pb2.TickProgress(examined=total, total=total, done=True, today=today)
        for type_, counts in types.items():
            if counts.ListFields():
                done.types.add(type=type_, counts=counts)
        for outcome in scheduler_pb2.TickCounts.DESCRIPTOR.fields_by_name:
            setattr(done.counts, outcome, sum(getattr(one, outcome) for one in types.values()))
        return Stream([scheduler_pb2.TickProgress(examined=5, total=10, today=today), done])

    @rpc
    def ListNotices(self, request: Any) -> Any:
        found = [
            notice
            for notice in self.notices
            if request.organization_id in ("", notice.organization_id)
            and request.invoice_number in ("", notice.invoice_number)
            and request.invoice_id in (0, notice.invoice_id)
            and request.type in (0, notice.type)
            and request.state in (0, notice.state)
            and request.campaign_id in ("", notice.campaign_id)
        ]
        return scheduler_pb2.ListNoticesResponse(notices=found[: request.page_size or 100])

    @rpc
    def ExplainInvoice(self, request: Any) -> Any:
        if request.invoice_id not in self.explanations:
            raise Missing("The ledger does not know this invoice.", reason="INVOICE_MISSING")
        return self.explanations[request.invoice_id]

    @rpc
    def GetForecast(self, request: Any) -> Any:
        return self.forecast

    @rpc
    def GetCalendar(self, request: Any) -> Any:
        answer = scheduler_pb2.Calendar()
        answer.CopyFrom(self.calendar)
        return answer

    @rpc
    def UpdateCalendar(self, request: Any) -> Any:
        if request.calendar.time_zone == "Mars/Olympus":
            raise invalid_field("calendar.time_zone", "ZONE_UNKNOWN", "There is no such time zone.")
        today = self.calendar.today
        self.calendar.CopyFrom(request.calendar)
        self.calendar.today = today
        return self.calendar
