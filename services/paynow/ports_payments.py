"""What payments need of the world: a store with transactions, and a payment provider."""

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from services.paynow.domain.guard import Payable
from services.paynow.domain.methods import Method
from services.paynow.domain.payment import Outcome, Payment, PaymentState


@dataclass(frozen=True)
class Charge:
    """What the provider is to take, under a key that stands for this one charge for ever."""

    key: str
    amount_minor: int
    currency: str


class ProviderFailure(Exception):
    """The provider gave no usable answer: whether money was taken is not known."""


class ProviderTimeout(ProviderFailure):
    """No answer within the time limit."""


class ProviderUnavailable(ProviderFailure):
    """It could not be reached, or answered with an error of its own."""


class KeyMismatch(Exception):
    """The key was used before with another amount, currency or method; nothing was done."""


class Provider(Protocol):
    """Takes money. Every promise is checked by tests/contracts/test_payment_provider.py."""

    @property
    def is_sandbox(self) -> bool:
        """Whether its methods are test methods that move no money."""
        ...

    def methods(self) -> Sequence[Method]:
        """The ways to pay, in the order in which a page should show them."""
        ...

    def method(self, method_token: str) -> Method | None:
        """What the token stands for; None if it stands for nothing. Raises `ProviderFailure`."""
        ...

    def charge(self, charge: Charge, method_token: str, *, time_limit: float) -> Outcome:
        """Charges once for the key, however often it is called with it; a repeat gives the outcome.

        Returns or raises within `time_limit` seconds. Raises `ProviderFailure`, after which the charge may
        or may not have been made, and `KeyMismatch`. A closed key, and a token that stands for nothing,
        are declined with PROVIDER_ERROR.
        """
        ...

    def find(self, charge: Charge) -> Outcome | None:
        """The outcome under the key as it is now; None if no charge has reached the provider.

        Raises `ProviderFailure`, and `KeyMismatch` for another amount or currency.
        """
        ...

    def close(self, charge: Charge) -> Outcome | None:
        """Makes a later charge under the key impossible; gives the outcome if one was made before.

        None says that no money was taken under this key, and none ever will be. A repeat gives the
        same. Raises as `find`.
        """
        ...


@dataclass(frozen=True)
class Shown:
    """What a pay link shows of an invoice."""

    invoice: Payable
    organization_name: str
    language: str
    """The organization's, as a BCP 47 tag; empty means the company's."""

    @property
    def due_on(self) -> date | None:
        """When it is due."""
        return self.invoice.due_on


@dataclass(frozen=True)
class PaymentFilter:
    """Which payments to list; what is set must all hold."""

    state: PaymentState | None = None
    unacknowledged: bool = False
    """Only succeeded ones that wait for the accounting side."""
    organization_id: str = ""


class PaymentReads(Protocol):
    """One view of the store."""

    def shown(self, invoice_id: int) -> Shown | None:
        """The invoice as a pay link shows it."""
        ...

    def payment(self, payment_id: str) -> Payment | None:
        """The payment, with its organization's name."""
        ...

    def found(self, payment_ids: Collection[str]) -> list[Payment]:
        """Those that exist, without waiting for anybody."""
        ...

    def payment_for(self, *, quote_id: str, idempotency_key: str) -> Payment | None:
        """The payment that has used up the quote, else the one made under the key."""
        ...

    def page(self, chosen: PaymentFilter, after: tuple[datetime, str] | None, size: int) -> list[Payment]:
        """The newest first by time and id, those after `after` in that order."""
        ...

    def count(self, chosen: PaymentFilter, *, most: int | None = None) -> int:
        """How many match; where there are more than `most`, that."""
        ...


class PaymentWork(PaymentReads, Protocol):
    """One transaction: all of it is kept, or nothing."""

    def lock_invoices(self, invoice_ids: Collection[int]) -> dict[int, Payable]:
        """The invoices, locked until the end of the transaction; always in the order of their ids."""
        ...

    def save_invoices(self, invoices: Collection[Payable]) -> None:
        """Writes the balances of invoices that this transaction has locked."""
        ...

    def add_payment(self, payment: Payment) -> bool:
        """Adds a payment; False, and nothing is changed, if its idempotency key is taken."""
        ...

    def payments(self, payment_ids: Collection[str]) -> list[Payment]:
        """Those that exist, as of now even if another transaction has just changed them.

        Their invoices must have been locked by this transaction; that goes for `waiting` too.
        """
        ...

    def waiting(self, invoice_ids: Collection[int]) -> list[Payment]:
        """All payments of the invoices that have succeeded and are not acknowledged, as of now."""
        ...

    def save_payments(self, payments: Collection[Payment]) -> None:
        """Writes state and times of payments whose invoices this transaction has locked."""
        ...

    def claim(self, now: datetime, until: datetime, limit: int) -> list[Payment]:
        """Up to `limit` open payments whose check is due; nobody else gets them before `until`."""
        ...

    def announce(self, name: str, body: dict[str, Any], at: datetime) -> None:
        """Tells the other services a fact, if and only if this transaction is kept."""
        ...


class PaymentStore(Protocol):
    """Where payments and balances are kept."""

    def candidates(self, number: str, email_key: str) -> tuple[list[Payable], set[str]]:
        """All invoices with exactly this number, and the organizations in which a contact has this address.

        The two know nothing of each other: the work is the same whichever of them finds something.
        """
        ...

    def read(self) -> AbstractContextManager[PaymentReads]:
        """A view to read from."""
        ...

    def write(self) -> AbstractContextManager[PaymentWork]:
        """A transaction; an exception undoes it."""
        ...
