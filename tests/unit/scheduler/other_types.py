"""A world with types of mail beside due notices, and what tests ask of it again and again."""

from dataclasses import replace
from datetime import UTC, date, datetime, time

from services.scheduler.domain.books import Method, Plan
from services.scheduler.domain.email_types import EmailType
from services.scheduler.domain.monthly import ClosedDays, Monthly
from services.scheduler.domain.notice import Notice, NoticeFilter, NoticeType, State
from tests.fakes.scheduler_peers import an_invoice
from tests.unit.scheduler.world import World

SUMMARY, UPCOMING, EXPIRATION = (
    NoticeType.ACCOUNT_SUMMARY,
    NoticeType.UPCOMING_PAYMENTS,
    NoticeType.METHOD_EXPIRATION,
)
ON_THE_15TH = Monthly(15, ClosedDays.SEND)


def with_types(*types: EmailType) -> World:
    """Organizations "acme" and "bolt" with an open invoice each, at noon of 14 March 2026."""
    world = World()
    world.ledger.put(an_invoice(2, organization_id="bolt"))
    at(world, "2026-03-14")
    for settings in types:
        with world.store.write() as work:
            work.email_types.put(settings)
    world.tick()
    return world


def at(world: World, on: str) -> None:
    world.clock.set(datetime.combine(date.fromisoformat(on), time(12), UTC))


def told(world: World, type: NoticeType) -> list[Notice]:
    """The notices of a type, oldest first."""
    with world.store.read() as work:
        return work.notices.page(NoticeFilter(type=type), None, 100)[::-1]


def states(world: World, type: NoticeType) -> dict[str, tuple[State, str]]:
    return {notice.occurrence: (notice.state, notice.reason) for notice in told(world, type)}


def summaries(**but: object) -> EmailType:
    usual = EmailType(SUMMARY, enabled=True, schedule=ON_THE_15TH)
    return replace(usual, **but)  # type: ignore[arg-type]


def plan(pays_on: str, invoice_id: int = 1) -> Plan:
    return Plan("s1", invoice_id, date.fromisoformat(pays_on), 10_000, "Visa ending 4242", False)


def upcoming(**but: object) -> EmailType:
    return replace(EmailType(UPCOMING, enabled=True), **but)  # type: ignore[arg-type]


def card(month: str, method_id: str = "m1") -> Method:
    on = date.fromisoformat(f"{month}-01")
    return Method(method_id, "Visa ending 4242", "", on.month, on.year)
