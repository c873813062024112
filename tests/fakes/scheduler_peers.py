"""The ledger and the mailer as the scheduler sees them, in memory."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from services.scheduler.domain.books import DueBatch, DueInvoice, Invoice, Plan, Recipient, Subject
from services.scheduler.domain.notice import HandOver
from services.shared.errors import Busy


def an_invoice(invoice_id: int = 1, **but: object) -> Invoice:
    """An open invoice of 100.00 USD, due on 2 March 2026, of the organization "acme"."""
    usual = Invoice(
        invoice_id=invoice_id,
        organization_id="acme",
        organization_name="Acme Ltd",
        number=f"00{invoice_id}",
        issued_on=date(2026, 2, 1),
        due_on=date(2026, 3, 2),
        currency="USD",
        amount_minor=10_000,
        balance_minor=10_000,
        reserved_minor=0,
        status="open",
    )
    return replace(usual, **but)  # type: ignore[arg-type]


ANN = Recipient("Ann", "ann@acme.test")


class FakeLedger:
    """Books in memory, counting what it is asked. `away` makes every call `Busy`."""

    def __init__(self, *invoices: Invoice) -> None:
        self.invoices = {invoice.invoice_id: invoice for invoice in invoices}
        self.addressees: dict[str, tuple[Recipient, ...]] = {}
        self.organizations: dict[str, Any] = {}
        self.plans: dict[int, Plan] = {}
        self.away = False
        self.calls: list[str] = []
        self.during: Callable[[], None] = lambda: None

    def put(self, invoice: Invoice) -> None:
        self.invoices[invoice.invoice_id] = invoice

    def asked(self, name: str) -> None:
        self.calls.append(name)
        self.during()
        if self.away:
            raise Busy("the books are away")

    def addressees_of(self, organization_id: str) -> tuple[Recipient, ...]:
        return self.addressees.get(organization_id, (ANN,))

    def _open(self) -> Iterator[tuple[Invoice, date]]:
        for invoice in self.invoices.values():
            if invoice.status == "open" and invoice.balance_minor > 0 and invoice.due_on is not None:
                yield invoice, invoice.due_on

    def _plan(self, invoice_id: int, today: date | None) -> Plan | None:
        plan = self.plans.get(invoice_id)
        return None if plan and today and plan.pays_on < today else plan

    def _zone(self, organization_id: str) -> str:
        known = self.organizations.get(organization_id)
        return known.time_zone if known else ""

    def due_invoices(
        self, due_on_or_before: date, *, after: int, limit: int, time_zones: Collection[str] = ()
    ) -> DueBatch:
        self.asked("due_invoices")
        found = [
            DueInvoice(
                i.invoice_id,
                i.organization_id,
                i.number,
                due_on,
                i.balance_minor,
                i.reserved_minor,
                bool(self.addressees_of(i.organization_id)),
                self._zone(i.organization_id),
            )
            for i, due_on in self._open()
            if due_on <= due_on_or_before and (not time_zones or self._zone(i.organization_id) in time_zones)
        ]
        batch = sorted(due for due in found if due.invoice_id > after)[:limit]
        return DueBatch(tuple(batch), 0 if after else len(found))

    def subjects(
        self, invoice_ids: Collection[int], *, with_pay_tokens: bool = False, today: date | None = None
    ) -> Mapping[int, Subject]:
        self.asked("subjects")
        assert len(invoice_ids) <= 500
        token = "a-token" if with_pay_tokens else ""
        known = [self.invoices[i] for i in invoice_ids if i in self.invoices]
        return {
            i.invoice_id: Subject(
                i,
                self.addressees_of(i.organization_id),
                token,
                self._zone(i.organization_id),
                getattr(self.organizations.get(i.organization_id), "language", ""),
                self._plan(i.invoice_id, today),
            )
            for i in known
        }

    def count_by_due_date(self, first: date, last: date, *, without: Sequence[str]) -> Mapping[date, int]:
        self.asked("count_by_due_date")
        counts: dict[date, int] = {}
        for invoice, due_on in self._open():
            if first <= due_on <= last and invoice.organization_id not in without:
                counts[due_on] = counts.get(due_on, 0) + 1
        return counts

    def knows_organization(self, organization_id: str) -> bool:
        self.asked("knows_organization")
        return any(i.organization_id == organization_id for i in self.invoices.values())

    def organization_names(self, organization_ids: Collection[str]) -> Mapping[str, str]:
        self.asked("organization_names")
        assert len(organization_ids) <= 1000
        known = {i.organization_id: i.organization_name for i in self.invoices.values()}
        known |= {i: o.name for i, o in self.organizations.items()}
        return {i: known[i] for i in organization_ids if i in known}


class FakeMailer:
    """Keeps what it was handed. `away` makes every call `Busy`."""

    def __init__(self) -> None:
        self.accepted: list[HandOver] = []
        self.away = False
        self.during: Callable[[], None] = lambda: None

    def accept(self, notices: Sequence[HandOver]) -> None:
        self.during()
        if self.away:
            raise Busy("the mailer is away")
        self.accepted += notices
