"""Books for the benchmark of the tick: so many open invoices, each tenth of them due."""

from sqlalchemy import text

from services.shared.database import Database

DUE_SHARE = 10
"""One invoice of so many has reached a rule; the others are due in the weeks to come."""

# Ages from 4 days before to 115 days past due, spread evenly, so that each of the six rules has its part.
_AGE = "(n / 10) % 120 - 4"

_STATEMENTS = (
    """INSERT INTO organizations (organization_id, id_key, name, name_key, type, status, address, time_zone,
                                  currency, updated_at)
       SELECT 'org-' || n, 'org-' || n, 'Organization ' || n, 'organization ' || n, '', '', '', '', 'USD',
              CURRENT_TIMESTAMP FROM {series}(1, :organizations) AS {n}""",
    """INSERT INTO contacts (contact_id, organization_id, position, name, is_primary, starred_by_hand,
                             starred_by_crm, is_default)
       SELECT n, 'org-' || n, 1, 'Ann', true, false, false, true
       FROM {series}(1, :organizations) AS {n}""",
    """INSERT INTO addresses (contact_id, email_key, position, email)
       SELECT n, 'ann@org-' || n || '.test', 1, 'ann@org-' || n || '.test'
       FROM {series}(1, :organizations) AS {n}""",
    """INSERT INTO invoices (invoice_id, organization_id, number, issued_on, due_on, currency, amount_minor,
                             listed_balance_minor, books_balance_minor, balance_minor, paid_here_minor,
                             reserved_minor, status, updated_at)
       SELECT n, 'org-' || (1 + n % :organizations), 'INV-' || n, {issued_on}, {due_on}, 'USD', 10000,
              10000, 10000, 10000, 0, 0, 'open', CURRENT_TIMESTAMP
       FROM {series}(1, :invoices) AS {n}""",
)

_DAYS = f"CASE WHEN n % {DUE_SHARE} = 0 THEN -({_AGE}) ELSE 6 + n % 60 END"

_POSTGRESQL = {
    "series": "generate_series",
    "n": "n",
    "issued_on": "DATE '2026-01-01'",
    "due_on": f"CAST(:today AS date) + CAST({_DAYS} AS int)",
}
_SQLITE = {
    "series": "series",
    "n": "numbers",
    "issued_on": "'2026-01-01'",
    "due_on": f"date(:today, ({_DAYS}) || ' days')",
}
_SQLITE_SERIES = (
    """WITH RECURSIVE numbers(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM numbers WHERE n < {})"""
)


def fill(url: str, invoices: int, today: str) -> None:
    """Puts that many open invoices into migrated books; `today` as YYYY-MM-DD."""
    database = Database(url)
    with database.write() as connection:
        on_postgresql = connection.dialect.name == "postgresql"
        if on_postgresql:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
        values = {"organizations": invoices // 20, "invoices": invoices, "today": today}
        for statement in _STATEMENTS:
            sql = statement.format(**(_POSTGRESQL if on_postgresql else _SQLITE))
            if not on_postgresql:
                sql = _for_sqlite(sql, values)
            used = {name: value for name, value in values.items() if f":{name}" in sql}
            connection.execute(text(sql), used)
    if on_postgresql:
        with database.read() as connection:
            connection.execute(text("VACUUM ANALYZE"))
    database.dispose()


def _for_sqlite(sql: str, values: dict[str, int | str]) -> str:
    """A recursive query in place of generate_series, which SQLite has as an extension only."""
    head, _, rest = sql.partition("SELECT ")
    rows, _, series = rest.partition(" series(1, :")
    rows = rows.rpartition("FROM")[0]
    count = values[series.partition(")")[0]]
    return f"{head} {_SQLITE_SERIES.format(count)} SELECT {rows} FROM numbers"


PAIRS = """
SELECT i.invoice_id, r.days FROM invoices AS i
JOIN (VALUES (-5), (15), (30), (45), (60), (90)) AS r(days)
  ON CASE WHEN r.days < 0 THEN i.due_on <= CAST(:today AS date) - r.days AND i.due_on >= CAST(:today AS date)
          ELSE i.due_on <= CAST(:today AS date) - r.days END
WHERE i.status = 'open' AND i.balance_minor > 0 AND i.due_on IS NOT NULL
  AND EXISTS (SELECT 1 FROM contacts AS c JOIN addresses AS a ON a.contact_id = c.contact_id
              WHERE c.organization_id = i.organization_id AND c.is_default)
ORDER BY i.invoice_id, r.days
"""
"""The same pairs of invoice and threshold as the tick decides on, in one statement of PostgreSQL."""
