"""A home moves to PostgreSQL whole, value by value, or not at all; what is not safe is refused."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from embedded.home import AlreadyRunning, Home, HomeMoved
from embedded.move import AlreadyMoved, Moved, NoHome, NotEmpty, NotUpToDate, move, move_databases
from embedded.transfer import Copied
from embedded.transfer_counts import TransferFailed
from embedded.up import migrate
from services.shared.settings import SettingMissing
from tests.contracts.homes import DATABASES, copy_of, fill_oddly, in_postgresql, in_sqlite, new_home
from tests.e2e.company import REPOSITORY
from tests.servers import MigratedUrl, PostgresServer

SCRIPTS = {
    "scheduler": REPOSITORY / "services/scheduler/migrations",
    "mailer": REPOSITORY / "services/mailer/migrations",
    "paynow": REPOSITORY / "services/paynow/migrations",
    "sandbox": REPOSITORY / "services/paynow/migrations/sandbox",
    "identity": REPOSITORY / "gateway/identity/migrations",
}

pytestmark = pytest.mark.postgresql


@pytest.fixture(scope="session")
def new(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home that was never used; making one takes seconds, so tests share it."""
    return new_home(tmp_path_factory.mktemp("homes") / "new")


@pytest.fixture(scope="session")
def odd(new: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home full of odd values, not to be changed."""
    home = copy_of(new, tmp_path_factory.mktemp("homes") / "odd")
    fill_oddly(home)
    return home


@pytest.fixture
def home(odd: Home, tmp_path: Path) -> Home:
    return copy_of(odd, tmp_path / "home")


@pytest.fixture
def urls(migrated_url: MigratedUrl) -> dict[str, str]:
    """PostgreSQL databases at the newest revision."""
    return {name: migrated_url("postgresql", scripts) for name, scripts in SCRIPTS.items()}


@pytest.fixture
def env(urls: dict[str, str]) -> dict[str, str]:
    return {
        "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'protos' / 'gen'}",
        **{f"DUNLIN_{name.upper()}_DATABASE_URL": url for name, url in urls.items()},
    }


@pytest.fixture
def do_move(home: Home, new: Home, urls: dict[str, str]) -> Callable[[], dict[str, Copied]]:
    """Moves the home."""
    fresh = {name: new.root / "db" / f"{name}.sqlite" for name in DATABASES}
    return lambda: move_databases(home, urls, fresh, lambda _done, _total: None)


Move = Callable[[], dict[str, Copied]]


def whole_move(home: Home, env: dict[str, str]) -> Moved:
    return move(home.root, env, lambda _text: None, lambda _done, _total: None)


def change(home: Home, database: str, statement: str) -> None:
    with closing(sqlite3.connect(home.root / "db" / f"{database}.sqlite")) as connection, connection:
        connection.execute(statement)


def is_new(urls: dict[str, str], new: Home) -> bool:
    """Whether the databases hold what their migrations put in and nothing else."""
    return all(
        {table: len(rows) for table, rows in in_postgresql(url).items()}
        == {table: len(rows) for table, rows in in_sqlite(new.root / "db" / f"{name}.sqlite").items()}
        for name, url in urls.items()
    )


def test_every_row_of_every_table_arrives_as_it_was(home: Home, do_move: Move, urls: dict[str, str]) -> None:
    moved = do_move()
    for name in DATABASES:
        here = in_sqlite(home.root / "db" / f"{name}.sqlite")
        there = in_postgresql(urls[name])
        assert there.keys() == here.keys()
        for table, rows in here.items():
            assert rows, f"{name}.{table} is empty: the test shows nothing"
            assert there[table] == rows, f"{name}.{table}"
        counts = moved[name]
        assert counts.here == counts.there
        assert {table: count.rows for table, count in counts.here.items()} == {
            table: len(rows) for table, rows in here.items() if table != "alembic_version"
        }


def test_money_is_summed_up_exactly_on_both_sides(do_move: Move) -> None:
    sums = do_move()["paynow"].there["invoices"].sums
    assert sums["balance_minor", "USD"] == 2**53 + 1
    assert sums["balance_minor", "JPY"] == -(2**63) + 1
    assert sums["balance_minor", "KWD"] == 2**63 - 1_000_000


def test_new_rows_get_keys_above_those_that_came_along(
    home: Home, do_move: Move, urls: dict[str, str]
) -> None:
    do_move()
    with psycopg.connect(urls["paynow"]) as connection:
        [highest] = connection.execute("SELECT max(contact_id) FROM contacts").fetchone() or (0,)
        statement = (
            "INSERT INTO contacts (organization_id, position, name, is_primary, starred_by_hand,"
            " starred_by_crm, is_default) SELECT min(organization_id), -77, '', true, true, true, true"
            " FROM organizations RETURNING contact_id"
        )
        assert connection.execute(statement).fetchone() == (highest + 1,)


def test_history_stays_append_only(do_move: Move, urls: dict[str, str]) -> None:
    do_move()
    with psycopg.connect(urls["mailer"]) as connection, pytest.raises(psycopg.errors.RaiseException):
        connection.execute("DELETE FROM message_events")


def test_the_progress_ends_with_all_rows(home: Home, new: Home, urls: dict[str, str]) -> None:
    told: list[tuple[int, int]] = []
    fresh = {name: new.root / "db" / f"{name}.sqlite" for name in DATABASES}
    move_databases(home, urls, fresh, lambda done, total: told.append((done, total)))
    done, total = told[-1]
    assert done == total > 100
    assert told == sorted(told)


def test_a_home_that_runs_is_refused(
    home: Home, new: Home, env: dict[str, str], urls: dict[str, str]
) -> None:
    with home.held(), pytest.raises(AlreadyRunning):
        whole_move(home, env)
    assert is_new(urls, new)


def test_a_home_of_an_older_release_is_told_to_migrate_first(
    home: Home, new: Home, env: dict[str, str], urls: dict[str, str]
) -> None:
    change(home, "mailer", "UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(NotUpToDate, match="dunlin migrate"):
        whole_move(home, env)
    assert is_new(urls, new)


def test_a_database_with_something_in_it_is_refused_and_left_alone(
    home: Home, do_move: Move, urls: dict[str, str]
) -> None:
    with psycopg.connect(urls["paynow"]) as connection:
        connection.execute("INSERT INTO sync_runs VALUES (1, now(), NULL, 0, 0, 0, 0, 0)")
    with pytest.raises(NotEmpty, match="sync_runs"):
        do_move()
    with psycopg.connect(urls["paynow"]) as connection:
        assert connection.execute("SELECT count(*) FROM sync_runs").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM invoices").fetchone() == (0,)


def test_one_database_with_something_in_it_keeps_all_the_others_from_being_moved(
    home: Home, do_move: Move, urls: dict[str, str], new: Home
) -> None:
    with psycopg.connect(urls["identity"]) as connection:
        connection.execute(
            "INSERT INTO staff (email, name, password_hash, created_at) VALUES ('a@b.test', '', '', now())"
        )
    with pytest.raises(NotEmpty, match="identity"):
        do_move()
    assert is_new({name: url for name, url in urls.items() if name != "identity"}, new)


def test_the_whole_move_goes_into_empty_databases_once_and_the_home_no_longer_starts(
    home: Home, postgres: PostgresServer, env: dict[str, str]
) -> None:
    urls = {name: postgres.empty() for name in DATABASES}
    env |= {f"DUNLIN_{name.upper()}_DATABASE_URL": url for name, url in urls.items()}
    moved = whole_move(home, env)
    assert set(moved.databases) == set(DATABASES)
    for name, url in urls.items():
        assert in_postgresql(url) == in_sqlite(home.root / "db" / f"{name}.sqlite")
    with pytest.raises(AlreadyMoved):
        whole_move(home, env)
    with pytest.raises(HomeMoved, match="a second time"):
        migrate({"DUNLIN_HOME": str(home.root)}, lambda _text: None)
    for url in urls.values():
        postgres.drop(url)


def test_a_home_that_has_gone_on_since_is_not_moved_over_the_first_move(home: Home, do_move: Move) -> None:
    do_move()
    change(home, "identity", "UPDATE staff SET name = 'somebody else'")
    with pytest.raises(NotEmpty, match="identity"):
        do_move()


@pytest.mark.parametrize(
    "case",
    [
        ("sandbox", "UPDATE sandbox_charges SET reason = 'a' || char(0) || 'b'", "sandbox_charges"),
        ("paynow", "UPDATE contacts SET is_default = 7", "contacts"),
        ("mailer", "UPDATE company SET accent_color = '#1234567890'", "company"),
        ("scheduler", "UPDATE notices SET decided_at = 'yesterday'", "notices"),
    ],
)
def test_a_value_that_fits_nowhere_is_named_and_its_database_stays_as_it_was(
    home: Home, do_move: Move, urls: dict[str, str], case: tuple[str, str, str]
) -> None:
    database, statement, said = case
    good = (home.root / "db" / f"{database}.sqlite").read_bytes()
    change(home, database, statement)
    with pytest.raises(TransferFailed, match=rf"(?s){database} was not moved.*{said}"):
        do_move()
    migrated = in_postgresql(urls[database])
    assert not any("\N{GRINNING FACE}" in repr(rows) for rows in migrated.values())
    # Once it is put right, the same call goes on with what is left.
    (home.root / "db" / f"{database}.sqlite").write_bytes(good)
    moved = do_move()
    assert set(moved) == set(DATABASES)
    for name in DATABASES:
        assert in_postgresql(urls[name]) == in_sqlite(home.root / "db" / f"{name}.sqlite")


def test_a_program_that_works_on_the_target_stops_the_move(
    home: Home, do_move: Move, urls: dict[str, str]
) -> None:
    urls["mailer"] += "?options=-c%20lock_timeout%3D100"
    with psycopg.connect(urls["mailer"]) as connection:
        connection.execute("SELECT * FROM messages")
        with pytest.raises(TransferFailed, match="stop it"):
            do_move()
        connection.rollback()
    assert set(do_move()) == set(DATABASES)


def test_a_folder_without_a_company_is_refused(tmp_path: Path, env: dict[str, str]) -> None:
    with pytest.raises(NoHome):
        whole_move(Home(tmp_path), env)
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_not_named_is_asked_for(home: Home, env: dict[str, str]) -> None:
    del env["DUNLIN_IDENTITY_DATABASE_URL"]
    with pytest.raises(SettingMissing, match="DUNLIN_IDENTITY_DATABASE_URL"):
        whole_move(home, env)


def test_sqlite_is_no_target(home: Home, env: dict[str, str], tmp_path: Path) -> None:
    env["DUNLIN_PAYNOW_DATABASE_URL"] = f"sqlite:///{tmp_path}/x.sqlite"
    with pytest.raises(TransferFailed, match="not PostgreSQL"):
        whole_move(home, env)
