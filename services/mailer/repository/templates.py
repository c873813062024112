"""Templates: rows that are only ever added."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from services.mailer.domain.message import State
from services.mailer.domain.templates import Areas, Template, TemplateType
from services.mailer.tables import messages, template_versions
from services.shared.upserts import insert_ignoring

AREAS = ("subject", "title", "header", "footer")


class SqlTemplates:
    """See `ports.Templates`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def newest(self) -> dict[TemplateType, Template]:
        """The newest version of each."""
        t = template_versions
        newest = select(t.c.type, func.max(t.c.version).label("version")).group_by(t.c.type).subquery()
        query = select(t).join(newest, (t.c.type == newest.c.type) & (t.c.version == newest.c.version))
        return {template.type: template for template in map(_template, self._connection.execute(query))}

    def get(self, type: TemplateType, version: int) -> Template | None:
        """One version."""
        t = template_versions
        query = select(t).where(t.c.type == type.value, t.c.version == version)
        row = self._connection.execute(query).first()
        return _template(row) if row else None

    def versions(self, type: TemplateType) -> list[Template]:
        """All versions, the newest first."""
        t = template_versions
        query = select(t).where(t.c.type == type.value).order_by(t.c.version.desc())
        return [_template(row) for row in self._connection.execute(query)]

    def add(self, template: Template) -> bool:
        """Adds a version; the primary key decides who was first."""
        row = {
            "type": template.type.value,
            "version": template.version,
            **{area: getattr(template.areas, area) for area in AREAS},
            "saved_at": template.saved_at,
            "saved_by": template.saved_by,
        }
        return insert_ignoring(self._connection, template_versions, [row], conflict=["type", "version"]) == 1

    def last_sent(self) -> dict[TemplateType, datetime]:
        """When a mail of each type was last sent."""
        m = messages.c
        result = {}
        for type in TemplateType:
            # One look at the end of the index for each type, instead of a walk through all messages.
            query = select(m.sent_at).where(m.type == type.value, m.sent_at.is_not(None))
            newest = query.where(m.state == State.SENT.value).order_by(m.sent_at.desc()).limit(1)
            if at := self._connection.execute(newest).scalar():
                result[type] = at
        return result


def _template(row: Row[Any]) -> Template:
    return Template(
        type=TemplateType(row.type),
        version=row.version,
        areas=Areas(*(getattr(row, area) for area in AREAS)),
        saved_at=row.saved_at,
        saved_by=row.saved_by,
    )
