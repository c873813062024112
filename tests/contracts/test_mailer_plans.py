"""How PostgreSQL finds things among a million messages: by index, and with few pages read."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from services.mailer.domain.delivery import Later, Past, Sent
from services.mailer.domain.message import Claimed, Lane, State
from services.mailer.ports import Ending, Filter, Work
from services.mailer.repository import SqlStore, SqlWork
from services.mailer.repository.history import MOST_SEARCHED
from services.shared.database import Database
from tests.fakes.mailer import requests
from tests.fakes.mailer_queue import DOMAIN, RENDERED, SCRIPTS
from tests.servers import PostgresServer, vacuum

# Filling a million rows takes a while on a busy machine.
pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(900)]

MESSAGES = 1_000_000
BIG = {"messages", "message_events", "message_bodies", "outbox", "suppressions", "address_mails"}
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
NOW = FIRST + timedelta(seconds=MESSAGES + 10)
FEW = 2_500
"""Pages of 8 KiB that a question may read at most; the messages alone are more than 20,000."""

# The newest 50,000 are in the queue, in all lanes, some of them under a lease; of the others some failed or
# were withheld.
FILL = """
INSERT INTO messages (notice_id, message_id, organization_id, invoice_number, type, template_version,
                      recipients, subject, state, created_at, asked_at, sent_at, due_at, lease_owner,
                      attempts, drops, waits_for_review, lane, counted_on, in_line)
SELECT 'notice-' || n, '<notice-' || n || '@example.test>', 'org-' || n % 5000, 'INV-' || n,
       CASE WHEN n % 1000 = 1 THEN 'payment_failed' ELSE 'due_notice_after' END, 1,
       'somebody-' || n || '@example.test', 'Invoice INV-' || n || ' is 15 days past due', state,
       at, at, CASE WHEN state = 'sent' THEN at END,
       CASE WHEN state IN ('queued', 'sending') THEN at END,
       CASE WHEN state = 'sending' THEN 'host|1|1|send-' || n % 4 END, 0, 0, false,
       CASE WHEN n % 1000 = 3 THEN 1 WHEN n % 2 = 0 THEN 2 ELSE 3 END,
       CASE WHEN state = 'queued' AND n % 5000 = 11 THEN '2026-01-12' ELSE '' END, n % 5000 = 13
FROM (SELECT n, TIMESTAMPTZ '2026-01-01 UTC' + n * INTERVAL '1 second' AS at,
             CASE WHEN n > 950000 AND n % 1000 = 7 THEN 'sending'
                  WHEN n > 950000 THEN 'queued'
                  WHEN n % 5000 = 9 THEN 'failed' WHEN n % 5000 = 10 THEN 'withheld' ELSE 'sent' END AS state
      FROM generate_series(1, :messages) AS n) AS message
