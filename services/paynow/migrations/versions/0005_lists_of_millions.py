"""Lists and searches that stay quick in books with a million invoices."""

from alembic import op
from sqlalchemy import text

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds indexes: payments by state, and words of organizations where the database can index them."""
    op.create_index("payments_in_state", "payments", ["state", "created_at", "payment_id"])
    if op.get_bind().dialect.name != "postgresql":
        return
    # Comes with PostgreSQL, and the owner of a database may add it. A server without it searches by reading
    # all organizations, which takes longer and gives the same answer.
    query = text("SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_trgm'")
    if op.get_bind().execute(query).scalar_one():
        op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        op.execute(
            "CREATE INDEX organizations_by_words ON organizations"
            " USING gin (name_key gin_trgm_ops, id_key gin_trgm_ops)"
        )
