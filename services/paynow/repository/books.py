"""The books in a database: where they are kept, and how a sync changes them."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, insert, select, update

from services.paynow.domain.books import Contact, ContactKey
from services.paynow.domain.lines import InvoiceClaim
from services.paynow.domain.recorded import RecordedInvoice
from services.paynow.domain.sync import (
    InvoiceKey,
    Known,
    KnownInvoice,
    NewAddress,
    Plan,
    StaleAddress,
    SyncReport,
)
from services.paynow.ports import BooksReader, BooksWriter
from services.paynow.repository import books_rows as rows
from services.paynow.repository.books_reader import SqlBooksReader
from services.paynow.repository.bulk import insert_many
from services.paynow.repository.contacts import contacts_of
from services.paynow.repository.texts import as_texts, is_among, texts
from services.paynow.tables import (
    addresses,
    books_lock,
    contacts,
    invoices,
    organizations,
    outbox,
    sync_runs,
)
from services.paynow.tables_accounts import profiles
from services.shared.database import Database
from services.shared.outbox import append_fact

_COUNT_BATCH = (
    update(sync_runs)
    .where(sync_runs.c.sync_id == bindparam("of_sync"))
    .values(batches=sync_runs.c.batches + 1)
)


class SqlLedger:
    """The books in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def write(self, *, lasting: bool = True) -> Iterator[BooksWriter]:
        """A transaction: kept at the end, undone by an exception."""
        with self._database.write(lasting=lasting) as connection:
            yield SqlBooksWriter(connection)

    @contextmanager
    def read(self) -> Iterator[BooksReader]:
        """A view of what is committed."""
        with self._database.read() as connection:
            yield SqlBooksReader(connection)


