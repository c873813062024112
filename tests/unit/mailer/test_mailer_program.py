"""Settings of the mailer."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.mailer.__main__ import Outgoing, Settings, compose, dkim_record
from services.mailer.reports.imap import ImapServer
from services.mailer.reports.settings import Reporting
from services.shared.settings import SettingError, SettingMissing, SettingWrong


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    token = tmp_path / "token"
    token.write_text("0123456789abcdef\n")
    return {
        "DUNLIN_MAILER_DATABASE_URL": "sqlite://",
        "DUNLIN_MAILER_LISTEN": "127.0.0.1:0",
        "DUNLIN_SERVICE_TOKEN_FILE": str(token),
        "DUNLIN_PORTAL_KEY_FILE": str(token),
        "DUNLIN_SCHEDULER_ADDRESS": "127.0.0.1:1",
        "DUNLIN_PUBLIC_URL": "http://127.0.0.1:8000/",
        "DUNLIN_SMTP_HOST": "127.0.0.1",
    }


def test_settings_have_defaults(env: dict[str, str]) -> None:
    outgoing = Outgoing.read(env)
    assert (outgoing.smtp.port, outgoing.smtp.security, outgoing.smtp.user) == (25, "none", "")
    assert outgoing.connections == 2
    assert Settings.read(env).public_url == "http://127.0.0.1:8000"


def test_a_missing_setting_is_named(env: dict[str, str]) -> None:
    for name in env:
        with pytest.raises(SettingMissing, match=name):
            compose({key: value for key, value in env.items() if key != name})


@pytest.mark.parametrize("role", ["serve", "relay"])
def test_whoever_sends_nothing_needs_no_login_to_send_with(env: dict[str, str], role: str) -> None:
    del env["DUNLIN_SMTP_HOST"]
    program = compose(env, [role])
    assert not program.workers
    assert bool(program.relays) == (role == "relay")
    program.close()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DUNLIN_SMTP_PORT", "smtp"),
        ("DUNLIN_SMTP_SECURITY", "ssl"),
        ("DUNLIN_SMTP_CONNECTIONS", "0"),
        ("DUNLIN_SMTP_PASSWORD_FILE", "/nowhere"),
    ],
)
def test_a_wrong_setting_is_named(env: dict[str, str], name: str, value: str) -> None:
    with pytest.raises(SettingWrong, match=name):
        Outgoing.read(
            {**env, "DUNLIN_SMTP_USER": "me", "DUNLIN_SMTP_PASSWORD_FILE": "/dev/null", name: value}
        )


def test_a_user_needs_a_password_file(env: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="DUNLIN_SMTP_PASSWORD_FILE"):
        Outgoing.read({**env, "DUNLIN_SMTP_USER": "me"})
    password = tmp_path / "password"
    password.write_text("short\n")
    outgoing = Outgoing.read({**env, "DUNLIN_SMTP_USER": "me", "DUNLIN_SMTP_PASSWORD_FILE": str(password)})
    assert outgoing.smtp.password == "short"


@pytest.mark.parametrize("user", ["", "me"])
def test_mails_and_the_login_go_to_no_other_machine_in_plain_text(env: dict[str, str], user: str) -> None:
    login = {"DUNLIN_SMTP_USER": user, "DUNLIN_SMTP_PASSWORD_FILE": "/dev/null"}
    there = {**env, **login, "DUNLIN_SMTP_HOST": "smtp.example.test"}
    with pytest.raises(SettingWrong, match=r"DUNLIN_SMTP_SECURITY.*starttls or tls.*DUNLIN_PLAINTEXT"):
        Outgoing.read(there)
    for allowed in (
        {"DUNLIN_PLAINTEXT": "allowed"},
        {"DUNLIN_PLAINTEXT": "smtp.example.test"},
        {"DUNLIN_SMTP_SECURITY": "starttls"},
        {"DUNLIN_SMTP_SECURITY": "tls"},
    ):
        assert Outgoing.read(there | allowed).smtp.host == "smtp.example.test"
    for elsewhere in ("postgres", "refused"):
        with pytest.raises(SettingWrong, match="DUNLIN_PLAINTEXT"):
            Outgoing.read(there | {"DUNLIN_PLAINTEXT": elsewhere})


def test_the_record_to_publish_is_printed_in_pieces_that_dns_takes(
    env: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = rsa.generate_private_key(65537, 2048)
    path = tmp_path / "key"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    dkim = {"DUNLIN_DKIM_KEY_FILE": str(path), "DUNLIN_DKIM_SELECTOR": "s1", "DUNLIN_DKIM_DOMAIN": "x.test"}
    assert dkim_record(dkim) == 0
    name, value = capsys.readouterr().out.rstrip(" )\n").split(" IN TXT ( ")
    pieces = value.strip('"').split('" "')
    assert name == "s1._domainkey.x.test."
    assert all(len(piece) <= 255 for piece in pieces)
    signer = Outgoing.read(env | dkim).signer
    assert signer is not None
    assert "".join(pieces) == signer.records()[0].value
    assert dkim_record({}) == 2
    assert "DUNLIN_DKIM_KEY_FILE" in capsys.readouterr().err
    with pytest.raises(SettingMissing, match="DUNLIN_DKIM_SELECTOR"):
        Outgoing.read(env | {**dkim, "DUNLIN_DKIM_SELECTOR": ""})


# Where reports come in


@pytest.fixture
def reporting(env: dict[str, str], tmp_path: Path) -> dict[str, str]:
    password = tmp_path / "imap-password"
    password.write_text("short\n")
    return {
        **env,
        "DUNLIN_BOUNCE_ADDRESS": "bounces@mail.test",
        "DUNLIN_BOUNCES_LMTP_LISTEN": "127.0.0.1:2424",
        "DUNLIN_BOUNCES_IMAP_URL": "imaps://bounces%40mail.test@imap.test/Reports%2FNew",
        "DUNLIN_BOUNCES_IMAP_PASSWORD_FILE": str(password),
    }


def test_without_a_bounce_address_nobody_takes_reports_in(env: dict[str, str]) -> None:
    assert Reporting.read(env) == Reporting()


def test_reports_come_in_where_the_settings_say(reporting: dict[str, str]) -> None:
    found = Reporting.read(reporting)
    assert found.paths is not None
    assert found.paths.of(7).address.startswith("bounces+7-")
    assert found.lmtp == ("127.0.0.1", 2424)
    assert found.imap == ImapServer("imap.test", 993, "bounces@mail.test", "Reports/New", True, "short")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DUNLIN_BOUNCE_ADDRESS", ""),
        ("DUNLIN_BOUNCE_ADDRESS", "nobody"),
        ("DUNLIN_BOUNCE_ADDRESS", "a+b@mail.test"),
        ("DUNLIN_BOUNCE_ADDRESS", "x" * 25 + "@mail.test"),
        ("DUNLIN_BOUNCES_LMTP_LISTEN", "2424"),
        ("DUNLIN_BOUNCES_LMTP_LISTEN", "127.0.0.1:70000"),
        ("DUNLIN_BOUNCES_LMTP_LISTEN", "192.0.2.1:2424"),
        ("DUNLIN_BOUNCES_IMAP_URL", "imaps://imap.test/INBOX"),
        ("DUNLIN_BOUNCES_IMAP_URL", "https://a@imap.test/INBOX"),
        ("DUNLIN_BOUNCES_IMAP_URL", "imaps://a:secret@imap.test/INBOX"),
        ("DUNLIN_BOUNCES_IMAP_URL", "imaps://a@imap.test:99999/INBOX"),
        ("DUNLIN_BOUNCES_IMAP_URL", "imap://a@imap.test/INBOX"),
        ("DUNLIN_BOUNCES_IMAP_URL", "imaps://a@imap.test/B%C3%BCcher"),
        ("DUNLIN_BOUNCES_IMAP_URL", "imaps://a%0d%0ax@imap.test/INBOX"),
        ("DUNLIN_BOUNCES_IMAP_PASSWORD_FILE", ""),
        ("DUNLIN_BOUNCES_IMAP_PASSWORD_FILE", "/nowhere"),
    ],
)
def test_a_wrong_way_in_stops_the_start_is_named_and_shows_no_password(
    reporting: dict[str, str], name: str, value: str
) -> None:
    with pytest.raises(SettingError, match=name) as error:
        Reporting.read({**reporting, name: value})
    assert "secret" not in str(error.value)


def test_plain_text_goes_where_the_company_allows_it(reporting: dict[str, str]) -> None:
    allowed = Reporting.read(
        reporting
        | {
            "DUNLIN_BOUNCES_LMTP_LISTEN": "0.0.0.0:2424",
            "DUNLIN_BOUNCES_IMAP_URL": "imap://a@imap.test/",
            "DUNLIN_PLAINTEXT": "0.0.0.0,imap.test",
        }
    )
    assert allowed.lmtp == ("0.0.0.0", 2424)  # noqa: S104 - compared, not bound
    assert allowed.imap == ImapServer("imap.test", 143, "a", "INBOX", False, "short")
