"""Brings databases up to date: each by the program that owns it, side by side."""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from embedded.child import leashed


class MigrationFailed(Exception):
    """A database could not be brought up to date; the message holds what the program said."""


@dataclass(frozen=True)
class Migration:
    """What brings the databases of one program up to date."""

    program: str
    arguments: tuple[str, ...]
    env: Mapping[str, str]


def migrate_all(migrations: Sequence[Migration], tell: Callable[[str], None]) -> None:
    """Runs them side by side. Raises `MigrationFailed`; a repeat is safe.

    Takes as long as it takes: an index over millions of rows may need many minutes.
    """
    running = [(migration.program, _begin(migration)) for migration in migrations]
    failures = []
    for program, process in running:
        said, _ = process.communicate()
        if process.returncode == 0:
            tell(f"  {program:<10} database is up to date")
        else:
            failures.append(f"The database of {program} could not be brought up to date:\n{said.strip()}")
    if failures:
        raise MigrationFailed("\n".join(failures))


def _begin(migration: Migration) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own programs
        leashed(migration.arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Ctrl-C is for the supervisor alone: a migration that has begun comes to its end.
        start_new_session=True,
        env=dict(migration.env),
    )
