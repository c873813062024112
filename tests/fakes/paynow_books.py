"""The books in memory, and lines to fill them with."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from services.paynow.domain.aging import AgedSum, bucket_of
from services.paynow.domain.books import (
    Addressee,
    Contact,
    CurrencyTotal,
    DueInvoice,
    Invoice,
    Organization,
)
from services.paynow.domain.contacts import addressees
from services.paynow.domain.lines import InvoiceClaim, SyncRecord
from services.paynow.domain.repeats import ToldLine
from services.paynow.domain.sync import InvoiceKey, Known, KnownInvoice, Plan, StaleAddress, SyncReport
from services.paynow.ports import InvoiceFilter, InvoicePlace, OrganizationPlace


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
        contact_name="Ana Costa",
        contact_emails=("ana@harbor.test",),
        contact_default=None,
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


@dataclass
class _Kept:
    claim: InvoiceClaim
    books_balance_minor: int
    imprint: str = ""
    paid_here_minor: int = 0
    reserved_minor: int = 0

    @property
    def balance_minor(self) -> int:
        return max(0, self.books_balance_minor - self.paid_here_minor)

    @property
    def counts(self) -> bool:
        return self.claim.status == "open" and self.balance_minor > 0


@dataclass
class _State:
    organizations: dict[str, Organization] = field(default_factory=dict)
    contacts: dict[str, list[Contact]] = field(default_factory=dict)
    invoices: dict[int, _Kept] = field(default_factory=dict)
    completed: list[datetime | None] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    last_contact_id: int = 0


class BooksInMemory:
    """A `Ledger` that forgets everything at the end."""

    def __init__(self) -> None:
        self._state = _State()

    @contextmanager
    def write(self, *, lasting: bool = True) -> Iterator["_Writer"]:
        """A transaction: an exception undoes it."""
        before = deepcopy(self._state)
        try:
            yield _Writer(self._state)
        except BaseException:
            self._state = before
            raise

    @contextmanager
    def read(self) -> Iterator["_Reader"]:
        """A view."""
        yield _Reader(self._state)

    def take_payment(self, invoice_id: int, paid_here_minor: int, reserved_minor: int = 0) -> None:
        """What the payments half does to an invoice."""
        kept = self._state.invoices[invoice_id]
        kept.paid_here_minor, kept.reserved_minor = paid_here_minor, reserved_minor

    def forget_imprints(self) -> None:
        """As if all invoices were from before there were imprints."""
        for kept in self._state.invoices.values():
            kept.imprint = ""


class _Writer:
    def __init__(self, state: _State) -> None:
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

    def apply(self, plan: Plan, at: datetime) -> None:
        state = self._state
        for organization in [*plan.new_organizations, *plan.changed_organizations]:
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
            state.invoices[len(state.invoices) + 1] = _Kept(claim, claim.balance_minor, imprint)
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


class _Reader:
    def __init__(self, state: _State) -> None:
        self._state = state

    def repeated(self, lines: Sequence[ToldLine]) -> set[str]:
        kept = {
            (one.claim.organization_id, one.claim.number, one.imprint)
            for one in self._state.invoices.values()
        }
        return {imprint for *_, imprint in kept & {line[1:] for line in lines}}

    def organizations(
        self, search: str, after: OrganizationPlace | None, limit: int
    ) -> Sequence[Organization]:
        def place(one: Organization) -> tuple[str, str]:
            return one.name.casefold(), one.organization_id

        found = sorted(self._matching(search), key=place)
        if after:
            found = [one for one in found if place(one) > (after.name_key, after.organization_id)]
        return found[:limit]

    def count_organizations(self, search: str = "", *, most: int | None = None) -> int:
        return len(self._matching(search)[:most])

    def organizations_by_id(self, organization_ids: Collection[str]) -> Sequence[Organization]:
        known = self._state.organizations
        return [known[key] for key in organization_ids if key in known]

    def organization(self, organization_id: str) -> Organization | None:
        found = self._state.organizations.get(organization_id)
        contacts = self._state.contacts.get(organization_id, ())
        return replace(found, contacts=tuple(contacts)) if found else None

    def invoices(self, wanted: InvoiceFilter, after: InvoicePlace | None, limit: int) -> Sequence[Invoice]:
        def place(due_on: date | None, invoice_id: int) -> tuple[date, int]:
            return due_on or date.max, invoice_id

        found = sorted(self._wanted(wanted), key=lambda one: place(one.due_on, one.invoice_id))
        if after:
            last = place(after.due_on, after.invoice_id)
            found = [one for one in found if place(one.due_on, one.invoice_id) > last]
        return found[:limit]

    def count_invoices(self, wanted: InvoiceFilter, *, most: int | None = None) -> int:
        return len(self._wanted(wanted)[:most])

    def invoices_by_id(self, invoice_ids: Collection[int]) -> Sequence[Invoice]:
        return [one for one in self._wanted(InvoiceFilter()) if one.invoice_id in set(invoice_ids)]

    def addressees(self, organization_ids: Collection[str]) -> dict[str, tuple[Addressee, ...]]:
        told = {key: addressees(self._state.contacts.get(key, ())) for key in organization_ids}
        return {key: found for key, found in told.items() if found}

    def due_invoices(self, due_on_or_before: date, after_invoice_id: int, limit: int) -> Sequence[DueInvoice]:
        due = [one for one in self._due(due_on_or_before) if one.invoice_id > after_invoice_id]
        return due[:limit]

    def count_due_invoices(self, due_on_or_before: date) -> int:
        return len(self._due(due_on_or_before))

    def count_by_due_date(
        self, first: date, last: date, without_organization_ids: Collection[str]
    ) -> Sequence[tuple[date, int]]:
        counts: dict[date, int] = {}
        for one in self._due(last):
            if one.due_on >= first and one.organization_id not in without_organization_ids:
                counts[one.due_on] = counts.get(one.due_on, 0) + 1
        return sorted(counts.items())

    def totals(
        self, today: date, organization_ids: Collection[str] | None = None
    ) -> dict[str, tuple[CurrencyTotal, ...]]:
        sums: dict[str, dict[str, CurrencyTotal]] = {}
        for kept in self._open():
            organization_id, currency = kept.claim.organization_id, kept.claim.currency
            if organization_ids is not None and organization_id not in organization_ids:
                continue
            late = kept.claim.due_on is not None and kept.claim.due_on < today
            minor = kept.balance_minor
            of_key = sums.setdefault("" if organization_ids is None else organization_id, {})
            old = of_key.get(currency, CurrencyTotal(currency, 0, 0, 0, 0))
            of_key[currency] = CurrencyTotal(
                currency,
                old.open_minor + minor,
                old.past_due_minor + minor * late,
                old.open_invoices + 1,
                old.past_due_invoices + late,
            )
        return {key: tuple(of_key[c] for c in sorted(of_key)) for key, of_key in sums.items()}

    def aged_sums(self, today: date, organization_id: str = "") -> Iterable[AgedSum]:
        sums: dict[tuple[str, int], AgedSum] = {}
        for kept in self._open():
            if organization_id in ("", kept.claim.organization_id):
                key = (kept.claim.currency, bucket_of(kept.claim.due_on, today))
                old = sums.get(key, AgedSum(*key, 0, 0))
                sums[key] = AgedSum(*key, old.balance_minor + kept.balance_minor, old.invoices + 1)
        return list(sums.values())

    def last_synced_at(self) -> datetime | None:
        return max((at for at in self._state.completed if at), default=None)

    def _open(self) -> list[_Kept]:
        return [kept for kept in self._state.invoices.values() if kept.counts]

    def _matching(self, search: str) -> list[Organization]:
        return [
            one
            for one in self._state.organizations.values()
            if search in one.name.casefold() or search in one.organization_id.casefold()
        ]

    def _wanted(self, wanted: InvoiceFilter) -> list[Invoice]:
        found = []
        for invoice_id, kept in self._state.invoices.items():
            claim = kept.claim
            if (
                wanted.organization_id in ("", claim.organization_id)
                and wanted.number in ("", claim.number)
                and wanted.status in ("", claim.status)
            ):
                name = self._state.organizations[claim.organization_id].name
                found.append(
                    Invoice(
                        invoice_id,
                        claim.organization_id,
                        name,
                        claim.number,
                        claim.issued_on,
                        claim.due_on,
                        claim.currency,
                        claim.amount_minor,
                        kept.balance_minor,
                        kept.reserved_minor,
                        claim.status,
                    )
                )
        return found

    def _due(self, by: date) -> list[DueInvoice]:
        reachable = {key for key, of_it in self._state.contacts.items() if addressees(of_it)}
        return [
            DueInvoice(
                invoice_id,
                kept.claim.organization_id,
                kept.claim.number,
                kept.claim.due_on,
                kept.balance_minor,
                kept.reserved_minor,
                kept.claim.organization_id in reachable,
            )
            for invoice_id, kept in self._state.invoices.items()
            if kept.counts and kept.claim.due_on is not None and kept.claim.due_on <= by
        ]
