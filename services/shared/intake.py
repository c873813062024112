"""Bodies of messages into the inbox, for whoever listens to a broker."""

import time
from collections.abc import Callable

import structlog

from services.shared import tracing
from services.shared.database_errors import database_refusal
from services.shared.facts import StoredFact
from services.shared.facts_wire import Reading, from_json, refused
from services.shared.inbox import Inbox
from services.shared.log import request_id

log = structlog.get_logger()

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0

PATIENCE_SECONDS = 300.0
"""A message is held for so long; a broker takes one that is held for half an hour for forgotten."""


class Away(Exception):
    """Nothing was stored; the message has to come again."""


class Intake:
    """Takes in one message at a time, in any number of threads.

    While the database is away it waits, and holds on to the message; what the database cannot store is kept
    as unreadable, and never stands in the way of others.
    """

    def __init__(
        self, inbox: Inbox, *, sleep: Callable[[float], object], patience: float = PATIENCE_SECONDS
    ) -> None:
        self._inbox = inbox
        self._sleep = sleep
        self._patience = patience
        self._is_ending = False

    def end(self) -> None:
        """Whoever waits for the database gives up."""
        self._is_ending = True

    def take_in(self, body: bytes) -> None:
        """Returns once all that the message says is durable; `Away` if that took too long."""
        reading = from_json(body)
        with tracing.span("facts taken in", facts=len(reading.facts), **_request_of(reading)):
            self._insist(reading)
        _tell(reading)

    def _insist(self, reading: Reading) -> None:
        give_up = time.monotonic() + self._patience
        pause = FIRST_PAUSE
        while not self._store(reading):
            if self._is_ending or time.monotonic() + pause > give_up:
                raise Away
            self._sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)

    def _store(self, reading: Reading) -> bool:
        """Whether all of it is stored now."""
        try:
            self._inbox.take_in(reading.facts, reading.unreadable)
        except Exception as error:
            # Whatever the database says, a fact must not be lost: it is held, or kept as unreadable.
            if database_refusal(error) is None:
                return self._store_one_by_one(reading)
            log.warning("the database is away", error=_words(error))
            return False
        return True

    def _store_one_by_one(self, reading: Reading) -> bool:
        try:
            self._inbox.take_in([], reading.unreadable)
            for fact in reading.facts:
                self._store_somehow(fact)
        except Exception as error:
            log.warning("facts cannot be stored", error=_words(error))
            return False
        return True

    def _store_somehow(self, fact: StoredFact) -> None:
        try:
            self._inbox.take_in([fact])
        except Exception as error:
            if database_refusal(error) is not None:
                raise
            log.exception("a fact cannot be stored", fact_id=fact.fact_id, request_id=fact.request_id)
            self._inbox.take_in([], [refused(fact, _words(error))])


def _request_of(reading: Reading) -> dict[str, str]:
    """Its name for traces, if all the facts belong to one."""
    requests = {fact.request_id for fact in reading.facts}
    return {"dunlin.request_id": requests.pop()} if len(requests) == 1 else {}


def _tell(reading: Reading) -> None:
    for fact in reading.unreadable:
        token = request_id.set(fact.request_id)
        log.error("a fact cannot be read; it is a dead letter now", fact_id=fact.fact_id, error=fact.error)
        request_id.reset(token)
    if len(reading.facts) == 1:
        token = request_id.set(reading.facts[0].request_id)
        log.info("a fact came in", fact_id=reading.facts[0].fact_id, name=reading.facts[0].name)
        request_id.reset(token)
    elif reading.facts:
        log.info("facts came in", facts=len(reading.facts))


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
