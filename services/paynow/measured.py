"""What paynow counts, around the payment provider."""

from collections.abc import Sequence

from services.paynow.domain.methods import Method
from services.paynow.domain.payment import Outcome
from services.paynow.ports_payments import Charge, Provider, ProviderFailure
from services.shared import metrics, tracing


class MeasuredProvider:
    """Counts how charges were answered; no usable answer counts as unknown."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    @property
    def is_sandbox(self) -> bool:
        return self._provider.is_sandbox

    def methods(self) -> Sequence[Method]:
        return self._provider.methods()

    def method(self, method_token: str) -> Method | None:
        return self._provider.method(method_token)

    def charge(self, charge: Charge, method_token: str, *, time_limit: float) -> Outcome:
        try:
            with tracing.span("provider.charge", "client"):
                outcome = self._provider.charge(charge, method_token, time_limit=time_limit)
        except ProviderFailure:
            metrics.CHARGES.labels("unknown").inc()
            raise
        metrics.CHARGES.labels(outcome.verdict.value.lower()).inc()
        return outcome

    def find(self, charge: Charge) -> Outcome | None:
        with tracing.span("provider.find", "client"):
            return self._provider.find(charge)

    def close(self, charge: Charge) -> Outcome | None:
        with tracing.span("provider.close", "client"):
            return self._provider.close(charge)
