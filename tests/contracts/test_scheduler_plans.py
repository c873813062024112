"""How PostgreSQL finds things among a million notices: by index, and with few pages read."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from services.scheduler import tables
from services.scheduler.__main__ import MIGRATIONS
from services.scheduler.domain.notice import NoticeFilter, NoticeType, State
from services.scheduler.operations import count_backlog
from services.scheduler.ports import Work
from services.scheduler.repository import SqlStore
from services.shared.database import Database
from tests.fakes.clock import SetClock
from tests.servers import PostgresServer, vacuum

pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(600)]

INVOICES = 250_000
"""Each with four notices, which makes a million; and as many decisions and a fifth more."""

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
LAST = FIRST + timedelta(seconds=INVOICES)
SEARCHED = 4_000
"""Pages of 8 KiB that a question may read at most; the notices alone are about 30,000."""

FILL = """
INSERT INTO notices (notice_id, type, organization_id, invoice_id, invoice_number, due_on, threshold_days,
                     occurrence, about, state, reason, detail, decided_at, hand_over_at, message_id)
SELECT lpad(to_hex(4 * invoice + rank), 8, '0') || '-0000-7000-8000-000000000000',
       CASE WHEN rank < 3 THEN 'due_notice' ELSE 'payment_succeeded' END,
       'org-' || invoice % 5000, invoice, 'INV-' || invoice,
       CASE WHEN rank < 3 THEN DATE '2026-01-01' + (invoice % 300)::int END,
       CASE WHEN rank < 3 THEN 15 * (rank + 1) ELSE 0 END,
       CASE WHEN rank = 3 THEN 'p' || invoice END, NULL,
       CASE WHEN invoice % 1000 = 7 AND rank = 2 THEN 'held'
            WHEN invoice % 500 = 3 AND rank = 2 THEN 'queued'
            WHEN invoice % 40 = 1 AND rank = 1 THEN 'skipped'
            WHEN rank = 0 THEN 'superseded' ELSE 'sent' END,
       'REASON', '', TIMESTAMPTZ '2026-01-01 UTC' + invoice * INTERVAL '1 second',
       CASE WHEN invoice % 500 = 3 AND rank = 2 THEN TIMESTAMPTZ '2026-01-01 UTC' END, ''
