"""The books in a database, as they are read: each answer takes a fixed number of statements."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, or_, select, text, true

from services.paynow.domain.aging import BUCKETS, AgedSum, latest_due_date
from services.paynow.domain.books import (
    Addressee,
    CurrencyTotal,
    DueInvoice,
    Invoice,
    Organization,
)
from services.paynow.domain.contacts import addressees
from services.paynow.domain.plans import PlannedPayment, Span
from services.paynow.domain.repeats import ToldLine
from services.paynow.ports import InvoiceFilter, InvoicePlace, OrganizationPlace
from services.paynow.repository import books_rows as rows
from services.paynow.repository.conditions import IS_OPEN, is_in_zone, is_reachable, is_told
from services.paynow.repository.contacts import contacts_of
from services.paynow.repository.plans import INVOICE_COLUMNS, first_plans, planned
from services.paynow.repository.texts import as_texts, texts
from services.paynow.tables import contacts, invoices, organizations, sync_runs

_INVOICE = select(*INVOICE_COLUMNS).join_from(invoices, organizations)

# In a join other tables have a status too.
_IS_DUE = text("invoices.status = 'open' AND invoices.balance_minor > 0 AND invoices.due_on IS NOT NULL")


@cache
def _repeated(dialect: str) -> Select[Any]:
    t = invoices.c
    organization_id, number, imprint = texts(dialect, 3).columns
    same = (t.organization_id == organization_id, t.number == number, t.imprint == imprint)
    return select(t.imprint).where(*same)


class SqlBooksReader:
    """The books as they stand; see `ports.BooksReader`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def repeated(self, lines: Sequence[ToldLine]) -> set[str]:
        """The imprints of those lines that say word for word what the last line of their invoice said."""
        keys = [line[1:] for line in lines]
        query = _repeated(self._connection.dialect.name)
        return {row[0] for row in self._connection.execute(query, {"texts": as_texts(keys)}).all()}

    def organizations(
        self, search: str, after: OrganizationPlace | None, limit: int
    ) -> Sequence[Organization]:
        """Those whose case-folded name or id contains the case-folded text, by name, without contacts."""
        t = organizations.c
        query = select(organizations).where(_matches(search))
        if after:
            later_id = and_(t.name_key == after.name_key, t.organization_id > after.organization_id)
            query = query.where(t.name_key >= after.name_key, or_(t.name_key > after.name_key, later_id))
        query = query.order_by(t.name_key, t.organization_id).limit(limit)
        return [rows.organization_of(row) for row in self._connection.execute(query)]

    def count_organizations(self, search: str = "", *, most: int | None = None) -> int:
        """How many `organizations` would list in all; where there are more than `most`, that."""
        return self._count(select(organizations.c.organization_id).where(_matches(search)).limit(most))

    def organizations_by_id(self, organization_ids: Collection[str]) -> Sequence[Organization]:
        """The known ones, without contacts, in no particular order."""
        query = select(organizations).where(organizations.c.organization_id.in_(list(organization_ids)))
        return [rows.organization_of(row) for row in self._connection.execute(query)]

    def organization(self, organization_id: str) -> Organization | None:
        """One organization with its contacts in order."""
        found = self.organizations_by_id([organization_id])
        if not found:
            return None
        of_it = contacts_of(self._connection, contacts.c.organization_id == organization_id)
        return replace(found[0], contacts=tuple(of_it.get(organization_id, ())))

    def invoices(self, wanted: InvoiceFilter, after: InvoicePlace | None, limit: int) -> Sequence[Invoice]:
        """Invoices in the order of `InvoicePlace`."""
        # In two parts, since NULLS LAST in one statement would sort all invoices for each page.
        found: list[Invoice] = []
        t = invoices.c
        if after is None or after.due_on is not None:
            dated = _filtered(_INVOICE, wanted).where(t.due_on.is_not(None))
            if after is not None:
                same_day = and_(t.due_on == after.due_on, t.invoice_id > after.invoice_id)
                dated = dated.where(t.due_on >= after.due_on, or_(t.due_on > after.due_on, same_day))
            found += self._invoices(dated.order_by(t.due_on, t.invoice_id).limit(limit))
            after = None
        if len(found) < limit:
            undated = _filtered(_INVOICE, wanted).where(t.due_on.is_(None))
            undated = undated.where(t.invoice_id > after.invoice_id) if after else undated
            found += self._invoices(undated.order_by(t.invoice_id).limit(limit - len(found)))
        return found

    def count_invoices(self, wanted: InvoiceFilter, *, most: int | None = None) -> int:
        """How many `invoices` would list in all; where there are more than `most`, that."""
        return self._count(_filtered(select(invoices.c.invoice_id), wanted).limit(most))

    def invoices_by_id(self, invoice_ids: Collection[int]) -> Sequence[Invoice]:
        """The known ones, in no particular order."""
        return self._invoices(_INVOICE.where(invoices.c.invoice_id.in_(list(invoice_ids))))

    def addressees(
        self, organization_ids: Collection[str], profile_ids: Collection[str] = ()
    ) -> dict[str, tuple[Addressee, ...]]:
        """By organization whom to tell, in order; organizations with nobody to tell are not in it."""
        wanted = and_(contacts.c.organization_id.in_(list(organization_ids)), is_told(profile_ids))
        of_each = contacts_of(self._connection, wanted)
        told = {organization_id: addressees(people) for organization_id, people in of_each.items()}
        return {organization_id: found for organization_id, found in told.items() if found}

    def next_plans(self, invoice_ids: Collection[int], span: Span) -> dict[int, PlannedPayment]:
        """By invoice the first payment within the span that will be made by itself."""
        wanted = invoices.c.invoice_id.in_(list(invoice_ids))
        found = first_plans(self._connection, planned(wanted, span).subquery("found"), ["invoice_id"], 1)
        return {plan.invoice.invoice_id: plan for plan in found}

    def due_invoices(
        self,
        due_on_or_before: date,
        after_invoice_id: int,
        limit: int,
        time_zones: Collection[str] = (),
    ) -> Sequence[DueInvoice]:
        """Open invoices with a positive balance that are due by then, by id."""
        t = invoices.c
        columns = (t.invoice_id, t.organization_id, t.number, t.due_on, t.balance_minor, t.reserved_minor)
        query = (
            select(*columns, is_reachable(t.organization_id), organizations.c.time_zone)
            .join_from(invoices, organizations)
            .where(_IS_DUE, t.due_on <= due_on_or_before, t.invoice_id > after_invoice_id)
            .where(is_in_zone(time_zones))
            .order_by(t.invoice_id)
            .limit(limit)
        )
        return [DueInvoice(*row) for row in self._connection.execute(query)]

    def count_due_invoices(self, due_on_or_before: date, time_zones: Collection[str] = ()) -> int:
        """How many of them there are in all."""
        t = invoices.c
        query = select(t.invoice_id).where(_IS_DUE, t.due_on <= due_on_or_before)
        if time_zones:
            query = query.join_from(invoices, organizations).where(is_in_zone(time_zones))
        return self._count(query)

    def count_by_due_date(
        self, first: date, last: date, without_organization_ids: Collection[str]
    ) -> Sequence[tuple[date, int]]:
        """How many open invoices with a positive balance are due on each date that occurs, in order."""
        t = invoices.c
        query = select(t.due_on, func.count()).where(IS_OPEN, t.due_on.between(first, last))
        if without_organization_ids:
            query = query.where(t.organization_id.not_in(list(without_organization_ids)))
        found = self._connection.execute(query.group_by(t.due_on).order_by(t.due_on))
        return [(row[0], row[1]) for row in found]

    def totals(
        self, today: date, organization_ids: Collection[str] | None = None
    ) -> dict[str, tuple[CurrencyTotal, ...]]:
        """By organization what is open with a positive balance; None means all organizations, under ""."""
        t = invoices.c
        past_due = t.due_on < today
        sums = (
            t.currency,
            func.sum(t.balance_minor),
            func.sum(case((past_due, t.balance_minor), else_=0)),
            func.count(),
            func.sum(case((past_due, 1), else_=0)),
        )
        query = select(*sums).where(IS_OPEN).group_by(t.currency).order_by(t.currency)
        if organization_ids is not None:
            query = query.add_columns(t.organization_id).group_by(t.organization_id)
            query = query.where(t.organization_id.in_(list(organization_ids)))
        result: dict[str, tuple[CurrencyTotal, ...]] = {}
        for row in self._connection.execute(query):
            key = "" if organization_ids is None else row[5]
            total = CurrencyTotal(row[0], *map(int, row[1:5]))
            result[key] = (*result.get(key, ()), total)
        return result

    def aged_sums(self, today: date, organization_id: str = "") -> Iterable[AgedSum]:
        """What is open with a positive balance, by currency and bucket; "" means all organizations."""
        t = invoices.c
        oldest_first = range(len(BUCKETS) - 1, 0, -1)
        bucket: ColumnElement[int] = case(
            *[(t.due_on <= latest_due_date(number, today), number) for number in oldest_first], else_=0
        ).label("bucket")
        query = select(t.currency, bucket, func.sum(t.balance_minor), func.count()).where(IS_OPEN)
        if organization_id:
            query = query.where(t.organization_id == organization_id)
        # By its label: a database need not see that two expressions with parameters are the same.
        found = self._connection.execute(query.group_by(t.currency, text("bucket")))
        return [AgedSum(row[0], row[1], int(row[2]), row[3]) for row in found]

    def last_synced_at(self) -> datetime | None:
        """When a sync last came to its end, in UTC."""
        newest: datetime | None = self._connection.scalar(select(func.max(sync_runs.c.completed_at)))
        return newest

    def _invoices(self, query: Select[Any]) -> list[Invoice]:
        return [Invoice(*row) for row in self._connection.execute(query)]

    def _count(self, query: Select[Any]) -> int:
        count = select(func.count()).select_from(query.subquery())
        return int(self._connection.execute(count).scalar_one())


def _matches(search: str) -> ColumnElement[bool]:
    if not search:
        return true()
    t = organizations.c
    return or_(t.name_key.contains(search, autoescape=True), t.id_key.contains(search, autoescape=True))


def _filtered(query: Select[Any], wanted: InvoiceFilter) -> Select[Any]:
    filters = {
        invoices.c.organization_id: wanted.organization_id,
        invoices.c.number: wanted.number,
        invoices.c.status: wanted.status,
    }
    return query.where(*[column == value for column, value in filters.items() if value])
