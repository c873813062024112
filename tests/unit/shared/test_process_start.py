"""How a service starts as a process."""

import gc
from collections.abc import Collection, Iterator, Mapping

import pytest

from services.shared.process import GARBAGE_THRESHOLDS, Program, main
from services.shared.settings import required


@pytest.fixture
def thresholds() -> Iterator[list[tuple[int, int, int]]]:
    """Filled with what holds while a program is composed; afterwards the collector is as it was."""
    before = gc.get_threshold()
    yield []
    gc.set_threshold(*before)


def test_every_service_looks_for_garbage_at_the_pace_of_its_work(
    thresholds: list[tuple[int, int, int]],
) -> None:
    def compose(env: Mapping[str, str], roles: Collection[str]) -> Program:
        thresholds.append(gc.get_threshold())
        required(env, "DUNLIN_NOWHERE")
        raise AssertionError("a missing setting stops the start")

    assert main("test", compose, lambda env: None, ["all"], env={}) == 2
    assert thresholds == [GARBAGE_THRESHOLDS]
