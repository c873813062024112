"""A sync: what a stream of lines changes in the books, batch by batch."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from services.paynow.domain import contacts as rules
from services.paynow.domain.balances import tells_balance
from services.paynow.domain.books import Address, Contact, ContactKey, Organization
from services.paynow.domain.cells import LineRefusal
from services.paynow.domain.lines import (
    ContactClaim,
    InvoiceClaim,
    InvoiceLine,
    OrganizationClaim,
    check_line,
    currency_changed,
    duplicate,
    profile_unknown,
)
from services.paynow.domain.repeats import Numbers, ToldLine, sift
from services.shared.errors import Busy

MOST_REFUSALS = 1000
"""Refusals that a report names; beyond that it only counts."""

InvoiceKey = tuple[str, str]
"""Organization id and number."""


class KnownInvoice(NamedTuple):
    """An invoice and what the last line about it said; that balance is not what remains of it.

    It is unsettled while payments of it are under way, or are not in the books yet.
    """

    invoice_id: int
    claim: InvoiceClaim
    imprint: str = ""
    is_unsettled: bool = False


class NewInvoice(NamedTuple):
    """An invoice that the ledger does not have yet."""

    claim: InvoiceClaim
    imprint: str = ""


class ChangedInvoice(NamedTuple):
    """An invoice and what a line says of it; the books' balance stays unless it `tells_balance`."""

    invoice_id: int
    claim: InvoiceClaim
    tells_balance: bool
    imprint: str = ""


@dataclass(frozen=True)
class Known:
    """What the ledger knows of everything that a batch names; contacts in the order of their positions.

    `profiles` gives the id of a client profile by its id and by its case-folded name.
    """

    organizations: dict[str, Organization]
    contacts: dict[str, list[Contact]]
    invoices: dict[InvoiceKey, KnownInvoice]
    profiles: Mapping[str, str] = field(default_factory=dict)


class NewAddress(NamedTuple):
    """An address to add to a contact; its id is 0 if the same plan adds the contact."""

    contact_id: int
    contact: ContactKey
    address: Address


@dataclass(frozen=True)
class Plan:
    """What one batch changes. Each value in it is as it should be afterwards."""

    new_organizations: list[Organization] = field(default_factory=list)
    changed_organizations: list[Organization] = field(default_factory=list)
    new_contacts: list[Contact] = field(default_factory=list)
    changed_contacts: list[Contact] = field(default_factory=list)
    new_addresses: list[NewAddress] = field(default_factory=list)
    new_invoices: list[NewInvoice] = field(default_factory=list)
    changed_invoices: list[ChangedInvoice] = field(default_factory=list)
    first_imprints: list[KnownInvoice] = field(default_factory=list)


class StaleAddress(NamedTuple):
    """An address that a contact had before the sync, and that the sync does not name."""

    contact_id: int
    email_key: str


class SyncUndone(Busy):
    """Some of what a sync had taken in was lost with the database's memory."""

    reason = "SYNC_UNDONE"


@dataclass(frozen=True)
class SyncReport:
    """What a sync did, counted in lines; at most `MOST_REFUSALS` refusals are named."""

    added: int
    changed: int
    unchanged: int
    refused: int
    refusals: tuple[LineRefusal, ...]


@dataclass
class _Stale:
    """The addresses of one contact that the sync has not named so far."""

    contact_id: int
    keys: set[str]
    counted: bool = False  # whether a line that names the contact counts as added or changed already


