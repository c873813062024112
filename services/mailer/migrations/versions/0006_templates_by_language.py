"""Texts by language and by due notice rule, texts of all types of mail, and tests of texts."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from services.mailer.migrations.english import ENGLISH, FIRST_TYPES
from services.mailer.migrations.german import GERMAN
from services.shared.database import BigId, UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

AREAS = ("subject", "title", "header", "footer")


def upgrade() -> None:
    """What staff have written so far is English, and that of its type."""
    _template_versions()
    _company()
    _messages()
    _test_drafts()


def _template_versions() -> None:
    # A new table, because SQLite cannot change a primary key.
    op.rename_table("template_versions", "template_versions_before")
    versions = op.create_table(
        "template_versions",
        sa.Column("type", sa.String(40), primary_key=True),
        sa.Column("language", sa.String(20), primary_key=True),
        sa.Column("threshold_days", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        *(sa.Column(area, sa.Text, nullable=False) for area in AREAS),
        sa.Column("saved_at", UtcDateTime, nullable=False),
        sa.Column("saved_by", sa.String(200), nullable=False),
    )
    kept = ("type", "version", *AREAS, "saved_at", "saved_by")
    before = sa.table("template_versions_before", *map(sa.column, kept))
    rows = sa.select(*before.c, sa.literal("en"), sa.literal(0))
    op.execute(sa.insert(versions).from_select([*kept, "language", "threshold_days"], rows))
    op.drop_table("template_versions_before")
    now = datetime.now(UTC)
    op.bulk_insert(
        versions,
        [
            {
                "type": type,
                "language": language,
                "threshold_days": 0,
                "version": 1,
                **dict(zip(AREAS, texts, strict=True)),
                "saved_at": now,
                "saved_by": "",
            }
            for language, shipped in (("en", ENGLISH), ("de", GERMAN))
            for type, texts in shipped.items()
            if language != "en" or type not in FIRST_TYPES
        ],
    )


def _company() -> None:
    op.add_column("company", sa.Column("language", sa.String(20), nullable=False, server_default="en"))
    op.add_column("company", sa.Column("pay_links", sa.Boolean, nullable=False, server_default=sa.true()))


def _messages() -> None:
    op.add_column("messages", sa.Column("language", sa.String(20), nullable=False, server_default=""))
    op.add_column("messages", sa.Column("threshold_days", sa.Integer, nullable=False, server_default="0"))
    op.add_column("messages", sa.Column("test_by", sa.String(200), nullable=False, server_default=""))
    # Counts are of what clients got, and still answered from the index alone.
    op.drop_index("messages_created", "messages")
    op.create_index("messages_created", "messages", ["created_at", "state", "test_by"])


def _test_drafts() -> None:
    op.create_table(
        "test_drafts",
        sa.Column("message", BigId, sa.ForeignKey("messages.id"), primary_key=True, autoincrement=False),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("language", sa.String(20), nullable=False),
        sa.Column("threshold_days", sa.Integer, nullable=False),
        *(sa.Column(area, sa.Text, nullable=False) for area in AREAS),
        sa.Column("recipients", sa.Text, nullable=False),
    )
