"""Four shipped texts in better words, where staff have not written their own."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from services.mailer.migrations.english import ENGLISH
from services.mailer.migrations.german import GERMAN
from services.mailer.migrations.reworded import AREAS, REWORDED, reworded
from services.shared.database import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SHIPPED = {"en": ENGLISH, "de": GERMAN}

versions = sa.table(
    "template_versions",
    *(sa.column(name) for name in ("type", "language", "threshold_days", "version", *AREAS)),
    sa.column("saved_at", UtcDateTime),
    sa.column("saved_by"),
)
v = versions.c


def upgrade() -> None:
    """The new words are another version, as the mails written so far name the one that they have.

    In a database in which there is no mail yet, nobody has seen the first: it is made anew in its place.
    """
    connection = op.get_bind()
    is_fresh = connection.execute(sa.text("SELECT 1 FROM messages LIMIT 1")).first() is None
    for language, type in REWORDED:
        old = dict(zip(AREAS, SHIPPED[language][type], strict=True))
        key = (v.language == language, v.type == type, v.threshold_days == 0)
        saved = connection.execute(sa.select(versions).where(*key)).all()
        if [{area: getattr(one, area) for area in AREAS} for one in saved] != [old]:
            continue
        new = reworded(language, type, old)
        if is_fresh:
            connection.execute(sa.update(versions).where(*key).values(**new))
            continue
        row = {"language": language, "type": type, "threshold_days": 0, "version": 2, "saved_by": ""}
        connection.execute(sa.insert(versions).values(**row, **new, saved_at=datetime.now(UTC)))
