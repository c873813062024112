"""Whether a contact was invited is found by the contact, however many others its organization has."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

IS_INVITATION = sa.text("type = 'welcome'")
CONTACT_ID = {
    "sqlite": "json_extract(about, '$.contact_id')",
    "postgresql": "CAST(CAST(about AS json) ->> 'contact_id' AS bigint)",
}
"""From what a notice is about."""


def upgrade() -> None:
    """Adds the column, fills it in for invitations, and finds them by it."""
    op.add_column("notices", sa.Column("contact_id", sa.BigInteger))
    n = sa.table(
        "notices",
        sa.column("type", sa.Text),
        sa.column("about", sa.Text),
        sa.column("contact_id", sa.BigInteger),
    )
    told = sa.literal_column(CONTACT_ID[op.get_bind().dialect.name], sa.BigInteger)
    op.execute(sa.update(n).values(contact_id=told).where(n.c.type == "welcome", n.c.about.is_not(None)))
    op.drop_index("notices_invitations", "notices")
    op.create_index(
        "notices_invitations",
        "notices",
        ["contact_id"],
        sqlite_where=IS_INVITATION,
        postgresql_where=IS_INVITATION,
    )
