"""The scheduler over gRPC: parse, ask, answer."""

from collections.abc import Iterator

import grpc
from dunlin.scheduler.v1 import scheduler_pb2 as pb
from dunlin.scheduler.v1 import scheduler_pb2_grpc

from services.scheduler import converters, converters_letters
from services.scheduler.domain.thresholds import Rule
from services.scheduler.use_cases import calendar, exclusions, explain, forecast, review, rules, tick
from services.scheduler.use_cases.ticking import Ticking


class SchedulerServicer(scheduler_pb2_grpc.SchedulerServiceServicer):
    """Serves `dunlin.scheduler.v1.SchedulerService`."""

    def __init__(self, ticking: Ticking) -> None:
        self._ticking = ticking
        self._store = ticking.store
        self._ledger = ticking.ledger
        self._clock = ticking.clock

    def ListRules(self, request: pb.ListRulesRequest, context: grpc.ServicerContext) -> pb.ListRulesResponse:
        """All rules."""
        found = rules.list_rules(store=self._store)
        return pb.ListRulesResponse(rules=[converters.to_rule(rule) for rule in found])

    def AddRule(self, request: pb.AddRuleRequest, context: grpc.ServicerContext) -> pb.Rule:
        """Adds a rule."""
        rule = Rule(request.threshold_days, request.enabled)
        return converters.to_rule(rules.add_rule(rule, store=self._store))

    def SetRuleEnabled(self, request: pb.SetRuleEnabledRequest, context: grpc.ServicerContext) -> pb.Rule:
        """Turns a rule on or off."""
        found = rules.set_rule_enabled(request.threshold_days, enabled=request.enabled, store=self._store)
        return converters.to_rule(found)

    def RemoveRule(self, request: pb.RemoveRuleRequest, context: grpc.ServicerContext) -> pb.Rule:
        """Removes a rule."""
        return converters.to_rule(rules.remove_rule(request.threshold_days, store=self._store))

    def ListExclusions(
        self, request: pb.ListExclusionsRequest, context: grpc.ServicerContext
    ) -> pb.ListExclusionsResponse:
        """A page of exclusions."""
        page = exclusions.list_exclusions(
            converters.notice_type(request.type), request.page_size, request.page_token, store=self._store
        )
        return converters.to_exclusions(page)

    def AddExclusion(self, request: pb.AddExclusionRequest, context: grpc.ServicerContext) -> pb.Exclusion:
        """Excludes an organization."""
        added = exclusions.add_exclusion(
            converters.notice_type(request.type),
            request.organization_id,
            store=self._store,
            ledger=self._ledger,
            clock=self._clock,
        )
        return converters.to_exclusion(added)

    def RemoveExclusion(
        self, request: pb.RemoveExclusionRequest, context: grpc.ServicerContext
    ) -> pb.Exclusion:
        """Takes an organization off the list."""
        removed = exclusions.remove_exclusion(
            converters.notice_type(request.type), request.organization_id, store=self._store
        )
        return converters.to_exclusion(removed)

    def RunTick(self, request: pb.RunTickRequest, context: grpc.ServicerContext) -> Iterator[pb.TickProgress]:
        """Decides, reporting after each batch; ends when the caller goes away."""
        # A call whose answer has begun is never sent again by a channel that retries.
        context.send_initial_metadata(())
        order = converters.tick_order(request)
        for progress in tick.run_tick(order, ticking=self._ticking, wanted=context.is_active):
            yield converters.to_progress(progress)

    def ListNotices(
        self, request: pb.ListNoticesRequest, context: grpc.ServicerContext
    ) -> pb.ListNoticesResponse:
        """A page of notices."""
        page = explain.list_notices(
            converters.notice_filter(request), request.page_size, request.page_token, store=self._store
        )
        return converters.to_notices(page)

    def ExplainInvoice(
        self, request: pb.ExplainInvoiceRequest, context: grpc.ServicerContext
    ) -> pb.Explanation:
        """Everything about one invoice."""
        found = explain.explain_invoice(
            request.invoice_id, store=self._store, ledger=self._ledger, clock=self._clock
        )
        return converters.to_explanation(found)

    def GetForecast(self, request: pb.GetForecastRequest, context: grpc.ServicerContext) -> pb.Forecast:
        """What the coming days will bring."""
        return converters.to_forecast(forecast.get_forecast(request.days, ticking=self._ticking))

    def ReviewNotices(
        self, request: pb.ReviewNoticesRequest, context: grpc.ServicerContext
    ) -> pb.ReviewNoticesResponse:
        """The second look."""
        answers = review.review_notices(
            request.notice_ids,
            store=self._store,
            ledger=self._ledger,
            accounts=self._ticking.accounts,
            clock=self._clock,
        )
        if not request.takes_not_yet:
            review.refuse_not_yet(answers)
        company = calendar.get_calendar(store=self._store, clock=self._clock)
        return pb.ReviewNoticesResponse(
            reviews=[converters_letters.to_review(one) for one in answers],
            company_time_zone=company.calendar.settings.time_zone,
        )

    def GetCalendar(self, request: pb.GetCalendarRequest, context: grpc.ServicerContext) -> pb.Calendar:
        """The calendar."""
        return converters.to_calendar(calendar.get_calendar(store=self._store, clock=self._clock))

    def UpdateCalendar(self, request: pb.UpdateCalendarRequest, context: grpc.ServicerContext) -> pb.Calendar:
        """Replaces the calendar."""
        settings = converters.calendar_settings(request)
        return converters.to_calendar(
            calendar.update_calendar(settings, store=self._store, clock=self._clock)
        )
