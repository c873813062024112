"""Without a running company every command says how to start one, and starts quickly."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from embedded.home import Home
from gateway.cli.app import run
from gateway.cli.company import Session


@pytest.mark.parametrize(
    "arguments",
    [
        ("tick",),
        ("why", "1"),
        ("notices", "--json"),
        ("rules", "list"),
        ("exclusions", "list"),
        ("export", "payments"),
        ("drain",),
        ("status",),
        ("staff", "add", "a@example.test"),
    ],
)
def test_commands_name_the_home_and_the_cure(
    tmp_path: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(arguments, Session({"DUNLIN_HOME": str(tmp_path)}))
    out, err = capsys.readouterr()
    assert (code, out) == (4, "")
    assert str(tmp_path) in err
    assert "`dunlin up`" in err


def test_addresses_that_a_killed_dunlin_left_behind_fool_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home(tmp_path)
    home.prepare()
    home.publish(dict.fromkeys(("scheduler", "mailer", "paynow"), "127.0.0.1:1"))
    assert run(["tick"], Session({"DUNLIN_HOME": str(tmp_path)})) == 4
    assert "is not running at" in capsys.readouterr().err


def test_a_setting_that_is_wrong_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["up"], Session({"DUNLIN_HOME": str(tmp_path), "DUNLIN_PORT": "http"}))
    assert code == 2
    assert "DUNLIN_PORT" in capsys.readouterr().err


def test_a_home_that_is_taken_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = Home(tmp_path)
    home.prepare()
    with home.held():
        assert run(["up"], Session({"DUNLIN_HOME": str(tmp_path)})) == 3
    assert "is running at" in capsys.readouterr().err


def test_help_takes_less_than_half_a_second_of_work() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-m", "gateway.cli", "--help"], capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0
    # Work, not time on the clock, so that a busy machine does not fail it.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5
