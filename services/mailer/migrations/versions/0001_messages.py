"""Messages with their history, templates with the shipped texts, the company, the outbox."""

from datetime import UTC, datetime

from alembic import op
from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Text,
    column,
    table,
    text,
)

from services.mailer.migrations.english import ENGLISH, FIRST_TYPES
from services.shared.database import BigId, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("message_events", "message_bodies")


def upgrade() -> None:
    _messages()
    _history()
    _texts()
    _company()
    _outbox()


def _messages() -> None:
    op.create_table(
        "messages",
        Column("id", BigId, primary_key=True, autoincrement=True),
        Column("notice_id", String(64), nullable=False, unique=True),
        Column("message_id", String(400), nullable=False),
        Column("organization_id", String(200), nullable=False),
        Column("invoice_number", String(200), nullable=False),
        Column("type", String(40)),
        Column("template_version", Integer, nullable=False),
        Column("recipients", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("state", String(20), nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        Column("asked_at", UtcDateTime, nullable=False),
        Column("sent_at", UtcDateTime),
        Column("due_at", UtcDateTime),
        Column("lease_owner", String(200)),
        Column("attempts", Integer, nullable=False),
        Column("drops", Integer, nullable=False),
        Column("tried_at", UtcDateTime),
        Column("waits_for_review", Boolean, nullable=False),
    )
    active = text("due_at IS NOT NULL")
    op.create_index(
        "messages_due", "messages", ["due_at", "id"], sqlite_where=active, postgresql_where=active
    )
    op.create_index("messages_of_organization", "messages", ["organization_id", "id"])
    op.create_index("messages_created", "messages", ["created_at", "state"])
    op.create_index("messages_sent_by_type", "messages", ["type", "sent_at"])


def _history() -> None:
    op.create_table(
        "message_events",
        Column("id", BigId, primary_key=True, autoincrement=True),
        Column("message", BigId, ForeignKey("messages.id"), nullable=False),
        Column("kind", String(20), nullable=False),
        Column("occurred_at", UtcDateTime, nullable=False),
        Column("detail", Text, nullable=False),
    )
    op.create_index("message_events_of_message", "message_events", ["message", "id"])
    op.create_table(
        "message_bodies",
        Column("id", BigId, primary_key=True, autoincrement=True),
        Column("message", BigId, ForeignKey("messages.id"), nullable=False),
        Column("mime", LargeBinary, nullable=False),
    )
    op.create_index("message_bodies_of_message", "message_bodies", ["message", "id"])
    if op.get_bind().dialect.name == "postgresql":
        _append_only_on_postgresql()
    else:
        _append_only_on_sqlite()


def _append_only_on_sqlite() -> None:
    for name in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {name}_no_{verb.lower()} BEFORE {verb} ON {name} "
                f"BEGIN SELECT RAISE(ABORT, '{name} is append-only'); END"
            )


def _append_only_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    for name in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {name}_append_only BEFORE UPDATE OR DELETE ON {name} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


def _texts() -> None:
    areas = ("subject", "title", "header", "footer")
    op.create_table(
        "template_versions",
        Column("type", String(40), primary_key=True),
        Column("version", Integer, primary_key=True, autoincrement=False),
        *(Column(name, Text, nullable=False) for name in areas),
        Column("saved_at", UtcDateTime, nullable=False),
        Column("saved_by", String(200), nullable=False),
    )
    versions = table(
        "template_versions",
        *(column(name) for name in ("type", "version", *areas, "saved_by")),
        column("saved_at", UtcDateTime),
    )
    now = datetime.now(UTC)
    op.bulk_insert(
        versions,
        [
            {
                "type": type,
                "version": 1,
                **dict(zip(areas, ENGLISH[type], strict=True)),
                "saved_at": now,
                "saved_by": "",
            }
            for type in FIRST_TYPES
        ],
    )


def _company() -> None:
    company = op.create_table(
        "company",
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("revision", Integer, nullable=False),
        Column("name", Text, nullable=False),
        Column("address", Text, nullable=False),
        Column("phone", Text, nullable=False),
        Column("reply_to", Text, nullable=False),
        Column("from_address", Text, nullable=False),
        Column("accent_color", String(7), nullable=False),
        Column("logo", LargeBinary, nullable=False),
    )
    op.bulk_insert(
        company,
        [
            {
                "id": 1,
                "revision": 1,
                "name": "Your company",
                "address": "",
                "phone": "",
                "reply_to": "",
                "from_address": "billing@localhost.localdomain",
                "accent_color": "#1f4e79",
                "logo": b"",
            }
        ],
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        Column("outbox_id", BigId, primary_key=True, autoincrement=True),
        Column("fact_id", String(36), nullable=False, unique=True),
        Column("name", String(60), nullable=False),
        Column("body", Text, nullable=False),
        Column("occurred_at", UtcDateTime, nullable=False),
        Column("request_id", String(64), nullable=False),
        Column("delivered_at", UtcDateTime),
    )
    waiting = text("delivered_at IS NULL")
    op.create_index("outbox_waiting", "outbox", ["outbox_id"], sqlite_where=waiting, postgresql_where=waiting)
