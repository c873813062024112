"""Payments without a database and without the outside world.

`MemoryBooks` and `SqlBooks` hold the same promises and can be filled in the same way, so that one test may
run on both. `ScriptedProvider` keeps the promises of the provider port, and fails when it is told to.
"""

import copy
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from threading import RLock
from typing import Any

from sqlalchemy import insert, select, update

from services.paynow.domain.guard import Payable
from services.paynow.domain.methods import Method
from services.paynow.domain.payment import PROVIDER_ERROR, RETURNED, Outcome, Payment, PaymentState, Quote
from services.paynow.ports_payments import (
    Charge,
    KeyMismatch,
    PaymentFilter,
    ProviderTimeout,
    ProviderUnavailable,
    Shown,
)
from services.paynow.repository.payments import SqlPaymentStore
from services.paynow.tables import addresses, contacts, invoices, metadata, organizations, outbox
from services.shared.database import Database

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
    emails: list[tuple[str, str]] = field(default_factory=list)
    invoices: dict[int, Payable] = field(default_factory=dict)
    quotes: dict[str, Quote] = field(default_factory=dict)
    payments: dict[str, Payment] = field(default_factory=dict)
    facts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


class MemoryBooks:
    """Books and payments in memory; a transaction is a copy that takes the place of the original."""

    def __init__(self) -> None:
        self._state = _State()
        self._lock = RLock()
        self.store = self

    def add_organization(self, organization_id: str, *emails: str) -> None:
        """An organization with a contact that has the addresses (in lower case)."""
        self._state.names[organization_id] = f"{organization_id} Inc"
        self._state.emails += [(email, organization_id) for email in emails]

    def add_invoice(self, invoice: Payable) -> None:
        """An invoice of an organization that was added before."""
        self._state.invoices[invoice.invoice_id] = invoice

    def sync(self, invoice_id: int, books_balance_minor: int) -> None:
        """What a sync of the books does to the balance, and to nothing else."""
        was = self._state.invoices[invoice_id]
        effective = max(0, books_balance_minor - was.paid_here_minor)
        self._state.invoices[invoice_id] = replace(
            was, books_balance_minor=books_balance_minor, balance_minor=effective
        )

    def invoice(self, invoice_id: int = 1) -> Payable:
        """The invoice as it is now."""
        return self._state.invoices[invoice_id]

    def facts(self) -> list[tuple[str, dict[str, Any]]]:
        """The facts announced so far."""
        return list(self._state.facts)

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

    def numbered(self, number: str) -> list[Payable]:
        return [invoice for invoice in self._state.invoices.values() if invoice.number == number]

    def organizations_of(self, email_key: str) -> set[str]:
        return {organization for email, organization in self._state.emails if email == email_key}

    def shown(self, invoice_id: int) -> Shown | None:
        invoice = self._state.invoices.get(invoice_id)
        return Shown(invoice, self._state.names[invoice.organization_id]) if invoice else None

    def quote(self, quote_id: str) -> Quote | None:
        quote = self._state.quotes.get(quote_id)
        used = [p.payment_id for p in self._state.payments.values() if p.quote_id == quote_id]
        return replace(quote, payment_id="".join(used)) if quote else None

    def payment(self, payment_id: str) -> Payment | None:
        return next(iter(self.payments([payment_id])), None)

    def payment_for(self, *, quote_id: str, idempotency_key: str) -> Payment | None:
        found = list(self._state.payments.values())
        by_quote = [p.payment_id for p in found if p.quote_id == quote_id]
        by_key = [p.payment_id for p in found if p.idempotency_key == idempotency_key]
        return next(iter(self.payments((by_quote or by_key)[:1])), None)

    def page(self, chosen: PaymentFilter, after: tuple[datetime, str] | None, size: int) -> list[Payment]:
        matching = sorted(self._matching(chosen), key=lambda p: (p.created_at, p.payment_id), reverse=True)
        return [p for p in matching if after is None or (p.created_at, p.payment_id) < after][:size]

    def count(self, chosen: PaymentFilter) -> int:
        return len(self._matching(chosen))

    def lock_invoices(self, invoice_ids: Collection[int]) -> dict[int, Payable]:
        return {key: self._state.invoices[key] for key in sorted(invoice_ids) if key in self._state.invoices}

    def save_invoices(self, changed: Collection[Payable]) -> None:
        self._state.invoices.update({invoice.invoice_id: invoice for invoice in changed})

    def add_quote(self, quote: Quote) -> None:
        self._state.quotes[quote.quote_id] = quote

    def forget_quotes(self, expired_before: datetime) -> int:
        used = {payment.quote_id for payment in self._state.payments.values()}
        old = [
            q for q in self._state.quotes.values() if q.expires_at < expired_before and q.quote_id not in used
        ]
        for quote in old:
            del self._state.quotes[quote.quote_id]
        return len(old)

    def add_payment(self, payment: Payment) -> bool:
        if any(p.idempotency_key == payment.idempotency_key for p in self._state.payments.values()):
            return False
        self._state.payments[payment.payment_id] = payment
        return True

    def payments(self, payment_ids: Collection[str]) -> list[Payment]:
        found = [self._state.payments[key] for key in sorted(set(payment_ids)) if key in self._state.payments]
        return [replace(p, organization_name=self._state.names[p.organization_id]) for p in found]

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
            for payment in self.payments(self._state.payments)
            if chosen.state in (None, payment.state)
            and chosen.organization_id in ("", payment.organization_id)
            and not (chosen.unacknowledged and (payment.state != "succeeded" or payment.acknowledged_at))
        ]


