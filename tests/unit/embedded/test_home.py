"""A home keeps secrets to its owner, runs once, and says where programs are while they are there."""

from __future__ import annotations

import socket
import stat
import subprocess
from datetime import date
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from embedded.child import rotate
from embedded.dkim_keys import dkim_of_home
from embedded.home import AlreadyRunning, Home, private_files
from embedded.ports import LOOPBACK, PortTaken, check_free, free_ports
from embedded.programs import MAIL_SINK, Site, programs
from embedded.sample import sample_books
from embedded.up import opened
from services.shared.settings import SettingWrong

SECRETS = ("service-token", "link-key", "session-key", "portal-key")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "a home")
    home.prepare()
    return home


def test_secrets_are_made_once_and_nobody_else_may_read_them(home: Home) -> None:
    files = [home.secret(name) for name in SECRETS]
    before = [path.read_text() for path in files]
    home.prepare()
    assert [path.read_text() for path in files] == before
    assert len(set(before)) == len(SECRETS)
    assert all(len(text.strip()) >= 32 for text in before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(files[0].parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o700


def test_a_home_that_was_there_keeps_its_mode_and_is_known_to_be_open(tmp_path: Path) -> None:
    home = Home(tmp_path / "shared")
    home.root.mkdir()
    home.root.chmod(0o755)
    home.prepare()
    assert home.is_open
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o755
    home.root.chmod(0o700)
    assert not home.is_open


def test_what_is_made_in_private_only_its_owner_may_read(tmp_path: Path) -> None:
    (tmp_path / "before").touch()
    with private_files():
        (tmp_path / "mine").touch()
        (tmp_path / "folder").mkdir()
        subprocess.run(["touch", tmp_path / "started"], check=True)
    (tmp_path / "after").touch()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) & 0o077 for path in tmp_path.iterdir()}
    assert modes.pop("after") == modes.pop("before"), "what comes later has the user's own mode again"
    assert modes == {"mine": 0, "folder": 0, "started": 0}


def test_a_secret_that_was_lost_is_told_with_what_follows(tmp_path: Path) -> None:
    home, told = Home(tmp_path / "home"), list[str]()
    with opened(home, told.append):
        pass
    assert told == [], "the first start makes all secrets, and that is as it should be"
    (home.root / "db" / "paynow.sqlite").touch()
    with opened(home, told.append):
        pass
    assert told == []
    home.secret("link-key").unlink()
    with opened(home, told.append):
        pass
    assert told == [
        "Warning: the key that seals Pay links was missing and has been made anew:"
        " links in mails sent before no longer open."
    ]
    for name in ("service-token", "session-key", "portal-key"):
        home.secret(name).unlink()
    with opened(home, told.append):
        pass
    assert len(told) == 4
    assert all(home.secret(name).exists() for name in SECRETS)


def test_a_start_that_was_cut_short_before_the_databases_warns_of_nothing(home: Home) -> None:
    home.secret("link-key").unlink()
    assert home.prepare() == []
    assert home.secret("link-key").exists()


def test_a_home_runs_once(home: Home) -> None:
    with home.held():
        assert home.is_held()
        with pytest.raises(AlreadyRunning, match="is running at"), home.held():
            pass
    assert not home.is_held()


def test_addresses_are_there_while_it_runs(home: Home) -> None:
    assert home.addresses() is None
    addresses = dict.fromkeys(("scheduler", "mailer", "paynow"), "127.0.0.1:1")
    home.publish(addresses)
    assert home.addresses() == addresses
    home.withdraw()
    assert home.addresses() is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"scheduler": 1, "mailer": 2, "paynow": 3}'])
def test_addresses_that_are_damaged_are_named_with_the_cure(home: Home, text: str) -> None:
    (home.root / "addresses.json").write_text(text)
    with pytest.raises(SettingWrong, match=r"addresses\.json is damaged; stop Dunlin and start it again"):
        home.addresses()


def test_a_port_that_is_taken_is_named_with_the_cure() -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"Port {port} .* DUNLIN_PORT={port + 1}"):
            check_free(LOOPBACK, port)


def test_free_ports_are_different_and_below_those_of_outgoing_connections() -> None:
    ports = free_ports(["a", "b", "c"])
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert len(set(ports.values())) == 3
    assert max(ports.values()) < lowest


