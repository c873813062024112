"""A mailer of an older release is brought up to date, and keeps what its staff wrote and what it sent."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from services.mailer.domain.message import Request
from services.mailer.domain.shipped import SHIPPED
from services.mailer.domain.templates import Areas, Key, Template, TemplateType
from services.mailer.migrations.english import FIRST_TYPES
from services.mailer.repository import SqlStore
from services.shared.database import Database
from services.shared.migrate import migrate
from tests.fakes.mailer_queue import SCRIPTS
from tests.servers import DATABASES, MigratedUrl

AFTER = TemplateType.DUE_NOTICE_AFTER
OWN = Areas("Our subject", "Our title", "<p>Our header</p>", "")
SAVED_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def _release(folder: Path, newest: str) -> Path:
    """The migrations of a release whose newest one was this."""
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True)
    for script in sorted((SCRIPTS / "versions").glob("*.py")):
        if script.name[:4] <= newest:
            shutil.copy(script, versions)
    return versions.parent


@pytest.mark.parametrize("kind", DATABASES)
def test_saved_texts_become_english_ones_and_the_others_are_added(
    kind: str, migrated_url: MigratedUrl, tmp_path: Path
) -> None:
    url = migrated_url(kind, _release(tmp_path, "0005"))
    database = Database(url)
    with database.write() as connection:
        insert = """
            INSERT INTO template_versions (type, version, subject, title, header, footer, saved_at, saved_by)
            VALUES (:type, 2, :subject, :title, :header, :footer, :saved_at, 'eve')
        """
        at = SAVED_AT if kind == "postgresql" else "2026-01-02 03:04:05.000000"
        connection.execute(text(insert), {"type": AFTER.value, "saved_at": at, **vars(OWN)})
        connection.execute(text("UPDATE company SET name = 'Harbour', revision = 7"))
        shipped = connection.execute(text("SELECT count(*) FROM template_versions")).scalar_one()
        assert shipped == len(FIRST_TYPES) + 1
    database.dispose()

    migrate(url, SCRIPTS)

    database = Database(url)
    with SqlStore(database).read() as work:
        newest = work.templates.newest()
        assert newest.keys() == SHIPPED.keys()
        own = newest[Key(AFTER)]
        assert (own.areas, own.version, own.saved_by, own.saved_at) == (OWN, 2, "eve", SAVED_AT)
        assert [one.version for one in work.templates.versions(Key(AFTER))] == [2, 1]
        assert {one.version for key, one in newest.items() if key != Key(AFTER)} == {1}
        shipped_now = {key: one.areas for key, one in newest.items() if key != Key(AFTER)}
        words = "a text that changes needs a migration: databases that are there do not read the domain"
        assert shipped_now == {key: areas for key, areas in SHIPPED.items() if key != Key(AFTER)}, words
        profile = work.company.profile()
    assert (profile.company.name, profile.revision) == ("Harbour", 7)
    assert (profile.company.language, profile.company.pay_links) == ("en", True)
    database.dispose()


@pytest.mark.parametrize("kind", DATABASES)
def test_shipped_texts_that_were_reworded_become_versions_of_their_own_where_mails_have_the_first(
    kind: str, migrated_url: MigratedUrl, tmp_path: Path
) -> None:
    url = migrated_url(kind, _release(tmp_path, "0008"))
    own = Key(TemplateType.WELCOME, "de")
    database = Database(url)
    with SqlStore(database).write() as work:
        work.messages.accept([Request("n-1", "acme", "")], "mail.test", SAVED_AT)
        first = work.templates.newest()
        work.templates.add(Template(own, 2, OWN, SAVED_AT, "eve"))
    database.dispose()
    assert "with no account needed" in first[Key(AFTER)].areas.header

    migrate(url, SCRIPTS)

    database = Database(url)
    with SqlStore(database).read() as work:
        newest = work.templates.newest()
        versions = work.templates.versions(Key(AFTER))
    database.dispose()
    assert [(one.version, one.saved_by) for one in versions] == [(2, ""), (1, "")]
    assert versions[1].areas == first[Key(AFTER)].areas, "what mails were written with stays"
    assert newest.pop(own).areas == OWN
    assert {key: one.areas for key, one in newest.items()} == {k: v for k, v in SHIPPED.items() if k != own}
    reworded = {str(key.type.value) for key, one in newest.items() if one.version == 2}
    assert reworded == {"due_notice_after", "payment_scheduled", "payment_cancelled"}
