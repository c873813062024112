"""How PostgreSQL finds what is not about due notices among a million notices: by index, few pages read."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from services.scheduler import tables
from services.scheduler.__main__ import MIGRATIONS
from services.scheduler.domain.notice import NoticeFilter, NoticeType
from services.scheduler.domain.pauses import PauseView
from services.scheduler.ports import Work
from services.scheduler.repository import SqlStore
from services.shared.database import Database
from tests.contracts.test_scheduler_plans import nodes, pages_read, plans
from tests.servers import PostgresServer, vacuum

pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(600)]

ORGANIZATIONS = 50_000
"""Each with 20 notices, which makes a million; every tenth has one of a campaign."""

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
SEARCHED = 4_000
"""Pages of 8 KiB that a question may read at most; the notices alone are about 30,000."""

FILL = """
INSERT INTO notices (notice_id, type, organization_id, invoice_id, invoice_number, due_on, threshold_days,
                     occurrence, about, state, reason, detail, decided_at, hand_over_at, message_id,
                     campaign_id, lane, contact_id)
SELECT lpad(to_hex(20 * organization + rank), 8, '0') || '-0000-7000-8000-000000000000',
       CASE WHEN rank = 0 AND organization % 10 = 0 THEN 'welcome'
            WHEN rank % 2 = 0 THEN 'account_summary' ELSE 'invoice' END,
       'org-' || organization, 0, '', NULL, 0, organization || '|' || rank,
       CASE WHEN rank = 0 AND organization % 10 = 0
            THEN '{"kind": "access", "contact_id": ' || organization || ', "email": "a@x.test"}' END,
       CASE WHEN organization % 50 = 1 AND rank = 19 THEN 'skipped'
            WHEN organization % 10 = 0 AND rank = 0 AND organization % 30 = 0 THEN 'queued'
            ELSE 'sent' END,
       CASE WHEN organization % 100 = 1 AND rank = 19 THEN 'NO_ADDRESS'
            WHEN organization % 100 = 51 AND rank = 19 THEN 'ADDRESSES_SUPPRESSED'
            ELSE 'SCHEDULE_REACHED' END,
       '', TIMESTAMPTZ '2026-01-01 UTC' + (organization + rank * 50000) * INTERVAL '1 second', NULL, '',
       CASE WHEN organization % 10 = 0 AND rank = 0 THEN 'campaign-' || organization / 10000 END, 'usual',
       CASE WHEN rank = 0 AND organization % 10 = 0 THEN organization END
FROM generate_series(1, :organizations) AS organization, generate_series(0, 19) AS rank
"""

FILL_CAMPAIGNS = """
INSERT INTO campaigns (campaign_id, type, audience, state, total, examined, after, started_at, started_by)
SELECT 'campaign-' || n, 'account_summary', '{}',
       CASE WHEN n = 2 THEN 'running' WHEN n = 3 THEN 'cancelled' ELSE 'done' END, 1000, 1000, '',
       TIMESTAMPTZ '2026-01-01 UTC' + n * INTERVAL '1 hour', ''
