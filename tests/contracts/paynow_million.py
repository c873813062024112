"""A million invoices in PostgreSQL, for asking it how it would answer."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

from services.shared.database import Database
from tests.servers import vacuum

INVOICES = 1_000_000
ORGANIZATIONS = 20_000

# As the books of a company with a million invoices may be: nine of ten are open, one of a hundred has no due
# date, due dates are spread over a year, and every organization has fifty of them.
_FILL = [
    f"""
    INSERT INTO organizations
    SELECT 'O-' || n, 'o-' || n, 'Organization ' || n, 'organization ' || n, '', 'active', '',
        CASE WHEN n % 50 = 0 THEN 'Europe/Berlin' ELSE '' END, '', now(), ''
    FROM generate_series(1, {ORGANIZATIONS}) n
    """,
    f"""
    INSERT INTO contacts
        (organization_id, position, name, is_primary, starred_by_hand, starred_by_crm, is_default, profile_id)
    SELECT 'O-' || n, 1, 'Ana', true, false, false, true, CASE WHEN n % 100 = 0 THEN 'billing' ELSE '' END
    FROM generate_series(1, {ORGANIZATIONS}) n
    """,
    """
    INSERT INTO addresses (contact_id, email_key, position, email)
    SELECT contact_id, 'a' || contact_id || '@x.test', 1, 'a' || contact_id || '@x.test' FROM contacts
    """,
    f"""
    INSERT INTO invoices
        (invoice_id, organization_id, number, issued_on, due_on, currency, amount_minor, listed_balance_minor,
         books_balance_minor, balance_minor, paid_here_minor, reserved_minor, status, updated_at)
    SELECT n, 'O-' || (1 + n % {ORGANIZATIONS}), 'INV-' || n, date '2026-01-01' + n % 365,
        CASE WHEN n % 100 > 0 THEN date '2026-02-01' + n % 365 END, 'USD', 10000, 10000, 10000,
        CASE WHEN n % 10 > 0 THEN 10000 ELSE 0 END, 0, 0,
        CASE WHEN n % 10 > 0 THEN 'open' ELSE 'paid' END, now()
    FROM generate_series(1, {INVOICES}) n
    """,
    f"""
    INSERT INTO payments
        (payment_id, quote_id, idempotency_key, method_digest, method_label, organization_id, invoice_id,
         invoice_number, amount_minor, currency, payer_email, state, failure_reason, created_at, ended_at,
         acknowledged_at, next_check_at, checks, books_minor)
    SELECT 'p-' || n, 'q-' || n, 'key-' || n, '', '', 'O-' || (1 + n % {ORGANIZATIONS}), n,
        'INV-' || n, 100, 'USD', '',
        CASE WHEN n % 1000 = 0 THEN 'unknown' WHEN n % 10 = 1 THEN 'failed' ELSE 'succeeded' END, '',
        timestamptz '2026-01-01' + n * interval '1 minute', now(), CASE WHEN n % 100 > 0 THEN now() END,
        CASE WHEN n % 1000 = 0 THEN now() END, 0, 0
    FROM generate_series(1, 100000) n
    """,
    f"""
    INSERT INTO payment_methods
    SELECT 'O-' || n, 'M-1', 'card', 'Visa', '4242', date '2026-01-01' + n % 60 * interval '1 month', '',
        'active', '', 0, now()
    FROM generate_series(1, {ORGANIZATIONS}) n
    """,
    f"""
    INSERT INTO autopay
    SELECT 'O-' || n * 10, true, 'M-1', 2, now() FROM generate_series(1, {ORGANIZATIONS} / 10) n
    """,
    """
    INSERT INTO scheduled_payments
    SELECT organization_id, 'S-' || invoice_id, invoice_id, '',
        date '2026-01-01' + (invoice_id % 3650)::int, NULL, 'scheduled', 1, now()
    FROM invoices WHERE invoice_id % 100 = 1
    """,
]  # fmt: skip


def fill(database: Database) -> None:
    """Fills a migrated, empty database, and has its statistics taken."""
    with database.write() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        with _indexed_afterwards(connection, "invoices"), _indexed_afterwards(connection, "payments"):
            for statement in _FILL:
                connection.execute(text(statement))
    vacuum(database)


@contextmanager
def _indexed_afterwards(connection: Connection, table: str) -> Iterator[None]:
    """Takes foreign keys and indexes away while rows are added, which is many times faster."""
    keys = connection.execute(
        text(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = cast(:name AS regclass) AND contype = 'f'"
        ),
        {"name": table},
    ).all()
    indexes = connection.execute(
        text(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
            " WHERE indrelid = cast(:name AS regclass)"
            " AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)"
        ),
        {"name": table},
    ).all()
    for name, _ in keys:
        connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
    for name, _ in indexes:
        connection.execute(text(f"DROP INDEX {name}"))
    yield
    for _, definition in indexes:
        connection.execute(text(definition))
    for name, definition in keys:
        connection.execute(text(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"))
