"""Accounts in a database, as they are changed; everything comes under the lock of the books."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Table, bindparam, delete, insert, or_, select, text, update

from services.paynow.domain.books import Contact, Invoice
from services.paynow.domain.on_file import MethodKey, StoredMethod
from services.paynow.domain.plan_lines import NumberKey, PlanContext
from services.paynow.domain.plans import Autopay, ScheduledKey, ScheduledPayment
from services.paynow.domain.profiles import Profile
from services.paynow.domain.stars import StarChange, Stars
from services.paynow.ports_accounts import AccountsReader, AccountsWriter
from services.paynow.repository.accounts_reader import METHOD_COLUMNS, SqlAccountsReader, read_profiles
from services.paynow.repository.books import SqlBooksWriter
from services.paynow.repository.contacts import contacts_of
from services.paynow.repository.plans import INVOICE_COLUMNS
from services.paynow.repository.texts import as_texts, is_among, texts
from services.paynow.tables import contacts, invoices, organizations
from services.paynow.tables_accounts import (
    IS_SCHEDULED,
    autopay,
    payment_methods,
    profiles,
    scheduled_payments,
    star_changes,
)
from services.shared.database import Database
from services.shared.upserts import upsert

_SCHEDULED_COLUMNS = (
    scheduled_payments.c.organization_id,
    scheduled_payments.c.scheduled_id,
    scheduled_payments.c.invoice_id,
    scheduled_payments.c.method_id,
    scheduled_payments.c.pays_on,
    scheduled_payments.c.amount_minor,
    scheduled_payments.c.status,
    scheduled_payments.c.revision,
)
"""The fields of a `ScheduledPayment` in their order."""


class SqlAccounts:
    """The accounts in the database of the books."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def write(self) -> Iterator[AccountsWriter]:
        """A transaction: kept at the end, undone by an exception."""
        with self._database.write() as connection:
            yield SqlAccountsWriter(connection)

    @contextmanager
    def read(self) -> Iterator[AccountsReader]:
        """A view of what is committed."""
        with self._database.read() as connection:
            yield SqlAccountsReader(connection)


