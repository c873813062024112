"""`dunlin up`: from an empty directory to a page in the browser, and back to nothing running."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from embedded.child import leashed
from embedded.first_login import first_login
from embedded.home import Home, HomeMoved, private_files
from embedded.leftovers import end_leftovers
from embedded.migrate import Migration, migrate_all
from embedded.ports import check_free
from embedded.programs import MAIL_SINK, Program, Site, programs
from embedded.supervisor import Interrupted, StartFailed, Supervisor, Tell

_LOST = {
    "service-token": "the secret that the programs know each other by was missing and has been made anew.",
    "link-key": (
        "the key that seals Pay links was missing and has been made anew:"
        " links in mails sent before no longer open."
    ),
    "session-key": (
        "the key that signs sessions was missing and has been made anew: everybody has to sign in again."
    ),
    "portal-key": (
        "the key that seals links into the portal and links that unsubscribe was not there, as in the home of"
        " an older release, and has been made: such links in mails sent before do not open."
    ),
}
"""What follows where a secret is gone and the databases are not."""


def up(env: Mapping[str, str], tell: Tell, *, sample: bool = False) -> None:
    """Runs everything until SIGINT or SIGTERM, and returns when no program is left.

    Raises `AlreadyRunning`, `PortTaken`, `MigrationFailed`, `StartFailed` or `SettingError`; each says
    what to do. With `sample`, books that are empty are filled with a sample company.
    """
    home, site = Home.read(env), Site.read(env)
    with private_files(), opened(home, tell):
        for name in end_leftovers(home):
            tell(f"Ended {name}, which an earlier run had left behind.")
        check_free(site.host, site.port)
        found = programs(home, site, env)
        supervisor = Supervisor(home, found, tell)
        with supervisor.signals():
            try:
                tell("Bringing the databases up to date")
                migrate_all(_migrations(found), tell)
                supervisor.pause(0)
                _run(home, site, found, supervisor, tell, sample=sample)
            except Interrupted:
                pass
            finally:
                tell("Stopping")
                supervisor.stop()
                home.withdraw()
                tell("Stopped.")


@contextmanager
def opened(home: Home, tell: Tell) -> Iterator[None]:
    """Prepares the home and holds it; warns of secrets that were lost, and of a directory open to others."""
    for name in home.prepare():
        tell(f"Warning: {_LOST[name]}")
    if home.is_open:
        tell(f"Warning: others on this machine can read {home.root}. To close it: chmod 700 {home.root}")
    with home.held():
        if home.moved_note.exists():
            raise HomeMoved(
                f"This home has been moved to PostgreSQL; started again it would mail the same clients a"
                f" second time. {home.moved_note} says how to start it all the same."
            )
        yield


def _run(
    home: Home, site: Site, found: list[Program], supervisor: Supervisor, tell: Tell, *, sample: bool
) -> None:
    tell("Starting the programs")
    supervisor.start()
    home.publish({program.name: program.address for program in found})
    login = first_login(home)
    supervisor.wait_until_healthy()
    if sample:
        tell(_seed(found[-1]))
    for line in _welcome(home, site, login, has_sink=found[0].name == MAIL_SINK):
        tell(line)
    supervisor.run()


def _seed(gateway: Program) -> str:
    """Fills empty books with the sample company; says what it did."""
    # In a process of its own: gRPC's threads do not go well with a supervisor that forks.
    result = subprocess.run(  # noqa: S603 - our own program
        leashed(("-m", "embedded.sample")),
        env=dict(gateway.env),
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    if result.returncode != 0:
        raise StartFailed(f"The sample company could not be set up:\n{result.stderr.strip()}")
    return result.stdout.strip()


def _welcome(home: Home, site: Site, login: tuple[str, str] | None, *, has_sink: bool) -> list[str]:
    lines = ["", f"Dunlin is ready: {site.url}"]
    if login is not None:
        email, password = login
        lines += [
            f"Sign in with:    {email}",
            f"Password:        {password}",
            f"                 (also in {_shown(home.first_login)}, until you change it)",
        ]
    if has_sink:
        lines.append(f"Mails are kept:  {_shown(home.mail)}, and are sent to nobody")
    return [*lines, "Ctrl-C stops everything.", ""]


def _shown(path: Path) -> str:
    """The path as short as it can be read from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def migrate(env: Mapping[str, str], tell: Tell) -> None:
    """Brings the databases up to date without starting anything. Raises as `up` does."""
    home = Home.read(env)
    with private_files(), opened(home, tell):
        migrate_all(_migrations(programs(home, Site.read(env), env)), tell)


def _migrations(found: list[Program]) -> list[Migration]:
    return [Migration(one.name, one.migration, one.env) for one in found if one.migration is not None]
