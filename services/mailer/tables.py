"""The mailer's tables and indexes."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    text,
    true,
)

from services.shared.database import BigId, UtcDateTime
from services.shared.outbox import outbox_table

metadata = MetaData()

messages = Table(
    "messages",
    metadata,
    # Counts up in the order of acceptance; what lists are ordered and paged by.
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("notice_id", String(64), nullable=False, unique=True),
    Column("message_id", String(400), nullable=False),
    Column("organization_id", String(200), nullable=False),
    Column("invoice_number", String(200), nullable=False),
    Column("type", String(40)),
    Column("template_version", Integer, nullable=False),
    # One address a line; in one column so that a search finds it.
    Column("recipients", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # When it was last accepted: a second look that is older no longer counts against it.
    Column("asked_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    # While active: when it may be claimed. Under a lease: when the lease ends. Empty once it is final.
    Column("due_at", UtcDateTime),
    Column("lease_owner", String(200)),
    # Answers that said "later", connections lost in the middle, and when the first attempt began.
    Column("attempts", Integer, nullable=False),
    Column("drops", Integer, nullable=False),
    Column("tried_at", UtcDateTime),
    # Whether the history says already that it waits for the second look.
    Column("waits_for_review", Boolean, nullable=False),
    # In which words the history says that it waits for an hour at which it may go; empty if it does not.
    Column("put_off_for", String(200), nullable=False, server_default=""),
    # The request that the notice was decided in, for logs.
    Column("request_id", String(64), nullable=False, server_default=""),
    # The text it was written with: that of this language, and of the rule with this threshold if it has one.
    Column("language", String(20), nullable=False, server_default=""),
    Column("threshold_days", Integer, nullable=False, server_default="0"),
    # Who sent it as a test; empty for what the scheduler asked for.
    Column("test_by", String(200), nullable=False, server_default=""),
    # How urgent it is; 1 goes before 2 before 3.
    Column("lane", SmallInteger, nullable=False, server_default="2"),
    # The day, as YYYY-MM-DD, whose cap it was counted against; empty if against none.
    Column("counted_on", String(10), nullable=False, server_default=""),
    # Whether it waits for other mails to the same domain.
    Column("in_line", Boolean, nullable=False, server_default=text("false")),
)
_active = messages.c.due_at.is_not(None)
Index(
    "messages_due",
    messages.c.lane,
    messages.c.due_at,
    messages.c.id,
    sqlite_where=_active,
    postgresql_where=_active,
)
# What has been counted and not left yet goes on also when the cap is reached.
_counted = messages.c.due_at.is_not(None) & (messages.c.counted_on != "")
Index(
    "messages_counted",
    messages.c.counted_on,
    messages.c.due_at,
    sqlite_where=_counted,
    postgresql_where=_counted,
)
_in_line = text("in_line")
Index("messages_in_line", messages.c.id, sqlite_where=_in_line, postgresql_where=_in_line)
Index("messages_of_organization", messages.c.organization_id, messages.c.id)
Index("messages_created", messages.c.created_at, messages.c.state, messages.c.test_by)
_leased = messages.c.lease_owner.is_not(None)
Index("messages_leased", messages.c.lease_owner, sqlite_where=_leased, postgresql_where=_leased)
# States that few messages rest in; the others are found by what is due, or are most of all.
_aside = text("state IN ('deferred', 'failed', 'withheld')")
Index("messages_put_aside", messages.c.state, messages.c.id, sqlite_where=_aside, postgresql_where=_aside)
_sent = messages.c.sent_at.is_not(None)
Index(
    "messages_sent_by_type", messages.c.type, messages.c.sent_at, sqlite_where=_sent, postgresql_where=_sent
)

message_events = Table(
    "message_events",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("message", BigId, ForeignKey("messages.id"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("detail", Text, nullable=False),
)
Index("message_events_of_message", message_events.c.message, message_events.c.id)

# One row for each attempt: a mail that is tried again is written again, as the books stand then.
message_bodies = Table(
    "message_bodies",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("message", BigId, ForeignKey("messages.id"), nullable=False),
    # The whole mail, compressed with zlib; its HTML and text part are read out of it.
    Column("mime", LargeBinary, nullable=False),
)
Index("message_bodies_of_message", message_bodies.c.message, message_bodies.c.id)

template_versions = Table(
    "template_versions",
    metadata,
    Column("type", String(40), primary_key=True),
    Column("language", String(20), primary_key=True),
    # Of the due notice rule whose own text it is; 0 for that of the type.
    Column("threshold_days", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("subject", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("header", Text, nullable=False),
    Column("footer", Text, nullable=False),
    Column("saved_at", UtcDateTime, nullable=False),
    Column("saved_by", String(200), nullable=False),
)

# What a test is written from when its turn comes, and to whom it goes.
test_drafts = Table(
    "test_drafts",
    metadata,
    Column("message", BigId, ForeignKey("messages.id"), primary_key=True, autoincrement=False),
    Column("type", String(40), nullable=False),
    Column("language", String(20), nullable=False),
    Column("threshold_days", Integer, nullable=False),
    Column("subject", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("header", Text, nullable=False),
    Column("footer", Text, nullable=False),
    # One address a line.
    Column("recipients", Text, nullable=False),
)

# A single row, with the id 1.
company = Table(
    "company",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("reply_to", Text, nullable=False),
    Column("from_address", Text, nullable=False),
    Column("accent_color", String(7), nullable=False),
    Column("logo", LargeBinary, nullable=False),
    Column("language", String(20), nullable=False, server_default="en"),
    Column("pay_links", Boolean, nullable=False, server_default=true()),
)

# A single row, with the id 1.
sending = Table(
    "sending",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("stopped_by", String(200), nullable=False),
    # Empty while mails leave.
    Column("stopped_at", UtcDateTime),
    Column("daily_cap", Integer, nullable=False),
    Column("domain_per_minute", Integer, nullable=False),
    Column("time_zone", String(64), nullable=False),
)

# How many mails count against the cap of a day; a row for each day that had a cap.
sending_days = Table(
    "sending_days",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("mails", Integer, nullable=False),
)

# When each domain's next slot is free, and until when those wait who have none; see domain/spread.py.
sending_lines = Table(
    "sending_lines",
    metadata,
    Column("domain", String(255), primary_key=True),
    Column("free_at", UtcDateTime),
    Column("at_once_until", UtcDateTime),
    Column("usual_until", UtcDateTime),
    Column("bulk_until", UtcDateTime),
)

# Addresses that get no mail, as addresses are compared.
suppressions = Table(
    "suppressions",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("email", String(320), nullable=False, unique=True),
    Column("reason", String(40), nullable=False),
    Column("detail", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("notice_id", String(64), nullable=False),
    Column("created_by", String(200), nullable=False),
)

# Mails to addresses that a mail has come back from, for the rule of five in a row.
address_mails = Table(
    "address_mails",
    metadata,
    Column("email", String(320), primary_key=True),
    Column("message", BigId, ForeignKey("messages.id"), primary_key=True, autoincrement=False),
    Column("left_at", UtcDateTime, nullable=False),
    Column("fate", String(20), nullable=False),
)

outbox = outbox_table(metadata)