"""
FILL_EVENTS = """
INSERT INTO message_events (message, kind, occurred_at, detail)
SELECT id, kind, created_at, '' FROM messages, (VALUES ('queued'), ('sent')) AS kinds (kind)
"""
FILL_BODIES = """
INSERT INTO message_bodies (message, mime)
SELECT id, decode('789c030000000001', 'hex') FROM messages WHERE id <= 200000
"""
FILL_SUPPRESSIONS = """
INSERT INTO suppressions (email, reason, detail, created_at, notice_id, created_by)
SELECT 'a' || id || '@x.test', 'BY_STAFF', '', created_at, '', '' FROM messages WHERE id <= 50000
"""
FILL_ADDRESS_MAILS = """
INSERT INTO address_mails (email, message, left_at, fate)
SELECT 'a' || id % 5000 || '@x.test', id, created_at, 'left' FROM messages WHERE id <= 50000
"""
FILL_OUTBOX = """
INSERT INTO outbox (fact_id, name, body, occurred_at, request_id, published_at, delivered_at)
SELECT id, 'message_sent', '{}', created_at, '', created_at, created_at FROM messages WHERE id <= 100000
"""


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[Database]:
    url = postgres.migrated(SCRIPTS)
    database = Database(f"{url}?options=-c%20statement_timeout%3D0")
    with database.write() as connection:
        connection.execute(text(FILL), {"messages": MESSAGES})
        connection.execute(text(FILL_EVENTS))
        connection.execute(text(FILL_BODIES))
        connection.execute(text(FILL_OUTBOX))
        connection.execute(text(FILL_SUPPRESSIONS))
        connection.execute(text(FILL_ADDRESS_MAILS))
    vacuum(database)
    yield database
    database.dispose()
    postgres.drop(url)


def _plans(database: Database, ask: Callable[[], object]) -> list[dict[str, Any]]:
    """The plan of each statement that `ask` runs, with what it read."""
    ran: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            ran.append((statement, parameters[0] if isinstance(parameters, list) else parameters))

    event.listen(database._engine, "before_cursor_execute", note)
    ask()
    event.remove(database._engine, "before_cursor_execute", note)
    assert ran
    with database.write() as connection:
        found = []
        for statement, parameters in ran:
            explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"
            told = connection.exec_driver_sql(explain, parameters).scalar_one()
            found.append((told if isinstance(told, list) else json.loads(told))[0]["Plan"])
        connection.rollback()
    return found


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _pages_read(plan: dict[str, Any]) -> int:
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def _claimed(*numbers: int) -> list[Claimed]:
    return [Claimed(n, f"notice-{n}", f"<{n}>", "host|1|1|send-3", FIRST) for n in numbers]


DEEP = MESSAGES // 3
ORGANIZATION = Filter(organization_id="org-77")
SOME = _claimed(950_007, 951_007, 952_007)
ALL_SENT = [Ending(message, Sent("250"), RENDERED) for message in SOME]
LATER = [Ending(message, Later(NOW, "451", Past(1, 0, NOW)), RENDERED) for message in SOME]

QUESTIONS: dict[str, Callable[[Work], object]] = {
    "claim": lambda work: work.messages.claim("b", NOW, NOW + timedelta(seconds=45), 50),
    "claim when the cap is reached": lambda work: work.messages.claim(
        "b", NOW, NOW + timedelta(seconds=45), 50, lanes=[Lane.AT_ONCE], counted_on=date(2026, 1, 12)
    ),
    "claim of what is not due": lambda work: work.messages.claim(
        "b", FIRST, FIRST + timedelta(seconds=45), 50
    ),
    "stand in line": lambda work: work.messages.stand_in_line([(m, NOW, "Waits.") for m in SOME], NOW),
    "mails of a day": lambda work: work.sending.left_since(NOW - timedelta(days=1)),
    "suppressed addresses": lambda work: work.suppressions.known({f"a{n}@x.test" for n in range(125)}),
    "mails to an address": lambda work: work.suppressions.past("a7@x.test"),
    "accept again": lambda work: work.messages.accept(requests(500, start=600_000), DOMAIN, NOW),
    "processed": lambda work: work.messages.processed([(m, RENDERED) for m in SOME], FIRST, FIRST),
    "record sent": lambda work: work.messages.record(ALL_SENT, NOW),
    "record later": lambda work: work.messages.record(LATER, NOW),
    "renew": lambda work: work.messages.renew(SOME, NOW),
    "release": lambda work: work.messages.release(SOME, NOW),
    "owners": lambda work: work.messages.owners(),
    "release owners": lambda work: work.messages.release_owners(["host|1|1|send-3"], NOW),
    "get": lambda work: work.messages.get("notice-123456"),
    "mime": lambda work: work.messages.mime("notice-123456"),
    "the first page": lambda work: work.messages.page(Filter(), None, 100),
    "a deep page": lambda work: work.messages.page(Filter(), DEEP, 100),
    "an organization's page": lambda work: work.messages.page(ORGANIZATION, None, 100),
    "an organization's deep page": lambda work: work.messages.page(ORGANIZATION, DEEP, 100),
    "what failed": lambda work: work.messages.page(Filter(state=State.FAILED), None, 100),
    "what failed, deep": lambda work: work.messages.page(Filter(state=State.FAILED), DEEP, 100),
    "what was deferred": lambda work: work.messages.page(Filter(state=State.DEFERRED), None, 100),
    "what is being sent": lambda work: work.messages.page(Filter(state=State.SENDING), None, 100),
    "what is queued": lambda work: work.messages.page(Filter(state=State.QUEUED), None, 100),
    "what was sent": lambda work: work.messages.page(Filter(state=State.SENT), None, 100),
    "a word that is found soon": lambda work: work.messages.page(Filter(query="days past"), None, 100),
    "a word that is not found": lambda work: work.messages.page(Filter(query="nowhere"), None, 100),
    "a word in an organization": lambda work: work.messages.page(
        Filter(organization_id="org-77", query="nowhere"), None, 100
    ),
    "counts of a day": lambda work: work.messages.counts(FIRST, FIRST + timedelta(days=1)),
    "last sent": lambda work: work.templates.last_sent(),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_reads_few_pages_and_no_table_from_end_to_end(database: Database, question: str) -> None:
    def ask() -> None:
        with database.write() as connection:
            QUESTIONS[question](SqlWork(connection))
            connection.rollback()

    for plan in _plans(database, ask):
        big = [node for node in _nodes(plan) if node["Node Type"] == "Seq Scan"]
        assert not [node["Relation Name"] for node in big if node["Relation Name"] in BIG], plan
        assert _pages_read(plan) <= FEW, plan


def test_the_backlog_reads_no_table_from_end_to_end(database: Database) -> None:
    for plan in _plans(database, SqlStore(database).backlog):
        assert not [node for node in _nodes(plan) if node["Node Type"] == "Seq Scan"], plan
        assert _pages_read(plan) <= FEW, plan


def test_counting_everything_is_answered_from_an_index_alone(database: Database) -> None:
    def ask() -> None:
        with SqlStore(database).read() as work:
            assert sum(work.messages.counts(FIRST, NOW).values()) == MESSAGES

    [plan] = _plans(database, ask)
    scans = [node for node in _nodes(plan) if "Scan" in node["Node Type"]]
    assert {node["Node Type"] for node in scans} == {"Index Only Scan"}


def test_a_search_finds_the_oldest_message_at_once(database: Database) -> None:
    with SqlStore(database).read() as work:
        messages, before = work.messages.page(Filter(query="INV-1 is"), None, 10)
    assert [message.notice_id for message in messages] == ["notice-1"]
    assert before is None


@pytest.mark.parametrize("query", ["INV-1 is", "somebody-77@example", "past due", "nobody@here"])
def test_a_search_for_a_rare_word_and_for_a_common_one_reads_few_pages(
    database: Database, query: str
) -> None:
    def ask() -> None:
        with database.write() as connection:
            SqlWork(connection).messages.page(Filter(query=query), None, 50)
            connection.rollback()

    for plan in _plans(database, ask):
        assert _pages_read(plan) <= FEW, plan


def test_a_search_that_no_index_serves_goes_on_where_it_stopped_until_the_end(database: Database) -> None:
    before, pages = None, 0
    with SqlStore(database).read() as work:
        while True:
            messages, before = work.messages.page(Filter(query="zz"), before, 10)
            assert messages == []
            pages += 1
            if before is None:
                break
    assert pages == MESSAGES // MOST_SEARCHED + 1
