"""Facts that came in, handed to their use cases in the transaction that marks them as handled."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from services.scheduler.converters_books import payment_fact
from services.scheduler.ports import NewId, Work
from services.scheduler.repository import SqlWork
from services.scheduler.use_cases import receipts
from services.shared.clock import Clock
from services.shared.facts import StoredFact

_ABOUT_MESSAGES = ("message_sent", "message_failed")


class FactHandler:
    """Handles the facts that the scheduler listens to; others pass by. `wake` tells of new notices."""

    def __init__(self, clock: Clock, new_id: NewId, wake: Callable[[], None]) -> None:
        self._clock = clock
        self._new_id = new_id
        self._wake = wake
        self._handlers: dict[str, Callable[[StoredFact, Work], None]] = {
            "payment_succeeded": self._payment_succeeded,
            "payment_failed": self._payment_failed,
            "message_sent": self._message_sent,
            "message_failed": self._message_failed,
        }

    def lock(self, connection: Connection, facts: Sequence[StoredFact]) -> None:
        """Locks the notices that the facts are about, then what is told of the last mails of each rule."""
        work = SqlWork(connection, locks=True)
        work.notices.get({fact.body["notice_id"] for fact in facts if fact.name in _ABOUT_MESSAGES})
        work.rules.lock_last_sent()

    def __call__(self, connection: Connection, fact: StoredFact) -> None:
        """Applies one fact within the given transaction."""
        handler = self._handlers.get(fact.name)
        if handler is not None:
            handler(fact, SqlWork(connection, locks=True))

    def _payment_succeeded(self, fact: StoredFact, work: Work) -> None:
        payment, now = payment_fact(fact), self._clock.now()
        receipts.payment_succeeded(payment, work=work, new_id=self._new_id, now=now)
        self._wake()

    def _payment_failed(self, fact: StoredFact, work: Work) -> None:
        payment, now = payment_fact(fact), self._clock.now()
        receipts.payment_failed(payment, work=work, new_id=self._new_id, now=now)
        self._wake()

    def _message_sent(self, fact: StoredFact, work: Work) -> None:
        notice_id, message_id = fact.body["notice_id"], fact.body["message_id"]
        receipts.message_sent(notice_id, message_id, work=work, now=self._clock.now())

    def _message_failed(self, fact: StoredFact, work: Work) -> None:
        notice_id, reason = fact.body["notice_id"], fact.body["reason"]
        receipts.message_failed(notice_id, reason, work=work, now=self._clock.now())
