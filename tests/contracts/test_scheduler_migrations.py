"""A scheduler of an older release is brought up to date, and tells nobody anything twice."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from services.scheduler.__main__ import MIGRATIONS
from services.scheduler.domain import occurrences
from services.scheduler.domain.notice import Notice, NoticeType
from services.scheduler.repository import SqlStore
from services.shared.database import Database
from services.shared.migrate import migrate
from tests.servers import DATABASES, MigratedUrl

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DAY = date(2026, 3, 2)


def _release(folder: Path, newest: str) -> Path:
    """The migrations of a release whose newest one was this."""
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True)
    for script in sorted((MIGRATIONS / "versions").glob("*.py")):
        if script.name[:4] <= newest:
            shutil.copy(script, versions)
    return versions.parent


@contextmanager
def _written(url: str) -> Iterator[Connection]:
    database = Database(url)
    with database.write() as connection:
        yield connection
    database.dispose()


def _insert(
    connection: Connection, notice_id: str, type: NoticeType, organization_id: str, occurrence: str
) -> None:
    insert = """
        INSERT INTO notices (notice_id, type, organization_id, invoice_id, invoice_number, threshold_days,
                             occurrence, state, reason, detail, decided_at, message_id)
        VALUES (:id, :type, :organization, 0, '', 0, :occurrence, 'sent', 'R', '', :at, '')
    """
    at = AT if connection.dialect.name == "postgresql" else "2026-01-02 03:04:05.000000"
    told = {"id": notice_id, "type": type.value, "organization": organization_id, "at": at}
    connection.execute(text(insert), told | {"occurrence": occurrence})


def _known(url: str, named: list[tuple[NoticeType, str]]) -> list[Notice | None]:
    database = Database(url)
    with SqlStore(database).read() as work:
        found = [work.notices.of_occurrence(type, occurrence) for type, occurrence in named]
    database.dispose()
    return found


KNOWN = [
    # Type, organization, as it was named, as it is named.
    (NoticeType.ACCOUNT_SUMMARY, "acme", "acme|2026-03-02", occurrences.of_summary("acme", DAY)),
    (NoticeType.ACCOUNT_SUMMARY, "a|b", "a|b|2026-03-02", occurrences.of_summary("a|b", DAY)),
    (NoticeType.ACCOUNT_SUMMARY, "a|b", "a|b|campaign:c", occurrences.of_campaign("a|b", "c")),
    (NoticeType.ACCOUNT_SUMMARY, "||", "|||by hand:r", occurrences.of_request("||", "r")),
    (NoticeType.PAYMENT_SCHEDULED, "a|b", "a|b|s|1|2", occurrences.of_plan("a|b", "s|1", 2)),
    (NoticeType.METHOD_FAILED, "a|b", "a|b|m|3", occurrences.of_method("a|b", "m", 3)),
    (
        NoticeType.METHOD_EXPIRATION,
        "ü|b",
        "ü|b|m|2026-03|expiring",
        occurrences.of_card("ü|b", "m", 2026, 3, None),
    ),
    (NoticeType.INVOICE, "7|x", "7|new", occurrences.of_new_invoice(7)),
    (NoticeType.WELCOME, "7|x", "7|campaign:c", occurrences.of_campaign(7, "c")),
    (NoticeType.WELCOME, "acme", "5|a@x.test|by hand:r", occurrences.of_request("5|a@x.test", "r")),
    (NoticeType.PASSWORD_RESET, "5|a", "5|a|b@x|by hand:r", occurrences.of_request("5|a|b@x", "r")),
]


@pytest.mark.parametrize("kind", DATABASES)
def test_what_was_told_is_known_by_its_new_name(kind: str, migrated_url: MigratedUrl, tmp_path: Path) -> None:
    url = migrated_url(kind, _release(tmp_path, "0011"))
    with _written(url) as connection:
        for number, (type, organization, before, _) in enumerate(KNOWN):
            _insert(connection, f"n{number}", type, organization, before)

    migrate(url, MIGRATIONS)

    found = _known(url, [(type, after) for type, _, _, after in KNOWN])
    assert [notice and notice.notice_id for notice in found] == [f"n{n}" for n in range(len(KNOWN))]


@pytest.mark.parametrize(
    "moved",
    [
        # Closed days, country, up to when decided, when it went, up to which day decided now. 15 March
        # 2026 is a Sunday.
        ("after", "", "2026-03-16", "2026-03-16", "2026-03-16"),
        ("after", "", "2026-03-15", "2026-03-16", "2026-03-14"),  # a run on Monday was cut short
        ("before", "", "2026-03-13", "2026-03-13", "2026-03-15"),
        ("send", "", "2026-03-15", "2026-03-15", "2026-03-15"),
        ("after", "DE", "2026-03-14", "2026-03-16", "2026-03-14"),
    ],
)
@pytest.mark.parametrize("kind", DATABASES)
def test_a_summary_that_had_been_moved_is_known_by_its_day(
    kind: str, moved: tuple[str, str, str, str, str], migrated_url: MigratedUrl, tmp_path: Path
) -> None:
    closed_days, country, summed, went, decided = moved
    url = migrated_url(kind, _release(tmp_path, "0013"))
    schedule = json.dumps({"day": 15, "closed_days": closed_days})
    with _written(url) as connection:
        for number, organization in enumerate(("acme", "a|b")):
            named = f"{organization.replace('|', occurrences.NO_SEPARATOR)}|{went}"
            _insert(connection, f"n{number}", NoticeType.ACCOUNT_SUMMARY, organization, named)
        _insert(connection, "by hand", NoticeType.ACCOUNT_SUMMARY, "acme", f"acme|by hand:{went}")
        settings = "UPDATE email_types SET settings = :schedule WHERE type = 'account_summary'"
        connection.execute(text(settings), {"schedule": schedule})
        connection.execute(text("UPDATE calendar SET country = :country"), {"country": country})
        connection.execute(text("UPDATE zone_runs SET summed_on = :on"), {"on": summed})

    migrate(url, MIGRATIONS)

    day = date(2026, 3, 15)
    named = [occurrences.of_summary("acme", day), occurrences.of_summary("a|b", day), f"acme|by hand:{went}"]
    found = _known(url, [(NoticeType.ACCOUNT_SUMMARY, one) for one in named])
    assert [notice and notice.notice_id for notice in found] == ["n0", "n1", "by hand"]
    with _written(url) as connection:
        assert str(connection.execute(text("SELECT summed_on FROM zone_runs")).scalar_one()) == decided


@pytest.mark.parametrize("kind", DATABASES)
def test_who_was_invited_is_known_by_the_contact(
    kind: str, migrated_url: MigratedUrl, tmp_path: Path
) -> None:
    url = migrated_url(kind, _release(tmp_path, "0016"))
    with _written(url) as connection:
        for contact_id in (7, 2**40):
            _insert(connection, f"n{contact_id}", NoticeType.WELCOME, "acme", f"{contact_id}|campaign:c")
            about = {"kind": "access", "contact_id": contact_id, "email": "a@x.test"}
            told = text("UPDATE notices SET about = :about WHERE notice_id = :id")
            connection.execute(told, {"about": json.dumps(about), "id": f"n{contact_id}"})
        _insert(connection, "summary", NoticeType.ACCOUNT_SUMMARY, "7", "7|campaign:c")

    migrate(url, MIGRATIONS)

    database = Database(url)
    with SqlStore(database).read() as work:
        found = work.notices.invitations([7, 8, 2**40])
    database.dispose()
    assert sorted((one.notice_id, one.contact_id) for one in found) == [
        (f"n{2**40}", 2**40),
        ("n7", 7),
    ]
