"""New invoices that wait to be decided on."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Select, delete, select

from services.scheduler.ports_emails import RecordedInvoice
from services.scheduler.repository.bulk import insert_rows, is_one_of
from services.scheduler.tables import recorded_invoices

_r = recorded_invoices.c
_COLUMNS = ("invoice_id", "organization_id", "sync_id", "came_at")
_WAITING = select(_r.invoice_id, _r.organization_id, _r.sync_id, _r.came_at, _r.recorded_id).order_by(
    _r.recorded_id
)


class SqlRecordedInvoices:
    """Implements `ports.RecordedInvoices`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, recorded: Sequence[RecordedInvoice]) -> None:
        """Adds them behind those that wait."""
        insert_rows(self._connection, recorded_invoices, _COLUMNS, [tuple(one[:4]) for one in recorded])

    def waiting(self, limit: int) -> list[RecordedInvoice]:
        """Up to `limit` of them, in the order in which they came."""
        return self._found(_WAITING.limit(limit))

    def take(self, recorded_ids: Collection[int]) -> list[RecordedInvoice]:
        """Removes these; whoever takes some of the same waits, and finds them gone."""
        those = is_one_of(self._connection, _r.recorded_id, recorded_ids)
        taken = self._found(_WAITING.where(those).with_for_update())
        self._connection.execute(delete(recorded_invoices).where(those))
        return taken

    def _found(self, query: Select[Any]) -> list[RecordedInvoice]:
        return [RecordedInvoice(*row) for row in self._connection.execute(query)]
