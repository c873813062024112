"""Rows <-> values of payments, and of invoices as far as payments change them."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    func,
    null,
    or_,
    select,
    text,
    union_all,
    update,
)

from services.paynow.domain.guard import Payable
from services.paynow.domain.payment import Payment, PaymentState
from services.paynow.ports_payments import PaymentFilter, Shown
from services.paynow.tables import addresses, contacts, invoices, organizations, outbox
from services.paynow.tables_payments import WAITS_FOR_BOOKS, payments
from services.shared.clock import Clock, SystemClock
from services.shared.database import Database
from services.shared.lookup import Lookup
from services.shared.outbox import append_fact
from services.shared.upserts import insert_ignoring

CHARGE_SECONDS = 2
"""A charge that is younger is under way as it should be, and no backlog."""

_PAYABLE = (
    invoices.c.invoice_id,
    invoices.c.organization_id,
    invoices.c.number,
    invoices.c.currency,
    invoices.c.due_on,
    invoices.c.status,
    invoices.c.books_balance_minor,
    invoices.c.balance_minor,
    invoices.c.paid_here_minor,
    invoices.c.reserved_minor,
)
# An organization comes as an invoice without an id, so that both questions are one statement.
CANDIDATES = union_all(
    select(*_PAYABLE).where(invoices.c.number == bindparam("number")),
    select(
        *[
            contacts.c.organization_id if column.name == "organization_id" else null().label(column.name)
            for column in _PAYABLE
        ]
    )
    .join(addresses, addresses.c.contact_id == contacts.c.contact_id)
    .where(addresses.c.email_key == bindparam("email_key")),
)
_BALANCES = ("books_balance_minor", "balance_minor", "paid_here_minor", "reserved_minor")
_PROGRESS = (
    "state", "failure_reason", "ended_at", "acknowledged_at", "next_check_at", "checks", "absent_since",
    "books_minor",
)  # fmt: skip
_SAVE_INVOICE = (
    update(invoices)
    .where(invoices.c.invoice_id == bindparam("key"))
    .values({name: bindparam(f"new_{name}") for name in _BALANCES})
)
_SAVE_PAYMENT = (
    update(payments)
    .where(payments.c.payment_id == bindparam("key"))
    .values({name: bindparam(f"new_{name}") for name in _PROGRESS})
)


class SqlPaymentReads:
    """A view of the store on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def shown(self, invoice_id: int) -> Shown | None:
        """The invoice as a pay link shows it."""
        query = (
            select(*_PAYABLE, organizations.c.name.label("organization_name"), organizations.c.language)
            .join(organizations, organizations.c.organization_id == invoices.c.organization_id)
            .where(invoices.c.invoice_id == invoice_id)
        )
        row = self._connection.execute(query).one_or_none()
        return Shown(_payable(row), row.organization_name, row.language) if row else None

    def payment(self, payment_id: str) -> Payment | None:
        """The payment, with its organization's name."""
        row = self._connection.execute(_payments().where(payments.c.payment_id == payment_id)).one_or_none()
        return _payment(row) if row else None

    def found(self, payment_ids: Collection[str]) -> list[Payment]:
        """Those that exist, without a lock."""
        query = _payments().where(payments.c.payment_id.in_(sorted(payment_ids)))
        return [_payment(row) for row in self._connection.execute(query.order_by(payments.c.payment_id))]

    def payment_for(self, *, quote_id: str, idempotency_key: str) -> Payment | None:
        """The payment that has used up the quote, else the one made under the key."""
        same = or_(payments.c.quote_id == quote_id, payments.c.idempotency_key == idempotency_key)
        found = [_payment(row) for row in self._connection.execute(_payments().where(same))]
        return min(found, key=lambda payment: payment.quote_id != quote_id, default=None)

    def page(self, chosen: PaymentFilter, after: tuple[datetime, str] | None, size: int) -> list[Payment]:
        """The newest first by time and id, those after `after` in that order."""
        query = _payments().where(*_conditions(chosen))
        if after is not None:
            at, payment_id = after
            same_time = and_(payments.c.created_at == at, payments.c.payment_id < payment_id)
            query = query.where(or_(payments.c.created_at < at, same_time))
        query = query.order_by(payments.c.created_at.desc(), payments.c.payment_id.desc()).limit(size)
        return [_payment(row) for row in self._connection.execute(query)]

    def count(self, chosen: PaymentFilter, *, most: int | None = None) -> int:
        """How many match; where there are more than `most`, that."""
        found = select(payments.c.payment_id).where(*_conditions(chosen)).limit(most).subquery()
        return int(self._connection.execute(select(func.count()).select_from(found)).scalar_one())