class Sync:
    """One stream of lines. Remembers what it has named so far; knows no database.

    For each batch: `sift` and `check`, then `plan` against what is known of the accepted lines, then apply
    the plan. After the last batch: drop `stale_addresses`, and read the `report`.
    """

    def __init__(self) -> None:
        self._lines: Numbers = {}
        self._with_primary: set[str] = set()
        self._met: set[ContactKey] = set()
        self._stale: dict[ContactKey, _Stale] = {}
        self._added = self._changed = self._unchanged = self._refused = 0
        self._refusals: list[LineRefusal] = []

    def sift(self, lines: Sequence[ToldLine], repeated: Collection[str]) -> list[ToldLine]:
        """The lines that have to be looked at; those that only repeat what the books say are counted."""
        rest, skipped = sift(lines, repeated, self._lines)
        self._unchanged += skipped
        return rest

    def check(self, lines: Iterable[ToldLine]) -> list[InvoiceLine]:
        """The lines that may be taken; the others are counted, and the first ones remembered."""
        accepted = []
        for record, _, _, imprint in lines:
            line = check_line(record, imprint)
            if isinstance(line, InvoiceLine):
                numbers = self._lines.setdefault(line.invoice.organization_id, {})
                if line.invoice.number not in numbers:
                    numbers[line.invoice.number] = line.line
                    accepted.append(line)
                    continue
                line = duplicate(line, numbers[line.invoice.number])
            self._refuse(line)
        return accepted

    def plan(self, lines: Sequence[InvoiceLine], known: Known) -> Plan:
        """What the lines change. Where lines of a batch contradict each other, the last one holds.

        A line that changes the currency of an unsettled invoice is refused as a whole, and so is one with a
        client profile that there is not.
        """
        plan, lines = Plan(), self._with_profiles(self._without_mixed_money(lines, known), known)
        touched: set[int] = set()  # indexes of the lines that changed an organization or a contact
        _plan_organizations(plan, touched, lines, known)
        meant = self._plan_contacts(plan, touched, lines, known)
        for index, line in enumerate(lines):
            invoice = line.invoice
            before = known.invoices.get((invoice.organization_id, invoice.number))
            if before is None:
                plan.new_invoices.append(NewInvoice(invoice, line.imprint))
                self._added += 1
            elif before.claim != invoice:
                tells = tells_balance(invoice, before.claim)
                changed = ChangedInvoice(before.invoice_id, invoice, tells, line.imprint)
                plan.changed_invoices.append(changed)
                self._changed += 1
            else:
                if not before.imprint:
                    plan.first_imprints.append(before._replace(imprint=line.imprint))
                if index not in touched:
                    self._unchanged += 1
                    continue
                self._changed += 1
            if self._stale and (contact := meant[index]) in self._stale:
                self._stale[contact].counted = True
        return plan

    def _without_mixed_money(self, lines: Sequence[InvoiceLine], known: Known) -> Sequence[InvoiceLine]:
        if not any(invoice.is_unsettled for invoice in known.invoices.values()):
            return lines
        kept = []
        for line in lines:
            before = known.invoices.get((line.invoice.organization_id, line.invoice.number))
            if before and before.is_unsettled and before.claim.currency != line.invoice.currency:
                self._refuse(currency_changed(line, before.claim.currency))
            else:
                kept.append(line)
        return kept

    def _with_profiles(self, lines: Sequence[InvoiceLine], known: Known) -> Sequence[InvoiceLine]:
        """The lines whose client profile is known, by its id."""
        if not any(line.contact and line.contact.profile for line in lines):
            return lines
        kept = []
        for line in lines:
            if line.contact is None or not (asked := line.contact.profile):
                kept.append(line)
            elif profile_id := known.profiles.get(asked) or known.profiles.get(asked.casefold()):
                kept.append(line._replace(contact=line.contact._replace(profile=profile_id)))
            else:
                self._refuse(profile_unknown(line, known.profiles))
        return kept

    def _refuse(self, refusal: LineRefusal) -> None:
        self._refused += 1
        if len(self._refusals) < MOST_REFUSALS:
            self._refusals.append(refusal)

    def stale_addresses(self) -> list[StaleAddress]:
        """Addresses to drop once the stream has ended.

        A contact that the sync names with addresses has those and no others afterwards; an address that
        the books have replaced gets no more mail. Contacts that it does not name stay as they are.
        """
        return [StaleAddress(stale.contact_id, key) for stale in self._stale.values() for key in stale.keys]

    def report(self) -> SyncReport:
        """What the sync did so far."""
        # A contact that only lost an address made one of its lines a change, whichever it was.
        quiet = sum(1 for stale in self._stale.values() if stale.keys and not stale.counted)
        return SyncReport(
            self._added,
            self._changed + quiet,
            self._unchanged - quiet,
            self._refused,
            tuple(self._refusals),
        )

    def _plan_contacts(
        self, plan: Plan, touched: set[int], lines: Sequence[InvoiceLine], known: Known
    ) -> list[ContactKey | None]:
        """Adds the contacts to the plan; returns which one each line means."""
        folded: dict[str, list[Contact]] = {}
        changed_by: dict[ContactKey, int] = {}
        said: dict[str, tuple[ContactClaim, ContactKey]] = {}
        meant: list[ContactKey | None] = []
        for index, line in enumerate(lines):
            claim, organization_id = line.contact, line.organization.organization_id
            if claim is None:
                meant.append(None)
                continue
            last = said.get(organization_id)
            if last is None or last[0] != claim:
                before = folded.get(organization_id)
                if before is None:
                    before = known.contacts.get(organization_id, [])
                after, at = self._fold_contact(before, claim, organization_id)
                folded[organization_id] = after
                for n, contact in enumerate(after):
                    if n >= len(before) or contact is not before[n]:
                        changed_by[organization_id, contact.position] = index
                last = said[organization_id] = (claim, (organization_id, after[at].position))
            meant.append(last[1])
        for organization_id, after in folded.items():
            _compare_contacts(plan, known.contacts.get(organization_id, []), rules.with_defaults(after))
        touched.update(
            changed_by[key]
            for key in map(rules.key_of, [*plan.new_contacts, *plan.changed_contacts])
            if key in changed_by
        )
        touched.update(changed_by[added.contact] for added in plan.new_addresses)
        return meant

    def _fold_contact(
        self, contacts: list[Contact], claim: ContactClaim, organization_id: str
    ) -> tuple[list[Contact], int]:
        """The organization's contacts after one line, and the index of the one that it means."""
        at = rules.find(contacts, claim, self._met)
        if at is None:
            position = contacts[-1].position + 1 if contacts else 1
            contacts, at = [*contacts, rules.first_seen(claim, organization_id, position)], len(contacts)
            self._met.add((organization_id, position))
        else:
            self._name_addresses(contacts[at], claim)
            contacts = [*contacts[:at], rules.merged(contacts[at], claim), *contacts[at + 1 :]]
        if organization_id not in self._with_primary:
            # The first contact that a sync names for an organization is its accounting primary.
            self._with_primary.add(organization_id)
            contacts = rules.with_primary(contacts, at)
        return contacts, at

    def _name_addresses(self, contact: Contact, claim: ContactClaim) -> None:
        if not claim.addresses:
            return
        named = {address.email_key for address in claim.addresses}
        key = rules.key_of(contact)
        if key not in self._met:
            self._met.add(key)
            stale = {address.email_key for address in contact.addresses} - named
            if stale:
                self._stale[key] = _Stale(contact.contact_id, stale)
        elif key in self._stale:
            self._stale[key].keys -= named


