"""Indexes that serve the queue and the history also among millions of messages."""

from alembic import op
from sqlalchemy import text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

LEASED = "lease_owner IS NOT NULL"
PUT_ASIDE = "state IN ('deferred', 'failed', 'withheld')"
SENT = "sent_at IS NOT NULL"


def upgrade() -> None:
    """Each new index holds few rows, so that it costs nothing on the way of a mail that just goes out."""
    _index("messages_leased", ["lease_owner"], LEASED)
    _index("messages_put_aside", ["state", "id"], PUT_ASIDE)
    op.drop_index("messages_sent_by_type", "messages")
    _index("messages_sent_by_type", ["type", "sent_at"], SENT)
    if op.get_bind().dialect.name == "postgresql":
        # Mails are stored compressed; trying to compress them once more takes time and gains nothing.
        op.execute("ALTER TABLE message_bodies ALTER COLUMN mime SET STORAGE EXTERNAL")


def _index(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "messages", columns, sqlite_where=text(where), postgresql_where=text(where))
