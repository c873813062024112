"""`dunlin up`, `dunlin migrate`, `dunlin status`: Dunlin itself."""

from pathlib import Path

import click

from embedded.home import Home
from embedded.migrate import MigrationFailed
from embedded.supervisor import StartFailed
from gateway.cli.company import PROGRAMS, Company, environment, open_company
from gateway.cli.exits import Broken, Exit, NotRunning
from gateway.cli.output import json_option, plain, print_json, print_table, progress_bar, remark, say


def _tell(text: str) -> None:
    click.echo(plain(text))


@click.command()
@click.option("--sample", is_flag=True, help="Fill empty books with a sample company.")
def up(*, sample: bool) -> None:
    """Start Dunlin here and keep it running until Ctrl-C.

    Keeps its data in DUNLIN_HOME and serves the site at DUNLIN_PORT (8000). Mails stay on this machine.
    """
    from embedded.up import up as run

    try:
        run(environment(), _tell, sample=sample)
    except (StartFailed, MigrationFailed) as error:
        raise Broken(str(error)) from None


@click.command()
@click.option(
    "--from-sqlite",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Also copy the databases of the home DIR into them, which must be empty PostgreSQL databases.",
)
def migrate(from_sqlite: Path | None) -> None:
    """Bring the databases up to date without starting anything. A repeat changes nothing.

    Works on the databases that DUNLIN_..._DATABASE_URL name, if they do, else on those of the home. A
    database server that is still starting is waited for up to a minute.
    """
    from embedded.stack.migrate import are_named, migrate_named
    from embedded.up import migrate as migrate_home

    env = environment()
    try:
        if from_sqlite is not None:
            _move(from_sqlite)
        elif are_named(env):
            migrate_named(env, _tell)
        else:
            migrate_home(env, _tell)
    except MigrationFailed as error:
        raise Broken(str(error)) from None


def _move(root: Path) -> None:
    from embedded.move import move
    from embedded.transfer_counts import TransferFailed
    from gateway.cli.moved import show

    try:
        with progress_bar("Copying") as progress:
            moved = move(root, environment(), remark, progress)
    except TransferFailed as error:
        raise Broken(str(error)) from None
    show(moved)


@click.command()
@json_option
def status(*, as_json: bool) -> int:
    """Show what runs here, and what is still to be done.

    Ends with exit code 4 if Dunlin does not run, 1 if a program does not answer.
    """
    from gateway.cli.drain import standing

    home = Home.read(environment())
    try:
        company = open_company()
    except NotRunning:
        if not as_json:
            raise
        print_json({"home": str(home.root), "running": False})
        return Exit.UNREACHABLE
    backlogs = standing(company).backlogs
    if as_json:
        programs = {
            name: {"address": company.addresses[name], "answers": backlogs[name] is not None}
            for name in PROGRAMS
        }
        print_json(
            {
                "home": str(home.root) if _is_of_home(company) else None,
                "running": True,
                "site": company.addresses.get("gateway"),
                "programs": programs,
            }
        )
    else:
        if _is_of_home(company):
            say(f"Home: {home.root}")
            say(f"Site: http://{company.addresses['gateway']}")
        elif site := environment().get("DUNLIN_PUBLIC_URL"):
            say(f"Site: {site}")
        rows = []
        for name in PROGRAMS:
            backlog = backlogs[name]
            left = str(backlog.outbox + backlog.inbox + backlog.queue) if backlog else ""
            rows.append((name, company.addresses[name], "answers" if backlog else "does not answer", left))
        print_table(("Program", "Address", "State", "Left to do"), rows, right=(3,))
    return Exit.DONE if None not in backlogs.values() else Exit.LEFT_OVER


def _is_of_home(company: Company) -> bool:
    """Whether it runs at a home of this machine; else the environment says where its programs are."""
    return "gateway" in company.addresses
