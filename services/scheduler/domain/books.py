"""What the ledger tells of invoices and the people behind them."""

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple


class DueInvoice(NamedTuple):
    """What a tick needs to know of an open invoice; amounts in minor units."""

    invoice_id: int
    organization_id: str
    number: str
    due_on: date
    balance_minor: int
    reserved_minor: int
    reachable: bool


class DueBatch(NamedTuple):
    """A batch of due invoices by id; `total` counts all of them, in the first batch only."""

    invoices: tuple[DueInvoice, ...]
    total: int


class Recipient(NamedTuple):
    """One address of one contact; the name may be empty."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice as the books have it now; amounts in minor units of `currency`.

    `status` is one of open, paid, cancelled, third_party.
    """

    invoice_id: int
    organization_id: str
    organization_name: str
    number: str
    issued_on: date | None
    due_on: date | None
    currency: str
    amount_minor: int
    balance_minor: int
    reserved_minor: int
    status: str


@dataclass(frozen=True, slots=True)
class Subject:
    """An invoice and whom to tell about it: every address of the default contacts, in order."""

    invoice: Invoice
    addressees: tuple[Recipient, ...]
    pay_token: str = ""
