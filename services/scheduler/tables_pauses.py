"""The table of pauses."""

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, String, Table, Text, text

from services.scheduler.tables import metadata
from services.shared.database import UtcDateTime

# Pauses of organizations and, with an invoice that is not 0, of invoices; of each the newest one is marked.
pauses = Table(
    "pauses",
    metadata,
    Column("pause_id", String(64), primary_key=True),
    Column("organization_id", Text, nullable=False),
    Column("invoice_id", BigInteger, nullable=False),
    Column("invoice_number", Text, nullable=False),
    Column("reason", String(20), nullable=False),
    Column("note", Text, nullable=False),
    Column("resumes_on", Date, nullable=False),
    Column("resumes_at", UtcDateTime, nullable=False),
    Column("added_by", Text, nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
    # The ids of the invoices that were promised to be paid, as JSON; whether they were, empty if not known.
    Column("promised", Text, nullable=False),
    Column("promise", String(10), nullable=False),
    Column("ended_at", UtcDateTime),
    Column("ended_by", Text, nullable=False),
    Column("replaced_by", String(64), nullable=False),
    Column("is_newest", Boolean, nullable=False),
)
IS_NEWEST = text("is_newest")
Index("pauses_newest_first", pauses.c.added_at, pauses.c.pause_id)
Index("pauses_of_organization", pauses.c.organization_id, pauses.c.added_at)
Index(
    "pauses_newest",
    pauses.c.organization_id,
    pauses.c.invoice_id,
    unique=True,
    sqlite_where=IS_NEWEST,
    postgresql_where=IS_NEWEST,
)
