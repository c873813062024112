"""The secrets of a stack are made once, fit together, and are closed to other users of the host."""

from __future__ import annotations

import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from embedded.stack.secrets import HOSTS, ROLES, Lost, make_secrets

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("stack") / "secrets"
    make_secrets(directory, NOW)
    return directory


@pytest.fixture
def directory(made_once: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    copy = tmp_path / "secrets"
    copy.mkdir(mode=0o700)
    for path in made_once.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    return copy


def certificate(directory: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((directory / name).read_bytes())


def content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_nobody_else_gets_into_the_directory_and_containers_can_read_what_they_are_handed(
    made_once: Path,
) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in made_once.iterdir()}
    assert stat.S_IMODE(made_once.stat().st_mode) == 0o700
    assert modes.pop("ca-key.pem") == 0o400, "it goes into no container"
    assert set(modes.values()) == {0o444}


def test_a_directory_that_was_open_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_secrets(tmp_path, NOW)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_no_password_is_used_twice(made_once: Path) -> None:
    names = [
        "service-token", "session-key", "link-key", "portal-key", "rabbitmq-password",
        *(f"postgres-{r}" for r in ROLES)
    ]  # fmt: skip
    texts = [(made_once / name).read_text("ascii").strip() for name in names]
    assert len(set(texts)) == len(names)
    assert all(len(text) >= 32 for text in texts)


def test_the_broker_and_its_clients_are_told_the_same_password(made_once: Path) -> None:
    password = (made_once / "rabbitmq-password").read_text("ascii").strip()
    assert f"default_pass = {password}\n" in (made_once / "rabbitmq.conf").read_text("ascii")
    assert "guest" not in (made_once / "rabbitmq.conf").read_text("ascii").split()


def test_a_second_call_changes_nothing(made_once: Path) -> None:
    before = content(made_once)
    assert make_secrets(made_once, NOW + timedelta(days=300)) == []
    assert content(made_once) == before


def test_what_got_lost_is_made_anew_and_the_rest_is_kept(directory: Path) -> None:
    before = content(directory)
    (directory / "link-key").unlink()
    (directory / "mailer.pem").unlink()
    lost = {"link-key", "mailer-key.pem", "mailer.pem", "mailer.env"}
    assert set(make_secrets(directory, NOW)) == lost
    changed = {name for name, text in content(directory).items() if before[name] != text}
    assert changed == lost, "and mailer.env says that it is another certificate"


@pytest.mark.parametrize("program", HOSTS)
def test_each_program_has_a_certificate_for_its_own_name_as_server_and_as_caller(
    made_once: Path, program: str
) -> None:
    own, authority = certificate(made_once, f"{program}.pem"), certificate(made_once, "ca.pem")
    own.verify_directly_issued_by(authority)
    names = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [*HOSTS[program], "localhost"]
    usage = own.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usage) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert not own.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    key = load_pem_private_key((made_once / f"{program}-key.pem").read_bytes(), None)
    assert key.public_key() == own.public_key()


def test_a_certificate_that_ends_soon_is_replaced_and_the_authority_stays(directory: Path) -> None:
    before = content(directory)
    soon = certificate(directory, "gateway.pem").not_valid_after_utc - timedelta(days=29)
    made = make_secrets(directory, soon)
    ends = (".pem", "-key.pem", ".env")
    assert sorted(made) == sorted(f"{program}{end}" for program in HOSTS for end in ends)
    assert content(directory)["ca.pem"] == before["ca.pem"]
    assert certificate(directory, "gateway.pem").not_valid_after_utc > soon + timedelta(days=365)


def test_an_authority_that_ends_soon_is_replaced_with_all_its_certificates(directory: Path) -> None:
    before = content(directory)
    soon = certificate(directory, "ca.pem").not_valid_after_utc - timedelta(days=89)
    make_secrets(directory, soon - timedelta(days=2))
    assert content(directory)["ca.pem"] == before["ca.pem"], "not before its time"
    (directory / "ca-key.pem").unlink()
    make_secrets(directory, soon)
    authority = certificate(directory, "ca.pem")
    assert authority.not_valid_after_utc > soon + timedelta(days=3000)
    for program in HOSTS:
        certificate(directory, f"{program}.pem").verify_directly_issued_by(authority)
    assert make_secrets(directory, soon) == []


def test_a_renewal_that_was_cut_short_is_brought_to_its_end(directory: Path) -> None:
    before = content(directory)
    make_secrets(directory, certificate(directory, "ca.pem").not_valid_after_utc)
    for program in ("mailer", "gateway"):
        for end in (".pem", "-key.pem"):
            path = directory / f"{program}{end}"
            path.unlink()
            path.write_bytes(before[path.name])
    make_secrets(directory, NOW)
    for program in HOSTS:
        certificate(directory, f"{program}.pem").verify_directly_issued_by(certificate(directory, "ca.pem"))


def test_an_authority_whose_key_was_taken_away_is_not_replaced_in_silence(directory: Path) -> None:
    (directory / "ca-key.pem").unlink()
    assert make_secrets(directory, NOW) == [], "nothing has to be signed"
    (directory / "paynow.pem").unlink()
    with pytest.raises(Lost, match=r"ca-key\.pem"):
        make_secrets(directory, NOW)
    (directory / "ca.pem").unlink()
    make_secrets(directory, NOW)
    authority = certificate(directory, "ca.pem")
    for program in HOSTS:
        certificate(directory, f"{program}.pem").verify_directly_issued_by(authority)


def test_the_command_says_what_it_has_made_and_no_secret(tmp_path: Path) -> None:
    def run() -> str:
        command = [sys.executable, "-m", "embedded.stack.secrets", str(tmp_path / "new")]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    said = run()
    assert "service-token" in said
    assert (tmp_path / "new" / "service-token").read_text().strip() not in said
    assert run() == ""