FROM generate_series(1, :invoices) AS invoice, generate_series(0, 3) AS rank
"""

FILL_DECISIONS = """
INSERT INTO decisions (notice_id, state, reason, detail, decided_at)
SELECT notice_id, state, reason, detail, decided_at FROM notices
UNION ALL
SELECT notice_id, 'sent', reason, detail, decided_at FROM notices WHERE invoice_id % 5 = 0
"""


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[Database]:
    url = postgres.migrated(MIGRATIONS)
    database = Database(f"{url}?options=-c%20statement_timeout%3D0")
    # Filling is many times faster without indexes and without looking up each decision's notice.
    indexes = [index for table in (tables.notices, tables.decisions) for index in table.indexes]
    with database.write() as connection:
        for index in indexes:
            index.drop(connection)
        connection.execute(text("ALTER TABLE decisions DROP CONSTRAINT decisions_notice_id_fkey"))
        connection.execute(text(FILL), {"invoices": INVOICES})
        connection.execute(text(FILL_DECISIONS))
        for index in indexes:
            index.create(connection)
    vacuum(database)
    yield database
    database.dispose()
    postgres.drop(url)


def plans(database: Database, ask: Callable[[], object]) -> list[dict[str, Any]]:
    """The plan of each statement that `ask` runs, with what it read."""
    ran: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if statement.startswith(("SELECT", "UPDATE", "INSERT")):
            ran.append((statement, parameters))

    event.listen(database._engine, "before_cursor_execute", note)
    ask()
    event.remove(database._engine, "before_cursor_execute", note)
    with database.write() as connection:
        found = []
        for statement, parameters in ran:
            told = connection.exec_driver_sql(
                f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters
            ).scalar_one()
            found.append((told if isinstance(told, list) else json.loads(told))[0]["Plan"])
        connection.rollback()
    return found


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def pages_read(plan: dict[str, Any]) -> int:
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


LATE = (LAST - timedelta(seconds=5), "zzz")
DEEP = (FIRST + timedelta(seconds=INVOICES // 3), "zzz")
ORGANIZATION = NoticeFilter(organization_id="org-77")
QUESTIONS: dict[str, Callable[[Work], object]] = {
    "known": lambda work: work.notices.known(list(range(7_000, 7_500))),
    "known, to change": lambda work: work.notices.known_to_change(list(range(7_000, 7_250))),
    "get": lambda work: work.notices.get(
        [f"{n:08x}-0000-7000-8000-000000000000" for n in range(90_000, 90_200)]
    ),
    "held": lambda work: work.notices.held("", 500),
    "held further on": lambda work: work.notices.held("00080000-0000", 500),
    "the first page": lambda work: work.notices.page(NoticeFilter(), None, 101),
    "a deep page": lambda work: work.notices.page(NoticeFilter(), DEEP, 101),
    "an organization's page": lambda work: work.notices.page(ORGANIZATION, None, 101),
    "an organization's deep page": lambda work: work.notices.page(ORGANIZATION, DEEP, 101),
    "a state that is everywhere": lambda work: work.notices.page(NoticeFilter(state=State.SENT), None, 101),
    "a state that is everywhere, deep": lambda work: work.notices.page(
        NoticeFilter(state=State.SENT), DEEP, 101
    ),
    "a state that is rare": lambda work: work.notices.page(NoticeFilter(state=State.HELD), None, 101),
    "a state that is rare, deep": lambda work: work.notices.page(NoticeFilter(state=State.HELD), DEEP, 101),
    "a state that nothing is in": lambda work: work.notices.page(NoticeFilter(state=State.FAILED), None, 101),
    "a type": lambda work: work.notices.page(NoticeFilter(type=NoticeType.PAYMENT_SUCCEEDED), LATE, 101),
    "a type that nothing is of": lambda work: work.notices.page(
        NoticeFilter(type=NoticeType.PAYMENT_FAILED), None, 101
    ),
    "a state of an organization": lambda work: work.notices.page(
        NoticeFilter(organization_id="org-77", state=State.SKIPPED), None, 101
    ),
    "a type and a state": lambda work: work.notices.page(
        NoticeFilter(type=NoticeType.PAYMENT_SUCCEEDED, state=State.QUEUED), None, 101
    ),
    "an invoice number": lambda work: work.notices.page(NoticeFilter(invoice_number="INV-7"), None, 101),
    "an invoice": lambda work: work.notices.page(NoticeFilter(invoice_id=7), None, 101),
    "to hand over": lambda work: work.notices.to_hand_over(LAST, 200),
    "why": lambda work: (work.notices.of_invoice(77_777), work.notices.decisions_on_invoice(77_777)),
    "a receipt": lambda work: work.notices.of_occurrence(NoticeType.PAYMENT_SUCCEEDED, "p77777"),
}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("locked", [False, True])
def test_a_question_is_answered_from_an_index(database: Database, question: str, locked: bool) -> None:
    def ask() -> None:
        store = SqlStore(database)
        with store.write() if locked else store.read() as work:
            QUESTIONS[question](work)

    for plan in plans(database, ask):
        assert [node["Node Type"] for node in nodes(plan) if node["Node Type"] == "Seq Scan"] == []
        assert pages_read(plan) <= SEARCHED, json.dumps(plan, indent=1)


@pytest.mark.parametrize("locked", [False, True])
def test_a_batch_to_hand_over_needs_no_sorting_of_all_that_wait_for_the_same_instant(
    database: Database, locked: bool
) -> None:
    def ask() -> None:
        store = SqlStore(database)
        with store.write() if locked else store.read() as work:
            assert len(work.notices.to_hand_over(LAST, 200)) == 200

    for plan in plans(database, ask):
        assert not [node["Node Type"] for node in nodes(plan) if "Sort" in node["Node Type"]]


def test_the_backlog_is_counted_without_reading_the_history(database: Database) -> None:
    for plan in plans(database, lambda: count_backlog(database, SetClock(LAST))):
        assert pages_read(plan) <= SEARCHED, json.dumps(plan, indent=1)
