"""Runs and counts that take long, in the workers that do them: who goes on is left alone."""

import threading
from collections.abc import Callable, Iterator

import pytest

from services.scheduler.use_cases.calendar import run_tick_if_due
from services.scheduler.use_cases.forecast import COUNT_LEASE, count_ahead
from services.scheduler.use_cases.run import BATCH
from services.scheduler.use_cases.tally import Counts
from services.scheduler.use_cases.tick import LEASE
from services.shared.worker import Worker
from tests.fakes.mailer_smtp import until
from tests.fakes.scheduler_peers import an_invoice
from tests.unit.scheduler.world import World

STUCK_SECONDS = 0.5


class Gate:
    """Lets the ledger answer as often as it is told to, and then holds it up."""

    def __init__(self, world: World) -> None:
        self._allowed = threading.Semaphore(0)
        self._open = False
        world.ledger.during = self._pass

    def _pass(self) -> None:
        if not self._open:
            assert self._allowed.acquire(timeout=20)

    def let(self, answers: int = 1) -> None:
        self._allowed.release(answers)

    def open(self) -> None:
        self._open = True
        self.let(10)


@pytest.fixture
def world() -> World:
    """Four batches, all of them due."""
    world = World(15)
    world.on_day(15)
    world.ledger.invoices = {n: an_invoice(n) for n in range(1, 3 * BATCH + 11)}
    return world


@pytest.fixture
def gate(world: World) -> Iterator[Gate]:
    gate = Gate(world)
    yield gate
    gate.open()


RUNS = pytest.mark.parametrize("run", [run_tick_if_due, count_ahead])


def working(run: Callable[..., bool], world: World) -> Worker:
    """As the scheduler composes it."""
    worker = Worker(
        "run",
        lambda: run(ticking=world.ticking, wanted=lambda: worker.is_wanted),
        idle_seconds=60,
        stuck_seconds=STUCK_SECONDS,
    )
    worker.start()
    return worker


@RUNS
def test_a_run_is_stuck_while_its_batches_stand_still_and_not_any_more_once_they_go_on(
    world: World, gate: Gate, run: Callable[..., bool]
) -> None:
    worker = working(run, world)
    for _ in range(4):
        until(lambda: worker.is_stuck)
        gate.let()
        until(lambda: not worker.is_stuck)
    gate.open()
    assert worker.stop()
    assert not worker.failure


@RUNS
def test_a_run_that_is_told_to_stop_ends_after_its_batch_and_leaves_the_rest_to_the_next(
    world: World, gate: Gate, run: Callable[..., bool]
) -> None:
    worker = working(run, world)
    until(lambda: len(world.ledger.calls) == 1)
    worker.dismiss()
    gate.let()
    assert worker.stop(), "although the ledger still holds up the batch behind it"
    assert not worker.failure
    with world.store.read() as work:
        assert work.forecasts.get() is None
        assert not any(work.leases.is_held(lease, now=world.clock.now()) for lease in (LEASE, COUNT_LEASE))
    gate.open()
    assert run(ticking=world.ticking)
    assert not run(ticking=world.ticking), "it is done"


def test_the_tick_behind_one_that_was_stopped_decides_what_that_has_left(world: World, gate: Gate) -> None:
    stopped = working(run_tick_if_due, world)
    until(lambda: len(world.ledger.calls) == 1)
    stopped.dismiss()
    gate.let()
    assert stopped.stop()
    gate.open()
    rest = len(world.ledger.invoices) - BATCH
    assert world.tick().counts == Counts(queued=rest, unchanged=BATCH)
