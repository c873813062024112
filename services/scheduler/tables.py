"""Tables and indexes of the scheduler; tables_pauses shares `metadata`."""

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
    false,
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

# By type and, for due notices, threshold. Apart from the rules, so that it survives a rule that is removed
# and added again.
last_sent = Table(
    "last_sent",
    metadata,
    Column("type", String(30), primary_key=True),
    Column("threshold_days", Integer, primary_key=True, autoincrement=False),
    Column("sent_at", UtcDateTime, nullable=False),
)

# The settings of types that staff turn on and off; one row for each of them.
email_types = Table(
    "email_types",
    metadata,
    Column("type", String(30), primary_key=True),
    Column("enabled", Boolean, nullable=False),
    # What becomes due from this date on counts; empty means whatever is due.
    Column("since", Date),
    Column("settings", Text, nullable=False),
)

# How far the runs of each time zone have come; the empty one is the company's.
zone_runs = Table(
    "zone_runs",
    metadata,
    Column("zone", String(60), primary_key=True),
    # The local date of the newest run that ran by itself, and the day up to which summaries are decided.
    Column("ran_on", Date),
    Column("summed_on", Date),
    # When the run that came so far began, and up to which day every zone was decided before it.
    Column("summed_at", UtcDateTime),
    Column("all_summed_on", Date),
)

# Addresses that want no more of a type.
unsubscriptions = Table(
    "unsubscriptions",
    metadata,
    Column("type", String(30), primary_key=True),
    Column("email_key", Text, primary_key=True),
    Column("email", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("notice_id", String(36), nullable=False),
)
Index("unsubscriptions_newest", unsubscriptions.c.created_at, unsubscriptions.c.email_key)

# Addresses that get no mail, as the mailer has told.
suppressed = Table(
    "suppressed",
    metadata,
    Column("email_key", Text, primary_key=True),
    Column("reason", String(60), nullable=False),
    # Facts may come in any order: the newest one holds, also one that says that the address may be used.
    Column("told_at", UtcDateTime, nullable=False),
    Column("is_suppressed", Boolean, nullable=False),
)

# Invoices that were new to the books, until it is decided whether they are told.
recorded_invoices = Table(
    "recorded_invoices",
    metadata,
    Column("recorded_id", BigId, primary_key=True, autoincrement=True),
    Column("sync_id", String(64), nullable=False),
    Column("invoice_id", BigInteger, nullable=False),
    Column("organization_id", Text, nullable=False),
    Column("came_at", UtcDateTime, nullable=False),
)

campaigns = Table(
    "campaigns",
    metadata,
    Column("campaign_id", String(64), primary_key=True),
    Column("type", String(30), nullable=False),
    Column("audience", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("examined", BigInteger, nullable=False),
    # Whom it has come to: the last organization or contact of the newest batch; empty before the first.
    Column("after", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("started_by", Text, nullable=False),
    Column("ended_at", UtcDateTime),
)
Index("campaigns_newest", campaigns.c.started_at, campaigns.c.campaign_id)

exclusions = Table(
    "exclusions",
    metadata,
    Column("type", String(30), primary_key=True),
    Column("organization_id", Text, primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
)

# The newest state of each notice. Due notices have a due date and no occurrence, all others the reverse;
# either way a unique key says that there is one, since nulls differ from each other.
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
    Column("occurrence", Text),
    # What it is about, as JSON.
    Column("about", Text),
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
    Column("campaign_id", String(64)),
    Column("lane", String(10), nullable=False, server_default="usual"),
    # Whom an invitation or a new password is for.
    Column("contact_id", BigInteger),
    UniqueConstraint("invoice_id", "due_on", "threshold_days", name="notices_due_key"),
    CheckConstraint("(due_on IS NULL) <> (occurrence IS NULL)", name="notices_subject"),
)
Index("notices_newest", notices.c.decided_at, notices.c.notice_id)
Index("notices_of_organization", notices.c.organization_id, notices.c.decided_at)
Index("notices_of_number", notices.c.invoice_number)
Index("notices_in_state", notices.c.state, notices.c.decided_at, notices.c.notice_id)
# The words of partial indexes are repeated by the queries that they serve.
IS_HELD = text("state = 'held'")
IS_RECEIPT = text("type <> 'due_notice'")
IS_INVITATION = text("type = 'welcome'")
IS_REPEATED = text("type IN ('account_summary', 'method_expiration')")
NOBODY_TO_TELL = text("state = 'skipped' AND reason IN ('NO_ADDRESS', 'ADDRESSES_SUPPRESSED')")
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
    "notices_invitations",
    notices.c.contact_id,
    sqlite_where=IS_INVITATION,
    postgresql_where=IS_INVITATION,
)
Index(
    "notices_repeated",
    notices.c.organization_id,
    notices.c.state,
    notices.c.decided_at,
    sqlite_where=IS_REPEATED,
    postgresql_where=IS_REPEATED,
)
Index(
    "notices_nobody_to_tell",
    notices.c.organization_id,
    notices.c.decided_at,
    sqlite_where=NOBODY_TO_TELL,
    postgresql_where=NOBODY_TO_TELL,
)
Index(
    "notices_of_occurrence",
    notices.c.occurrence,
    notices.c.type,
    unique=True,
    sqlite_where=notices.c.occurrence.is_not(None),
    postgresql_where=notices.c.occurrence.is_not(None),
)
Index(
    "notices_of_campaign",
    notices.c.campaign_id,
    notices.c.state,
    sqlite_where=notices.c.campaign_id.is_not(None),
    postgresql_where=notices.c.campaign_id.is_not(None),
)
Index(
    "notices_to_hand_over",
    notices.c.lane,
    notices.c.hand_over_at,
    notices.c.notice_id,
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
    Column("clock_set", Boolean, nullable=False),
    Column("country", String(10), nullable=False, server_default=""),
    Column("business_days_only", Boolean, nullable=False, server_default=false()),
    Column("quiet_from", String(5), nullable=False, server_default=""),
    Column("quiet_until", String(5), nullable=False, server_default=""),
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
    # The process that has taken it; see services/shared/owners.py.
    Column("owner", String(200), nullable=False, server_default=""),
)

inbox = inbox_table(metadata)
