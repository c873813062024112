"""What an organization may have missed that has come to a time zone from another one since its newest run."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from services.shared.database import UtcDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the columns, as if every zone's newest run had just taken place."""
    op.add_column("zone_runs", sa.Column("summed_at", UtcDateTime))
    op.add_column("zone_runs", sa.Column("all_summed_on", sa.Date))
    runs = sa.table(
        "zone_runs",
        sa.column("summed_on", sa.Date),
        sa.column("summed_at", UtcDateTime),
        sa.column("all_summed_on", sa.Date),
    )
    behind = op.get_bind().execute(sa.select(sa.func.min(runs.c.summed_on))).scalar()
    told = sa.update(runs).where(runs.c.summed_on.is_not(None))
    op.execute(told.values(summed_at=datetime.now(UTC), all_summed_on=behind))
