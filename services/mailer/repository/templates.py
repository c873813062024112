"""Templates: rows that are only ever added."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, select

from services.mailer.domain.message import State
from services.mailer.domain.templates import Areas, Key, Template, TemplateType
from services.mailer.tables import messages, template_versions
from services.shared.upserts import insert_ignoring

AREAS = ("subject", "title", "header", "footer")
_KEY = ("type", "language", "threshold_days")

t = template_versions.c


class SqlTemplates:
    """See `ports.Templates`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def newest(self) -> dict[Key, Template]:
        """The newest version of each."""
        keys = (t.type, t.language, t.threshold_days)
        newest = select(*keys, func.max(t.version).label("version")).group_by(*keys).subquery()
        same = [getattr(newest.c, name) == t[name] for name in (*_KEY, "version")]
        rows = self._connection.execute(select(template_versions).join(newest, and_(*same)))
        return {template.key: template for template in map(_template, rows)}

    def get(self, key: Key, version: int) -> Template | None:
        """One version."""
        row = self._connection.execute(_of(key).where(t.version == version)).first()
        return _template(row) if row else None

    def versions(self, key: Key) -> list[Template]:
        """All versions, the newest first."""
        return [_template(row) for row in self._connection.execute(_of(key).order_by(t.version.desc()))]

    def add(self, template: Template) -> bool:
        """Adds a version; the primary key decides who was first."""
        row = {
            **key_columns(template.key),
            "version": template.version,
            **{area: getattr(template.areas, area) for area in AREAS},
            "saved_at": template.saved_at,
            "saved_by": template.saved_by,
        }
        unique = [*_KEY, "version"]
        return insert_ignoring(self._connection, template_versions, [row], conflict=unique) == 1

    def last_sent(self) -> dict[TemplateType, datetime]:
        """When a mail of each type was last sent; tests do not count."""
        m = messages.c
        result = {}
        for type in TemplateType:
            # One look at the end of the index for each type, instead of a walk through all messages.
            query = select(m.sent_at).where(m.type == type.value, m.sent_at.is_not(None), m.test_by == "")
            newest = query.where(m.state == State.SENT.value).order_by(m.sent_at.desc()).limit(1)
            if at := self._connection.execute(newest).scalar():
                result[type] = at
        return result


def key_columns(key: Key) -> dict[str, Any]:
    """The columns that name a template."""
    return {"type": key.type.value, "language": key.language, "threshold_days": key.threshold_days}


def _of(key: Key) -> Select[Any]:
    return select(template_versions).where(
        *(template_versions.c[name] == value for name, value in key_columns(key).items())
    )


def _template(row: Row[Any]) -> Template:
    return Template(
        key=Key(TemplateType(row.type), row.language, row.threshold_days),
        version=row.version,
        areas=Areas(*(getattr(row, area) for area in AREAS)),
        saved_at=row.saved_at,
        saved_by=row.saved_by,
    )
