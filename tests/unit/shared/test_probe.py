"""What a process tells about itself: to a health check, and to whoever watches over many."""

import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.shared import probe
from services.shared.probe_server import ProbeServer
from services.shared.progress import progress
from services.shared.settings import SettingError
from services.shared.vitals import Vitals, Watch
from services.shared.worker import Worker

SOON = 10.0
REPOSITORY = Path(__file__).parents[3]


def wait_for(condition: Callable[[], object]) -> None:
    for _ in range(int(SOON / 0.02)):
        if condition():
            return
        threading.Event().wait(0.02)
    raise AssertionError("it did not come to be")


class Process:
    """A process whose troubles the test decides."""

    def __init__(self) -> None:
        self.dead: dict[str, str] = {}
        self.missing: dict[str, str] = {}
        self.server = ProbeServer("127.0.0.1:0", alive=lambda: self.dead, ready=lambda: self.missing)
        self.server.start()
        self.listen = f"127.0.0.1:{self.server.port}"

    def get(self, page: str) -> tuple[int, str]:
        opener = urllib.request.build_opener()
        opener.addheaders = []
        try:
            with opener.open(f"http://{self.listen}/{page}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


@pytest.fixture
def process() -> Iterator[Process]:
    process = Process()
    yield process
    process.server.stop()


def test_a_process_in_good_health_is_alive_and_ready(process: Process) -> None:
    assert process.get("livez") == (200, '{"status": "ok"}\n')
    assert process.get("readyz") == (200, '{"status": "ok"}\n')


def test_what_is_wrong_is_named(process: Process) -> None:
    process.missing = {"database": "does not answer within 1 s"}
    status, body = process.get("readyz")
    assert status == 503
    assert json.loads(body)["wrong"] == {"database": "does not answer within 1 s"}
    assert process.get("livez")[0] == 200, "a new start would not cure it"


def test_metrics_are_served_in_the_text_format(process: Process) -> None:
    status, body = process.get("metrics")
    assert status == 200
    assert "# TYPE dunlin_worker_rounds_total counter" in body


def test_there_is_nothing_else(process: Process) -> None:
    assert process.get("")[0] == 404
    assert process.get("metrics/../etc")[0] == 404


def test_a_visitor_who_says_nothing_keeps_nobody_waiting(process: Process) -> None:
    import socket

    with socket.create_connection(("127.0.0.1", process.server.port)):
        assert process.get("readyz")[0] == 200


@pytest.mark.parametrize("listen", ["9100", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:70000"])
def test_an_address_that_is_none_is_named_at_the_start(listen: str) -> None:
    with pytest.raises(SettingError, match="DUNLIN_METRICS_LISTEN"):
        ProbeServer(listen, alive=dict, ready=dict)


def test_a_port_that_is_taken_is_named_at_the_start(process: Process) -> None:
    with pytest.raises(SettingError, match="DUNLIN_METRICS_LISTEN"):
        ProbeServer(process.listen, alive=dict, ready=dict)


# The command


def command(listen: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.shared.probe", *arguments],
        env={**os.environ, "DUNLIN_METRICS_LISTEN": listen},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_the_command_ends_with_zero_where_the_process_is_ready(process: Process) -> None:
    assert command(process.listen).returncode == 0
    assert command(f"0.0.0.0:{process.server.port}").returncode == 0, "asked on the loopback"


def test_the_command_ends_with_one_and_the_reason_where_it_is_not(process: Process) -> None:
    process.missing = {"database": "does not answer within 1 s"}
    result = command(process.listen)
    assert result.returncode == 1
    assert "does not answer within 1 s" in result.stdout
    assert command(process.listen, "livez").returncode == 0


@pytest.mark.parametrize("listen", ["", "nowhere", "127.0.0.1:1"])
def test_the_command_ends_with_one_where_nobody_can_be_asked(listen: str) -> None:
    assert command(listen).returncode == 1


def test_the_command_loads_only_the_standard_library() -> None:
    code = "import sys, services.shared.probe as p; print([m for m in sys.modules if m in " + (
        "{'grpc', 'prometheus_client', 'structlog', 'sqlalchemy', 'http.client'}])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_addresses_are_split_as_settings_write_them() -> None:
    assert probe.split_address("[::1]:9100") == ("::1", 9100)
    assert probe.split_address("mailer:9100") == ("mailer", 9100)


# Watching


def test_a_need_that_never_answers_is_told_of_after_its_time() -> None:
    forever = threading.Event()
    watch = Watch("database", lambda: forever.wait(60), seconds=0.05)
    watch.start()
    wait_for(lambda: watch.trouble == "does not answer within 0.05 s")
    forever.set()
    wait_for(lambda: not watch.trouble)
    watch.stop()


def test_a_need_that_fails_is_told_of_without_its_secrets_and_forgotten_when_it_is_back() -> None:
    away = threading.Event()
    away.set()

    def ask() -> None:
        if away.is_set():
            raise ConnectionError("postgresql://dunlin:password@db")

    watch = Watch("database", ask, seconds=0.05)
    watch.start()
    wait_for(lambda: watch.trouble == "cannot be used (ConnectionError)")
    away.clear()
    wait_for(lambda: not watch.trouble)
    watch.stop()


def test_nothing_is_called_well_before_it_was_asked() -> None:
    assert Vitals({"database": lambda: None}).of_readiness() == {"database": "was not asked yet"}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_worker_is_a_matter_of_life() -> None:
    def die() -> bool:
        raise SystemExit

    dying = Worker("dispatch", die)
    vitals = Vitals({}, [dying])
    dying.start()
    wait_for(lambda: not dying.is_alive)
    assert vitals.of_life() == vitals.of_readiness() == {"dispatch": "has died"}


def test_a_worker_that_failed_is_not_ready_but_alive_until_it_works_again() -> None:
    broken = threading.Event()
    broken.set()

    def work() -> bool:
        if broken.is_set():
            raise ConnectionError
        return False

    failing = Worker("dispatch", work, idle_seconds=0.01)
    vitals = Vitals({}, [failing])
    failing.start()
    wait_for(lambda: vitals.of_readiness() == {"dispatch": "failed the last time (ConnectionError)"})
    assert vitals.of_life() == {}
    broken.clear()
    failing.wake()
    wait_for(lambda: not vitals.of_readiness())
    failing.stop()


def test_a_worker_without_progress_is_stuck_and_one_that_moves_is_not() -> None:
    moving, ended = threading.Event(), threading.Event()
    moving.set()

    def work() -> bool:
        while not ended.wait(0.01):
            if moving.is_set():
                progress()
        return False

    busy = Worker("send-0", work, stuck_seconds=0.1)
    vitals = Vitals({}, [busy])
    busy.start()
    for _ in range(20):
        assert vitals.of_life() == {}
        threading.Event().wait(0.01)
    moving.clear()
    wait_for(lambda: vitals.of_life() == {"send-0": "makes no progress"})
    ended.set()
    wait_for(lambda: vitals.of_life() == {})
    busy.stop()


def test_whoever_is_no_worker_may_tell_of_progress_all_the_same() -> None:
    progress()
