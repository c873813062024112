"""`dunlin backup` and `dunlin restore`: the whole embedded company in one file."""

from pathlib import Path

import click

from embedded.home import Home
from gateway.cli.company import environment
from gateway.cli.output import progress_bar, say

_file = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@click.command()
@_file
def backup(file: Path) -> None:
    """Write databases and secrets of DUNLIN_HOME into FILE (.tar or .tar.gz), also while Dunlin runs.

    Keep it as safe as the home itself: it holds the keys, and all that clients were sent.
    """
    from embedded.backup import back_up

    with progress_bar("Backing up") as progress:
        back_up(Home.read(environment()), file, progress)
    say(f"{file} holds the whole company: {file.stat().st_size:,} bytes.")


@click.command()
@_file
@click.option("--keep-automatic", is_flag=True, help="Leave the daily run as it was.")
def restore(file: Path, *, keep_automatic: bool) -> None:
    """Make DUNLIN_HOME, which must be empty, of the backup FILE.

    Turns the daily run off: what was mailed after the backup would be mailed again. See docs/operations.md.
    """
    from embedded.backup import pause, queued_mails
    from embedded.backup import restore as run

    home = Home.read(environment())
    at = run(home, file)
    say(f"{home.root} is as it was at {at.isoformat()}.")
    if not keep_automatic and pause(home):
        say("The daily run is off: due notices that went out after the backup would go out again.")
    if queued := queued_mails(home):
        say(f"{queued} mails were on their way then, and leave once Dunlin starts.")
