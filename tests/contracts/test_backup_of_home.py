"""A backup is of one moment, also while programs write, and comes back as it was or not at all."""

import sqlite3
import tarfile
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from embedded.backup import (
    HomeNotEmpty,
    NotABackup,
    NothingToBackUp,
    NotReplaced,
    back_up,
    pause,
    queued_mails,
    restore,
)
from embedded.dkim_keys import dkim_of_home
from embedded.home import Home
from tests.contracts.homes import DATABASES, copy_of, fill_oddly, in_sqlite, new_home


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home full of odd values, not to be changed."""
    home = new_home(tmp_path_factory.mktemp("homes") / "odd")
    fill_oddly(home)
    return home


@pytest.fixture
def home(odd: Home, tmp_path: Path) -> Home:
    return copy_of(odd, tmp_path / "home")


def no_progress(_done: int, _total: int) -> None:
    pass


def content(home: Home) -> dict[str, object]:
    return {name: in_sqlite(home.root / "db" / f"{name}.sqlite") for name in DATABASES} | {
        name: home.secret(name).read_text()
        for name in ("service-token", "link-key", "session-key", "portal-key")
    }


@pytest.mark.parametrize("name", ["backup.tar", "backup.tar.gz"])
def test_what_was_backed_up_comes_back_as_it_was(home: Home, tmp_path: Path, name: str) -> None:
    back_up(home, tmp_path / name, no_progress)
    again = Home(tmp_path / "deep" / "again")
    restore(again, tmp_path / name)
    assert content(again) == content(home)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "home", "deep"])


def test_a_backup_holds_the_keys_that_mails_are_signed_with(home: Home, tmp_path: Path) -> None:
    settings = dkim_of_home(home, {"DUNLIN_DKIM_DOMAIN": "example.test"})
    back_up(home, tmp_path / "backup.tar", no_progress)
    again = Home(tmp_path / "again")
    restore(again, tmp_path / "backup.tar")
    for variable in ("DUNLIN_DKIM_KEY_FILE", "DUNLIN_DKIM_ED25519_KEY_FILE"):
        key = Path(settings[variable])
        assert again.secret(key.name).read_bytes() == key.read_bytes(), "the records in DNS name these"


def test_a_backup_of_a_release_without_a_portal_key_comes_back_and_the_next_start_makes_one(
    home: Home, tmp_path: Path
) -> None:
    home.secret("portal-key").unlink()
    back_up(home, tmp_path / "backup.tar", no_progress)
    again = Home(tmp_path / "again")
    restore(again, tmp_path / "backup.tar")
    assert not again.secret("portal-key").exists()
    assert again.prepare() == ["portal-key"]
    assert again.secret("link-key").read_text() == home.secret("link-key").read_text()


def test_only_its_owner_may_read_a_backup_and_what_is_made_of_it(home: Home, tmp_path: Path) -> None:
    back_up(home, tmp_path / "backup.tar", no_progress)
    again = Home(tmp_path / "again")
    restore(again, tmp_path / "backup.tar")
    for path in (tmp_path / "backup.tar", again.root, *again.root.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_backup_is_of_one_moment_while_programs_write(home: Home, tmp_path: Path) -> None:
    """A fact is told first and taken in afterwards; no backup may know of it as taken in and not as told."""
    ended, numbers = threading.Event(), iter(range(10**9))

    def work() -> None:
        with closing(sqlite3.connect(_path(home, "mailer"), timeout=30)) as told, closing(
            sqlite3.connect(_path(home, "scheduler"), timeout=30)
        ) as taken:  # fmt: skip
            while not ended.is_set():
                number = next(numbers)
                told.execute(
                    "INSERT INTO outbox (fact_id, name, body, occurred_at, request_id)"
                    " VALUES (?, 'race', '{}', '2026-01-01 00:00:00', '')", (f"r-{number}",)
                )  # fmt: skip
                told.commit()
                taken.execute(
                    "INSERT INTO inbox (fact_id, name, body, occurred_at, request_id, received_at, attempts,"
                    " next_attempt_at) VALUES (?, 'race', '{}', '2026-01-01 00:00:00', '',"
                    " '2026-01-01 00:00:00', 0, '2026-01-01 00:00:00')", (f"r-{number}",)
                )  # fmt: skip
                taken.commit()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for at in range(8):
            file, again = tmp_path / f"{at}.tar", Home(tmp_path / f"again-{at}")
            back_up(home, file, no_progress)
            restore(again, file)
            told, taken = (_facts(again, *where) for where in (("mailer", "outbox"), ("scheduler", "inbox")))
            assert taken <= told
            assert len(told - taken) <= 1
    finally:
        ended.set()
        worker.join(30)
    assert next(numbers) > 8, "nothing was written meanwhile: the test shows nothing"


def _path(home: Home, database: str) -> Path:
    return home.root / "db" / f"{database}.sqlite"


def _facts(home: Home, database: str, table: str) -> set[str]:
    with closing(sqlite3.connect(_path(home, database))) as connection:
        rows = connection.execute(f"SELECT fact_id FROM {table} WHERE name = 'race'")
        return {row[0] for row in rows}


def test_only_an_older_backup_is_replaced(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    for _ in range(2):
        back_up(home, file, no_progress)
    for other in (_path(home, "scheduler"), home.secret("link-key")):
        content = other.read_bytes()
        with pytest.raises(NotReplaced, match="is no backup"):
            back_up(home, other, no_progress)
        assert other.read_bytes() == content


def test_the_progress_comes_to_its_end(home: Home, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    back_up(home, tmp_path / "backup.tar", lambda done, total: told.append((done, total)))
    done, total = told[-1]
    assert done == total > 0
    assert told == sorted(told)


def test_a_home_that_holds_something_is_not_overwritten(home: Home, tmp_path: Path) -> None:
    back_up(home, tmp_path / "backup.tar", no_progress)
    before = content(home)
    with pytest.raises(HomeNotEmpty):
        restore(home, tmp_path / "backup.tar")
    assert content(home) == before


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _damage(file: Path) -> None:
    content = bytearray(file.read_bytes())
    with tarfile.open(file) as tar:
        begin = tar.getmember("db/paynow.sqlite").offset_data
    content[begin + 4096 : begin + 8192] = b"\xff" * 4096
    file.write_bytes(content)


def _another(file: Path) -> None:
    file.write_text("not a backup")


@pytest.mark.parametrize("harm", [_cut, _damage, _another])
def test_of_a_damaged_backup_no_home_is_made(
    home: Home, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    file = tmp_path / "backup.tar"
    back_up(home, file, no_progress)
    harm(file)
    with pytest.raises(NotABackup):
        restore(Home(tmp_path / "again"), file)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.tar", "home"]


def test_without_a_company_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(NothingToBackUp):
        back_up(Home(tmp_path / "none"), tmp_path / "backup.tar", no_progress)
    assert list(tmp_path.iterdir()) == []


def test_the_daily_run_is_turned_off_once(home: Home) -> None:
    with closing(sqlite3.connect(_path(home, "scheduler"))) as connection, connection:
        connection.execute("UPDATE calendar SET automatic = 1")
    assert pause(home)
    assert not pause(home)


def test_mails_on_their_way_are_counted(home: Home) -> None:
    with closing(sqlite3.connect(_path(home, "mailer"))) as connection, connection:
        connection.execute("UPDATE messages SET due_at = NULL")
        connection.execute("UPDATE messages SET due_at = '2026-01-01 00:00:00' WHERE id = 1001")
    assert queued_mails(home) == 1
