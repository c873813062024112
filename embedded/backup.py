"""A copy of a whole home in one file, taken while it runs, and a home made of such a file."""

import io
import json
import shutil
import sqlite3
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from embedded.dkim_keys import DKIM_KEYS
from embedded.home import Home, private_files, write_private
from services.shared.errors import Conflict, Invalid, Missing, WrongState

# In this order they are frozen. The sandbox comes after paynow: a provider may know a charge that the ledger
# does not, as a real one does after any restore; else the ledger would name money that nobody has taken.
DATABASES = ("scheduler", "mailer", "paynow", "sandbox", "identity")
SECRETS = ("service-token", "link-key", "session-key", "portal-key", *DKIM_KEYS)
_NOT_EVERYWHERE = {"portal-key", *DKIM_KEYS}
"""Homes and backups of older releases have no portal key, and only who signs mails has keys for that."""

_FORMAT = "dunlin-backup-1"
_PATIENCE_SECONDS = 30
_PAGES_AT_ONCE = 1000


class NothingToBackUp(Missing):
    """There is no company in the home."""

    reason = "HOME_MISSING"


class NotABackup(Invalid):
    """A file is no backup, or not a whole one."""

    reason = "BACKUP_INVALID"


class NotReplaced(Conflict):
    """The file is there already, and is no backup."""

    reason = "FILE_EXISTS"


class HomeNotEmpty(WrongState):
    """The home to restore into holds something."""

    reason = "HOME_NOT_EMPTY"


Progress = Callable[[int, int], None]


def back_up(home: Home, file: Path, progress: Progress) -> None:
    """Writes databases and secrets of the home into a tar file, whole or not at all, for its owner only.

    Dunlin may run meanwhile. All databases are of one moment: what one says of another is so. An older
    backup of that name is replaced. Raises `NothingToBackUp` or `NotReplaced`.
    """
    sources = {name: home.root / "db" / f"{name}.sqlite" for name in DATABASES}
    if not all(path.exists() for path in sources.values()):
        raise NothingToBackUp(f"There is no company at {home.root}.")
    if file.exists() and not tarfile.is_tarfile(file):
        raise NotReplaced(f"{file} is there already and is no backup; name another file.")
    draft = file.with_name(f".{file.name}.part")
    with private_files(), tempfile.TemporaryDirectory(dir=file.absolute().parent) as folder:
        try:
            copies = _copies(sources, Path(folder), progress)
            with tarfile.open(draft, "w:gz" if file.name.endswith("gz") else "w") as tar:
                about = {"format": _FORMAT, "at": datetime.now(UTC).isoformat(timespec="seconds")}
                _add(tar, "backup.json", json.dumps(about).encode())
                for name in _secrets_of(home):
                    _add(tar, f"secrets/{name}", home.secret(name).read_bytes())
                for name, copy in copies.items():
                    tar.add(copy, f"db/{name}.sqlite")
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)


def _secrets_of(home: Home) -> list[str]:
    return [name for name in SECRETS if name not in _NOT_EVERYWHERE or home.secret(name).exists()]


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = len(content), 0o600, int(time.time())
    tar.addfile(entry, io.BytesIO(content))


def _copies(sources: dict[str, Path], folder: Path, progress: Progress) -> dict[str, Path]:
    copies = {name: folder / f"{name}.sqlite" for name in sources}
    with ExitStack() as stack:
        views = _one_moment(sources, stack)
        pages = {name: view.execute("PRAGMA page_count").fetchone()[0] for name, view in views.items()}
        total, before = sum(pages.values()), 0
        for name, view in views.items():

            def told(_status: int, left: int, of: int, before: int = before) -> None:
                progress(before + of - left, total)

            with closing(sqlite3.connect(copies[name])) as copy:
                view.backup(copy, pages=_PAGES_AT_ONCE, progress=told)
                # A single file, without a log beside it.
                copy.execute("PRAGMA journal_mode = DELETE")
            before += pages[name]
    return copies


def _one_moment(sources: dict[str, Path], stack: ExitStack) -> dict[str, sqlite3.Connection]:
    """A read transaction on each database, begun while the scheduler's stood still.

    The others tell it of what has happened, and it tells the mailer what to send: with it at rest, no side
    can be ahead of what the other has been told.
    """
    with _held(sources["scheduler"]):
        views = {}
        for name, path in sources.items():
            views[name] = stack.enter_context(closing(_connect(path)))
            views[name].execute("BEGIN")
            views[name].execute("SELECT count(*) FROM sqlite_schema").fetchone()
        return views


@contextmanager
def _held(path: Path) -> Iterator[None]:
    with closing(_connect(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


def _connect(path: Path) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(address, uri=True, isolation_level=None, timeout=_PATIENCE_SECONDS)


def restore(home: Home, file: Path) -> datetime:
    """Makes the home, which must not be there yet, of a backup; returns the backup's moment.

    Databases that are damaged make no home. Raises `NotABackup` or `HomeNotEmpty`.
    """
    if home.root.exists() and any(home.root.iterdir()):
        raise HomeNotEmpty(f"{home.root} is not empty. Set DUNLIN_HOME to a directory that is not there yet.")
    with private_files():
        home.root.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{home.root.name}.", dir=home.root.parent))
        try:
            at = _unpack(file, draft)
            if home.root.exists():
                home.root.rmdir()
            draft.rename(home.root)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return at


def _unpack(file: Path, root: Path) -> datetime:
    try:
        with tarfile.open(file) as tar:
            about = json.loads(_content(tar, "backup.json"))
            if about["format"] != _FORMAT:
                raise NotABackup(f"{file} is a backup of another release.")
            for folder in ("db", "secrets"):
                (root / folder).mkdir(mode=0o700)
            for name in SECRETS:
                if name in _NOT_EVERYWHERE and f"secrets/{name}" not in tar.getnames():
                    continue
                write_private(root / "secrets" / name, _content(tar, f"secrets/{name}").decode())
            for name in DATABASES:
                source = _entry(tar, f"db/{name}.sqlite")
                with (root / "db" / f"{name}.sqlite").open("wb") as target:
                    shutil.copyfileobj(source, target)
                _check(root / "db" / f"{name}.sqlite")
            return datetime.fromisoformat(about["at"])
    except (tarfile.TarError, KeyError, ValueError, EOFError, sqlite3.DatabaseError) as error:
        raise NotABackup(f"{file} is no whole backup of Dunlin: {error}") from None


def _entry(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    found = tar.extractfile(name)
    if found is None:
        raise KeyError(name)
    return found


def _content(tar: tarfile.TarFile, name: str) -> bytes:
    return _entry(tar, name).read()


def _check(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(f"{path.name}: {found}")


def pause(home: Home) -> bool:
    """Turns the daily run off, so that nobody is mailed before somebody has looked; whether it was on."""
    with closing(_connect(home.root / "db" / "scheduler.sqlite")) as connection:
        return connection.execute("UPDATE calendar SET automatic = 0 WHERE automatic").rowcount > 0


def queued_mails(home: Home) -> int:
    """How many mails of the home are on their way, and leave once it starts."""
    with closing(_connect(home.root / "db" / "mailer.sqlite")) as connection:
        found = connection.execute("SELECT count(*) FROM messages WHERE due_at IS NOT NULL").fetchone()
        return int(found[0])
