"""How much work the scheduler still has before it."""

from sqlalchemy import Connection, func, select

from services.scheduler.domain.notice import Lane
from services.scheduler.tables import campaigns, decisions, inbox, notices, recorded_invoices
from services.scheduler.use_cases.dispatch import CLAIM_TIME
from services.shared.clock import Clock
from services.shared.database import Database
from services.shared.inbox import newest_fact, oldest_waiting, parked_facts, waiting_facts
from services.shared.operations_grpc import Backlog
from services.shared.queue_metrics import age

# All are; said, the index need not be read to its end, where that waits which goes another day.
_IS_IN_A_LANE = notices.c.lane.in_([lane.value for lane in Lane])


def count_backlog(database: Database, clock: Clock) -> Backlog:
    """The backlog at this moment: what is to be handed over or decided, facts to handle. The scheduler tells
    no facts.

    Activity grows with each decision and each fact taken in.
    """
    # What is claimed is not handed over yet, and may have been claimed by a process that is dead.
    to_hand_over = select(func.count()).where(
        _IS_IN_A_LANE, notices.c.hand_over_at <= clock.now() + CLAIM_TIME
    )
    newest_decision = select(func.coalesce(func.max(decisions.c.decision_id), 0))
    with database.read() as connection:
        # Facts first: one that is handled in between shows in the queue that it has filled.
        waiting, newest = waiting_facts(connection, inbox), newest_fact(connection, inbox)
        parked = parked_facts(connection, inbox)
        # New invoices and campaigns become notices, so they are asked about before these.
        queue = connection.execute(select(func.count()).select_from(recorded_invoices)).scalar_one()
        queue += connection.execute(select(func.count()).where(campaigns.c.state == "running")).scalar_one()
        queue += connection.execute(to_hand_over).scalar_one()
        activity = connection.execute(newest_decision).scalar_one() + newest
    return Backlog(outbox=0, inbox=waiting, queue=queue, activity=activity, parked=parked)


def queue_gauges(connection: Connection, clock: Clock) -> dict[str, float]:
    """The scheduler's queues at this moment; see docs/metrics.md."""
    at = notices.c.hand_over_at
    to_hand_over = select(func.count(), func.min(at)).where(_IS_IN_A_LANE, at <= clock.now())
    waiting, due = connection.execute(to_hand_over).one()
    new_invoices = connection.execute(select(func.count()).select_from(recorded_invoices)).scalar_one()
    return {
        "dunlin_inbox_facts": waiting_facts(connection, inbox),
        "dunlin_inbox_oldest_seconds": age(oldest_waiting(connection, inbox), clock),
        "dunlin_inbox_parked_facts": parked_facts(connection, inbox),
        "dunlin_new_invoices_waiting": new_invoices,
        "dunlin_notices_waiting": waiting,
        "dunlin_notices_overdue_seconds": age(due, clock),
    }
