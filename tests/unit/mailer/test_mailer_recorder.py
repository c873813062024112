"""Recording outcomes: durable before the connection goes on, together where several have one."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest

from services.mailer.domain.delivery import Never, Sent
from services.mailer.domain.message import State
from services.mailer.ports import Ending
from services.mailer.use_cases.keep import LEASE, LOOK_SECONDS, RENEW_AFTER
from services.mailer.use_cases.outage import GRACE_SECONDS, Outage
from services.mailer.use_cases.record import (
    GLANCE_SECONDS,
    INSIST_SECONDS,
    SINGLY_SECONDS,
    NotRecorded,
    Recorder,
)
from services.shared.database import POOL_SECONDS
from services.shared.worker import Worker
from tests.fakes.clock import SetClock
from tests.fakes.mailer import FakeStore, FakeWork
from tests.fakes.mailer_queue import T0, Queue
from tests.fakes.mailer_smtp import until


class Slow(FakeStore):
    """A store whose transactions wait until they are let through, and fail when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.begun = 0
        self.failures = 0
        self.lost_answers = 0
        self.poison = ""
        self.lock = threading.Lock()

    @contextmanager
    def write(self) -> Iterator[FakeWork]:
        with self.lock:
            self.begun += 1
        self.gate.wait(20)
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the database is away")
        with super().write() as work:
            yield work
            if self.poison and any(
                row.message.events[-1].detail == self.poison for row in work.messages.rows.values()
            ):
                raise ValueError(self.poison)
        if self.lost_answers:
            self.lost_answers -= 1
            raise ConnectionError("the connection broke after COMMIT")


@pytest.fixture
def store() -> Slow:
    return Slow()


def test_all_tries_are_over_before_a_lease_ends() -> None:
    """With what a try waits for a connection, and what the keeper leaves of a lease."""
    left = LEASE - RENEW_AFTER - timedelta(seconds=LOOK_SECONDS)
    assert timedelta(seconds=INSIST_SECONDS + SINGLY_SECONDS + POOL_SECONDS) <= left


def test_nobody_insists_for_longer_than_allowed(store: Slow) -> None:
    queue = Queue(store)
    queue.accept()
    [message] = queue.claim()
    store.failures, before = 1_000_000, store.begun
    recorder = Recorder(store.write, SetClock(), pauses=(0.02,), insist_seconds=0.1)
    with pytest.raises(NotRecorded, match="the database is away"):
        recorder.record(Ending(message, Sent("250")))
    assert 1 <= store.begun - before <= 6


def _recorder(store: Slow, *pauses: float) -> Recorder:
    return Recorder(store.write, SetClock(), pauses=pauses)


def test_connections_that_have_an_answer_at_the_same_time_share_a_transaction(store: Slow) -> None:
    queue = Queue(store)
    queue.accept(9)
    first, *others = queue.claim()
    recorder, before = _recorder(store), store.begun
    store.gate.clear()
    with ThreadPoolExecutor(9) as pool:
        futures = [pool.submit(recorder.record, Ending(first, Sent("250")))]
        until(lambda: store.begun > before)
        futures += [pool.submit(recorder.record, Ending(message, Sent("250"))) for message in others]
        until(lambda: len(recorder._waiting) == 8)
        assert not any(future.done() for future in futures), "nobody goes on before it is durable"
        store.gate.set()
        for future in futures:
            future.result(20)
    assert store.begun - before == 2
    assert [queue.get(number).state for number in range(1, 10)] == [State.SENT] * 9
    assert len(store.facts()) == 9


def test_a_database_that_comes_back_soon_makes_no_mail_go_out_twice(store: Slow) -> None:
    queue = Queue(store)
    queue.accept()
    [message] = queue.claim()
    store.failures = 2
    _recorder(store, 0.01, 0.01).record(Ending(message, Sent("250")))
    assert queue.get().state is State.SENT


@pytest.mark.parametrize("lost", [1, 2])
def test_an_answer_to_commit_that_is_lost_puts_no_outcome_into_the_history_twice(
    store: Slow, lost: int
) -> None:
    queue = Queue(store)
    queue.accept()
    [message] = queue.claim()
    store.lost_answers = lost
    _recorder(store, 0.01, 0.01).record(Ending(message, Sent("250")))
    assert [event.detail for event in queue.get().events[2:]] == ["250"]


