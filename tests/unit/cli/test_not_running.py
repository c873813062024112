"""Without a running company every command says how to start one; help comes quickly, as it loads little."""

from __future__ import annotations

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


def test_help_loads_none_of_the_large_libraries() -> None:
    script = (
        "import sys; from gateway.cli.app import run; assert run(['--help']) == 0;"
        " print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "Usage" in done.stdout
    assert "click" in done.stderr.split()
    assert not {"sqlalchemy", "alembic", "grpc", "google", "flask", "psycopg"} & set(done.stderr.split())
