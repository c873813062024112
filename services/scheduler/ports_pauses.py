"""What the use cases need to keep about pauses."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Protocol

from services.scheduler.domain.pauses import Live, Pause, PauseView


class Pauses(Protocol):
    """The pauses, those that have ended included; each organization and each invoice has one newest pause."""

    def get(self, pause_id: str) -> Pause | None:
        """The pause. In a transaction that may write, nobody else changes any before it ends."""
        ...

    def newest_of(self, organization_id: str, invoice_id: int) -> Pause | None:
        """The newest pause of the organization (invoice 0) or the invoice; whether it holds or not."""
        ...

    def add(self, pause: Pause) -> None:
        """Adds it as the newest one of what it is of."""
        ...

    def put(self, pause: Pause) -> None:
        """Replaces it."""
        ...

    def live(self, organization_ids: Collection[str]) -> list[Live]:
        """The newest pauses of these organizations and their invoices, but for those that were ended."""
        ...

    def live_after(self, on: date) -> list[Live]:
        """As `live`, of all organizations, those that still hold on that date."""
        ...

    def version(self) -> int:
        """A number that is another one once a pause was added or changed."""
        ...

    def page(
        self,
        view: PauseView,
        organization_id: str,
        now: datetime,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> list[Pause]:
        """Up to `limit` of them, the newest first, behind that instant and id.

        Of every organization if that is empty.
        """
        ...

    def count(self, view: PauseView, organization_id: str, now: datetime, limit: int) -> int:
        """How many there are, at most `limit`."""
        ...

    def to_judge(self, again_from: date, resumes_by: date, after: str, limit: int) -> list[Pause]:
        """Up to `limit` newest promises to pay that end by that date and are not known to be kept, by id.

        Those that are known to be broken only if they ended on or after `again_from`.
        """
        ...
