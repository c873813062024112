"""What names an occurrence has no separator within the organization's id any more."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

SEPARATOR, NO_SEPARATOR = "|", "\x1f"
PORTAL_ACCESS, BY_HAND = ("welcome", "password_reset"), "by hand:"


def upgrade() -> None:
    """Renames what is known of organizations whose ids have one, or a run would tell them all of it again.

    And what a contact was sent by hand, which was named after the contact and the address.
    """
    n = sa.table(
        "notices",
        sa.column("type", sa.Text),
        sa.column("organization_id", sa.Text),
        sa.column("occurrence", sa.Text),
    )
    organization_id, occurrence = n.c.organization_id, n.c.occurrence
    length = sa.func.length(organization_id)
    op.execute(
        sa.update(n)
        .values(
            occurrence=sa.func.replace(organization_id, SEPARATOR, NO_SEPARATOR).concat(
                sa.func.substr(occurrence, length + 1)
            )
        )
        .where(
            organization_id.contains(SEPARATOR),
            # Others are named after an invoice or a contact, which are numbers.
            sa.func.substr(occurrence, 1, length + 1) == organization_id + SEPARATOR,
            n.c.type.not_in(PORTAL_ACCESS),
        )
    )
    whole = sa.func.replace(occurrence, SEPARATOR, NO_SEPARATOR)
    op.execute(
        sa.update(n)
        .values(occurrence=sa.func.replace(whole, NO_SEPARATOR + BY_HAND, SEPARATOR + BY_HAND))
        .where(n.c.type.in_(PORTAL_ACCESS), occurrence.contains(SEPARATOR + BY_HAND))
    )
