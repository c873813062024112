"""Answering what is owed by whom."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar

from services.paynow.domain.accounts import Subject
from services.paynow.domain.books import (
    DueInvoice,
    Invoice,
    InvoiceMissing,
    Organization,
    OrganizationMissing,
    OrganizationSummary,
    TooMany,
)
from services.paynow.domain.plans import Span
from services.paynow.ports import (
    InvoiceFilter,
    InvoicePlace,
    Ledger,
    OrganizationPlace,
    PayTokens,
)
from services.shared.clock import Clock
from services.shared.paging import total as total_of

MOST_ORGANIZATIONS = 1000
MOST_SUBJECTS = 500
MOST_EXCLUDED = 10_000
MOST_DUE = 5000
MOST_ZONES = 1000
USUAL_DUE = 1000

Row = TypeVar("Row")


@dataclass(frozen=True)
class OrganizationPage:
    """Organizations with what they owe; `next_place` is None on the last page."""

    organizations: tuple[OrganizationSummary, ...]
    next_place: OrganizationPlace | None
    total: int


@dataclass(frozen=True)
class InvoicePage:
    """Invoices; `next_place` is None on the last page."""

    invoices: tuple[Invoice, ...]
    next_place: InvoicePlace | None
    total: int


@dataclass(frozen=True)
class DueBatch:
    """Due invoices; `total` is 0 except in the first batch."""

    invoices: Sequence[DueInvoice]
    total: int


def list_organizations(
    search: str, after: OrganizationPlace | None, size: int, today: date, *, ledger: Ledger
) -> OrganizationPage:
    """A page of those whose name or id contains the text, in any case, by name."""
    folded = search.casefold()
    with ledger.read() as books:
        found, more = _page(books.organizations(folded, after, size + 1), size)
        totals = books.totals(today, [organization.organization_id for organization in found])
        is_all = after is None and not more
        total = total_of(
            len(found), is_all=is_all, count=lambda most: books.count_organizations(folded, most=most)
        )
    last = found[-1] if more else None
    return OrganizationPage(
        tuple(OrganizationSummary(one, totals.get(one.organization_id, ())) for one in found),
        OrganizationPlace(last.name.casefold(), last.organization_id) if last else None,
        total,
    )


def get_organization(organization_id: str, *, ledger: Ledger) -> Organization:
    """One organization with its contacts. Refuses with `OrganizationMissing`."""
    with ledger.read() as books:
        organization = books.organization(organization_id)
    if organization is None:
        raise OrganizationMissing(f"There is no organization {organization_id[:100]!r}.")
    return organization


def batch_get_organizations(organization_ids: Collection[str], *, ledger: Ledger) -> Sequence[Organization]:
    """Those that are known, without contacts."""
    at_most(MOST_ORGANIZATIONS, organization_ids)
    with ledger.read() as books:
        return books.organizations_by_id(set(organization_ids))


def list_invoices(
    wanted: InvoiceFilter, after: InvoicePlace | None, size: int, *, ledger: Ledger
) -> InvoicePage:
    """A page of invoices, the earliest due date first, those without one last."""
    with ledger.read() as books:
        found, more = _page(books.invoices(wanted, after, size + 1), size)
        is_all = after is None and not more
        total = total_of(
            len(found), is_all=is_all, count=lambda most: books.count_invoices(wanted, most=most)
        )
    last = found[-1] if more else None
    return InvoicePage(tuple(found), InvoicePlace(last.due_on, last.invoice_id) if last else None, total)


def get_invoice(invoice_id: int, *, ledger: Ledger) -> Invoice:
    """One invoice. Refuses with `InvoiceMissing`."""
    with ledger.read() as books:
        found = books.invoices_by_id([invoice_id])
    if not found:
        raise InvoiceMissing(f"There is no invoice with the id {invoice_id}.")
    return found[0]


def list_due_invoices(
    due_on_or_before: date,
    after_invoice_id: int,
    size: int,
    time_zones: Collection[str] = (),
    *,
    ledger: Ledger,
) -> DueBatch:
    """The next open invoices with a positive balance that are due by then; counts all for the first batch."""
    at_most(MOST_ZONES, time_zones)
    with ledger.read() as books:
        return DueBatch(
            books.due_invoices(due_on_or_before, after_invoice_id, size, time_zones),
            0 if after_invoice_id else books.count_due_invoices(due_on_or_before, time_zones),
        )


def read_subjects(
    invoice_ids: Collection[int],
    with_pay_tokens: bool,
    today: date | None = None,
    *,
    ledger: Ledger,
    tokens: PayTokens,
    clock: Clock,
) -> list[Subject]:
    """What a mail about each of the invoices needs, as it stands now; unknown ones are left out.

    A Pay token is for the first of the addresses; where there is none, there is no token. Payments that
    were planned for days before `today` do not count.
    """
    at_most(MOST_SUBJECTS, invoice_ids)
    with ledger.read() as books:
        invoices = books.invoices_by_id(set(invoice_ids))
        ids = {invoice.organization_id for invoice in invoices}
        addressees = books.addressees(ids)
        organizations = {one.organization_id: one for one in books.organizations_by_id(ids)}
        plans = books.next_plans({invoice.invoice_id for invoice in invoices}, Span(today))
    subjects = [
        Subject(
            invoice,
            addressees.get(invoice.organization_id, ()),
            organizations[invoice.organization_id].time_zone,
            organizations[invoice.organization_id].language,
            plans.get(invoice.invoice_id),
        )
        for invoice in invoices
    ]
    if not with_pay_tokens:
        return subjects
    now = clock.now()
    return [
        replace(one, pay_token=tokens.make(one.invoice, one.addressees[0].email, now))
        if one.addressees
        else one
        for one in subjects
    ]


def count_by_due_date(
    first: date, last: date, without_organization_ids: Collection[str], *, ledger: Ledger
) -> Sequence[tuple[date, int]]:
    """How many open invoices with a positive balance are due on each date that occurs, in order."""
    at_most(MOST_EXCLUDED, without_organization_ids)
    with ledger.read() as books:
        return books.count_by_due_date(first, last, set(without_organization_ids))


def _page(rows: Sequence[Row], size: int) -> tuple[Sequence[Row], bool]:
    """The page, and whether there is another one; one row more than the page was asked for."""
    return rows[:size], len(rows) > size


def at_most(most: int, ids: Collection[object]) -> None:
    """Refuses with `TooMany` what names more."""
    if len(ids) > most:
        raise TooMany(f"{len(ids)} ids are too many; ask for at most {most} at a time.")