def test_a_database_that_stays_away_is_told_to_the_worker(store: Slow) -> None:
    queue = Queue(store)
    queue.accept()
    [message] = queue.claim()
    store.failures = 1_000_000
    recorder = Recorder(
        store.write, SetClock(), is_away=_is_away, pauses=(0.02,), insist_seconds=0.05, away_seconds=0.2
    )
    with pytest.raises(NotRecorded, match="the database is away"):
        recorder.record(Ending(message, Sent("250")))


def _is_away(error: BaseException) -> bool:
    return isinstance(error, ConnectionError)


def test_a_database_that_is_away_is_waited_for_long_after_all_else_is_given_up(store: Slow) -> None:
    queue = Queue(store)
    queue.accept()
    [message] = queue.claim()
    store.failures = 20
    recorder = Recorder(store.write, SetClock(), is_away=_is_away, pauses=(0.02,), insist_seconds=0.05)
    recorder.record(Ending(message, Sent("250")))
    assert queue.get().state is State.SENT


def test_who_waits_for_the_turn_goes_on_and_stands_still_with_the_one_that_has_it(store: Slow) -> None:
    """While the database is away that takes minutes; a process given up takes with it what it keeps."""
    queue = Queue(store)
    queue.accept(2)
    first, second = queue.claim()
    store.failures = 1_000_000
    recorder = Recorder(store.write, SetClock(), is_away=_is_away, pauses=(GLANCE_SECONDS,))

    def worker(name: str, ending: Ending) -> Worker:
        def work() -> bool:
            recorder.record(ending)
            return False

        return Worker(name, work, idle_seconds=60, stuck_seconds=10 * GLANCE_SECONDS)

    writing, waiting = (
        worker("send-0", Ending(first, Sent("250"))),
        worker("send-1", Ending(second, Sent("250"))),
    )
    before = store.begun
    writing.start()
    until(lambda: store.begun > before)
    waiting.start()
    until(lambda: len(recorder._waiting) == 1)
    # Three times as long as one may stand still.
    enough = store.begun + 30
    until(lambda: store.begun >= enough or waiting.is_stuck or writing.is_stuck)
    assert not waiting.is_stuck
    assert not writing.is_stuck
    store.gate.clear()
    until(lambda: waiting.is_stuck and writing.is_stuck)
    store.failures = 0
    store.gate.set()
    assert writing.stop()
    assert waiting.stop()
    assert [queue.get(number).state for number in (1, 2)] == [State.SENT, State.SENT]


def test_who_has_seen_the_database_away_takes_nothing_over_for_a_moment(store: Slow) -> None:
    times = iter((100.0, 100.0 + GRACE_SECONDS, 100.1 + GRACE_SECONDS))
    outage = Outage(_is_away, clock=lambda: next(times))
    begin = outage.watched(store.write)
    assert outage.is_over()
    with begin():
        pass
    with pytest.raises(ValueError, match="a bug"), begin():
        raise ValueError("a bug")
    assert outage.is_over()
    store.failures = 1
    with pytest.raises(ConnectionError), begin():
        pass
    assert [outage.is_over(), outage.is_over()] == [False, True]


def test_an_outcome_that_cannot_be_written_does_not_take_others_with_it(store: Slow) -> None:
    queue = Queue(store)
    queue.accept(3)
    first, second, third = queue.claim()
    recorder, before = _recorder(store), store.begun
    store.poison = "550 poison"
    store.gate.clear()
    with ThreadPoolExecutor(3) as pool:
        recording = pool.submit(recorder.record, Ending(first, Sent("250")))
        until(lambda: store.begun > before)
        bad = pool.submit(recorder.record, Ending(second, Never("550 poison")))
        good = pool.submit(recorder.record, Ending(third, Sent("250")))
        until(lambda: len(recorder._waiting) == 2)
        store.gate.set()
        recording.result(20)
        good.result(20)
        with pytest.raises(NotRecorded, match="poison"):
            bad.result(20)
    states = [queue.get(number).state for number in (1, 2, 3)]
    assert states == [State.SENT, State.SENDING, State.SENT]


def test_facts_are_told_of_what_is_final_and_only_once(store: Slow) -> None:
    queue = Queue(store)
    queue.accept(2)
    first, second = queue.claim()
    recorder = _recorder(store)
    for _ in range(2):
        recorder.record(Ending(first, Sent("250")))
        recorder.record(Ending(second, Never("550 no")))
    assert [name for name, _body in store.facts()] == ["message_sent", "message_failed"]
    assert queue.claim("b", T0) == []
