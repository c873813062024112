"""DUNLIN_HOME: the directory that holds everything one embedded company keeps."""

import json
import os
import secrets
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from services.shared.errors import WrongState
from services.shared.settings import SettingWrong

_SECRETS = ("service-token", "link-key", "session-key", "portal-key")
_SERVICES = ("scheduler", "mailer", "paynow")


class AlreadyRunning(WrongState):
    """Another `dunlin up` holds this home."""

    reason = "ALREADY_RUNNING"


class HomeMoved(WrongState):
    """The home's databases live on elsewhere."""

    reason = "HOME_MOVED"


@dataclass(frozen=True)
class Home:
    """Paths below DUNLIN_HOME. Nothing exists before `prepare`."""

    root: Path

    @classmethod
    def read(cls, env: Mapping[str, str]) -> "Home":
        """The home that the environment names, `var` below the working directory by default."""
        root = Path(env.get("DUNLIN_HOME") or "var").expanduser().absolute()
        if "?" in str(root):
            raise SettingWrong(f"DUNLIN_HOME is {str(root)!r}; its path must not hold a question mark.")
        return cls(root)

    @property
    def mail(self) -> Path:
        """The Maildir in which the mail sink keeps every mail."""
        return self.root / "mail"

    @property
    def logs(self) -> Path:
        return self.root / "log"

    @property
    def run(self) -> Path:
        """Holds a pid file for each program while Dunlin runs."""
        return self.root / "run"

    @property
    def first_login(self) -> Path:
        """The address and password made at the first start, until somebody removes the file."""
        return self.root / "first-login.txt"

    @property
    def moved_note(self) -> Path:
        """Says that the databases live on elsewhere; with it here the home does not start."""
        return self.root / "moved.txt"

    def note_move(self, databases: Sequence[str]) -> None:
        """Leaves the note."""
        text = (
            f"Moved to PostgreSQL by `dunlin migrate --from-sqlite`: {', '.join(databases)}.\n"
            "Started again, this home would mail the same clients a second time. To start it all the same,\n"
            "remove this file.\n"
        )
        write_private(self.moved_note, text)

    def secret(self, name: str) -> Path:
        """The file with a secret: service-token, link-key, session-key or portal-key."""
        return self.root / "secrets" / name

    def database_url(self, name: str) -> str:
        """The SQLAlchemy URL of one of the databases."""
        return f"sqlite:///{self.root / 'db' / name}.sqlite"

    def pid_file(self, program: str) -> Path:
        return self.run / f"{program}.pid"

    def prepare(self) -> list[str]:
        """Makes directories and secrets that are not there yet; only their owner may read them.

        Returns the secrets that were made although there are databases, which were made with others.
        A root that was there before keeps its mode, since others may have business in it: see `is_open`.
        """
        for directory in (self.root, self.root / "db", self.root / "secrets", self.logs, self.run):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        missing = [name for name in _SECRETS if not self.secret(name).exists()]
        for name in missing:
            write_private(self.secret(name), secrets.token_urlsafe(32) + "\n")
        return missing if any((self.root / "db").glob("*.sqlite")) else []

    @property
    def is_open(self) -> bool:
        """Whether others on this machine can look into the root."""
        return bool(stat.S_IMODE(self.root.stat().st_mode) & 0o077)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Holds the home, so that it runs once. Raises `AlreadyRunning`; a crash lets go of it."""
        path = self.run / "lock"
        with path.open("a", encoding="ascii") as lock:
            try:
                flock(lock, LOCK_EX | LOCK_NB)
            except BlockingIOError:
                raise AlreadyRunning(f"Dunlin is running at {self.root} already.") from None
            yield

    def is_held(self) -> bool:
        """Whether a supervisor runs at this home."""
        if not (self.run / "lock").exists():
            return False
        try:
            with self.held():
                return False
        except AlreadyRunning:
            return True

    @property
    def _addresses(self) -> Path:
        return self.root / "addresses.json"

    def publish(self, addresses: Mapping[str, str]) -> None:
        """Says where each program listens, as host:port by program."""
        write_private(self._addresses, json.dumps(addresses, indent=2) + "\n")

    def withdraw(self) -> None:
        """Takes the addresses back, at the end."""
        self._addresses.unlink(missing_ok=True)

    def addresses(self) -> dict[str, str] | None:
        """Where each program listens; None while Dunlin does not run here. `SettingWrong` if damaged."""
        try:
            found = json.loads(self._addresses.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError:
            found = None
        if not isinstance(found, dict) or not all(isinstance(found.get(name), str) for name in _SERVICES):
            raise SettingWrong(f"{self._addresses} is damaged; stop Dunlin and start it again.")
        return found


@contextmanager
def private_files() -> Iterator[None]:
    """Whatever is made inside, by this process and by those that it starts, only its owner may read."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def write_private(path: Path, text: str) -> None:
    """Writes a file whole or not at all, readable by its owner only."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as out:
        out.write(text)
    draft.replace(path)
