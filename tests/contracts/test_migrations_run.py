"""The one migration environment, with migrations written for the purpose."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

from services.shared.migrate import migrate

REVISION = """
import sqlalchemy as sa
from alembic import op

revision = "{number}"
down_revision = {before}


def upgrade() -> None:
    op.create_table("t{number}", sa.Column("n", sa.Integer))
    {more}
"""


def scripts(folder: Path, *revisions: tuple[str, str]) -> Path:
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    before = None
    for number, more in revisions:
        text = REVISION.format(number=number, before=repr(before), more=more)
        (versions / f"{number}_test.py").write_text(text)
        before = number
    return versions.parent


def tables(url: str) -> set[str]:
    engine = create_engine(url)
    names = set(inspect(engine).get_table_names())
    engine.dispose()
    return names


def test_migrations_run_in_order_and_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/books.sqlite"
    migrate(url, scripts(tmp_path, ("0001", "pass")))
    assert tables(url) == {"alembic_version", "t0001"}
    migrate(url, scripts(tmp_path, ("0001", "pass"), ("0002", "pass")))
    migrate(url, scripts(tmp_path, ("0001", "pass"), ("0002", "pass")))
    assert tables(url) == {"alembic_version", "t0001", "t0002"}


def test_a_migration_that_fails_leaves_the_schema_as_it_was(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/books.sqlite"
    migrate(url, scripts(tmp_path, ("0001", "pass")))
    broken = ("0002", "raise RuntimeError('in the middle')")
    with pytest.raises(RuntimeError):
        migrate(url, scripts(tmp_path, ("0001", "pass"), broken))
    assert tables(url) == {"alembic_version", "t0001"}
