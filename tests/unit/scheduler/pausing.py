"""Pausing reminders, as tests do it."""

from datetime import timedelta

from services.scheduler.domain.pauses import PauseReason
from services.scheduler.use_cases.pauses import PauseOrder, PauseShown, add_pause, end_pause
from tests.unit.scheduler.world import DUE, World


def pause(world: World, days: int, organization_id: str = "acme", **but: object) -> PauseShown:
    """Pauses the organization, or an invoice, until so many days after the due date of the first invoice."""
    order = PauseOrder(
        f"p-{len(world.ledger.calls)}",
        organization_id if not but.get("invoice_id") else "",
        0,
        PauseReason.DISPUTE,
        "",
        DUE + timedelta(days=days),
        "sam@x.test",
    )
    return add_pause(order._replace(**but), ticking=world.ticking)  # type: ignore[arg-type]


def end(world: World, shown: PauseShown) -> None:
    end_pause(shown.pause.pause_id, "sam@x.test", store=world.store, clock=world.clock)