FROM generate_series(0, 5) AS n
"""

FILL_OTHERS = (
    "INSERT INTO unsubscriptions (type, email_key, email, created_at, notice_id)"
    " SELECT 'account_summary', 'p' || n || '@x.test', '', TIMESTAMPTZ '2026-01-01 UTC' + n * INTERVAL '1 s',"
    " '' FROM generate_series(1, 200000) AS n",
    "INSERT INTO suppressed (email_key, reason, told_at, is_suppressed)"
    " SELECT 'p' || n || '@x.test', '', TIMESTAMPTZ '2026-01-01 UTC', n % 2 = 0"
    " FROM generate_series(1, 200000) AS n",
    "INSERT INTO recorded_invoices (sync_id, invoice_id, organization_id, came_at)"
    " SELECT '1', n, 'org', TIMESTAMPTZ '2026-01-01 UTC' FROM generate_series(1, 500000) AS n",
    "INSERT INTO pauses (pause_id, organization_id, invoice_id, invoice_number, reason, note, resumes_on,"
    " resumes_at, added_by, added_at, promised, promise, ended_by, replaced_by, is_newest)"
    " SELECT 'p' || n, 'org-' || n % 20000, 0, '', 'dispute', '', DATE '2026-02-01',"
    " TIMESTAMPTZ '2026-02-01 UTC', '', TIMESTAMPTZ '2026-01-01 UTC' + n * INTERVAL '1 s', '[]', '', '', '',"
    " n > 180000"
    " FROM generate_series(1, 200000) AS n",
)


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[Database]:
    url = postgres.migrated(MIGRATIONS)
    database = Database(f"{url}?options=-c%20statement_timeout%3D0")
    with database.write() as connection:
        for index in tables.notices.indexes:
            index.drop(connection)
        connection.execute(text(FILL), {"organizations": ORGANIZATIONS})
        for statement in (FILL_CAMPAIGNS, *FILL_OTHERS):
            connection.execute(text(statement))
        for index in tables.notices.indexes:
            index.create(connection)
    vacuum(database)
    yield database
    database.dispose()
    postgres.drop(url)


EMAILS = [f"p{n}@x.test" for n in range(5_000, 5_400)]
LATE = (FIRST + timedelta(seconds=150_000), "p150000@x.test")
QUESTIONS: dict[str, Callable[[Work], object]] = {
    "occurrences": lambda work: work.notices.occurred(
        NoticeType.ACCOUNT_SUMMARY, [f"{n}|2" for n in range(20_000, 20_500)]
    ),
    "one occurrence": lambda work: work.notices.of_occurrence(NoticeType.ACCOUNT_SUMMARY, "777|2"),
    "the invited": lambda work: work.notices.invitations(range(20_000, 21_000)),
    "others of the same": lambda work: work.notices.leaving(
        NoticeType.ACCOUNT_SUMMARY, [f"org-{n}" for n in range(20_000, 20_200)]
    ),
    "a campaign's page": lambda work: work.notices.page(NoticeFilter(campaign_id="campaign-1"), None, 101),
    "a campaign's outcomes": lambda work: work.campaigns.outcomes(["campaign-1", "campaign-2"]),
    "campaigns at work": lambda work: work.campaigns.running(),
    "the newest campaigns": lambda work: work.campaigns.newest(None, 50),
    "what to withdraw": lambda work: work.campaigns.to_withdraw(500),
    "whether anything is to be withdrawn": lambda work: work.campaigns.to_withdraw(1),
    "whether they were cancelled": lambda work: work.campaigns.among(["campaign-1", "campaign-3"]),
    "who has unsubscribed": lambda work: work.addresses.unsubscribed(NoticeType.ACCOUNT_SUMMARY, EMAILS),
    "unsubscriptions": lambda work: work.addresses.unsubscriptions(None, 51),
    "unsubscriptions further on": lambda work: work.addresses.unsubscriptions(LATE, 51),
    "the suppressed": lambda work: work.addresses.suppressed(EMAILS),
    "new invoices": lambda work: work.recorded.waiting(500),
    "the paused": lambda work: work.pauses.live([f"org-{n}" for n in range(5_000, 5_200)]),
    "an organization's pause": lambda work: work.pauses.newest_of("org-7", 0),
    "an organization's pauses": lambda work: work.pauses.page(PauseView.ALL, "org-7", FIRST, None, 51),
    "the newest pauses": lambda work: work.pauses.page(PauseView.ALL, "", FIRST, None, 51),
}
CHANGES: dict[str, Callable[[Work], object]] = {
    "taking new invoices": lambda work: work.recorded.take(range(1, 501)),
}
SMALL = {"campaigns"}
"""Tables of which a page or two are read, whatever is asked."""


@pytest.mark.parametrize("question", [*QUESTIONS, *CHANGES])
@pytest.mark.parametrize("locked", [False, True])
def test_a_question_is_answered_from_an_index(database: Database, question: str, locked: bool) -> None:
    def ask() -> None:
        store = SqlStore(database)
        with store.write() if locked or question in CHANGES else store.read() as work:
            (QUESTIONS | CHANGES)[question](work)

    for plan in plans(database, ask):
        scanned = {node["Relation Name"] for node in nodes(plan) if node["Node Type"] == "Seq Scan"}
        assert scanned <= SMALL, json.dumps(plan, indent=1)
        assert pages_read(plan) <= SEARCHED, json.dumps(plan, indent=1)


def test_who_cannot_be_reached_is_found_among_the_skipped(database: Database) -> None:
    def ask() -> None:
        with SqlStore(database).read() as work:
            assert work.unreached.count() == 1_000
            assert len(work.unreached.page(None, 51)) == 51

    for plan in plans(database, ask):
        scanned = {node["Relation Name"] for node in nodes(plan) if node["Node Type"] == "Seq Scan"}
        assert scanned == set(), json.dumps(plan, indent=1)
        assert pages_read(plan) <= 2 * SEARCHED, json.dumps(plan, indent=1)
