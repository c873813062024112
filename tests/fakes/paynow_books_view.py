"""The state of the books in memory, and how it is read."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

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
from services.paynow.domain.lines import InvoiceClaim
from services.paynow.domain.on_file import MethodKey, StoredMethod
from services.paynow.domain.plans import (
    Autopay,
    PlannedPayment,
    ScheduledKey,
    ScheduledPayment,
    Span,
    planned,
)
from services.paynow.domain.profiles import Profile
from services.paynow.domain.repeats import ToldLine
from services.paynow.domain.stars import StarChange
from services.paynow.ports import InvoiceFilter, InvoicePlace, OrganizationPlace


@dataclass
class Kept:
    """An invoice."""

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


FIRST_PROFILES = (
    Profile("full", "Full access", True, True),
    Profile("billing", "Billing", True, True),
    Profile("viewer", "View only", True, False),
)


@dataclass
class State:
    """Everything that is remembered."""

    organizations: dict[str, Organization] = field(default_factory=dict)
    came_at: dict[str, datetime] = field(default_factory=dict)
    moved_at: dict[str, datetime] = field(default_factory=dict)
    contacts: dict[str, list[Contact]] = field(default_factory=dict)
    invoices: dict[int, Kept] = field(default_factory=dict)
    completed: list[datetime | None] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    last_contact_id: int = 0
    told: int = 0
    facts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    profiles: dict[str, Profile] = field(
        default_factory=lambda: {one.profile_id: one for one in FIRST_PROFILES}
    )
    methods: dict[MethodKey, StoredMethod] = field(default_factory=dict)
    star_changes: dict[str, StarChange] = field(default_factory=dict)
    autopay: dict[str, Autopay] = field(default_factory=dict)
    scheduled: dict[ScheduledKey, ScheduledPayment] = field(default_factory=dict)


class Reader:
    """See `ports.BooksReader`."""

    def __init__(self, state: State) -> None:
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

    def addressees(
        self, organization_ids: Collection[str], profile_ids: Collection[str] = ()
    ) -> dict[str, tuple[Addressee, ...]]:
        told = {key: self.told(key, profile_ids) for key in organization_ids}
        return {key: found for key, found in told.items() if found}

    def told(self, organization_id: str, profile_ids: Collection[str] = ()) -> tuple[Addressee, ...]:
        """Whom to tell of one organization."""
        of_it = self._state.contacts.get(organization_id, ())
        return addressees(
            one for one in of_it if (one.profile_id in profile_ids if profile_ids else one.is_default)
        )

    def next_plans(self, invoice_ids: Collection[int], span: Span) -> dict[int, PlannedPayment]:
        found: dict[int, PlannedPayment] = {}
        for plan in self.planned(span):
            if plan.invoice.invoice_id in invoice_ids:
                found.setdefault(plan.invoice.invoice_id, plan)
        return found

    def planned(self, span: Span) -> list[PlannedPayment]:
        """What will be made by itself within the span, the earliest first."""
        state = self._state
        invoices = self._wanted(InvoiceFilter())
        return planned(invoices, list(state.scheduled.values()), state.autopay, state.methods, span)

    def due_invoices(
        self,
        due_on_or_before: date,
        after_invoice_id: int,
        limit: int,
        time_zones: Collection[str] = (),
    ) -> Sequence[DueInvoice]:
        due = [one for one in self._due(due_on_or_before, time_zones) if one.invoice_id > after_invoice_id]
        return due[:limit]

    def count_due_invoices(self, due_on_or_before: date, time_zones: Collection[str] = ()) -> int:
        return len(self._due(due_on_or_before, time_zones))

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

    def _open(self) -> list[Kept]:
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

    def _due(self, by: date, time_zones: Collection[str] = ()) -> list[DueInvoice]:
        known = self._state.organizations
        return [
            DueInvoice(
                invoice_id,
                kept.claim.organization_id,
                kept.claim.number,
                kept.claim.due_on,
                kept.balance_minor,
                kept.reserved_minor,
                bool(self.told(kept.claim.organization_id)),
                known[kept.claim.organization_id].time_zone,
            )
            for invoice_id, kept in self._state.invoices.items()
            if kept.counts
            and kept.claim.due_on is not None
            and kept.claim.due_on <= by
            and (not time_zones or known[kept.claim.organization_id].time_zone in time_zones)
        ]
