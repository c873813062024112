"""Payments that will be made by themselves: the rules of `domain.plans` as a database applies them."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Date,
    Select,
    Subquery,
    Table,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from services.paynow.domain.accounts import PayDay, PlannedTotal
from services.paynow.domain.books import Invoice
from services.paynow.domain.on_file import label_of
from services.paynow.domain.plans import MOST_DAYS, PlannedPayment, Span
from services.paynow.repository.conditions import IS_OPEN
from services.paynow.tables import invoices, organizations
from services.paynow.tables_accounts import autopay, payment_methods, scheduled_payments

_IS_SCHEDULED = text("scheduled_payments.status = 'scheduled'")
_COARSE = timedelta(days=MOST_DAYS)


class days_later(FunctionElement[date]):
    """The date so many days after another one."""

    type = Date()
    inherit_cache = True


@compiles(days_later, "postgresql")
def _on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    day, days = [compiler.process(clause, **options) for clause in element.clauses]
    return f"({day} + {days})"


@compiles(days_later, "sqlite")
def _on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    day, days = [compiler.process(clause, **options) for clause in element.clauses]
    return f"date({day}, {days} || ' days')"


class by_code_point(FunctionElement[str]):
    """A text in the order of its characters' code points, as Python and SQLite have it."""

    type = Text()
    inherit_cache = True


@compiles(by_code_point, "postgresql")
def _collated(element: Any, compiler: Any, **options: Any) -> str:
    return f'{compiler.process(element.clauses, **options)} COLLATE "C"'


