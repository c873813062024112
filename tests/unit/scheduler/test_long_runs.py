"""Runs and counts that take long, in the workers that do them: who goes on is left alone."""

import threading
from collections.abc import Callable, Iterator

import pytest

from services.scheduler.use_cases.calendar import run_tick_if_due
from services.scheduler.use_cases.forecast import count_ahead
from services.scheduler.use_cases.tick import BATCH
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


def tick(world: World) -> Callable[[], bool]:
    return lambda: run_tick_if_due(ticking=world.ticking)


def count(world: World) -> Callable[[], bool]:
    return lambda: count_ahead(ticking=world.ticking)


@pytest.mark.parametrize("work", [tick, count])
def test_a_run_is_stuck_while_its_batches_stand_still_and_not_any_more_once_they_go_on(
    world: World, gate: Gate, work: Callable[[World], Callable[[], bool]]
) -> None:
    worker = Worker("run", work(world), idle_seconds=60, stuck_seconds=STUCK_SECONDS)
    worker.start()
    for _ in range(4):
        until(lambda: worker.is_stuck)
        gate.let()
        until(lambda: not worker.is_stuck)
    gate.open()
    assert worker.stop()
    assert not worker.failure
