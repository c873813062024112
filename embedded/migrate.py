"""Brings all databases of a home up to date."""

import subprocess
from collections.abc import Callable, Sequence

from embedded.child import leashed
from embedded.programs import Program

_TIMEOUT_SECONDS = 600.0


class MigrationFailed(Exception):
    """A database could not be brought up to date; the message holds what the program said."""


def migrate_all(programs: Sequence[Program], tell: Callable[[str], None]) -> None:
    """Migrates the databases of all programs side by side. Raises `MigrationFailed`; a repeat is safe."""
    running = [(program, _begin(program)) for program in programs if program.migration is not None]
    failures = []
    for program, process in running:
        said, _ = process.communicate(timeout=_TIMEOUT_SECONDS)
        if process.returncode == 0:
            tell(f"  {program.name:<10} database is up to date")
        else:
            failures.append(
                f"The database of {program.name} could not be brought up to date:\n{said.strip()}"
            )
    if failures:
        raise MigrationFailed("\n".join(failures))


def _begin(program: Program) -> subprocess.Popen[str]:
    assert program.migration is not None  # noqa: S101 - filtered above
    return subprocess.Popen(  # noqa: S603 - our own programs
        leashed(program.migration),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Ctrl-C is for the supervisor alone: a migration that has begun comes to its end.
        start_new_session=True,
        env=dict(program.env),
    )
