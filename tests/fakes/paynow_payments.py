"""Payments without a database.

`MemoryBooks` and `SqlBooks` hold the same promises and can be filled in the same way, so that one test may
run on both.
"""

import copy
import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from threading import RLock
from typing import Any

from sqlalchemy import func, insert, select

from services.paynow import tables
from services.paynow.domain.balances import tells_balance
from services.paynow.domain.guard import Payable
from services.paynow.domain.lines import InvoiceClaim
from services.paynow.domain.payment import Payment, PaymentState
from services.paynow.domain.sync import ChangedInvoice, Plan
from services.paynow.ports_payments import (
    PaymentFilter,
    Shown,
)
from services.paynow.repository.books import SqlLedger
from services.paynow.repository.payments import SqlPaymentStore
from services.paynow.tables import addresses, contacts, invoices, organizations, outbox
from services.shared.database import Database

MIGRATIONS = Path(tables.__file__).parent / "migrations"
DUE = date(2026, 3, 1)
AT = datetime.fromisoformat("2026-01-01T00:00:00+00:00")


def payable(
    invoice_id: int = 1,
    organization_id: str = "A",
    number: str = "INV-1",
    *,
    books: int = 10_000,
    **others: Any,
) -> Payable:
    """An open invoice of 100.00 USD, unless told otherwise."""
    paid_here: int = others.pop("paid_here_minor", 0)
    values = {"currency": "USD", "due_on": DUE, "status": "open", "reserved_minor": 0, **others}
    return Payable(
        invoice_id=invoice_id,
        organization_id=organization_id,
        number=number,
        books_balance_minor=books,
        balance_minor=max(0, books - paid_here),
        paid_here_minor=paid_here,
        **values,
    )


@dataclass
class _State:
    names: dict[str, str] = field(default_factory=dict)
    languages: dict[str, str] = field(default_factory=dict)
    emails: list[tuple[str, str]] = field(default_factory=list)
    invoices: dict[int, Payable] = field(default_factory=dict)
    listed: dict[int, InvoiceClaim] = field(default_factory=dict)
    payments: dict[str, Payment] = field(default_factory=dict)
    facts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


def _line(invoice: Payable) -> InvoiceClaim:
    books = invoice.books_balance_minor
    facts = (None, invoice.due_on, invoice.currency, books, books, invoice.status)
    return InvoiceClaim(invoice.organization_id, invoice.number, *facts)


def _said(last: InvoiceClaim, balance_minor: int, amount_minor: int | None) -> InvoiceClaim:
    amount = last.amount_minor if amount_minor is None else amount_minor
    return last._replace(balance_minor=balance_minor, amount_minor=amount)


class MemoryBooks:
    """Books and payments in memory; a transaction is a copy that takes the place of the original."""

    def __init__(self) -> None:
        self._state = _State()
        self._lock = RLock()
        self.store = self
        self.looked_up = 0
        """How often somebody asked for candidates."""

    def add_organization(self, organization_id: str, *emails: str, language: str = "") -> None:
        """An organization with a contact that has the addresses (in lower case)."""
        self._state.languages[organization_id] = language
        self._state.names[organization_id] = f"{organization_id} Inc"
        self._state.emails += [(email, organization_id) for email in emails]

    def add_invoice(self, invoice: Payable) -> None:
        """An invoice of an organization that was added before."""
        self._state.invoices[invoice.invoice_id] = invoice
        self._state.listed[invoice.invoice_id] = _line(invoice)

    def sync(self, invoice_id: int, balance_minor: int, amount_minor: int | None = None) -> None:
        """A list of one line: that balance of the same amount as before, unless another one is given."""
        was, last = self._state.invoices[invoice_id], self._state.listed[invoice_id]
        line = _said(last, balance_minor, amount_minor)
        self._state.listed[invoice_id] = line
        if tells_balance(line, last):
            remains = max(0, balance_minor - was.paid_here_minor)
            after = replace(was, books_balance_minor=balance_minor, balance_minor=remains)
            self._state.invoices[invoice_id] = after

    def invoice(self, invoice_id: int = 1) -> Payable:
        """The invoice as it is now."""
        return self._state.invoices[invoice_id]

    def facts(self) -> list[tuple[str, dict[str, Any]]]:
        """The facts announced so far."""
        return list(self._state.facts)

    def candidates(self, number: str, email_key: str) -> tuple[list[Payable], set[str]]:
        """Invoices by number, organizations by address."""
        self.looked_up += 1
        found = [invoice for invoice in self._state.invoices.values() if invoice.number == number]
        return found, {organization for email, organization in self._state.emails if email == email_key}

    @contextmanager
    def read(self) -> Iterator["_MemoryWork"]:
        """A view of what is committed."""
        with self._lock:
            state = self._state
        yield _MemoryWork(state)

    @contextmanager
    def write(self) -> Iterator["_MemoryWork"]:
        """One transaction after the other."""
        with self._lock:
            draft = copy.copy(self._state)
            for name, value in vars(self._state).items():
                setattr(draft, name, value.copy())
            yield _MemoryWork(draft)
            self._state = draft


