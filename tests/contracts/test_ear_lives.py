"""The process that listens to the broker ends by itself where only a new start helps; needs no broker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.scheduler import tables
from services.shared.migrate import migrate
from tests.contracts.facts_world import ROOT

# Nobody listens at port 1: each try to connect fails, and says so, until it hangs.
EAR = """
import os, sys
from services.scheduler import events

tell = events.PatientConsumer.on_away

def hang(*what):
    tell(*what)
    {hang}

events.STUCK_SECONDS, events.FROZEN_SECONDS = {stuck}, {frozen}
events.PatientConsumer.on_away = hang
code = events.main(os.environ)
sys.stderr.flush()
os._exit(code)
"""
GREEN, WHOLE = "events.eventlet.sleep(3600)", "events.real_time.sleep(3600)"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    url = f"sqlite:///{tmp_path}/scheduler.sqlite"
    migrate(url, Path(tables.__file__).parent / "migrations")
    return {
        **os.environ,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'protos' / 'gen'}",
        "DUNLIN_SCHEDULER_DATABASE_URL": url,
        "DUNLIN_AMQP_URL": "amqp://127.0.0.1:1//",
    }


def ended(env: dict[str, str], *, hang: str, stuck: float, frozen: float) -> subprocess.CompletedProcess[str]:
    program = EAR.format(hang=hang, stuck=stuck, frozen=frozen)
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def listening(env: dict[str, str], *how: str) -> subprocess.Popen[str]:
    command = [sys.executable, *(how or ("-m", "services.scheduler.events"))]
    return subprocess.Popen(command, env=env, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def test_an_ear_whose_listener_hangs_ends_so_that_it_is_started_anew(env: dict[str, str]) -> None:
    result = ended(env, hang=GREEN, stuck=0.5, frozen=1000)
    assert result.returncode == 1, result.stderr
    assert "makes no progress" in result.stderr


def test_an_ear_whose_green_threads_are_all_held_up_ends_so_that_it_is_started_anew(
    env: dict[str, str],
) -> None:
    result = ended(env, hang=WHOLE, stuck=1000, frozen=2)
    assert result.returncode == 1, result.stderr
    assert '"frozen"' in result.stderr


def test_an_ear_that_goes_on_trying_lives(env: dict[str, str]) -> None:
    program = EAR.format(hang="print('tried', file=sys.stderr, flush=True)", stuck=20, frozen=20)
    with listening(env, "-c", program) as ear:
        assert ear.stderr is not None
        tries = 0
        while tries < 6:
            tries += "tried" in ear.stderr.readline()
        ear.terminate()
        assert ear.wait(30) == 0


def test_an_ear_that_finds_no_broker_names_their_hosts_and_tells_none_of_their_passwords(
    env: dict[str, str],
) -> None:
    env["DUNLIN_AMQP_URL"] = ";".join(f"amqp://me:secret-{n}@127.0.0.{n}:1//" for n in (1, 2, 3))
    with listening(env) as ear:
        assert ear.stderr is not None
        said = ""
        while said.count("the broker is away") < 4:
            said += ear.stderr.readline()
        ear.terminate()
        said += ear.stderr.read()
        assert ear.wait(30) == 0
    assert "127.0.0.3" in said
    assert "ConnectionRefusedError" in said
    assert "secret" not in said