class SqlBooks:
    """The real tables in a database of their own."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = SqlPaymentStore(database)
        with database.write() as connection:
            metadata.create_all(connection)

    def add_organization(self, organization_id: str, *emails: str) -> None:
        """An organization with a contact that has the addresses (in lower case)."""
        name = f"{organization_id} Inc"
        row = {"organization_id": organization_id, "id_key": organization_id.lower(), "name": name}
        row |= {"name_key": name.lower(), "type": "", "status": "active", "address": "", "time_zone": ""}
        contact = {"organization_id": organization_id, "position": 1, "name": "", "is_primary": True}
        contact |= {"starred_by_hand": False, "starred_by_crm": False, "is_default": True}
        with self.database.write() as connection:
            connection.execute(insert(organizations).values(**row, currency="USD", updated_at=AT))
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
                    **vars(invoice), amount_minor=invoice.books_balance_minor, updated_at=AT
                )
            )

    def sync(self, invoice_id: int, books_balance_minor: int) -> None:
        """What a sync of the books does to the balance, and to nothing else."""
        with self.database.write() as connection:
            query = select(invoices.c.paid_here_minor).where(invoices.c.invoice_id == invoice_id)
            effective = max(0, books_balance_minor - connection.execute(query.with_for_update()).scalar_one())
            change = update(invoices).where(invoices.c.invoice_id == invoice_id)
            connection.execute(
                change.values(books_balance_minor=books_balance_minor, balance_minor=effective)
            )

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


class Killed(BaseException):
    """The process dies here; nothing that could catch an error catches this."""


@dataclass
class _Recorded:
    charge: Charge
    method_token: str
    outcome: Outcome | None  # None: closed without a charge
    returns: bool = False


METHODS = {
    "fake_approve": "Fake card ending 1",
    "fake_decline": "Fake card ending 2",
    "fake_insufficient_funds": "Fake card ending 3",
    "fake_silent_approve": "Fake card ending 4",
    "fake_silent_decline": "Fake card ending 5",
    "fake_error": "Fake card ending 6",
    "fake_bank_settles": "Fake bank account 7",
    "fake_bank_returns": "Fake bank account 8",
}
_DECLINES = {
    "fake_decline": "CARD_DECLINED",
    "fake_silent_decline": "CARD_DECLINED",
    "fake_insufficient_funds": "INSUFFICIENT_FUNDS",
}


class ScriptedProvider:
    """A provider in memory.

    `away` makes it unreachable. `before` and `after` run just before and just after a charge is recorded,
    and may raise, for instance `Killed`.
    """

    is_sandbox = True

    def __init__(self) -> None:
        self.recorded: dict[str, _Recorded] = {}
        self.charges: list[str] = []
        self.finds: list[str] = []
        self.away = False
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None
        self._lock = RLock()

    def methods(self) -> Sequence[Method]:
        """All of them."""
        return [Method(token, label) for token, label in METHODS.items()]

    def method(self, method_token: str) -> Method | None:
        """The method, unless the provider is away."""
        self._must_answer()
        label = METHODS.get(method_token)
        return Method(method_token, label) if label else None

    def charge(self, charge: Charge, method_token: str, *, time_limit: float) -> Outcome:
        """Records what the token says, once for each key."""
        self.before()
        self._must_answer()
        self.charges.append(charge.key)
        if method_token == "fake_error":
            raise ProviderUnavailable("error")
        with self._lock:
            is_new = charge.key not in self.recorded
            if is_new:
                returns = method_token == "fake_bank_returns"
                self.recorded[charge.key] = _Recorded(charge, method_token, _first(method_token), returns)
        found = self._recorded(charge)
        assert found is not None
        if found.outcome is None:
            return Outcome.declined(PROVIDER_ERROR)
        if found.method_token != method_token:
            raise KeyMismatch(charge.key)
        self.after()
        if is_new and "silent" in method_token:
            raise ProviderTimeout("silent")
        return found.outcome

    def find(self, charge: Charge) -> Outcome | None:
        """What is recorded."""
        self._must_answer()
        self.finds.append(charge.key)
        found = self._recorded(charge)
        return found.outcome if found else None

    def close(self, charge: Charge) -> Outcome | None:
        """Records that there will be no charge, unless there is one."""
        self._must_answer()
        with self._lock:
            return self.recorded.setdefault(charge.key, _Recorded(charge, "", None)).outcome

    def settle_banks(self) -> None:
        """Lets the banks decide about everything that is pending."""
        pending = Outcome.pending()
        for found in self.recorded.values():
            if found.outcome == pending:
                found.outcome = Outcome.declined(RETURNED) if found.returns else Outcome.approved()

    def captured(self) -> dict[str, int]:
        """What was taken under each key."""
        taken = Outcome.approved()
        return {k: found.charge.amount_minor for k, found in self.recorded.items() if found.outcome == taken}

    def _recorded(self, charge: Charge) -> _Recorded | None:
        found = self.recorded.get(charge.key)
        if found is not None and found.charge != charge:
            raise KeyMismatch(charge.key)
        return found

    def _must_answer(self) -> None:
        if self.away:
            raise ProviderUnavailable("away")


def _first(method_token: str) -> Outcome:
    if method_token not in METHODS:
        return Outcome.declined(PROVIDER_ERROR)
    if method_token.startswith("fake_bank"):
        return Outcome.pending()
    reason = _DECLINES.get(method_token)
    return Outcome.declined(reason) if reason else Outcome.approved()


def succeeded_total(books: Books) -> int:
    """What the ledger believes was taken, in minor units."""
    with books.store.read() as view:
        return sum(p.amount_minor for p in view.page(PaymentFilter(PaymentState.SUCCEEDED), None, 10_000))
