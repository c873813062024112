"""Puts the payments half of the service together, for `__main__`."""

from services.paynow.domain.links import PayLinks
from services.paynow.domain.payment import Pace
from services.paynow.domain.quotes import Quotes
from services.paynow.ports_payments import Provider
from services.paynow.repository.payments import SqlPaymentStore
from services.paynow.servicer_paynow import PayNowServicer
from services.paynow.use_cases.resolve import resolve_due
from services.shared.clock import Clock
from services.shared.database import Database


class Payments:
    """The payments half on the service's database (a durable one: it records money)."""

    def __init__(
        self, database: Database, provider: Provider, clock: Clock, pace: Pace | None = None
    ) -> None:
        self._store = SqlPaymentStore(database)
        self._provider = provider
        self._clock = clock
        self._pace = pace or Pace()

    def servicer(self, link_key: str) -> PayNowServicer:
        """What is served; the key seals what payers carry, which is pay links and quotes."""
        return PayNowServicer(
            store=self._store,
            provider=self._provider,
            links=PayLinks(link_key),
            quotes=Quotes(link_key),
            clock=self._clock,
            pace=self._pace,
        )

    def resolve(self) -> bool:
        """The work of the worker "resolve"; whether there was anything to do."""
        return resolve_due(store=self._store, provider=self._provider, clock=self._clock, pace=self._pace)
