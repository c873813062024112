"""How much work is still before the service."""

from sqlalchemy import Connection, func, select

from services.paynow.repository.payments import oldest_open_charge, open_charges
from services.paynow.tables import outbox, sync_runs
from services.paynow.tables_payments import payments
from services.shared.clock import Clock
from services.shared.database import Database
from services.shared.operations_grpc import Backlog
from services.shared.outbox import newest_fact, oldest_waiting, waiting_facts
from services.shared.queue_metrics import age


def backlog(database: Database, clock: Clock) -> Backlog:
    """The backlog at this moment; the service takes in no facts, so it has no inbox."""
    # Each of these only grows, so their sum has changed if any of them has.
    done = select(
        select(func.count(payments.c.payment_id)).scalar_subquery(),
        select(func.count(payments.c.ended_at)).scalar_subquery(),
        select(func.count(payments.c.acknowledged_at)).scalar_subquery(),
        select(func.count(sync_runs.c.sync_id)).scalar_subquery(),
        select(func.count(sync_runs.c.completed_at)).scalar_subquery(),
    )
    with database.read() as connection:
        return Backlog(
            outbox=waiting_facts(connection, outbox),
            inbox=0,
            queue=open_charges(connection, clock),
            activity=newest_fact(connection, outbox) + sum(connection.execute(done).one()),
        )


def queue_gauges(connection: Connection, clock: Clock) -> dict[str, float]:
    """The service's queues at this moment; see docs/metrics.md."""
    return {
        "dunlin_outbox_facts": waiting_facts(connection, outbox),
        "dunlin_outbox_oldest_seconds": age(oldest_waiting(connection, outbox), clock),
        "dunlin_charges_open": open_charges(connection, clock),
        "dunlin_charges_oldest_seconds": age(oldest_open_charge(connection, clock), clock),
    }
