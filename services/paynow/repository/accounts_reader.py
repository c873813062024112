"""Accounts in a database, as they are read: each answer takes a fixed number of statements."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, and_, func, null, or_, select
from sqlalchemy import text as sql

from services.paynow.domain.accounts import (
    Debtor,
    ExpiringMethod,
    ListedContact,
    Moved,
    PayDay,
    UpcomingPayments,
)
from services.paynow.domain.books import Invoice
from services.paynow.domain.on_file import MethodKey, StoredMethod
from services.paynow.domain.plans import PlannedPayment, Span
from services.paynow.domain.profiles import Profile
from services.paynow.ports_accounts import ContactFilter
from services.paynow.repository import people
from services.paynow.repository.books_reader import SqlBooksReader
from services.paynow.repository.conditions import IS_OPEN, is_in_zone, is_reachable
from services.paynow.repository.plans import INVOICE_COLUMNS, first_plans, pay_days, planned, planned_on
from services.paynow.tables import HAS_MOVED, HAS_TIME_ZONE, contacts, invoices, organizations
from services.paynow.tables_accounts import payment_methods, profiles

Row = TypeVar("Row")

METHOD_COLUMNS = (
    payment_methods.c.organization_id,
    payment_methods.c.method_id,
    payment_methods.c.kind,
    payment_methods.c.brand,
    payment_methods.c.last_four,
    payment_methods.c.expires_on,
    payment_methods.c.nickname,
    payment_methods.c.status,
    payment_methods.c.failure_reason,
    payment_methods.c.failures,
)
"""The fields of a `StoredMethod` in their order."""

_IS_CARD_ON_FILE = sql("payment_methods.expires_on IS NOT NULL AND payment_methods.status <> 'deleted'")


class SqlAccountsReader(SqlBooksReader):
    """The books and the accounts as they stand; see `ports_accounts.AccountsReader`."""

    def time_zones(self) -> Sequence[str]:
        """Those that organizations have of their own, in order."""
        t = organizations.c
        query = select(t.time_zone).where(sql(HAS_TIME_ZONE)).group_by(t.time_zone)
        return sorted(self._connection.scalars(query))

    def organization_types(self, limit: int) -> Sequence[str]:
        """Those that organizations have, in order."""
        t = organizations.c
        query = select(t.type).where(t.type != "").group_by(t.type).order_by(t.type).limit(limit)
        return sorted(self._connection.scalars(query))

    def debtors(
        self,
        after: str,
        limit: int,
        profile_ids: Collection[str],
        time_zones: Collection[str],
        moved: Moved | None = None,
    ) -> Sequence[Debtor]:
        """Organizations with open invoices with a positive balance, by id."""
        t = organizations.c
        columns = t.name, t.time_zone, is_reachable(t.organization_id, profile_ids)
        query = _debtors(time_zones, moved, *columns)
        query = query.where(t.organization_id > after).order_by(t.organization_id).limit(limit)
        return [Debtor(*row) for row in self._connection.execute(query)]

    def count_debtors(self, time_zones: Collection[str], moved: Moved | None = None) -> int:
        """How many of them there are in all."""
        return self._count(_debtors(time_zones, moved))

    def expiring(
        self, expires_by: date, after: MethodKey, limit: int, time_zones: Collection[str]
    ) -> Sequence[ExpiringMethod]:
        """Cards on file whose last month begins by then, by organization id and method id."""
        t, o = payment_methods.c, organizations.c
        organization_id, method_id = after
        later = or_(
            t.organization_id > organization_id,
            and_(t.organization_id == organization_id, t.method_id > method_id),
        )
        query = (
            select(*METHOD_COLUMNS, o.time_zone, is_reachable(o.organization_id))
            .join_from(payment_methods, organizations)
            .where(_IS_CARD_ON_FILE, t.expires_on <= expires_by, is_in_zone(time_zones))
            .where(t.organization_id >= organization_id, later)
            .order_by(t.organization_id, t.method_id)
            .limit(limit)
        )
        found = self._connection.execute(query)
        return [ExpiringMethod(StoredMethod(*method), zone, reachable) for *method, zone, reachable in found]

    def upcoming(
        self, span: Span, after: tuple[str, date | None], limit: int, time_zones: Collection[str]
    ) -> Sequence[UpcomingPayments]:
        """Days on which payments will be made by themselves, by organization id and date."""
        o = organizations.c
        organization_id, day = after
        wanted = and_(invoices.c.organization_id >= organization_id, is_in_zone(time_zones))
        found = planned(wanted, span).subquery("found")
        key = (found.c.organization_id, found.c.pays_on)
        later = [found.c.organization_id > organization_id]
        if day is not None:
            later.append(and_(found.c.organization_id == organization_id, found.c.pays_on > day))
        days = select(*key, func.count().label("payments")).where(or_(*later)).group_by(*key)
        first = days.order_by(*key).limit(limit).subquery("days")
        query = (
            select(*first.c, o.time_zone, is_reachable(o.organization_id))
            .join_from(first, organizations, o.organization_id == first.c.organization_id)
            .order_by(first.c.organization_id, first.c.pays_on)
        )
        rows: Any = self._connection.execute(query)
        return [UpcomingPayments(*row) for row in rows]

    def open_invoices(self, organization_ids: Collection[str], most: int) -> Mapping[str, Sequence[Invoice]]:
        """Of each organization the first so many that are open with a positive balance, by due date."""
        t = invoices.c
        order = (t.due_on.is_(None), t.due_on, t.invoice_id)
        place = func.row_number().over(partition_by=t.organization_id, order_by=order)
        ranked = (
            select(*INVOICE_COLUMNS, place.label("place"))
            .join_from(invoices, organizations)
            .where(IS_OPEN, t.organization_id.in_(list(organization_ids)))
            .subquery("ranked")
        )
        listed = [ranked.c[column.name] for column in INVOICE_COLUMNS]
        query = (
            select(*listed).where(ranked.c.place <= most).order_by(ranked.c.organization_id, ranked.c.place)
        )
        return _by_organization(self._invoices(query), lambda one: one.organization_id)

    def methods(
        self, organization_ids: Collection[str], most: int | None = None, only: Collection[str] = ()
    ) -> Mapping[str, Sequence[StoredMethod]]:
        """Of each organization those on file, the earliest expiry first, bank accounts last."""
        t = payment_methods.c
        is_deleted = t.status == "deleted"
        order = (is_deleted, t.expires_on.is_(None), t.expires_on, t.method_id)
        query = select(*METHOD_COLUMNS).where(t.organization_id.in_(list(organization_ids))).order_by(*order)
        if only:
            query = query.where(t.method_id.in_(list(only)))
        if most is not None:
            place = func.row_number().over(partition_by=t.organization_id, order_by=order)
            ranked = query.where(~is_deleted).add_columns(place.label("place")).subquery("ranked")
            listed = [ranked.c[column.name] for column in METHOD_COLUMNS]
            query = select(*listed).where(ranked.c.place <= most).order_by(ranked.c.place)
        rows: Any = self._connection.execute(query)
        found = [StoredMethod(*row) for row in rows]
        return _by_organization(found, lambda one: one.organization_id)

    def plans(
        self, organization_ids: Collection[str], most: int, span: Span
    ) -> Mapping[str, Sequence[PlannedPayment]]:
        """Of each organization the first so many payments that will be made by themselves."""
        wanted = invoices.c.organization_id.in_(list(organization_ids))
        found = planned(wanted, span).subquery("found")
        first = first_plans(self._connection, found, ["organization_id"], most)
        return _by_organization(first, lambda one: one.invoice.organization_id)

    def plans_on(
        self, organization_ids: Collection[str], days: Collection[date], most: int, since: date | None = None
    ) -> Mapping[str, Sequence[PlannedPayment]]:
        """Of each organization the first so many payments on each of the days."""
        if not days:
            return {}
        wanted = invoices.c.organization_id.in_(list(organization_ids))
        found = planned_on(wanted, days, since).subquery("found")
        first = first_plans(self._connection, found, ["organization_id", "pays_on"], most)
        return _by_organization(first, lambda one: one.invoice.organization_id)

    def pay_days(
        self, organization_ids: Collection[str], days: Collection[date], since: date | None = None
    ) -> Mapping[str, Sequence[PayDay]]:
        """Of each organization what all payments on each of the days come to."""
        wanted = invoices.c.organization_id.in_(list(organization_ids))
        return pay_days(self._connection, wanted, days, since) if days else {}

    def contacts(self, wanted: ContactFilter, after: int, limit: int) -> Sequence[ListedContact]:
        """Contacts by id, with their addresses."""
        return people.list_contacts(self._connection, wanted, after, limit)

    def count_contacts(self, wanted: ContactFilter) -> int:
        """How many `contacts` would list in all."""
        return people.count_contacts(self._connection, wanted)

    def count_by_profile(self, wanted: ContactFilter) -> Sequence[tuple[str, int]]:
        """The same by profile, empty for none; those with the most contacts first."""
        return people.count_by_profile(self._connection, wanted)

    def contacts_by_id(self, contact_ids: Collection[int]) -> Sequence[ListedContact]:
        """The known ones, by id."""
        return people.contacts_by_id(self._connection, contact_ids)

    def contacts_at(self, email_key: str, limit: int) -> Sequence[ListedContact]:
        """The first contacts that have the address, by id."""
        return people.contacts_at(self._connection, email_key, limit)

    def client_profiles(self) -> Sequence[Profile]:
        """All of them by name, with how many contacts have each."""
        return read_profiles(self._connection)


def read_profiles(connection: Connection) -> list[Profile]:
    """All client profiles by name, with how many contacts have each."""
    t = profiles.c
    count = (
        select(func.count())
        .where(sql("contacts.profile_id <> ''"), contacts.c.profile_id == t.profile_id)
        .select_from(contacts)
        .scalar_subquery()
    )
    query = select(t.profile_id, t.name, t.sees_invoices, t.may_pay, count).order_by(t.name_key)
    found = connection.execute(query)
    return [Profile(*row) for row in found]


def _debtors(time_zones: Collection[str], moved: Moved | None, *columns: Any) -> Select[Any]:
    t = organizations.c
    owes = (
        select(null())
        .select_from(invoices)
        .where(invoices.c.organization_id == t.organization_id, IS_OPEN)
        .correlate(organizations)
        .exists()
    )
    query = select(t.organization_id, *columns).where(owes, is_in_zone(time_zones))
    # Spelled out, so that the index of those that moved may serve.
    if moved is not None:
        query = query.where(sql(HAS_MOVED), t.zone_changed_at >= moved.since)
        if moved.known_before is not None:
            query = query.where(or_(t.came_at.is_(None), t.came_at < moved.known_before))
    return query


def _by_organization(found: Sequence[Row], of: Any) -> dict[str, list[Row]]:
    result: dict[str, list[Row]] = {}
    for one in found:
        result.setdefault(of(one), []).append(one)
    return result