class SqlBooksWriter:
    """The books within one transaction; see `ports.BooksWriter`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def start_sync(self, at: datetime) -> int:
        """Notes that a sync has begun; returns its id."""
        statement = insert(sync_runs).values(
            started_at=at, added=0, changed=0, unchanged=0, refused=0, batches=0
        )
        return int(self._connection.execute(statement.returning(sync_runs.c.sync_id)).scalar_one())

    def count_batch(self, sync_id: int) -> None:
        """Notes that this transaction is one more batch of the sync."""
        self._connection.execute(_COUNT_BATCH, {"of_sync": sync_id})

    def finish_sync(self, sync_id: int, at: datetime, report: SyncReport) -> int:
        """Notes that the sync has come to its end; returns how many batches of it are in the books."""
        done = self._connection.execute(
            update(sync_runs)
            .where(sync_runs.c.sync_id == sync_id)
            .values(
                completed_at=at,
                added=report.added,
                changed=report.changed,
                unchanged=report.unchanged,
                refused=report.refused,
            )
            .returning(sync_runs.c.batches)
        )
        return int(done.scalar_one())

    def lock(self) -> None:
        """Makes other syncs wait until this transaction ends."""
        self._connection.execute(select(books_lock.c.lock_id).with_for_update())

    def known(self, organization_ids: Collection[str], invoices: Sequence[InvoiceKey]) -> Known:
        """What is known of them, in at most four statements."""
        dialect = self._connection.dialect.name
        of_them = is_among(dialect, organizations.c.organization_id, organization_ids)
        found = self._connection.execute(select(organizations).where(of_them)).all()
        if not found:
            return Known({}, {}, {})
        return Known(
            {row.organization_id: rows.organization_of(row) for row in found},
            contacts_of(self._connection, is_among(dialect, contacts.c.organization_id, organization_ids)),
            self._known_invoices(invoices),
        )

    def profiles(self) -> dict[str, str]:
        """The ids of client profiles, by their ids and by their case-folded names."""
        t = profiles.c
        found = self._connection.execute(select(t.profile_id, t.name_key)).all()
        return {row.name_key: row.profile_id for row in found} | {row[0]: row[0] for row in found}

    def announce(self, name: str, body: dict[str, Any], at: datetime) -> None:
        """Tells the other services a fact."""
        append_fact(self._connection, outbox, name, body, at=at)

    def take_untold(self, most: int) -> Sequence[RecordedInvoice]:
        """The first invoices that the other services were not told of, by id; from now on they are."""
        t = invoices.c
        told = select(books_lock.c.told_invoice_id).scalar_subquery()
        query = select(t.invoice_id, t.organization_id).where(t.invoice_id > told)
        rows = self._connection.execute(query.order_by(t.invoice_id).limit(most)).all()
        if rows:
            self._connection.execute(update(books_lock).values(told_invoice_id=rows[-1].invoice_id))
        return [RecordedInvoice(*row) for row in rows]

    def apply(self, plan: Plan, at: datetime) -> None:
        """Writes what the plan says: at most one statement for each of its parts."""
        added = [tuple(rows.organization_values(o, at).values()) for o in plan.new_organizations]
        insert_many(self._connection, organizations, rows.ORGANIZATION_COLUMNS, added)
        changed = [rows.new_organization_values(o, at) for o in plan.changed_organizations]
        self._many(rows.UPDATE_ORGANIZATION, changed)
        ids = self._insert_contacts(plan.new_contacts)
        self._many(rows.UPDATE_CONTACT, [rows.new_contact_values(c) for c in plan.changed_contacts])
        self._insert_addresses(plan.new_addresses, ids)
        new = [rows.invoice_values(one, at) for one in plan.new_invoices]
        insert_many(self._connection, invoices, rows.INVOICE_COLUMNS, new)
        self._lock_invoices(plan)
        told = [one for one in plan.changed_invoices if one.tells_balance]
        silent = [one for one in plan.changed_invoices if not one.tells_balance]
        self._many(rows.UPDATE_INVOICE, [rows.new_invoice_values(one, at) for one in told])
        self._many(rows.UPDATE_INVOICE_FACTS, [rows.new_invoice_facts(one, at) for one in silent])
        self._many(rows.UPDATE_IMPRINT, [rows.new_imprint(one) for one in plan.first_imprints])

    def drop_addresses(self, stale: Sequence[StaleAddress]) -> None:
        """Removes the addresses; those that are gone already do not matter."""
        statement = delete(addresses).where(
            addresses.c.contact_id == bindparam("of_contact"), addresses.c.email_key == bindparam("key")
        )
        self._many(statement, [{"of_contact": one.contact_id, "key": one.email_key} for one in stale])

    def _lock_invoices(self, plan: Plan) -> None:
        """By id, as payments lock them: else a sync and a payment could wait for each other for ever."""
        ids = [one.invoice_id for one in plan.changed_invoices]
        ids += [one.invoice_id for one in plan.first_imprints]
        if ids:
            query = select(invoices.c.invoice_id).where(invoices.c.invoice_id.in_(ids))
            self._connection.execute(query.order_by(invoices.c.invoice_id).with_for_update(key_share=True))

    def _many(self, statement: Any, parameters: Sequence[rows.Values]) -> None:
        """Runs the statement once for all the rows, and not at all for none."""
        if parameters:
            self._connection.execute(statement, parameters)

    def _known_invoices(self, keys: Sequence[InvoiceKey]) -> dict[InvoiceKey, KnownInvoice]:
        query = _invoices_by_key(self._connection.dialect.name)
        found = self._connection.execute(query, {"texts": as_texts(keys)})
        return {
            (claim[0], claim[1]): KnownInvoice(invoice_id, InvoiceClaim._make(claim), imprint, unsettled > 0)
            for invoice_id, imprint, unsettled, *claim in found.all()
        }

    def _insert_contacts(self, new: Sequence[Contact]) -> dict[ContactKey, int]:
        if not new:
            return {}
        t = contacts.c
        statement = insert(contacts).returning(t.organization_id, t.position, t.contact_id)
        inserted = self._connection.execute(statement, [rows.contact_values(contact) for contact in new])
        return {(row[0], row[1]): row[2] for row in inserted}

    def _insert_addresses(self, new: Sequence[NewAddress], ids: dict[ContactKey, int]) -> None:
        added = [
            (
                one.contact_id or ids[one.contact],
                one.address.email_key,
                one.address.position,
                one.address.email,
            )
            for one in new
        ]
        insert_many(self._connection, addresses, ("contact_id", "email_key", "position", "email"), added)


@cache
def _invoices_by_key(dialect: str) -> Select[Any]:
    t = invoices.c
    facts = (t.issued_on, t.due_on, t.currency, t.amount_minor, t.listed_balance_minor, t.status)
    organization_id, number = texts(dialect, 2).columns
    unsettled = t.paid_here_minor + t.reserved_minor
    query = select(t.invoice_id, t.imprint, unsettled, t.organization_id, t.number, *facts)
    return query.where(t.organization_id == organization_id, t.number == number)
