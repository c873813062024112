import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TextIO, cast

import pytest

from services.shared.log import Unfailing
from services.shared.process import Program, run
from services.shared.worker import Worker

SOON = 10.0


class FullDisk(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")

    def flush(self) -> None:
        raise OSError(28, "No space left on device")


def a_program(*workers: Worker, stop_seconds: float = SOON) -> Program:
    return Program("test", "", "", service_names=[], workers=workers, stop_seconds=stop_seconds)


def test_a_log_line_that_cannot_be_written_is_lost_and_nothing_else() -> None:
    stream = cast(TextIO, Unfailing(FullDisk()))
    print("a line", file=stream, flush=True)


def test_a_worker_goes_on_after_a_failure() -> None:
    done = threading.Event()
    calls: list[int] = []

    def work() -> bool:
        calls.append(1)
        if len(calls) < 3:
            raise OSError(28, "No space left on device")
        done.set()
        return False

    worker = Worker("test", work)
    worker.start()
    assert done.wait(SOON)
    assert worker.is_alive
    assert worker.stop()


def test_a_woken_worker_does_not_wait_its_pause_out() -> None:
    woken = threading.Event()
    calls: list[int] = []

    def work() -> bool:
        calls.append(1)
        if len(calls) == 2:
            woken.set()
        return False

    worker = Worker("test", work, idle_seconds=3600)
    worker.start()
    worker.wake()
    assert woken.wait(SOON)
    assert worker.stop()


@pytest.fixture
def own_signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("own_signals")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_process_whose_worker_has_died_ends_so_that_it_is_started_anew() -> None:
    def die() -> bool:
        raise SystemExit

    assert run(a_program(Worker("test", die)), {"work"}) == 1


@pytest.mark.usefixtures("own_signals")
def test_a_process_whose_worker_makes_no_progress_ends_so_that_it_is_started_anew() -> None:
    over = threading.Event()
    stuck = Worker("test", over.wait, stuck_seconds=0.1)
    assert run(a_program(stuck, stop_seconds=0.1), {"work"}) == 1
    over.set()


STUCK_PROGRAM = """
import sys, threading
from services.shared.process import Program, main
from services.shared.worker import Worker

closing_too = "closing too" in sys.argv
forever = threading.Event()
# Such a thread keeps the interpreter from its end.
threading.Thread(target=forever.wait).start()
program = Program(
    "test", "", "", service_names=[],
    workers=[Worker("test", forever.wait, stuck_seconds=0.1)],
    close=forever.wait if closing_too else lambda: None,
    stop_seconds=0.1,
    end_seconds=1.0 if closing_too else 3600.0,
)
sys.exit(main("test", lambda env, roles: program, lambda env: None, ["work"], env={}))
"""


@pytest.mark.parametrize("also", ["", "closing too"])
def test_a_process_ends_whatever_holds_on_to_it(also: str) -> None:
    command = [sys.executable, "-c", STUCK_PROGRAM, also]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1, ended.stderr
    assert "makes no progress" in ended.stderr + ended.stdout


@pytest.mark.usefixtures("own_signals")
def test_a_process_that_is_told_to_stop_ends_well() -> None:
    def stop() -> bool:
        os.kill(os.getpid(), signal.SIGTERM)
        return False

    assert run(a_program(Worker("test", stop, idle_seconds=3600)), {"work"}) == 0


@pytest.mark.usefixtures("own_signals")
def test_all_workers_are_told_to_stop_before_any_is_waited_for() -> None:
    told = threading.Event()
    last: list[bool] = []

    def see_it() -> bool:
        while second.is_wanted:
            told.wait(0.01)
        told.set()
        return False

    def wait_for_the_other() -> bool:
        os.kill(os.getpid(), signal.SIGTERM)
        last.append(told.wait(SOON))
        return False

    first, second = Worker("first", wait_for_the_other), Worker("second", see_it)
    assert run(a_program(first, second, stop_seconds=2 * SOON), {"work"}) == 0
    assert last == [True]


class _Patient(Worker):
    """Notes for how long it is waited for."""

    def __init__(self, name: str, run_once: Callable[[], bool], waits: list[float]) -> None:
        super().__init__(name, run_once, stuck_seconds=0.1)
        self._waits = waits

    def stop(self, timeout: float = 10.0) -> bool:
        self._waits.append(timeout)
        return super().stop(timeout)


@pytest.mark.usefixtures("own_signals")
def test_workers_that_do_not_end_are_waited_for_together_as_long_as_for_one() -> None:
    over, waits = threading.Event(), list[float]()
    stuck = [_Patient(f"stuck {number}", over.wait, waits) for number in range(4)]
    assert run(a_program(*stuck, stop_seconds=0.5), {"work"}) == 1
    over.set()
    assert len(waits) == 4
    assert sum(waits) < 2 * 0.5
