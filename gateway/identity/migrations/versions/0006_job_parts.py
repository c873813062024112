"""What a job needs to be undone is kept as it goes, so that it is there also if the job is cut short."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table; what jobs of before can be undone with stays in their reports."""
    op.create_table(
        "job_parts",
        sa.Column("job_id", sa.String(32), sa.ForeignKey("jobs.job_id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("kept", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    """Forgets it: jobs of since can be undone no more."""
    op.drop_table("job_parts")
