"""What is told of a sync: the invoices that the books did not have."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

MOST_CHARACTERS = 60_000
"""Of the organizations' ids in one fact. Facts travel by the hundred, and a message has its limits."""


class RecordedInvoice(NamedTuple):
    """An invoice that is new to the books."""

    invoice_id: int
    organization_id: str


def invoices_recorded(sync_id: int, recorded: Sequence[RecordedInvoice]) -> Iterator[dict[str, Any]]:
    """The facts to tell of these invoices of a sync: one, unless ids are very long; none for none."""
    told: list[dict[str, Any]] = []
    size = 0
    for one in recorded:
        size += len(one.organization_id)
        if told and size > MOST_CHARACTERS:
            yield {"sync_id": str(sync_id), "invoices": told}
            told, size = [], len(one.organization_id)
        told.append({"invoice_id": one.invoice_id, "organization_id": one.organization_id})
    if told:
        yield {"sync_id": str(sync_id), "invoices": told}