class SqlAccountsWriter(SqlBooksWriter):
    """The accounts within one transaction; see `ports_accounts.AccountsWriter`."""

    def known_organizations(self, organization_ids: Collection[str]) -> frozenset[str]:
        """Those of them that are in the books."""
        t = organizations.c.organization_id
        found = self._connection.scalars(select(t).where(is_among(self._dialect, t, organization_ids)))
        return frozenset(found)

    def known_methods(self, keys: Collection[MethodKey]) -> dict[MethodKey, StoredMethod]:
        """Those of them that are on file, deleted or not."""
        found = self._keyed(payment_methods, "method_id", METHOD_COLUMNS, keys)
        return {method.key: method for method in (StoredMethod(*row) for row in found)}

    def known_plans(
        self,
        organization_ids: Collection[str],
        numbers: Collection[NumberKey],
        methods: Collection[MethodKey],
        scheduled: Collection[ScheduledKey],
    ) -> PlanContext:
        """See `PlanContext`; in eight statements."""
        rows = self._keyed(scheduled_payments, "scheduled_id", _SCHEDULED_COLUMNS, scheduled)
        kept = {one.key: one for one in (ScheduledPayment(*row) for row in rows)}
        listed = [Invoice(*row) for row in self._keyed(invoices, "number", INVOICE_COLUMNS, numbers)]
        listed += self._invoices_of({one.invoice_id for one in kept.values()})
        kept |= self._scheduled_for({one.invoice_id for one in listed})
        used = {(one.organization_id, one.method_id) for one in kept.values()}
        t = autopay.c
        of_them = is_among(self._dialect, t.organization_id, organization_ids)
        found: Any = self._connection.execute(
            select(t.organization_id, t.is_on, t.method_id, t.days_after_due).where(of_them)
        )
        return PlanContext(
            organizations=self.known_organizations(organization_ids),
            invoices={(one.organization_id, one.number): one for one in listed},
            methods=self.known_methods({*methods, *used}),
            scheduled=kept,
            autopay={one.organization_id: one for one in (Autopay(*row) for row in found)},
        )

    def save_methods(self, methods: Sequence[StoredMethod], at: datetime) -> None:
        """Adds them, or replaces what is known of them."""
        rows = [_values(method, METHOD_COLUMNS, at) for method in methods]
        self._upsert(payment_methods, rows, ["organization_id", "method_id"])

    def save_autopay(self, changed: Sequence[Autopay], at: datetime) -> None:
        """Adds them, or replaces what is known of them."""
        columns = (autopay.c.organization_id, autopay.c.is_on, autopay.c.method_id, autopay.c.days_after_due)
        self._upsert(autopay, [_values(one, columns, at) for one in changed], ["organization_id"])

    def save_scheduled(self, payments: Sequence[ScheduledPayment], at: datetime) -> None:
        """Adds them, or replaces what is known of them."""
        rows = [_values(payment, _SCHEDULED_COLUMNS, at) for payment in payments]
        self._upsert(scheduled_payments, rows, ["organization_id", "scheduled_id"])

    def sign_in(self, contact_id: int, at: datetime) -> bool:
        """Notes that a contact has signed in, unless a later time is known; False if there is none."""
        t = contacts.c
        if self._connection.scalar(select(t.contact_id).where(t.contact_id == contact_id)) is None:
            return False
        earlier = or_(t.signed_in_at.is_(None), t.signed_in_at < at)
        self._connection.execute(
            update(contacts).where(t.contact_id == contact_id, earlier).values(signed_in_at=at)
        )
        return True

    def all_profiles(self) -> Sequence[Profile]:
        """All client profiles by name, with how many contacts have each."""
        return read_profiles(self._connection)

    def save_profile(self, profile: Profile) -> None:
        """Adds it, or replaces the one of its id."""
        row = {
            "profile_id": profile.profile_id,
            "name": profile.name,
            "name_key": profile.name_key,
            "sees_invoices": profile.sees_invoices,
            "may_pay": profile.may_pay,
        }
        self._upsert(profiles, [row], ["profile_id"])

    def remove_profile(self, profile_id: str) -> None:
        """Removes it."""
        self._connection.execute(delete(profiles).where(profiles.c.profile_id == profile_id))

    def profile_of_each(self, contact_ids: Collection[int]) -> dict[int, str]:
        """By contact that exists the id of its profile, empty for none."""
        t = contacts.c
        query = select(t.contact_id, t.profile_id).where(t.contact_id.in_(list(contact_ids)))
        return {row[0]: row[1] for row in self._connection.execute(query)}

    def set_profiles(self, of_contacts: Mapping[int, str]) -> None:
        """Gives each contact its profile."""
        if of_contacts:
            statement = update(contacts).where(contacts.c.contact_id == bindparam("of_contact"))
            self._connection.execute(
                statement.values(profile_id=bindparam("new_profile")),
                [{"of_contact": key, "new_profile": profile} for key, profile in of_contacts.items()],
            )

    def contacts_of(self, organization_id: str) -> Sequence[Contact]:
        """An organization's contacts in their order, with their addresses."""
        wanted = contacts.c.organization_id == organization_id
        return contacts_of(self._connection, wanted).get(organization_id, ())

    def save_stars(self, changed: Sequence[Contact]) -> None:
        """Notes of each whether it is starred by hand, and whether it is a default contact."""
        if changed:
            statement = update(contacts).where(contacts.c.contact_id == bindparam("of_contact"))
            self._connection.execute(
                statement.values(starred_by_hand=bindparam("by_hand"), is_default=bindparam("default")),
                [
                    {
                        "of_contact": one.contact_id,
                        "by_hand": one.starred_by_hand,
                        "default": one.is_default,
                    }
                    for one in changed
                ],
            )

    def star_change(self, request_id: str) -> StarChange | None:
        """The change that was asked for with that id."""
        t = star_changes.c
        query = select(t.asked, t.stars).where(t.request_id == request_id)
        found = self._connection.execute(query).one_or_none()
        return StarChange(request_id, found.asked, _stars(found.stars)) if found else None

    def add_star_change(self, change: StarChange, at: datetime) -> None:
        """Keeps it, for whoever asks with its id again."""
        stars = json.dumps(change.stars._asdict())
        row = {"request_id": change.request_id, "asked": change.asked, "stars": stars, "changed_at": at}
        self._connection.execute(insert(star_changes).values(row))

    @property
    def _dialect(self) -> str:
        return self._connection.dialect.name

    def _keyed(
        self, table: Table, name: str, columns: Sequence[Any], keys: Collection[tuple[str, str]]
    ) -> Iterable[Any]:
        """The rows of the table by organization id and the column of that name."""
        given = texts(self._dialect, 2)
        organization_id, key = given.columns
        query = select(*columns).where(table.c.organization_id == organization_id, table.c[name] == key)
        if table is invoices:
            query = query.where(organizations.c.organization_id == table.c.organization_id)
        return self._connection.execute(query, {"texts": as_texts(list(keys))})

    def _invoices_of(self, invoice_ids: Collection[int]) -> list[Invoice]:
        query = select(*INVOICE_COLUMNS).join_from(invoices, organizations)
        rows: Any = self._connection.execute(query.where(invoices.c.invoice_id.in_(list(invoice_ids))))
        return [Invoice(*row) for row in rows]

    def _scheduled_for(self, invoice_ids: Collection[int]) -> dict[ScheduledKey, ScheduledPayment]:
        t = scheduled_payments.c
        query = select(*_SCHEDULED_COLUMNS).where(text(IS_SCHEDULED), t.invoice_id.in_(list(invoice_ids)))
        return {one.key: one for one in (ScheduledPayment(*row) for row in self._connection.execute(query))}

    def _upsert(self, table: Table, rows: Sequence[dict[str, Any]], key: Sequence[str]) -> None:
        if rows:
            statement = upsert(self._connection, table)
            others = {name: statement.excluded[name] for name in rows[0] if name not in key}
            known = statement.on_conflict_do_update(index_elements=key, set_=others)
            self._connection.execute(known, rows)


def _values(value: object, columns: Sequence[Any], at: datetime) -> dict[str, Any]:
    return {column.name: getattr(value, column.name) for column in columns} | {"updated_at": at}


def _stars(text: str) -> Stars:
    kept = json.loads(text)
    before, by_hand, defaults = (tuple(kept[name]) for name in ("before", "by_hand", "defaults"))
    return Stars(before, by_hand, defaults, kept["reachable"])
