"""`python -m embedded.stack.welcome`, in the gateway's container: what to do once the stack is up.

Makes the owner's login if nobody can sign in yet, and prints its password, this once.
"""

import os
import secrets
import sys
from collections.abc import Mapping

from embedded.first_login import OWNER
from gateway.identity import add_staff, count_staff
from services.shared.database import Database
from services.shared.server_urls import server_url
from services.shared.settings import required

SINK = "mail-sink"


def welcome(env: Mapping[str, str]) -> list[str]:
    """The lines to show."""
    database = Database(server_url(env, "DUNLIN_IDENTITY_DATABASE_URL"))
    try:
        login = _first_login(database)
    finally:
        database.dispose()
    lines = [
        f"Dunlin is ready:  {required(env, 'DUNLIN_PUBLIC_URL')}",
        *login,
        "Sample company:   make sample",
    ]
    if required(env, "DUNLIN_SMTP_HOST") == SINK:
        lines.append(
            "Mails are kept:   and sent to nobody. To see them: docker compose cp mail-sink:/mail/new mails"
        )
    return [
        *lines,
        "Command line:     docker compose exec gateway dunlin --help",
        "Watch, stop:      make logs, make down",
    ]


def _first_login(database: Database) -> list[str]:
    if count_staff(database):
        return ["Sign in:          as before; make login EMAIL=you@example.com adds somebody"]
    password = secrets.token_urlsafe(12)
    add_staff(database, OWNER, password, "Owner")
    return [
        f"Sign in with:     {OWNER}",
        f"Password:         {password}",
        "                  It is not shown again. If it gets lost: make login EMAIL=you@example.com",
    ]


if __name__ == "__main__":
    sys.stdout.write("\n".join(welcome(os.environ)) + "\n")
