"""The books in memory, and lines to fill them with."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.paynow.domain.books import Contact
from services.paynow.domain.lines import SyncRecord
from services.paynow.domain.recorded import RecordedInvoice
from services.paynow.domain.sync import InvoiceKey, Known, KnownInvoice, Plan, StaleAddress, SyncReport
from tests.fakes.paynow_books_view import Kept, Reader, State


def a_record(number: str = "1001", **values: object) -> SyncRecord:
    """A good record of an open invoice; `values` replace what a test is about."""
    good = SyncRecord(
        line=1,
        organization_id="O-1",
        organization_name="Harbor Lights LLC",
        organization_type="",
        organization_status="",
        organization_address="",
        organization_time_zone="",
        organization_currency="",
        organization_language="",
        contact_name="Ana Costa",
        contact_emails=("ana@harbor.test",),
        contact_default=None,
        contact_profile="",
        invoice_number=number,
        issued_on="2026-02-01",
        due_on="2026-03-01",
        currency="USD",
        amount="250.00",
        balance="250.00",
        status="open",
    )
    return good._replace(**values)


def numbered(*records: SyncRecord) -> list[SyncRecord]:
    """The records as lines 1, 2, 3 of a list."""
    return [record._replace(line=line) for line, record in enumerate(records, 1)]


class BooksInMemory:
    """A `Ledger` that forgets everything at the end."""

    def __init__(self) -> None:
        self.state = State()

    @contextmanager
    def write(self, *, lasting: bool = True) -> Iterator["Writer"]:
        """A transaction: an exception undoes it."""
        before = deepcopy(self.state)
        try:
            yield Writer(self.state)
        except BaseException:
            self.state = before
            raise

    @contextmanager
    def read(self) -> Iterator["Reader"]:
        """A view."""
        yield Reader(self.state)

    def take_payment(self, invoice_id: int, paid_here_minor: int, reserved_minor: int = 0) -> None:
        """What the payments half does to an invoice."""
        kept = self.state.invoices[invoice_id]
        kept.paid_here_minor, kept.reserved_minor = paid_here_minor, reserved_minor

    @property
    def facts(self) -> list[tuple[str, dict[str, Any]]]:
        """What was told: names and bodies."""
        return list(self.state.facts)

    def forget_imprints(self) -> None:
        """As if all invoices were from before there were imprints."""
        for kept in self.state.invoices.values():
            kept.imprint = ""


class Writer:
    """See `ports.BooksWriter`."""

    def __init__(self, state: State) -> None:
        self._state = state

    def start_sync(self, at: datetime) -> int:
        self._state.completed.append(None)
        self._state.batches.append(0)
        return len(self._state.completed)

    def count_batch(self, sync_id: int) -> None:
        self._state.batches[sync_id - 1] += 1

    def finish_sync(self, sync_id: int, at: datetime, report: SyncReport) -> int:
        self._state.completed[sync_id - 1] = at
        return self._state.batches[sync_id - 1]

    def lock(self) -> None:
        pass

    def known(self, organization_ids: Collection[str], invoices: Sequence[InvoiceKey]) -> Known:
        state, wanted = self._state, set(invoices)
        return Known(
            {key: state.organizations[key] for key in organization_ids if key in state.organizations},
            {key: list(state.contacts[key]) for key in organization_ids if key in state.contacts},
            {
                (kept.claim.organization_id, kept.claim.number): KnownInvoice(
                    invoice_id, kept.claim, kept.imprint, kept.paid_here_minor + kept.reserved_minor > 0
                )
                for invoice_id, kept in state.invoices.items()
                if (kept.claim.organization_id, kept.claim.number) in wanted
            },
        )

    def profiles(self) -> dict[str, str]:
        known = self._state.profiles
        return {one.name_key: key for key, one in known.items()} | {key: key for key in known}

    def announce(self, name: str, body: dict[str, Any], at: datetime) -> None:
        self._state.facts.append((name, body))

    def take_untold(self, most: int) -> Sequence[RecordedInvoice]:
        state = self._state
        untold = sorted(key for key in state.invoices if key > state.told)[:most]
        state.told = untold[-1] if untold else state.told
        return [RecordedInvoice(key, state.invoices[key].claim.organization_id) for key in untold]

    def apply(self, plan: Plan, at: datetime) -> None:
        state = self._state
        for organization in [*plan.new_organizations, *plan.changed_organizations]:
            was = state.organizations.get(organization.organization_id)
            if not was:
                state.came_at[organization.organization_id] = at
            elif was.time_zone != organization.time_zone:
                state.moved_at[organization.organization_id] = at
            state.organizations[organization.organization_id] = organization
        for contact in plan.new_contacts:
            state.last_contact_id += 1
            of_it = state.contacts.setdefault(contact.organization_id, [])
            of_it.append(replace(contact, contact_id=state.last_contact_id, addresses=()))
        for contact in plan.changed_contacts:
            self._change(replace(contact, addresses=self._find(contact).addresses))
        for new in plan.new_addresses:
            organization_id, position = new.contact
            contact = next(c for c in state.contacts[organization_id] if c.position == position)
            self._change(replace(contact, addresses=(*contact.addresses, new.address)))
        for claim, imprint in plan.new_invoices:
            state.invoices[len(state.invoices) + 1] = Kept(claim, claim.balance_minor, imprint)
        for changed in plan.changed_invoices:
            kept = state.invoices[changed.invoice_id]
            kept.claim, kept.imprint = changed.claim, changed.imprint
            if changed.tells_balance:
                kept.books_balance_minor = changed.claim.balance_minor

        for known in plan.first_imprints:
            state.invoices[known.invoice_id].imprint = known.imprint

    def drop_addresses(self, stale: Sequence[StaleAddress]) -> None:
        gone = {(one.contact_id, one.email_key) for one in stale}
        for contact in [one for contacts in self._state.contacts.values() for one in contacts]:
            kept = tuple(a for a in contact.addresses if (contact.contact_id, a.email_key) not in gone)
            self._change(replace(contact, addresses=kept))

    def _find(self, contact: Contact) -> Contact:
        contacts = self._state.contacts[contact.organization_id]
        return next(one for one in contacts if one.contact_id == contact.contact_id)

    def _change(self, contact: Contact) -> None:
        contacts = self._state.contacts[contact.organization_id]
        contacts[contacts.index(self._find(contact))] = contact
