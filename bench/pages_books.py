"""Companies of any size for bench/pages.py: databases filled by PostgreSQL itself, in proportion.

For each invoice: a twentieth of an organization with one contact and its address, one notice with two
decisions, half a message with four events and its mail, a fifth of a payment with its fact.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from string import Template

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from bench.run import REPOSITORY
from gateway import identity
from services.shared.database import Database
from services.shared.migrate import migrate

STAFF, PASSWORD = "staff@harbor.example", "correct horse battery staple"
SCRIPTS = {
    "scheduler": REPOSITORY / "services/scheduler/migrations",
    "mailer": REPOSITORY / "services/mailer/migrations",
    "paynow": REPOSITORY / "services/paynow/migrations",
    "sandbox": REPOSITORY / "services/paynow/migrations/sandbox",
    "identity": REPOSITORY / "gateway/identity/migrations",
}
PER_ORGANIZATION = 20
SQL = REPOSITORY / "bench" / "sql"

MAIL = zlib.compress(
    b"From: billing@harbor.example\r\nTo: a@client.example\r\nSubject: Invoice is past due\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    b"<html><body><p>Please pay your invoice.</p></body></html>\r\n"
)


def company(server: str, prefix: str, invoices: int) -> dict[str, str]:
    """Databases of a company with so many invoices on the server, by name; made anew."""
    urls = {name: _database(server, f"{prefix}_{name}", SCRIPTS[name]) for name in SCRIPTS}
    counts: dict[str, object] = {
        "invoices": invoices,
        "organizations": max(1, invoices // PER_ORGANIZATION),
        "payments": invoices // 5,
        "mail": f"'\\x{MAIL.hex()}'::bytea",
    }
    for name in ("paynow", "scheduler", "mailer"):
        _run(urls[name], SQL / f"pages_{name}.sql", counts)
    database = Database(urls["identity"])
    identity.add_staff(database, STAFF, PASSWORD, "Robin Staff")
    database.dispose()
    return urls


def _database(server: str, name: str, scripts: Path) -> str:
    with psycopg.connect(server, autocommit=True) as connection:
        for statement in ("DROP DATABASE IF EXISTS {} WITH (FORCE)", "CREATE DATABASE {} TEMPLATE template0"):
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
    url = make_url(server).set(database=name).render_as_string(hide_password=False)
    migrate(url, scripts)
    return url


def _run(url: str, script: Path, values: dict[str, object]) -> None:
    text = Template(script.read_text(encoding="utf-8")).substitute(values)
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in filter(str.strip, text.split(";\n")):
            connection.execute(statement.encode())
        # As a server that has been there for a while: it knows its tables, and what pages are all visible.
        connection.execute("VACUUM (ANALYZE)")