@compiles(by_code_point, "sqlite")
def _as_it_is(element: Any, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


_AUTOPAY_ON = days_later(invoices.c.due_on, autopay.c.days_after_due)


def planned(wanted: ColumnElement[bool], span: Span = Span()) -> Select[Any]:  # noqa: B008  # immutable
    """What will be made by itself within the span of what is `wanted`, of invoices or organizations.

    Columns: organization_id, invoice_id, pays_on, scheduled_id, amount_minor, and what its method is.
    """
    by_hand = _by_hand(and_(wanted, *_within(scheduled_payments.c.pays_on, span)))
    of_invoice = exists().where(scheduled_payments.c.invoice_id == invoices.c.invoice_id, _IS_SCHEDULED)
    by_autopay = (
        select(*_columns(_AUTOPAY_ON, literal(""), invoices.c.balance_minor))
        .join_from(autopay, invoices, invoices.c.organization_id == autopay.c.organization_id)
        .join(organizations, organizations.c.organization_id == invoices.c.organization_id)
        .outerjoin(payment_methods, _is_method_of(autopay))
        .where(autopay.c.is_on, IS_OPEN, invoices.c.due_on.is_not(None), ~of_invoice, wanted)
        .where(_is_usable(autopay.c.method_id), *_within(_AUTOPAY_ON, span))
        # The same once more and less exactly, so that an index of due dates may serve.
        .where(*_within(invoices.c.due_on, _wider(span)))
    )
    found = union_all(by_hand, by_autopay).subquery("planned")
    return select(found)


def _by_hand(wanted: ColumnElement[bool]) -> Select[Any]:
    """Each with its amount, or with what those before it leave; not where that is nothing."""
    t, balance = scheduled_payments.c, invoices.c.balance_minor
    asked = case((or_(t.amount_minor.is_(None), t.amount_minor > balance), balance), else_=t.amount_minor)
    in_order = (t.pays_on, by_code_point(t.scheduled_id))
    before = func.sum(asked).over(partition_by=t.invoice_id, order_by=in_order, rows=(None, -1))
    left = (balance - func.coalesce(before, 0)).label("left_minor")
    each = (
        select(*_columns(t.pays_on, t.scheduled_id, asked), left)
        .join_from(scheduled_payments, invoices)
        .join(organizations, organizations.c.organization_id == invoices.c.organization_id)
        .outerjoin(payment_methods, _is_method_of(scheduled_payments))
        .where(_IS_SCHEDULED, IS_OPEN, _is_usable(t.method_id), wanted)
        .subquery("by_hand")
    )
    c = each.c
    amount = cast(case((c.amount_minor > c.left_minor, c.left_minor), else_=c.amount_minor), BigInteger)
    paid = {"amount_minor": amount.label("amount_minor")}
    return select(*(paid.get(one.name, one) for one in c if one is not c.left_minor)).where(c.left_minor > 0)


def _columns(
    pays_on: ColumnElement[Any], scheduled_id: ColumnElement[Any], amount: ColumnElement[Any]
) -> Sequence[ColumnElement[Any]]:
    return (
        invoices.c.organization_id.label("organization_id"),
        invoices.c.invoice_id.label("invoice_id"),
        pays_on.label("pays_on"),
        scheduled_id.label("scheduled_id"),
        amount.label("amount_minor"),
        payment_methods.c.kind.label("kind"),
        payment_methods.c.brand.label("brand"),
        payment_methods.c.last_four.label("last_four"),
    )


def _is_method_of(table: Table) -> ColumnElement[bool]:
    return and_(
        payment_methods.c.organization_id == table.c.organization_id,
        payment_methods.c.method_id == table.c.method_id,
    )


def _is_usable(method_id: Column[Any]) -> ColumnElement[bool]:
    return or_(method_id == "", payment_methods.c.status == "active")


def _within(day: ColumnElement[Any], span: Span) -> list[ColumnElement[bool]]:
    first = [day >= span.first] if span.first is not None else []
    return first + ([day <= span.last] if span.last is not None else [])


def _wider(span: Span) -> Span:
    first = None if span.first is None or span.first <= date.min + _COARSE else span.first - _COARSE
    last = None if span.last is None or span.last >= date.max - _COARSE else span.last + _COARSE
    return Span(first, last)


INVOICE_COLUMNS = (
    invoices.c.invoice_id,
    invoices.c.organization_id,
    organizations.c.name,
    invoices.c.number,
    invoices.c.issued_on,
    invoices.c.due_on,
    invoices.c.currency,
    invoices.c.amount_minor,
    invoices.c.balance_minor,
    invoices.c.reserved_minor,
    invoices.c.status,
)
"""The fields of an `Invoice` in their order."""


def first_plans(
    connection: Connection, found: Subquery, within: Sequence[str], most: int
) -> list[PlannedPayment]:
    """The first so many payments with the same values in the columns `within`, of those that were `planned`.

    One statement.
    """
    order = (found.c.pays_on, found.c.invoice_id, by_code_point(found.c.scheduled_id))
    place = func.row_number().over(partition_by=[found.c[name] for name in within], order_by=order)
    ranked = select(found, place.label("place")).subquery("ranked")
    query = (
        select(
            *INVOICE_COLUMNS,
            *(ranked.c[name] for name in ("pays_on", "scheduled_id", "amount_minor")),
            *(ranked.c[name] for name in ("kind", "brand", "last_four")),
        )
        .join_from(ranked, invoices, invoices.c.invoice_id == ranked.c.invoice_id)
        .join(organizations, organizations.c.organization_id == invoices.c.organization_id)
        .where(ranked.c.place <= most)
        .order_by(ranked.c.pays_on, ranked.c.invoice_id, by_code_point(ranked.c.scheduled_id))
    )
    rows: Any = connection.execute(query)
    return [_plan(row) for row in rows]


def planned_on(wanted: ColumnElement[bool], days: Collection[date], since: date | None) -> Select[Any]:
    """The same on these days alone, of which there must be one; all `since` then are served before them."""
    found = planned(wanted, Span(since, max(days))).subquery("spanned")
    return select(found).where(found.c.pays_on.in_(sorted(days)))


def pay_days(
    connection: Connection, wanted: ColumnElement[bool], days: Collection[date], since: date | None
) -> dict[str, list[PayDay]]:
    """By organization what all payments on each of the days come to; one statement."""
    found = planned_on(wanted, days, since).subquery("found")
    key = (found.c.organization_id, found.c.pays_on)
    query = (
        select(*key, invoices.c.currency, func.count(), func.sum(found.c.amount_minor))
        .join_from(found, invoices, invoices.c.invoice_id == found.c.invoice_id)
        .group_by(*key, invoices.c.currency)
        .order_by(*key, func.count().desc(), invoices.c.currency)
    )
    result: dict[str, list[PayDay]] = {}
    for (organization_id, day), rows in groupby(connection.execute(query), key=lambda row: (row[0], row[1])):
        of_day = list(rows)
        totals = tuple(PlannedTotal(currency, int(minor)) for *_, currency, _, minor in of_day)
        result.setdefault(organization_id, []).append(PayDay(day, sum(row[3] for row in of_day), totals))
    return result


def _plan(row: Any) -> PlannedPayment:
    *of_invoice, pays_on, scheduled_id, amount, kind, brand, last_four = row
    invoice = Invoice(*of_invoice)
    label = label_of(kind, brand, last_four) if kind else ""
    return PlannedPayment(invoice, pays_on, amount, scheduled_id, label)
