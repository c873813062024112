"""Tables of the portal: accounts of contacts, whom they stand for, and links that were used up."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Table

from gateway.identity.tables import metadata
from services.shared.database import BigId, UtcDateTime

portal_accounts = Table(
    "portal_accounts",
    metadata,
    Column("account_id", BigId, primary_key=True),
    Column("email", String(320), nullable=False, unique=True),
    Column("password_hash", String(200), nullable=False),
    # Links of before then open nothing any more. Empty where that was before it was noted.
    Column("password_set_at", UtcDateTime),
    # As with staff: sessions carry the epoch that they began in.
    Column("session_epoch", Integer, nullable=False, server_default="0"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_sign_in_at", UtcDateTime),
)

# One person may be a contact of several organizations, at one address and with one password.
portal_contacts = Table(
    "portal_contacts",
    metadata,
    Column("account_id", BigId, ForeignKey("portal_accounts.account_id"), primary_key=True),
    Column("contact_id", BigInteger, primary_key=True),
    Column("organization_id", String(100), nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
)

# A link opens once: the notice that it was mailed for is noted in the transaction that sets the password.
used_links = Table(
    "used_links",
    metadata,
    Column("notice_id", String(64), primary_key=True),
    Column("used_at", UtcDateTime, nullable=False),
)
