"""Programs are started, kept running and stopped, whatever they do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from embedded.home import Home
from embedded.leftovers import end_leftovers
from embedded.ports import LOOPBACK, free_ports
from embedded.programs import Program
from embedded.supervisor import StartFailed, Supervisor

FAKE = str(Path(__file__).with_name("fake_program.py"))
NAMES = ("mail-sink", "paynow", "gateway")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.prepare()
    return home


def _programs(home: Home, **modes: str) -> list[Program]:
    env = {**os.environ, "DUNLIN_HOME": str(home.root)}
    return [
        Program(name, (FAKE, str(port), modes.get(name.replace("-", "_"), "works")), env, LOOPBACK, port)
        for name, port in free_ports(NAMES).items()
    ]


def _pid(home: Home, name: str) -> int | None:
    try:
        return int(home.pid_file(name).read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return None


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _arguments(pid: int) -> list[bytes]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


def _wait(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def _signal_once(true: Callable[[], object], *, number: signal.Signals = signal.SIGTERM) -> threading.Thread:
    """Sends this process the signal once something has come true."""

    def send() -> None:
        _wait(true)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def test_programs_come_up_and_leave_nothing_behind(home: Home) -> None:
    told: list[str] = []
    supervisor = Supervisor(home, _programs(home), told.append)
    supervisor.start()
    supervisor.wait_until_healthy()
    pids = [_pid(home, name) for name in NAMES]
    supervisor.stop()
    assert all(pid and not _is_alive(pid) for pid in pids)
    assert list(home.run.glob("*.pid")) == []
    assert len([line for line in told if "answers at" in line]) == len(NAMES)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_run(home: Home, number: signal.Signals) -> None:
    supervisor = Supervisor(home, _programs(home), lambda _: None)
    with supervisor.signals():
        supervisor.start()
        supervisor.wait_until_healthy()
        sender = _signal_once(lambda: True, number=number)
        supervisor.run()
        sender.join()
        supervisor.stop()
    assert all(_pid(home, name) is None for name in NAMES)


def test_a_program_that_is_killed_comes_back_at_the_same_port(home: Home) -> None:
    told: list[str] = []
    programs = _programs(home)
    supervisor = Supervisor(home, programs, told.append)
    with supervisor.signals():
        supervisor.start()
        supervisor.wait_until_healthy()
        first = _pid(home, "paynow")
        assert first is not None
        os.kill(first, signal.SIGKILL)
        sender = _signal_once(lambda: _pid(home, "paynow") not in (None, first))
        supervisor.run()
        sender.join()
        assert _pid(home, "paynow") != first
        supervisor.stop()
    assert any("paynow was killed by SIGKILL; starting it again" in line for line in told)


@pytest.mark.parametrize("place", ["run", "log"])
def test_a_program_comes_back_though_nothing_can_be_written_for_a_while(home: Home, place: str) -> None:
    """As on a full disk: neither the pid file nor the log; and what is told cannot be written either."""
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        raise OSError("no room")

    supervisor = Supervisor(home, _programs(home), tell)
    folder, aside = home.root / place, home.root / "aside"
    with supervisor.signals():
        supervisor.start()
        supervisor.wait_until_healthy()
        first = _pid(home, "paynow")
        assert first is not None

        def room_comes_back() -> bool:
            if folder.exists():
                return _pid(home, "paynow") not in (None, first)
            again = any("was started again" in line for line in told)
            if again if place == "run" else time.monotonic() - killed_at > 1:
                assert again == (place == "run"), "without a log it is not started"
                aside.rename(folder)
            return False

        folder.rename(aside)
        os.kill(first, signal.SIGKILL)
        killed_at = time.monotonic()
        sender = _signal_once(room_comes_back)
        supervisor.run()
        sender.join()
        supervisor.stop()
    assert any("paynow was started again" in line for line in told)


def test_a_program_that_does_not_come_up_is_named_with_its_last_words(home: Home) -> None:
    supervisor = Supervisor(home, _programs(home, paynow="refuses to start"), lambda _: None)
    supervisor.start()
    with pytest.raises(
        StartFailed, match=r"(?s)paynow ended with exit code 1, 3 times.*setting of everything"
    ):
        supervisor.wait_until_healthy()
    supervisor.stop()
    assert list(home.run.glob("*.pid")) == []


def test_a_second_signal_makes_a_slow_stop_short(home: Home) -> None:
    told: list[str] = []
    stubborn = _programs(home, paynow="ignores requests to stop")
    supervisor = Supervisor(home, stubborn, told.append, stop_seconds=3600)
    with supervisor.signals():
        supervisor.start()
        supervisor.wait_until_healthy()
        first = _signal_once(lambda: True)
        supervisor.run()
        first.join()
        gateway = _pid(home, "gateway")
        assert gateway is not None
        second = _signal_once(lambda: not _is_alive(gateway))
        supervisor.stop()
        second.join()
    assert any("paynow did not stop in time and was killed" in line for line in told)


def test_programs_end_when_their_supervisor_is_killed(home: Home) -> None:
    [program, *_] = _programs(home)
    script = (
        "import os, signal, sys, time\n"
        "from embedded.child import Child\n"
        "from embedded.home import Home\n"
        "from embedded.programs import Program\n"
        "from pathlib import Path\n"
        f"port = {program.port}\n"
        f"program = Program({program.name!r}, {program.arguments!r}, dict(os.environ), '127.0.0.1', port)\n"
        f"Child(program, Home(Path({str(home.root)!r}))).start()\n"
        "time.sleep(60)\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    supervisor = subprocess.Popen([sys.executable, "-c", script], env=env)
    try:
        _wait(lambda: _pid(home, program.name), 30)
        pid = _pid(home, program.name)
        assert pid is not None
        _wait(lambda: _arguments(pid)[1:2] == [FAKE.encode()], 30)
    finally:
        supervisor.kill()
        supervisor.wait()
    _wait(lambda: not _is_alive(pid))


def test_leftovers_of_this_home_are_ended_and_strangers_are_not(home: Home) -> None:
    env = {**os.environ, "DUNLIN_HOME": str(home.root)}
    ours = subprocess.Popen([sys.executable, "-c", "input()"], env=env, stdin=subprocess.PIPE)
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        home.pid_file("mailer").write_text(f"{ours.pid}\n")
        home.pid_file("paynow").write_text(f"{stranger.pid}\n")
        home.pid_file("scheduler").write_text("nonsense")
        assert end_leftovers(home) == ["mailer"]
        assert ours.wait(5) == -signal.SIGTERM
        assert stranger.poll() is None
        assert list(home.run.glob("*.pid")) == []
    finally:
        for process in (ours, stranger):
            process.kill()
            process.communicate()
