"""Puts the payments half of the service together, for `__main__`."""

from dataclasses import dataclass

from services.paynow.domain.links import PayLinks
from services.paynow.domain.payment import Pace
from services.paynow.domain.quotes import Quotes
from services.paynow.ports_payments import PaymentStore, Provider
from services.paynow.repository.payments import SqlPaymentStore
from services.paynow.servicer_paynow import PayNowServicer
from services.paynow.use_cases.resolve import resolve_due
from services.shared.clock import Clock
from services.shared.database import Database


class ResolveWork:
    """What the worker of open charges does."""

    def __init__(self, store: PaymentStore, provider: Provider, clock: Clock, pace: Pace) -> None:
        self._store = store
        self._provider = provider
        self._clock = clock
        self._pace = pace

    def run_once(self) -> bool:
        """Whether there was anything to resolve."""
        return resolve_due(store=self._store, provider=self._provider, clock=self._clock, pace=self._pace)


@dataclass(frozen=True)
class Payments:
    """The parts: what is served, and the work of the worker "resolve"."""

    servicer: PayNowServicer
    resolve: ResolveWork


def compose_payments(
    database: Database, provider: Provider, link_key: str, clock: Clock, pace: Pace | None = None
) -> Payments:
    """The payments half on the service's database (a durable one: it records money).

    `link_key` signs what payers carry: pay links and quotes.
    """
    store = SqlPaymentStore(database)
    pace = pace or Pace()
    return Payments(
        servicer=PayNowServicer(
            store=store,
            provider=provider,
            links=PayLinks(link_key),
            quotes=Quotes(link_key),
            clock=clock,
            pace=pace,
        ),
        resolve=ResolveWork(store, provider, clock, pace),
    )