class _MemoryWork:
    def __init__(self, state: _State) -> None:
        self._state = state
        self._locked: set[int] = set()

    def shown(self, invoice_id: int) -> Shown | None:
        invoice = self._state.invoices.get(invoice_id)
        if invoice is None:
            return None
        key = invoice.organization_id
        return Shown(invoice, self._state.names[key], self._state.languages[key])

    def payment(self, payment_id: str) -> Payment | None:
        return next(iter(self.found([payment_id])), None)

    def found(self, payment_ids: Collection[str]) -> list[Payment]:
        found = [self._state.payments[key] for key in sorted(set(payment_ids)) if key in self._state.payments]
        return [replace(p, organization_name=self._state.names[p.organization_id]) for p in found]

    def payment_for(self, *, quote_id: str, idempotency_key: str) -> Payment | None:
        found = list(self._state.payments.values())
        by_quote = [p.payment_id for p in found if p.quote_id == quote_id]
        by_key = [p.payment_id for p in found if p.idempotency_key == idempotency_key]
        return next(iter(self.found((by_quote or by_key)[:1])), None)

    def page(self, chosen: PaymentFilter, after: tuple[datetime, str] | None, size: int) -> list[Payment]:
        matching = sorted(self._matching(chosen), key=lambda p: (p.created_at, p.payment_id), reverse=True)
        return [p for p in matching if after is None or (p.created_at, p.payment_id) < after][:size]

    def count(self, chosen: PaymentFilter, *, most: int | None = None) -> int:
        return len(self._matching(chosen)[:most])

    def lock_invoices(self, invoice_ids: Collection[int]) -> dict[int, Payable]:
        self._locked |= set(invoice_ids)
        return {key: self._state.invoices[key] for key in sorted(invoice_ids) if key in self._state.invoices}

    def save_invoices(self, changed: Collection[Payable]) -> None:
        self._state.invoices.update({invoice.invoice_id: invoice for invoice in changed})

    def add_payment(self, payment: Payment) -> bool:
        if any(p.idempotency_key == payment.idempotency_key for p in self._state.payments.values()):
            return False
        self._state.payments[payment.payment_id] = payment
        return True

    def payments(self, payment_ids: Collection[str]) -> list[Payment]:
        found = self.found(payment_ids)
        # On a real database this locks them; whoever locks payments first may wait for ever.
        assert {payment.invoice_id for payment in found} <= self._locked, (
            "invoices are locked before payments"
        )
        return found

    def waiting(self, invoice_ids: Collection[int]) -> list[Payment]:
        matching = self._matching(PaymentFilter(unacknowledged=True))
        return self.payments([p.payment_id for p in matching if p.invoice_id in set(invoice_ids)])

    def save_payments(self, changed: Collection[Payment]) -> None:
        self._state.payments.update({payment.payment_id: payment for payment in changed})

    def claim(self, now: datetime, until: datetime, limit: int) -> list[Payment]:
        due = [(p.next_check_at, p) for p in self._state.payments.values() if p.next_check_at is not None]
        claimed = [p for at, p in sorted(due, key=lambda pair: pair[0]) if at <= now][:limit]
        self.save_payments([replace(payment, next_check_at=until) for payment in claimed])
        return claimed

    def announce(self, name: str, body: dict[str, Any], at: datetime) -> None:
        self._state.facts.append((name, body))

    def _matching(self, chosen: PaymentFilter) -> list[Payment]:
        return [
            payment
            for payment in self.found(self._state.payments)
            if chosen.state in (None, payment.state)
            and chosen.organization_id in ("", payment.organization_id)
            and not (chosen.unacknowledged and (payment.state != "succeeded" or payment.acknowledged_at))
        ]