class SqlPaymentWork(SqlPaymentReads):
    """One transaction.

    Locks are always taken in the same order, invoices before payments and each by id, so that two
    transactions cannot wait for each other. `claim` waits for nobody.
    """

    def lock_invoices(self, invoice_ids: Collection[int]) -> dict[int, Payable]:
        """The invoices, locked until the end of the transaction."""
        query = select(*_PAYABLE).where(invoices.c.invoice_id.in_(sorted(invoice_ids)))
        query = query.order_by(invoices.c.invoice_id).with_for_update(key_share=True)
        rows = self._connection.execute(query)
        return {row.invoice_id: _payable(row) for row in rows}

    def save_invoices(self, changed: Collection[Payable]) -> None:
        """Writes the balances of invoices that this transaction has locked."""
        self._save(_SAVE_INVOICE, [_values(invoice, invoice.invoice_id, _BALANCES) for invoice in changed])

    def add_payment(self, payment: Payment) -> bool:
        """Adds a payment; False, and nothing is changed, if its idempotency key is taken."""
        row = {name: value for name, value in vars(payment).items() if name != "organization_name"}
        return insert_ignoring(self._connection, payments, [row], conflict=["idempotency_key"]) == 1

    def payments(self, payment_ids: Collection[str]) -> list[Payment]:
        """Those that exist, locked."""
        return self._locked(payments.c.payment_id.in_(sorted(payment_ids)))

    def waiting(self, invoice_ids: Collection[int]) -> list[Payment]:
        """Those of the invoices that have succeeded and are not acknowledged, locked."""
        return self._locked(_waits_for_books(), payments.c.invoice_id.in_(sorted(invoice_ids)))

    def save_payments(self, changed: Collection[Payment]) -> None:
        """Writes state and times of payments whose invoices this transaction has locked."""
        self._save(_SAVE_PAYMENT, [_values(payment, payment.payment_id, _PROGRESS) for payment in changed])

    def claim(self, now: datetime, until: datetime, limit: int) -> list[Payment]:
        """Up to `limit` open payments whose check is due, locked; another worker skips them."""
        query = _payments().where(payments.c.next_check_at <= now).order_by(payments.c.next_check_at)
        query = query.limit(limit).with_for_update(of=payments, skip_locked=True, key_share=True)
        claimed = [_payment(row) for row in self._connection.execute(query)]
        ids = [payment.payment_id for payment in claimed]
        if ids:
            lease = update(payments).where(payments.c.payment_id.in_(ids))
            self._connection.execute(lease.values(next_check_at=until))
        return claimed

    def announce(self, name: str, body: dict[str, Any], at: datetime) -> None:
        """Tells the other services a fact."""
        append_fact(self._connection, outbox, name, body, at=at)

    def _locked(self, *conditions: ColumnElement[bool]) -> list[Payment]:
        query = _payments().where(*conditions).order_by(payments.c.payment_id)
        query = query.with_for_update(of=payments, key_share=True)
        return [_payment(row) for row in self._connection.execute(query)]

    def _save(self, statement: Any, rows: list[dict[str, Any]]) -> None:
        if rows:
            self._connection.execute(statement, rows)


class SqlPaymentStore:
    """The store in the service's own database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._candidates = Lookup(database, CANDIDATES)

    def candidates(self, number: str, email_key: str) -> tuple[list[Payable], set[str]]:
        """All invoices with exactly this number, and the organizations in which a contact has this address.

        One statement that always does both: neither the answer nor the work tells which of them was right.
        """
        rows = self._candidates.rows(number=number, email_key=email_key)
        found = [Payable(*row) for row in rows if row[0] is not None]
        return found, {row[1] for row in rows if row[0] is None}

    @contextmanager
    def read(self) -> Iterator[SqlPaymentReads]:
        """A view to read from."""
        with self._database.read() as connection:
            yield SqlPaymentReads(connection)

    @contextmanager
    def write(self) -> Iterator[SqlPaymentWork]:
        """A transaction; an exception undoes it."""
        with self._database.write() as connection:
            yield SqlPaymentWork(connection)


def open_charges(connection: Connection, clock: Clock | None = None) -> int:
    """How many charges wait for their outcome, for the backlog.

    Counts those that are unknown, and those whose charging takes longer than usual. A bank payment that
    is merely pending does not count.
    """
    return int(connection.execute(select(func.count()).where(_is_open(clock))).scalar_one())


def oldest_open_charge(connection: Connection, clock: Clock) -> datetime | None:
    """When the oldest of them was begun; None if there is none."""
    query = select(func.min(payments.c.created_at)).where(_is_open(clock))
    at: datetime | None = connection.execute(query).scalar_one()
    return at


def _is_open(clock: Clock | None) -> ColumnElement[bool]:
    slow = (clock or SystemClock()).now() - timedelta(seconds=CHARGE_SECONDS)
    charging = and_(payments.c.state == PaymentState.CHARGING, payments.c.created_at < slow)
    waiting = or_(charging, payments.c.state == PaymentState.UNKNOWN)
    return and_(payments.c.next_check_at.is_not(None), waiting)


def _payments() -> Select[Any]:
    name = organizations.c.name.label("organization_name")
    query = select(payments, name)
    return query.join(organizations, organizations.c.organization_id == payments.c.organization_id)


def _payable(row: Any) -> Payable:
    return Payable(**{column.name: getattr(row, column.name) for column in _PAYABLE})


def _payment(row: Row[Any]) -> Payment:
    return Payment(**{**row._mapping, "state": PaymentState(row.state)})


def _values(value: Payable | Payment, key: int | str, names: Collection[str]) -> dict[str, Any]:
    return {"key": key, **{f"new_{name}": getattr(value, name) for name in names}}


def _waits_for_books() -> ColumnElement[bool]:
    return text(WAITS_FOR_BOOKS)  # type: ignore[return-value]


def _conditions(chosen: PaymentFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if chosen.state is not None:
        conditions.append(payments.c.state == chosen.state)
    if chosen.unacknowledged:
        conditions.append(_waits_for_books())
    if chosen.organization_id:
        conditions.append(payments.c.organization_id == chosen.organization_id)
    return conditions
