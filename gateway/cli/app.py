"""The commands by name, and what a command's end means as an exit code."""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple, cast

import click

from gateway.cli.company import Session
from gateway.cli.exits import Exit, failure_of


class _Entry(NamedTuple):
    module: str
    summary: str


# A command's module is loaded when it is called, so that each start loads only what it needs.
_COMMANDS = {
    "up": _Entry("running", "Start Dunlin here and keep it running until Ctrl-C."),
    "status": _Entry("running", "Show what runs, and what is still to be done."),
    "migrate": _Entry("running", "Bring the databases up to date."),
    "backup": _Entry("backups", "Write the whole company into a file."),
    "restore": _Entry("backups", "Make a company of such a file."),
    "sync": _Entry("sync", "Take in an invoice list."),
    "sync-methods": _Entry("sync_accounts", "Take in cards and bank accounts on file."),
    "sync-plans": _Entry("sync_accounts", "Take in AutoPay and scheduled payments."),
    "tick": _Entry("tick", "Decide the due notices now."),
    "drain": _Entry("drain", "Wait until no work is left."),
    "why": _Entry("notices", "Show every decision on an invoice, and what comes next."),
    "notices": _Entry("notices", "List notices."),
    "rules": _Entry("rules", "List and change the due notice rules."),
    "emails": _Entry("emails", "List, count and switch the types of mail; send one by hand."),
    "campaigns": _Entry("campaigns", "Send one mail to many, see how far it is, and stop it."),
    "exclusions": _Entry("exclusions", "List and change who gets no notices."),
    "pauses": _Entry("pauses", "Pause reminders, and end it; list broken promises to pay."),
    "stars": _Entry("stars", "List and change who gets an organization's notices."),
    "dead-letters": _Entry("dead_letters", "See, retry and drop facts that could not be handled."),
    "export": _Entry("payments", "Write what the accounting side takes in."),
    "payments": _Entry("payments", "Say what the accounting side has booked."),
    "staff": _Entry("staff", "Add people who may sign in."),
}


class _Commands(click.Group):
    """Loads commands when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = _COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module = importlib.import_module(f"gateway.cli.{entry.module}")
        return cast(click.Command, getattr(module, cmd_name.replace("-", "_")))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in _COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dunlin")
def cli() -> None:
    """Dunlin tells a company's clients what they owe, and lets them pay it.

    Works on the company in DUNLIN_HOME, which is `var` below the working directory by default. Data goes to
    standard output, everything else to standard error.
    """


def run(arguments: Sequence[str], session: Session | None = None) -> int:
    """Runs one command and returns its exit code; failures are one clear line on standard error."""
    try:
        result = cli.main(
            args=list(arguments),
            prog_name="dunlin",
            standalone_mode=False,
            obj=session or Session(os.environ),
        )
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough; a second complaint at the end helps nobody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except Exception as error:  # the outermost edge: whatever went wrong becomes an exit code
        failure = failure_of(error)
        for line in failure.lines:
            click.echo(line, err=True)
        return failure.code
    return result if isinstance(result, int) else Exit.DONE
