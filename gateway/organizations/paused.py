"""What pages show of the pauses of an organization and its invoices."""

from dataclasses import dataclass, field
from datetime import date, timedelta

import grpc
from dunlin.scheduler.v1.pauses_pb2 import ListPausesRequest, Pause, PauseView

from gateway.clients import clients
from gateway.site import company_time

MOST = 200


@dataclass(frozen=True)
class Standing:
    """How an organization's page, or an invoice's, shows pauses."""

    own: Pause | None = None
    """The one of the very organization or invoice that holds."""
    above: Pause | None = None
    """On an invoice's page the one of its organization that holds."""
    broken: Pause | None = None
    """The promise that was broken, unless a newer pause has followed."""
    invoices: dict[int, Pause] = field(default_factory=dict)
    """Those of invoices that hold, by invoice id."""
    broken_invoices: frozenset[int] = frozenset()
    """The invoices about which a promise was broken."""


def standing_of(organization_id: str, invoice_id: int = 0) -> Standing:
    """The pauses that hold, and the promise that was broken; nothing while the scheduler is away."""
    try:
        holding = listed(organization_id, PauseView.PAUSE_VIEW_IN_FORCE)
        broken = listed(organization_id, PauseView.PAUSE_VIEW_BROKEN_PROMISES)
    except grpc.RpcError:
        return Standing()
    of = {pause.invoice_id: pause for pause in holding}
    return Standing(
        own=of.get(invoice_id),
        above=of.get(0) if invoice_id else None,
        broken=next((pause for pause in broken if pause.invoice_id == invoice_id), None),
        invoices={number: pause for number, pause in of.items() if number},
        broken_invoices=frozenset(pause.invoice_id for pause in broken) - {0},
    )


def broken_promises() -> int:
    """How many there are; 0 while it cannot be told, which the dashboard does without."""
    order = ListPausesRequest(view=PauseView.PAUSE_VIEW_BROKEN_PROMISES, page_size=1)
    try:
        return clients().pauses.ListPauses(order, timeout=company_time.PATIENCE_SECONDS).total
    except grpc.RpcError:
        return 0


def listed(organization_id: str, view: PauseView.ValueType) -> list[Pause]:
    """The newest of an organization, at most 200. Raises `grpc.RpcError`."""
    order = ListPausesRequest(organization_id=organization_id, view=view, page_size=MOST)
    return list(clients().pauses.ListPauses(order, timeout=company_time.PATIENCE_SECONDS).pauses)


def promised_on(pause: Pause) -> date:
    """The date by which it was promised to pay: the last day of the pause."""
    return date.fromisoformat(pause.resumes_on) - timedelta(days=1)
