"""Templates, the company and the history itself: kept by the store in memory, by SQLite and by PostgreSQL."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from services.mailer import tables
from services.mailer.domain.delivery import Sent
from services.mailer.domain.drafts import Draft
from services.mailer.domain.message import Lane, Request
from services.mailer.domain.shipped import SHIPPED
from services.mailer.domain.templates import Areas, Key, Template, TemplateType
from services.mailer.repository import SqlStore
from services.shared.database import Database
from tests.fakes.mailer import COMPANY, MINUTE, FakeStore, requests
from tests.fakes.mailer_queue import DOMAIN, SCRIPTS, T0, Queue, Store
from tests.servers import DATABASES, MigratedUrl


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[Database]:
    database = Database(migrated_url(request.param, SCRIPTS))
    yield database
    database.dispose()


@pytest.fixture(params=["memory", *DATABASES])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        yield FakeStore()
        return
    database = Database(request.getfixturevalue("migrated_url")(request.param, SCRIPTS))
    yield SqlStore(database)
    database.dispose()


@pytest.fixture
def queue(store: Store) -> Queue:
    return Queue(store)


def test_every_template_of_every_language_begins_with_version_1(store: Store) -> None:
    with store.read() as work:
        newest = work.templates.newest()
    assert set(newest) == {Key(type, language) for type in TemplateType for language in ("en", "de")}
    assert {template.version for template in newest.values()} == {1}
    assert {template.key: template.areas for template in newest.values()} == SHIPPED


def test_versions_are_only_added_and_only_one_editor_is_first(store: Store) -> None:
    key = Key(TemplateType.PAYMENT_FAILED)
    with store.write() as work:
        first = work.templates.get(key, 1)
        second = replace(first, version=2, saved_by="eve@example.test", saved_at=T0)
        assert work.templates.add(second)
        assert not work.templates.add(replace(second, saved_by="mallory@example.test"))
    with store.read() as work:
        assert [template.version for template in work.templates.versions(key)] == [2, 1]
        assert work.templates.newest()[key] == second
        assert work.templates.get(key, 1) == first
        assert work.templates.get(key, 3) is None


def test_a_rule_and_a_language_have_versions_of_their_own(store: Store) -> None:
    own = Key(TemplateType.DUE_NOTICE_AFTER, "de", 30)
    areas = Areas("Rechnung", "Titel", "<p>Kopf</p>", "")
    with store.write() as work:
        assert work.templates.add(Template(own, 1, areas, T0, "eve@example.test"))
    with store.read() as work:
        newest = work.templates.newest()
        assert newest[own].areas == areas
        assert newest[own.of_type].areas == SHIPPED[own.of_type]
        assert [template.version for template in work.templates.versions(own)] == [1]
        assert work.templates.versions(Key(TemplateType.DUE_NOTICE_AFTER, "en", 30)) == []


def test_a_test_is_a_message_with_its_draft_and_counts_nowhere(queue: Queue, store: Store) -> None:
    key = Key(TemplateType.INVOICE, "de")
    draft = Draft(key, Areas("s {{ x", "t\n", "<p>", ""), ("ann@example.test", "bob@example.test"))
    queue.accept(2)
    with store.write() as work:
        work.messages.accept([Request("test-1", "", lane=Lane.AT_ONCE)], DOMAIN, T0)
        work.drafts.add("test-1", draft, "eve@example.test")
        assert work.drafts.find("test-1") == draft
    claimed = queue.claim()
    assert [message.is_test for message in claimed] == [True, False, False]
    with store.read() as work:
        assert work.drafts.of([message.key for message in claimed]) == {claimed[0].key: draft}
        assert work.drafts.find("notice-1") is None
        assert work.messages.get("test-1").test_by == "eve@example.test"
        assert work.messages.get("notice-1").test_by == ""
        assert sum(work.messages.counts(T0, T0 + MINUTE).values()) == 2
    queue.process(claimed[0])
    queue.end(claimed[0], Sent(""))
    with store.read() as work:
        assert work.templates.last_sent() == {}


def test_a_template_knows_when_it_was_last_sent(queue: Queue, store: Store) -> None:
    queue.accept(3)
    for minutes, message in zip((2, 1), queue.claim(limit=2), strict=True):
        queue.process(message)
        queue.end(message, Sent(""), T0 + minutes * MINUTE)
    with store.read() as work:
        assert work.templates.last_sent() == {TemplateType.DUE_NOTICE_AFTER: T0 + 2 * MINUTE}


def test_the_company_has_a_profile_from_the_start_and_each_change_a_revision(store: Store) -> None:
    with store.write() as work:
        before = work.company.profile()
        assert before.company == COMPANY
        assert not before.company.sender_set
        work.company.replace(replace(COMPANY, name="Harbour", logo=b"\x89PNG\r\n\x1a\n"))
        after = work.company.profile()
    assert after.company.name == "Harbour"
    assert after.company.logo == b"\x89PNG\r\n\x1a\n"
    assert after.revision == before.revision + 1


def test_an_exception_undoes_everything(queue: Queue, store: Store) -> None:
    def fail_halfway() -> None:
        with store.write() as work:
            work.messages.accept(requests(1), DOMAIN, T0)
            work.company.replace(replace(COMPANY, name="Nobody"))
            work.announce("message_sent", {"notice_id": "notice-1"}, T0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    with store.read() as work:
        assert work.messages.get("notice-1") is None
        assert work.company.profile().company.name == "Your company"


@pytest.mark.parametrize(
    "table", [tables.message_events, tables.message_bodies], ids=lambda table: table.name
)
def test_the_database_itself_refuses_to_change_history(database: Database, table: Any) -> None:
    queue = Queue(SqlStore(database))
    queue.accept()
    queue.process(queue.claim()[0])
    for statement in (update(table).values(message=1), delete(table)):
        with pytest.raises(DBAPIError, match="append-only"), database.write() as connection:
            connection.execute(statement)
    with database.read() as connection:
        assert connection.execute(select(table)).first() is not None


def test_the_migrations_make_exactly_the_tables_that_the_code_knows(database: Database) -> None:
    with database.read() as connection:
        found = compare_metadata(MigrationContext.configure(connection), tables.metadata)
    # SQLAlchemy has no words for an index of trigrams; test_mailer_plans.py shows that it is used.
    assert [one for one in found if getattr(one[1], "name", "") != "messages_by_words"] == []


def test_the_backlog_counts_what_is_not_final_and_activity_grows(database: Database) -> None:
    store = SqlStore(database)
    queue = Queue(store)
    queue.accept(3)
    before = store.backlog()
    assert (before.queue, before.outbox, before.inbox) == (3, 0, 0)
    [message] = queue.claim(limit=1)
    queue.end(message, Sent(""))
    with store.write() as work:
        work.announce("message_sent", {"notice_id": "notice-1", "message_id": "<x>"}, T0)
    after = store.backlog()
    assert (after.queue, after.outbox) == (2, 1)
    assert after.activity > before.activity
