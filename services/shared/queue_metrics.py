"""Queues as metrics: asked of the database when somebody scrapes, so that they are true after any crash."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

import structlog
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection

from services.shared.clock import Clock
from services.shared.database import Database
from services.shared.database_errors import words_of

log = structlog.get_logger()

FRESH_SECONDS = 5.0
"""Whoever scrapes more often gets the same answer again."""

STATEMENT_SECONDS = 2.0

QUEUES = {
    "dunlin_outbox_facts": "Facts not known to be in the subscriber's inbox.",
    "dunlin_outbox_oldest_seconds": "Age of the oldest of them.",
    "dunlin_inbox_facts": "Facts taken in and not handled.",
    "dunlin_inbox_oldest_seconds": "Since when the oldest of them is here.",
    "dunlin_inbox_parked_facts": "Dead letters: facts no longer tried, which wait for a person.",
    "dunlin_notices_waiting": "Notices to hand over to the mailer.",
    "dunlin_notices_overdue_seconds": "Since when the oldest of them is due.",
    "dunlin_new_invoices_waiting": "New invoices of a sync that are still to be decided on.",
    "dunlin_messages_waiting": "Mails that are neither sent nor given up, deferred ones too.",
    "dunlin_messages_overdue_seconds": "Since when the mail that may go and is due for the longest is due.",
    "dunlin_messages_held": "Mails that wait for the stop switch, the daily cap or their domain's turn.",
    "dunlin_sending_stopped": "Whether everything is stopped.",
    "dunlin_suppressed_addresses": "Addresses that get no mail.",
    "dunlin_charges_open": "Charges with an unknown outcome.",
    "dunlin_charges_oldest_seconds": "Age of the oldest of them.",
}
"""Every gauge, with what it says; a service has those of its own queues."""

Read = Callable[[Connection], Mapping[str, float]]
"""Reads gauges by the names of QUEUES; each statement is cut off after two seconds."""


class QueueMetrics(Collector):
    """The gauges of one service's database.

    `dunlin_queues_known` says whether the others are there: while the database is away nothing old is told.
    """

    def __init__(self, database: Database, read: Read) -> None:
        self._database = database
        self._read = read
        self._asking = threading.Lock()
        self._known: Mapping[str, float] = {}
        self._known_at = float("-inf")

    def describe(self) -> list[Metric]:
        """Nothing is asked before the first scrape."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The gauges, at most a few seconds old."""
        known = self._ask()
        told = GaugeMetricFamily("dunlin_queues_known", "Whether the database could be asked about queues.")
        told.add_metric([], bool(known))
        yield told
        for name, value in known.items():
            yield GaugeMetricFamily(name, QUEUES[name], value=value)

    def _ask(self) -> Mapping[str, float]:
        # One at a time: a database that hangs holds one scrape, and the others learn that nothing is known.
        if not self._asking.acquire(blocking=False):
            return self._known if self._is_fresh() else {}
        try:
            if not self._is_fresh():
                with self._database.glance(STATEMENT_SECONDS) as connection:
                    self._known, self._known_at = dict(self._read(connection)), time.monotonic()
            return self._known
        except Exception as error:
            # A scrape says what it can; what cannot be read is missing, and told to be.
            log.warning("queues not read", error=words_of(error))
            return {}
        finally:
            self._asking.release()

    def _is_fresh(self) -> bool:
        return time.monotonic() - self._known_at < FRESH_SECONDS


def age(at: datetime | None, clock: Clock) -> float:
    """Seconds since then; 0 for none, and for what lies ahead."""
    return max(0.0, (clock.now() - at).total_seconds()) if at is not None else 0.0
