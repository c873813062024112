"""What tests are written from: a row beside the message of each."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from services.mailer.domain.drafts import Draft
from services.mailer.domain.templates import Areas, Key, TemplateType
from services.mailer.repository.templates import AREAS, key_columns
from services.mailer.tables import messages, test_drafts


class SqlDrafts:
    """See `ports.Drafts`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, notice_id: str, draft: Draft, sent_by: str) -> None:
        """Beside a message that this transaction has accepted."""
        m = messages.c
        marked = update(messages).where(m.notice_id == notice_id).values(test_by=sent_by)
        key = self._connection.execute(marked.returning(m.id)).scalar_one()
        areas = {area: getattr(draft.areas, area) for area in AREAS}
        recipients = "\n".join(draft.recipients)
        row = {"message": key, **key_columns(draft.key), **areas, "recipients": recipients}
        self._connection.execute(insert(test_drafts), row)

    def find(self, notice_id: str) -> Draft | None:
        """By the notice id that names its message."""
        rows = select(test_drafts).join(messages, messages.c.id == test_drafts.c.message)
        row = self._connection.execute(rows.where(messages.c.notice_id == notice_id)).first()
        return _draft(row) if row else None

    def of(self, keys: Sequence[int]) -> dict[int, Draft]:
        """By the keys of their messages."""
        rows = self._connection.execute(select(test_drafts).where(test_drafts.c.message.in_(keys)))
        return {row.message: _draft(row) for row in rows}


def _draft(row: Row[Any]) -> Draft:
    return Draft(
        key=Key(TemplateType(row.type), row.language, row.threshold_days),
        areas=Areas(*(getattr(row, area) for area in AREAS)),
        recipients=tuple(row.recipients.split("\n")),
    )
