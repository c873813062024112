"""The migrations make, on both databases, the tables that the code expects."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, inspect

from services.paynow import provider_sandbox, tables_accounts, tables_payments
from services.shared.database import Database
from tests.fakes.paynow_payments import MIGRATIONS
from tests.servers import DATABASES, MigratedUrl, PostgresServer

SCHEMAS = [
    pytest.param(MIGRATIONS, tables_payments.metadata, id="paynow"),
    pytest.param(provider_sandbox.MIGRATIONS, provider_sandbox.metadata, id="sandbox"),
]

assert tables_accounts.metadata is tables_payments.metadata

ONLY_WHERE_IT_CAN_BE = {"organizations_by_words"}
"""What a migration adds if the server has what it needs, and the code can do without."""


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> str:
    """A database without tables."""
    if kind == "sqlite":
        return f"sqlite:///{tmp_path}/empty.sqlite"
    postgres: PostgresServer = request.getfixturevalue("postgres")
    return postgres.empty()


@pytest.mark.parametrize(("scripts", "metadata"), SCHEMAS)
@pytest.mark.parametrize("kind", DATABASES)
def test_the_migrations_make_the_tables_that_the_code_expects(
    kind: str, scripts: Path, metadata: MetaData, empty_url: str, migrated_url: MigratedUrl
) -> None:
    made = Database(empty_url)
    with made.write() as connection:
        metadata.create_all(connection)
    migrated = Database(migrated_url(kind, scripts))
    for table in metadata.tables:
        assert described(migrated, table) == described(made, table)
    made.dispose()
    migrated.dispose()


def described(database: Database, table: str) -> dict[str, Any]:
    """Columns, keys and indexes of a table as the database tells them."""
    with database.read() as connection:
        found = inspect(connection)
        return {
            "columns": sorted((c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(table)),
            "primary key": found.get_pk_constraint(table)["constrained_columns"],
            "unique": sorted(
                (str(key["name"]), key["column_names"]) for key in found.get_unique_constraints(table)
            ),
            "foreign keys": sorted(
                (key["constrained_columns"], key["referred_table"]) for key in found.get_foreign_keys(table)
            ),
            "indexes": sorted(
                (str(index["name"]), str(index["column_names"]), where(index.get("dialect_options", {})))
                for index in found.get_indexes(table)
                if index["name"] not in ONLY_WHERE_IT_CAN_BE
            ),
        }


def where(options: dict[str, Any]) -> list[str]:
    """The conditions of a partial index."""
    return sorted(f"{name}={value}" for name, value in options.items())
