"""`dunlin migrate` with databases that the environment names: all of them, or a clear word why not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, make_url

from embedded.migrate import MigrationFailed
from embedded.stack.migrate import are_named, migrate_named, wait_for
from services.shared.settings import SettingMissing
from tests.servers import PostgresServer, free_port

A_TABLE = {
    "scheduler": "notices",
    "mailer": "messages",
    "paynow": "invoices",
    "sandbox": "sandbox_charges",
    "identity": "staff",
}


def environment(urls: dict[str, str]) -> dict[str, str]:
    return {f"DUNLIN_{name.upper()}_DATABASE_URL": url for name, url in urls.items()}


def tables(url: str) -> list[str]:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    try:
        return inspect(engine).get_table_names()
    finally:
        engine.dispose()


@pytest.mark.postgresql
def test_every_named_database_gets_its_schema_and_a_repeat_is_safe(postgres: PostgresServer) -> None:
    urls = {name: postgres.empty() for name in A_TABLE}
    said: list[str] = []
    try:
        for _ in range(2):
            migrate_named({**os.environ, **environment(urls)}, said.append)
        assert [name for name, table in A_TABLE.items() if table not in tables(urls[name])] == []
        assert not any("waiting" in line for line in said)
    finally:
        for url in urls.values():
            postgres.drop(url)


def test_a_server_that_does_not_come_is_named_with_its_reason() -> None:
    url = f"postgresql://mailer@127.0.0.1:{free_port()}/mailer"
    said: list[str] = []
    with pytest.raises(
        MigrationFailed, match=r"The database mailer could not be used within 0\.2 s: .*refused"
    ):
        wait_for({"mailer": url}, said.append, patience=0.2)
    assert len(said) == 1, "the same reason is told once"
    assert "waiting for the database mailer" in said[0]


@pytest.mark.postgresql
def test_a_wrong_password_is_shown_as_what_it_is(postgres: PostgresServer) -> None:
    url = make_url(postgres.url).set(password="certainly wrong").render_as_string(hide_password=False)
    with pytest.raises(MigrationFailed, match="password authentication failed") as failure:
        wait_for({"paynow": url}, lambda _line: None, patience=0)
    assert "certainly wrong" not in str(failure.value)


def test_a_missing_database_is_named_and_nothing_is_touched(tmp_path: Path) -> None:
    env = {"DUNLIN_MAILER_DATABASE_URL": f"sqlite:///{tmp_path}/mailer.sqlite"}
    assert are_named(env)
    with pytest.raises(SettingMissing, match="DUNLIN_SCHEDULER_DATABASE_URL"):
        migrate_named(env, lambda _line: None)
    assert list(tmp_path.iterdir()) == []


def test_without_named_databases_the_home_is_meant() -> None:
    assert not are_named({"DUNLIN_HOME": "somewhere"})
