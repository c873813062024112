"""Moves a home's databases to PostgreSQL: refuses what is not safe, copies each whole or not at all."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from embedded.home import Home
from embedded.migrate import Migration, migrate_all
from embedded.programs import Site, programs
from embedded.stack.migrate import migrate_named, named_databases
from embedded.transfer import Copied, compare, copy, counts
from embedded.transfer_counts import Counts, TransferFailed
from embedded.transfer_source import Source
from embedded.transfer_target import Target
from services.shared.errors import Missing, WrongState

DATABASES = ("scheduler", "mailer", "paynow", "sandbox", "identity")

Result = TypeVar("Result")

Tell = Callable[[str], None]
Progress = Callable[[int, int], None]


class NoHome(Missing):
    """There is no company in that directory."""

    reason = "HOME_MISSING"


class NotUpToDate(WrongState):
    """The home's databases are of an older release."""

    reason = "HOME_NOT_UP_TO_DATE"


class NotEmpty(WrongState):
    """A database to move into holds something."""

    reason = "TARGET_NOT_EMPTY"


class AlreadyMoved(WrongState):
    """The home has been moved."""

    reason = "ALREADY_MOVED"


@dataclass(frozen=True)
class Moved:
    """What was moved, by database; the counts of both sides are equal."""

    databases: Mapping[str, Copied]
    secrets: Path
    """The folder with the secrets to carry over."""


def move(root: Path, env: Mapping[str, str], tell: Tell, progress: Progress) -> Moved:
    """Copies the databases of the home at `root` into those that the environment names.

    Nothing is copied unless each of them is empty, or holds what an earlier call has copied. Each is copied
    in one transaction. After a failure another call goes on with those that are left; after a success the
    home no longer starts, so that two never mail the same clients. Raises `NoHome`, `AlreadyRunning`,
    `NotUpToDate`, `NotEmpty`, `AlreadyMoved`, `MigrationFailed`, `TransferFailed` or `SettingError`; each
    says what to do.
    """
    home, urls = Home(root.absolute()), named_databases(env)
    for name, url in urls.items():
        if url.startswith("sqlite"):
            raise TransferFailed(
                f"The database of {name} that the environment names is SQLite, not PostgreSQL."
            )
    if not all(path.is_file() for path in _files(home).values()):
        raise NoHome(f"There is no company at {home.root}: a home holds db/scheduler.sqlite and others.")
    home.run.mkdir(mode=0o700, exist_ok=True)
    with home.held():
        if home.moved_note.exists():
            raise AlreadyMoved(f"The home at {home.root} has been moved already: {home.moved_note} says so.")
        with _new_home(env) as new:
            _check_revisions(home, _files(new))
            migrate_named(env, tell)
            moved = move_databases(home, urls, _files(new), progress)
        home.note_move(sorted(urls))
        return Moved(moved, home.secret("link-key").parent)


def _files(home: Home) -> dict[str, Path]:
    return {name: home.root / "db" / f"{name}.sqlite" for name in DATABASES}


def move_databases(
    home: Home, urls: Mapping[str, str], fresh: Mapping[str, Path], progress: Progress
) -> dict[str, Copied]:
    """Copies the home's databases into those at `urls`, all of one revision.

    `fresh` are databases as their migrations leave them: what a target may hold. Raises as `move`.
    """
    files = _files(home)
    total = done = 0
    for path in files.values():
        with Source.opened(path) as source:
            total += source.total()

    def more(rows: int) -> None:
        nonlocal done
        done += rows
        progress(done, total)

    def each(act: Callable[[str, Source, Target], Result]) -> dict[str, Result]:
        results = {}
        for name, path in files.items():
            try:
                with Source.opened(path) as source, Target.opened(urls[name]) as target:
                    results[name] = act(name, source, target)
            except TransferFailed as error:
                raise TransferFailed(f"The database of {name} was not moved. {error}") from None
        return results

    def check(name: str, source: Source, target: Target) -> None:
        with Source.opened(fresh[name]) as new:
            _must_be_free(name, source, target, counts(new))

    # All before the first is copied: a company must never be in two places by halves.
    each(check)
    return each(lambda _name, source, target: _move_one(source, target, more))


def _must_be_free(name: str, source: Source, target: Target, fresh: Counts) -> None:
    mark = target.mark()
    if mark == source.digest():
        return
    full = [
        table.name
        for table in target.tables()
        if table.name not in fresh or target.count(table).rows != fresh[table.name].rows
    ]
    if mark or full:
        what = "what was moved from elsewhere or earlier" if mark else f"rows in {', '.join(full)}"
        raise NotEmpty(
            f"The database of {name} is not empty: it holds {what}. If nobody needs that, drop the database"
            " and make it anew."
        )


def _move_one(source: Source, target: Target, progress: Callable[[int], None]) -> Copied:
    digest = source.digest()
    if target.mark() == digest:
        # An earlier call, which failed later on, has done it.
        here = counts(source)
        progress(source.total())
        return Copied(here, compare(source, target, here))
    copied = copy(source, target, progress)
    target.set_mark(digest)
    return copied


def _check_revisions(home: Home, fresh: Mapping[str, Path]) -> None:
    for name, path in _files(home).items():
        with Source.opened(path) as source, Source.opened(fresh[name]) as new:
            if source.revision() != new.revision():
                raise NotUpToDate(
                    f"The database of {name} in {home.root} is not at the newest revision. Run"
                    f" `DUNLIN_HOME={home.root} dunlin migrate` first, without DUNLIN_..._DATABASE_URL set."
                )


@contextmanager
def _new_home(env: Mapping[str, str]) -> Iterator[Home]:
    """A home as its migrations leave it: what the databases of a company that has done nothing hold."""
    root = Path(tempfile.mkdtemp(prefix="dunlin-new-"))
    try:
        home = Home(root)
        home.prepare()
        own = {name: value for name, value in env.items() if not name.startswith("DUNLIN_")}
        found = programs(home, Site.read(own), own)
        migrate_all([Migration(one.name, one.migration, one.env) for one in found if one.migration], _quiet)
        yield home
    finally:
        shutil.rmtree(root)


def _quiet(_text: str) -> None:
    pass
