"""Tables and indexes of the scheduler."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from services.shared.database import BigId, UtcDateTime
from services.shared.inbox import inbox_table

metadata = MetaData()

rules = Table(
    "rules",
    metadata,
    Column("threshold_days", Integer, primary_key=True, autoincrement=False),
    Column("enabled", Boolean, nullable=False),
)

# Apart from the rules, so that it survives a rule that is removed and added again.
last_sent = Table(
    "last_sent",
    metadata,
    Column("threshold_days", Integer, primary_key=True, autoincrement=False),
    Column("sent_at", UtcDateTime, nullable=False),
)

exclusions = Table(
    "exclusions",
    metadata,
    Column("type", String(30), primary_key=True),
    Column("organization_id", Text, primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
)

# The newest state of each notice. Due notices have a due date and no payment, receipts the reverse; either
# way a unique key says that there is one, since nulls differ from each other.
notices = Table(
    "notices",
    metadata,
    Column("notice_id", String(36), primary_key=True),
    Column("type", String(30), nullable=False),
    Column("organization_id", Text, nullable=False),
    Column("invoice_id", BigInteger, nullable=False),
    Column("invoice_number", Text, nullable=False),
    Column("due_on", Date),
    Column("threshold_days", Integer, nullable=False),
    Column("payment_id", Text),
    Column("payment", Text),
    Column("state", String(20), nullable=False),
    Column("reason", String(60), nullable=False),
    Column("detail", Text, nullable=False),
    Column("decided_at", UtcDateTime, nullable=False),
    Column("as_of", UtcDateTime),
    # Only while queued: from when on the mailer is to be told of it.
    Column("hand_over_at", UtcDateTime),
    Column("message_id", Text, nullable=False),
    # The request of the newest decision, which logs name from a click to the mail.
    Column("request_id", String(64), nullable=False, server_default=""),
    UniqueConstraint("invoice_id", "due_on", "threshold_days", name="notices_due_key"),
    CheckConstraint("(due_on IS NULL) <> (payment_id IS NULL)", name="notices_subject"),
)
Index("notices_newest", notices.c.decided_at, notices.c.notice_id)
Index("notices_of_organization", notices.c.organization_id, notices.c.decided_at)
Index("notices_of_number", notices.c.invoice_number)
Index("notices_in_state", notices.c.state, notices.c.decided_at, notices.c.notice_id)
# The words of partial indexes are repeated by the queries that they serve.
IS_HELD = text("state = 'held'")
IS_RECEIPT = text("type <> 'due_notice'")
Index("notices_held", notices.c.notice_id, sqlite_where=IS_HELD, postgresql_where=IS_HELD)
Index(
    "notices_receipts",
    notices.c.type,
    notices.c.decided_at,
    notices.c.notice_id,
    sqlite_where=IS_RECEIPT,
    postgresql_where=IS_RECEIPT,
)
Index(
    "notices_of_payment",
    notices.c.payment_id,
    notices.c.type,
    unique=True,
    sqlite_where=notices.c.payment_id.is_not(None),
    postgresql_where=notices.c.payment_id.is_not(None),
)
Index(
    "notices_to_hand_over",
    notices.c.hand_over_at,
    sqlite_where=notices.c.hand_over_at.is_not(None),
    postgresql_where=notices.c.hand_over_at.is_not(None),
)

# Every decision ever made; rows are only added.
decisions = Table(
    "decisions",
    metadata,
    Column("decision_id", BigId, primary_key=True, autoincrement=True),
    Column("notice_id", String(36), ForeignKey("notices.notice_id"), nullable=False),
    Column("state", String(20), nullable=False),
    Column("reason", String(60), nullable=False),
    Column("detail", Text, nullable=False),
    Column("decided_at", UtcDateTime, nullable=False),
    Column("as_of", UtcDateTime),
)
Index("decisions_of_notice", decisions.c.notice_id, decisions.c.decision_id)

# One row, with the number 1.
calendar = Table(
    "calendar",
    metadata,
    Column("calendar_id", Integer, primary_key=True, autoincrement=False),
    Column("time_zone", Text, nullable=False),
    Column("send_at", String(5), nullable=False),
    Column("sandbox", Boolean, nullable=False),
    Column("automatic", Boolean, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("ticked_on", Date),
    Column("clock_set", Boolean, nullable=False),
)

# One row, with the number 1: the newest count of the books, as JSON.
forecasts = Table(
    "forecasts",
    metadata,
    Column("forecast_id", Integer, primary_key=True, autoincrement=False),
    Column("counted_at", UtcDateTime, nullable=False),
    Column("took_ms", BigInteger, nullable=False),
    Column("invoices", BigInteger, nullable=False),
    Column("content", Text, nullable=False),
)

# Each grows by one in a transaction that changes what it is named after.
versions = Table(
    "versions",
    metadata,
    Column("name", String(30), primary_key=True),
    Column("number", BigInteger, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(30), primary_key=True),
    Column("holder", String(36), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

inbox = inbox_table(metadata)