@pytest.mark.parametrize(
    ("env", "host", "port", "url"),
    [
        ({}, "127.0.0.1", 8000, "http://127.0.0.1:8000"),
        ({"DUNLIN_PORT": "8123"}, "127.0.0.1", 8123, "http://127.0.0.1:8123"),
        ({"DUNLIN_GATEWAY_LISTEN": "0.0.0.0:80"}, "0.0.0.0", 80, "http://127.0.0.1:80"),  # noqa: S104 - only compared
        ({"DUNLIN_GATEWAY_LISTEN": "[::1]:81"}, "::1", 81, "http://[::1]:81"),
        ({"DUNLIN_PUBLIC_URL": "https://pay.example.test"}, "127.0.0.1", 8000, "https://pay.example.test"),
    ],
)
def test_the_site_is_on_loopback_unless_told_otherwise(
    env: dict[str, str], host: str, port: int, url: str
) -> None:
    assert Site.read(env) == Site(host, port, url)


@pytest.mark.parametrize(
    "env", [{"DUNLIN_PORT": "http"}, {"DUNLIN_PORT": "70000"}, {"DUNLIN_GATEWAY_LISTEN": "8000"}]
)
def test_a_port_that_is_none_stops_the_start(env: dict[str, str]) -> None:
    with pytest.raises(SettingWrong):
        Site.read(env)


def test_each_program_gets_its_own_secrets_and_no_others(home: Home) -> None:
    found = {program.name: program.env for program in programs(home, Site.read({}), {})}
    assert list(found) == [MAIL_SINK, "paynow", "mailer", "scheduler", "gateway"]
    assert [name for name, env in found.items() if "DUNLIN_LINK_KEY_FILE" in env] == ["paynow"]
    assert [name for name, env in found.items() if "DUNLIN_SESSION_KEY_FILE" in env] == ["gateway"]
    assert [name for name, env in found.items() if "DUNLIN_PORTAL_KEY_FILE" in env] == ["mailer", "gateway"]
    assert all("DUNLIN_SERVICE_TOKEN_FILE" in env for env in found.values())
    assert found["mailer"]["DUNLIN_SMTP_HOST"] == LOOPBACK


def test_a_real_mail_server_takes_the_place_of_the_sink(home: Home) -> None:
    env = {"DUNLIN_SMTP_HOST": "mail.example.test", "DUNLIN_SMTP_PORT": "587"}
    found = {program.name: program.env for program in programs(home, Site.read({}), env)}
    assert MAIL_SINK not in found
    assert found["mailer"]["DUNLIN_SMTP_HOST"] == "mail.example.test"
    assert found["mailer"]["DUNLIN_SMTP_PORT"] == "587"


def test_a_log_that_has_grown_large_is_put_aside(tmp_path: Path) -> None:
    log = tmp_path / "mailer.log"
    for _ in range(5):
        log.write_bytes(b"x" * 6 * 1024 * 1024)
        rotate(log)
    assert not log.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "mailer.log.1",
        "mailer.log.2",
        "mailer.log.3",
    ]
    log.write_bytes(b"small")
    rotate(log)
    assert log.exists()


def test_the_sample_books_have_dates_around_today() -> None:
    text = sample_books(date(2026, 3, 1)).decode()
    assert "today" not in text
    assert ",2026-02-02,2026-03-04," in text
    assert "2026-03-01" in text


def test_mails_are_signed_by_keys_of_the_home_once_a_domain_is_named(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.prepare()
    assert dkim_of_home(home, {}) == {}
    assert dkim_of_home(home, {"DUNLIN_DKIM_DOMAIN": "x.test", "DUNLIN_DKIM_KEY_FILE": "/own"}) == {}
    assert not home.secret("dkim-key.pem").exists()
    found = dkim_of_home(home, {"DUNLIN_DKIM_DOMAIN": "x.test"})
    assert found["DUNLIN_DKIM_SELECTOR"] == "dunlin"
    keys = [Path(found[name]) for name in ("DUNLIN_DKIM_KEY_FILE", "DUNLIN_DKIM_ED25519_KEY_FILE")]
    contents = [key.read_bytes() for key in keys]
    assert [type(load_pem_private_key(one, None)).__name__ for one in contents] == [
        "RSAPrivateKey",
        "Ed25519PrivateKey",
    ]
    assert all(key.stat().st_mode & 0o077 == 0 for key in keys)
    dkim_of_home(home, {"DUNLIN_DKIM_DOMAIN": "x.test"})
    assert [key.read_bytes() for key in keys] == contents, "made once"