class SqlBooks:
    """The real tables in a migrated database of their own."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = SqlPaymentStore(database)

    def add_organization(self, organization_id: str, *emails: str, language: str = "") -> None:
        """An organization with a contact that has the addresses (in lower case)."""
        name = f"{organization_id} Inc"
        row = {"organization_id": organization_id, "id_key": organization_id.lower(), "name": name}
        row |= {"name_key": name.lower(), "type": "", "status": "active", "address": "", "time_zone": ""}
        contact = {"organization_id": organization_id, "position": 1, "name": "", "is_primary": True}
        contact |= {"starred_by_hand": False, "starred_by_crm": False, "is_default": True}
        with self.database.write() as connection:
            connection.execute(
                insert(organizations).values(**row, currency="USD", language=language, updated_at=AT)
            )
            key = connection.execute(insert(contacts).values(**contact)).inserted_primary_key
            assert key is not None
            for position, email in enumerate(emails):
                values = {"contact_id": key[0], "email_key": email, "email": email, "position": position}
                connection.execute(insert(addresses).values(**values))

    def add_invoice(self, invoice: Payable) -> None:
        """An invoice of an organization that was added before."""
        with self.database.write() as connection:
            connection.execute(
                insert(invoices).values(
                    **vars(invoice),
                    amount_minor=invoice.books_balance_minor,
                    listed_balance_minor=invoice.books_balance_minor,
                    updated_at=AT,
                )
            )
            if connection.dialect.name == "postgresql":
                # Its counter knows nothing of ids that were given by hand.
                counter = func.pg_get_serial_sequence("invoices", "invoice_id")
                connection.execute(select(func.setval(counter, func.max(invoices.c.invoice_id))))

    def sync(self, invoice_id: int, balance_minor: int, amount_minor: int | None = None) -> None:
        """A list of one line: that balance of the same amount as before, unless another one is given."""
        invoice = self.invoice(invoice_id)
        key = (invoice.organization_id, invoice.number)
        with SqlLedger(self.database).write() as books:
            last = books.known([invoice.organization_id], [key]).invoices[key].claim
            line = _said(last, balance_minor, amount_minor)
            changed = ChangedInvoice(invoice_id, line, tells_balance(line, last))
            books.apply(Plan(changed_invoices=[changed]), AT)

    def invoice(self, invoice_id: int = 1) -> Payable:
        """The invoice as it is now."""
        with self.store.write() as work:
            return work.lock_invoices([invoice_id])[invoice_id]

    def facts(self) -> list[tuple[str, dict[str, Any]]]:
        """The facts announced so far."""
        with self.database.read() as connection:
            rows = connection.execute(select(outbox).order_by(outbox.c.outbox_id)).all()
        return [(row.name, json.loads(row.body)) for row in rows]


Books = MemoryBooks | SqlBooks


def succeeded_total(books: Books) -> int:
    """What the ledger believes was taken, in minor units."""
    with books.store.read() as view:
        return sum(p.amount_minor for p in view.page(PaymentFilter(PaymentState.SUCCEEDED), None, 10_000))
