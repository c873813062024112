"""The tables of accounts: client profiles, stars by hand, methods on file, planned payments."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
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
IS_CARD_ON_FILE = "expires_on IS NOT NULL AND status <> 'deleted'"
IS_SCHEDULED = "status = 'scheduled'"

profiles = Table(
    "profiles",
    metadata,
    Column("profile_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),  # case-folded
    Column("sees_invoices", Boolean, nullable=False),
    Column("may_pay", Boolean, nullable=False),
    UniqueConstraint("name_key", name="profiles_one_for_a_name"),
)

# Cards and bank accounts, as far as it is safe to know them: neither a number nor a token.
payment_methods = Table(
    "payment_methods",
    metadata,
    Column("organization_id", Text, ForeignKey("organizations.organization_id"), primary_key=True),
    Column("method_id", Text, primary_key=True),  # the source's
    Column("kind", Text, nullable=False),  # card, bank
    Column("brand", Text, nullable=False),
    Column("last_four", Text, nullable=False),
    Column("expires_on", Date),  # the first day of the last month that a card can be used in
    Column("nickname", Text, nullable=False),
    Column("status", Text, nullable=False),  # active, deleted, failed
    Column("failure_reason", Text, nullable=False),
    Column("failures", Integer, nullable=False),  # how often it has turned to failed
    Column("updated_at", UtcDateTime, nullable=False),
    Index(
        "payment_methods_expiring", "organization_id", "method_id", "expires_on",
        sqlite_where=text(IS_CARD_ON_FILE), postgresql_where=text(IS_CARD_ON_FILE),
    ),
)  # fmt: skip

# What staff asked for about stars; a request that is repeated gets its answer from here.
star_changes = Table(
    "star_changes",
    metadata,
    Column("request_id", String(64), primary_key=True),
    Column("asked", Text, nullable=False),  # domain.stars.asked
    Column("stars", Text, nullable=False),  # domain.stars.Stars as JSON
    Column("changed_at", UtcDateTime, nullable=False),
)

autopay = Table(
    "autopay",
    metadata,
    Column("organization_id", Text, ForeignKey("organizations.organization_id"), primary_key=True),
    Column("is_on", Boolean, nullable=False),
    Column("method_id", Text, nullable=False),  # of payment_methods; empty if the source does not say
    Column("days_after_due", Integer, nullable=False),  # negative for before
    Column("updated_at", UtcDateTime, nullable=False),
)

scheduled_payments = Table(
    "scheduled_payments",
    metadata,
    Column("organization_id", Text, ForeignKey("organizations.organization_id"), primary_key=True),
    Column("scheduled_id", Text, primary_key=True),  # the source's
    Column("invoice_id", BigInteger, ForeignKey("invoices.invoice_id"), nullable=False),
    Column("method_id", Text, nullable=False),  # of payment_methods; empty if the source does not say
    Column("pays_on", Date, nullable=False),
    Column("amount_minor", BigInteger),  # in the invoice's currency; empty means what remains then
    Column("status", Text, nullable=False),  # scheduled, cancelled, done
    Column("revision", Integer, nullable=False),  # counts up with each change, from 1
    Column("updated_at", UtcDateTime, nullable=False),
    Index(
        "scheduled_payments_by_date", "pays_on",
        sqlite_where=text(IS_SCHEDULED), postgresql_where=text(IS_SCHEDULED),
    ),
    Index(
        "scheduled_payments_of_invoice", "invoice_id",
        sqlite_where=text(IS_SCHEDULED), postgresql_where=text(IS_SCHEDULED),
    ),
)  # fmt: skip
