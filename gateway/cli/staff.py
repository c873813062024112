"""`dunlin staff`: people who may sign in."""

import secrets
import sys

import click

from gateway.cli.company import identity_database_url
from gateway.cli.output import json_option, print_json, say


@click.group()
def staff() -> None:
    """Add people who may sign in."""


@staff.command()
@click.argument("email")
@click.option("--name", default="", help="How the site calls the person; by default the part before the @.")
@click.option(
    "--password-stdin", is_flag=True, help="Read the password from the first line of standard input."
)
@json_option
def add(email: str, name: str, *, password_stdin: bool, as_json: bool) -> None:
    """Add an account for EMAIL. Without --password-stdin a password is made and printed once."""
    from gateway.identity import add_staff
    from services.shared.database import Database

    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else secrets.token_urlsafe(12)
    database = Database(identity_database_url())
    try:
        person = add_staff(database, email, password, name)
    finally:
        database.dispose()
    made = {} if password_stdin else {"password": password}
    if as_json:
        print_json({"email": person.email, "name": person.name, **made})
        return
    say(f"{person.email} may sign in.")
    if made:
        say(f"Password: {password}")