def _plan_organizations(plan: Plan, touched: set[int], lines: Sequence[InvoiceLine], known: Known) -> None:
    folded: dict[str, Organization] = {}
    changed_by: dict[str, int] = {}
    said: dict[str, OrganizationClaim] = {}
    for index, line in enumerate(lines):
        claim = line.organization
        key = claim.organization_id
        if said.get(key) == claim:
            continue
        said[key] = claim
        before = folded.get(key) or known.organizations.get(key)
        folded[key] = after = _told(before, claim)
        if after != before:
            changed_by[key] = index
    for key, after in folded.items():
        before = known.organizations.get(key)
        if after != before:
            (plan.changed_organizations if before else plan.new_organizations).append(after)
            touched.add(changed_by[key])


def _told(before: Organization | None, claim: OrganizationClaim) -> Organization:
    """The organization as a line says it is; what the line leaves empty stays."""
    if before is None:
        status = claim.status or "active"
        return Organization(
            claim.organization_id,
            claim.name,
            claim.type,
            status,
            claim.address,
            claim.time_zone,
            claim.currency,
            language=claim.language,
        )
    after = replace(before, **{name: value for name, value in claim._asdict().items() if value})
    return before if after == before else after


def _compare_contacts(plan: Plan, before: Sequence[Contact], after: Sequence[Contact]) -> None:
    """Adds to the plan what differs; `after` begins with the same contacts as `before`."""
    for n, contact in enumerate(after):
        old = before[n] if n < len(before) else None
        if contact is old:
            continue
        if old is None:
            plan.new_contacts.append(contact)
        elif replace(contact, addresses=old.addresses) != old:
            plan.changed_contacts.append(contact)
        first_new = len(old.addresses) if old else 0
        for address in contact.addresses[first_new:]:
            plan.new_addresses.append(NewAddress(contact.contact_id, rules.key_of(contact), address))
