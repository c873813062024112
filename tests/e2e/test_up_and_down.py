"""Dunlin starts by itself, stops without a trace, and comes back with what it had."""

from __future__ import annotations

import http.client
import signal
import socket
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.company import PROGRAMS, Company, pause, prepared_company, running_company

pytestmark = pytest.mark.timeout(300)


def _status(company: Company, path: str = "/healthz") -> int | None:
    connection = http.client.HTTPConnection("127.0.0.1", company.port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


def _wait(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        pause(0.05)


def _said(company: Company) -> str:
    return company.said.read_text(encoding="utf-8")


def test_the_sample_company_is_set_up_once_and_survives_a_restart(tmp_path: Path) -> None:
    with running_company(tmp_path / "home", "--sample") as company:
        assert _status(company) == 200
        email, password = company.login
        assert email in _said(company)
        assert password in _said(company)
        assert stat.S_IMODE(company.home.first_login.stat().st_mode) == 0o600
        assert company.must("why", "0093", "--json").json["organization_name"] == "Brindle Brothers Roofing"
        token = company.home.secret("service-token").read_text(encoding="utf-8")

        assert company.stop() == 0
        assert company.run("status").code == 4
        company.start("--sample")
        assert company.login == (email, password)
        assert company.home.secret("service-token").read_text(encoding="utf-8") == token
        assert "the sample company is left out" in _said(company)


def test_nobody_else_on_the_machine_can_read_what_it_keeps(tmp_path: Path) -> None:
    with running_company(tmp_path / "home", "--sample") as company:
        company.must("rules", "enable", "--after", "30")
        company.must("tick")
        company.drain()
        assert company.mails()
        root = company.home.root
        modes = {
            str(path.relative_to(root)): stat.S_IMODE(path.stat().st_mode)
            for path in [root, *root.rglob("*")]
        }
        assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}
        assert "Warning" not in _said(company)


def test_a_home_that_others_can_read_is_warned_about_with_the_cure(tmp_path: Path) -> None:
    company = prepared_company(tmp_path / "home")
    company.home.root.mkdir(mode=0o755)
    assert f"chmod 700 {company.home.root}" in company.must("migrate").out


def test_up_alone_leaves_the_books_empty(tmp_path: Path) -> None:
    with running_company(tmp_path / "home") as company:
        assert company.run("why", "0093").code == 3


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_that_is_killed_comes_back(one: Company, program: str) -> None:
    before = one.pid(program)
    assert one.kill(program)

    def is_back() -> bool:
        try:
            return one.pid(program) != before
        except (FileNotFoundError, ValueError):
            return False

    _wait(is_back, f"{program} did not come back")
    _wait(lambda: _status(one) == 200, "the site did not get well")
    assert f"{program} was killed by SIGKILL" in _said(one)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with running_company(tmp_path_factory.mktemp("up") / "home") as company:
        yield company


def test_a_second_one_at_the_same_home_is_refused(one: Company) -> None:
    second = one.run("up")
    assert second.code == 3
    assert "is running at" in second.err
    assert _status(one) == 200


def test_a_port_that_is_taken_is_named_before_anything_starts(tmp_path: Path) -> None:
    company = prepared_company(tmp_path / "home")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", company.port))
        taken.listen()
        result = company.run("up")
    assert result.code == 3
    assert f"DUNLIN_PORT={company.port + 1}" in result.err
    assert company.processes() == []


def test_sigterm_stops_it_like_ctrl_c(tmp_path: Path) -> None:
    with running_company(tmp_path / "home") as company:
        assert company.stop(signal.SIGTERM) == 0
        company.start()


def test_when_the_supervisor_is_killed_its_programs_end_and_it_can_start_again(tmp_path: Path) -> None:
    with running_company(tmp_path / "home") as company:
        company.kill_supervisor()
        _wait(lambda: company.processes() == [], "programs outlived their supervisor")
        stale = company.run("tick")
        assert (stale.code, "is not running at" in stale.err) == (4, True)
        company.start()
        assert _status(company) == 200


def test_databases_can_be_brought_up_to_date_without_a_start(tmp_path: Path) -> None:
    company = prepared_company(tmp_path / "home")
    company.must("migrate")
    company.must("migrate")
    assert {path.name for path in (company.home.root / "db").glob("*.sqlite")} >= {
        "scheduler.sqlite",
        "mailer.sqlite",
        "paynow.sqlite",
        "identity.sqlite",
    }
    assert company.must("staff", "add", "a@example.test", "--json").json["email"] == "a@example.test"
    assert company.processes() == []
