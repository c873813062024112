"""The table of payments, in the same schema as the books."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from services.paynow.tables import metadata
from services.shared.database import UtcDateTime

# Spelled out rather than bound: a partial index serves only a query that repeats its words.
IS_OPEN = "next_check_at IS NOT NULL"
WAITS_FOR_BOOKS = "state = 'succeeded' AND acknowledged_at IS NULL"

payments = Table(
    "payments",
    metadata,
    Column("payment_id", String(36), primary_key=True),  # also the provider's key
    Column("quote_id", String(64), nullable=False),  # once: a quote is charged at most once
    Column("idempotency_key", Text, nullable=False),
    Column("method_digest", String(64), nullable=False),  # SHA-256; the token itself is not kept
    Column("method_label", Text, nullable=False),
    Column("organization_id", Text, nullable=False),
    Column("invoice_id", BigInteger, ForeignKey("invoices.invoice_id"), nullable=False),
    Column("invoice_number", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("payer_email", Text, nullable=False),
    Column("state", String(20), nullable=False),  # charging, unknown, pending, succeeded, failed
    Column("failure_reason", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),  # empty until the state is final
    Column("acknowledged_at", UtcDateTime),  # when the accounting side had booked it
    Column("next_check_at", UtcDateTime),  # the end of a lease, or when to ask; empty in a final state
    Column("checks", Integer, nullable=False),  # questions in a row without an answer
    Column("absent_since", UtcDateTime),  # when the provider first knew nothing of it
    Column("books_minor", BigInteger, nullable=False),  # the books' balance when it succeeded
    UniqueConstraint("quote_id", name="payments_one_for_a_quote"),
    UniqueConstraint("idempotency_key", name="payments_one_for_a_key"),
    Index("payments_newest", "created_at", "payment_id"),
    Index("payments_in_state", "state", "created_at", "payment_id"),
    Index("payments_of_organization", "organization_id", "created_at", "payment_id"),
    Index("payments_open", "next_check_at", sqlite_where=text(IS_OPEN), postgresql_where=text(IS_OPEN)),
    Index(
        "payments_waiting_for_books", "created_at", "payment_id",
        sqlite_where=text(WAITS_FOR_BOOKS), postgresql_where=text(WAITS_FOR_BOOKS),
    ),
    Index(
        "payments_waiting_of_invoice", "invoice_id",
        sqlite_where=text(WAITS_FOR_BOOKS), postgresql_where=text(WAITS_FOR_BOOKS),
    ),
)  # fmt: skip
