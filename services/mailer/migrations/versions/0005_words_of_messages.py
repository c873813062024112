"""A search of the history finds words among a million messages by an index."""

from alembic import op
from sqlalchemy import text

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the index on PostgreSQL."""
    if op.get_bind().dialect.name != "postgresql":
        return
    # Comes with PostgreSQL, and the owner of a database may add it. Without it a search goes page by page.
    query = text("SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_trgm'")
    if op.get_bind().execute(query).scalar_one():
        op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        op.execute(
            "CREATE INDEX messages_by_words ON messages"
            " USING gin ((recipients || E'\\n' || subject || E'\\n' || invoice_number) gin_trgm_ops)"
        )
