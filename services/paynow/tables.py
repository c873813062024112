"""The tables of the books; tables_payments and tables_accounts share `metadata`."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from services.shared.database import BigId, UtcDateTime
from services.shared.outbox import outbox_table

metadata = MetaData()

# Spelled out rather than bound: a partial index serves only a query that repeats its words.
HAS_TIME_ZONE = "time_zone <> ''"
HAS_MOVED = "zone_changed_at IS NOT NULL"
HAS_PROFILE = "profile_id <> ''"
IS_DUE = "status = 'open' AND balance_minor > 0 AND due_on IS NOT NULL"

# One row. A sync batch locks it, so that two syncs at once do not insert the same organization twice.
books_lock = Table(
    "books_lock",
    metadata,
    Column("lock_id", Integer, primary_key=True, autoincrement=False),
    # Up to this one the other services were told of new invoices.
    Column("told_invoice_id", BigInteger, nullable=False, server_default="0"),
)

organizations = Table(
    "organizations",
    metadata,
    Column("organization_id", Text, primary_key=True),
    Column("id_key", Text, nullable=False),  # case-folded, for searching
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),  # case-folded, for searching and ordering
    Column("type", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("language", Text, nullable=False, server_default=""),
    # When it came to the books, if that was noted, and when it got another time zone than it was known with.
    Column("came_at", UtcDateTime),
    Column("zone_changed_at", UtcDateTime),
    # PostgreSQL has "organizations_by_words" for searches as well, where it knows trigrams: migration 0005.
    Index("organizations_by_name", "name_key", "organization_id"),
    Index(
        "organizations_with_time_zone", "time_zone", "organization_id",
        sqlite_where=text(HAS_TIME_ZONE), postgresql_where=text(HAS_TIME_ZONE),
    ),
    Index(
        "organizations_that_moved", "zone_changed_at",
        sqlite_where=text(HAS_MOVED), postgresql_where=text(HAS_MOVED),
    ),
)  # fmt: skip

contacts = Table(
    "contacts",
    metadata,
    Column("contact_id", BigId, primary_key=True),
    Column("organization_id", Text, ForeignKey("organizations.organization_id"), nullable=False),
    Column("position", Integer, nullable=False),  # in the order in which the source first named them
    Column("name", Text, nullable=False),
    Column("is_primary", Boolean, nullable=False),
    Column("starred_by_hand", Boolean, nullable=False),
    Column("starred_by_crm", Boolean, nullable=False),
    # What domain.contacts.defaults says of the three columns above; kept here so that a scan of due
    # invoices need not work it out for each row.
    Column("is_default", Boolean, nullable=False),
    Column("profile_id", Text, nullable=False, server_default=""),  # of tables_accounts.profiles
    Column("signed_in_at", UtcDateTime),  # to the portal, the last time
    UniqueConstraint("organization_id", "position"),
    Index(
        "contacts_with_profile", "profile_id", "contact_id",
        sqlite_where=text(HAS_PROFILE), postgresql_where=text(HAS_PROFILE),
    ),
)  # fmt: skip

addresses = Table(
    "addresses",
    metadata,
    Column("contact_id", BigInteger, ForeignKey("contacts.contact_id"), primary_key=True),
    Column("email_key", Text, primary_key=True),  # shared.addresses.address_key of the address
    Column("position", Integer, nullable=False),  # ascending, with gaps
    Column("email", Text, nullable=False),  # as written
    Index("addresses_by_key", "email_key"),
)

invoices = Table(
    "invoices",
    metadata,
    Column("invoice_id", BigId, primary_key=True),
    Column("organization_id", Text, ForeignKey("organizations.organization_id"), nullable=False),
    Column("number", Text, nullable=False),
    Column("issued_on", Date),
    Column("due_on", Date),
    Column("currency", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("listed_balance_minor", BigInteger, nullable=False),  # what the last line about it said
    Column("books_balance_minor", BigInteger, nullable=False),  # the same, less what it does not contain yet
    Column("balance_minor", BigInteger, nullable=False),  # max(0, books balance - paid here)
    Column("paid_here_minor", BigInteger, nullable=False),  # succeeded here, not acknowledged yet
    Column("reserved_minor", BigInteger, nullable=False),  # being charged at this moment
    Column("status", Text, nullable=False),  # open, paid, cancelled, third_party
    Column("updated_at", UtcDateTime, nullable=False),
    # Of the last line about it (domain.repeats); empty if that was before there were imprints.
    Column("imprint", Text, nullable=False, server_default=""),
    UniqueConstraint("organization_id", "number"),
    Index("invoices_by_number", "number"),
    Index("invoices_by_due_date", "due_on"),
    Index("invoices_due", "invoice_id", "due_on", sqlite_where=text(IS_DUE), postgresql_where=text(IS_DUE)),
)

sync_runs = Table(
    "sync_runs",
    metadata,
    Column("sync_id", BigId, primary_key=True),
    Column("started_at", UtcDateTime, nullable=False),
    Column("completed_at", UtcDateTime),  # empty while it runs, and for ever if it was cut short
    Column("added", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("unchanged", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("batches", BigInteger, nullable=False, server_default="0"),  # of it that are in the books
)

outbox = outbox_table(metadata)
