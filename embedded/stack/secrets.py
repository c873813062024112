"""`python -m embedded.stack.secrets DIRECTORY`: makes the secrets of a stack that are not there yet.

The directory is for its owner alone (0700), which keeps others of the host out. The files in it can be read
by anybody who gets that far (0444): a container is handed some of them, and runs as another user. The
authority's key goes to no container and stays with its owner (0400).

What is there is never overwritten; only a certificate that ends soon is replaced. `PROGRAM.env` names the
certificate that a program shows and trusts: who starts a container with it starts another one after a change.
"""

import hashlib
import os
import secrets
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from embedded.dkim_keys import ed25519_key, rsa_key
from embedded.stack.certificates import Pair, ends_at, is_issued_by, new_authority, new_certificate

KEYS = ("service-token", "session-key", "link-key", "portal-key")
ROLES = ("admin", "scheduler", "mailer", "paynow", "sandbox", "identity")
"""Of PostgreSQL: the administrator, and the owner of each database."""

HOSTS = {
    "scheduler": ("scheduler-serve",),
    "mailer": ("mailer-serve",),
    "paynow": ("paynow-serve",),
    "gateway": ("gateway",),
}
"""The programs that show each other certificates, and the host names they are called by."""

BROKER_USER = "dunlin"
RENEWAL_DAYS = 30
"""A certificate that is valid for less than this is made anew."""

AUTHORITY_RENEWAL_DAYS = 90
"""An authority that is valid for less than this is made anew, with all certificates of programs."""

_FOR_CONTAINERS = 0o444
_FOR_THE_OWNER = 0o400


class Lost(Exception):
    """A secret cannot be made because another one is gone; the message says which."""


def make_secrets(directory: Path, now: datetime) -> list[str]:
    """Makes what is missing, and returns the names of the files it wrote. Raises `Lost`."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    made = _Made(directory)
    for name in KEYS:
        made.unless_there(name, _password)
    for role in ROLES:
        made.unless_there(f"postgres-{role}", _password)
    made.unless_there("rabbitmq-password", _password)
    # The broker takes its first user from its configuration.
    made.unless_there("rabbitmq.conf", lambda: _broker_user(made.read("rabbitmq-password")))
    made.unless_there("dkim-key.pem", rsa_key)
    made.unless_there("dkim-ed25519-key.pem", ed25519_key)
    _certificates(made, now)
    return made.names


class _Made:
    """Files of one directory, each written whole or not at all."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.names: list[str] = []

    def has(self, name: str) -> bool:
        return (self._directory / name).exists()

    def read(self, name: str) -> bytes:
        return (self._directory / name).read_bytes()

    def unless_there(self, name: str, make: Callable[[], bytes]) -> None:
        if not self.has(name):
            self.write(name, make())

    def write(self, name: str, content: bytes, mode: int = _FOR_CONTAINERS) -> None:
        draft = self._directory / f".{name}.{os.getpid()}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            os.fsync(file.fileno())
        # Not by the mode above, which the umask would narrow.
        draft.chmod(mode)
        draft.replace(self._directory / name)
        self.names.append(name)


def _certificates(made: _Made, now: datetime) -> None:
    if made.has("ca.pem"):
        if _days_left(made, "ca.pem", now) < AUTHORITY_RENEWAL_DAYS:
            _make_authority(made, now)
    elif made.has("ca-key.pem"):
        raise Lost("The authority's certificate, ca.pem, is gone. Bring it back, or remove ca-key.pem too.")
    else:
        _make_authority(made, now)
    wanted = {program: hosts for program, hosts in HOSTS.items() if not _is_sound(made, program, now)}
    if wanted and not made.has("ca-key.pem"):
        raise Lost(
            "Certificates have to be made, but the authority's key, ca-key.pem, is gone. Bring it back, "
            "or remove ca.pem: then a new authority makes all of them."
        )
    for program, hosts in wanted.items():
        authority = Pair(made.read("ca.pem"), made.read("ca-key.pem"))
        pair = new_certificate(authority, program, (*hosts, "localhost"), now)
        made.write(f"{program}-key.pem", pair.key)
        made.write(f"{program}.pem", pair.certificate)
    for program in HOSTS:
        shown = made.read("ca.pem") + made.read(f"{program}.pem")
        text = f"DUNLIN_CERTIFICATE={hashlib.sha256(shown).hexdigest()}\n".encode()
        if not made.has(f"{program}.env") or made.read(f"{program}.env") != text:
            made.write(f"{program}.env", text)


def _make_authority(made: _Made, now: datetime) -> None:
    authority = new_authority(now)
    # The key first: with the certificate alone nothing could be signed.
    made.write("ca-key.pem", authority.key, _FOR_THE_OWNER)
    made.write("ca.pem", authority.certificate)


def _is_sound(made: _Made, program: str, now: datetime) -> bool:
    if not made.has(f"{program}.pem") or not made.has(f"{program}-key.pem"):
        return False
    is_ours = is_issued_by(made.read(f"{program}.pem"), made.read("ca.pem"))
    return is_ours and _days_left(made, f"{program}.pem", now) > RENEWAL_DAYS


def _days_left(made: _Made, name: str, now: datetime) -> float:
    return (ends_at(made.read(name)) - now) / timedelta(days=1)


def _password() -> bytes:
    return f"{secrets.token_urlsafe(32)}\n".encode()


def _broker_user(password: bytes) -> bytes:
    return f"default_user = {BROKER_USER}\ndefault_pass = {password.decode().strip()}\n".encode()


def main(arguments: list[str]) -> int:
    """Makes them and says so; returns the exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m embedded.stack.secrets DIRECTORY\n")
        return 2
    try:
        made = make_secrets(Path(arguments[0]), datetime.now(UTC))
    except (Lost, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if made:
        sys.stdout.write(f"Made {len(made)} secrets: {', '.join(made)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
