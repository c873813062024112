"""The accounts in memory, over the books in memory."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from typing import TypeVar

from services.paynow.domain.accounts import (
    Debtor,
    ExpiringMethod,
    ListedContact,
    Moved,
    PayDay,
    PlannedTotal,
    UpcomingPayments,
)
from services.paynow.domain.books import Contact, Invoice
from services.paynow.domain.on_file import DELETED, MethodKey, MethodRecord, StoredMethod
from services.paynow.domain.plan_lines import AutopayRecord, NumberKey, PlanContext, ScheduledRecord
from services.paynow.domain.plans import (
    SCHEDULED,
    Autopay,
    PlannedPayment,
    ScheduledKey,
    ScheduledPayment,
    Span,
)
from services.paynow.domain.profiles import Profile
from services.paynow.domain.stars import StarChange
from services.paynow.ports import InvoiceFilter
from services.paynow.ports_accounts import ContactFilter
from tests.fakes.paynow_books import BooksInMemory, Writer
from tests.fakes.paynow_books_view import Reader, State

Row = TypeVar("Row")


def a_card(method_id: str = "M-1", **values: object) -> MethodRecord:
    """A good line about a card; `values` replace what a test is about."""
    good = MethodRecord(
        line=1,
        organization_id="O-1",
        method_id=method_id,
        kind="card",
        brand="Visa",
        last_four="4242",
        expires="2027-09",
        nickname="",
        status="",
        failure_reason="",
    )
    return good._replace(**values)


def autopay(status: str = "on", **values: object) -> AutopayRecord:
    """A good line about AutoPay."""
    return AutopayRecord(1, "O-1", status, "", "")._replace(**values)


def scheduled(scheduled_id: str = "S-1", **values: object) -> ScheduledRecord:
    """A good line about a scheduled payment."""
    good = ScheduledRecord(
        line=1,
        organization_id="O-1",
        scheduled_id=scheduled_id,
        invoice_number="1001",
        method_id="",
        pays_on="2026-03-10",
        amount="",
        status="",
    )
    return good._replace(**values)


class AccountsInMemory:
    """`Accounts` that forget everything at the end, over books that do."""

    def __init__(self, books: BooksInMemory) -> None:
        self._books = books

    @contextmanager
    def write(self) -> Iterator["_Writer"]:
        """A transaction: an exception undoes it."""
        with self._books.write():
            yield _Writer(self._books.state)

    @contextmanager
    def read(self) -> Iterator["_Reader"]:
        """A view."""
        yield _Reader(self._books.state)


class _Reader(Reader):
    def time_zones(self) -> Sequence[str]:
        return sorted({one.time_zone for one in self._state.organizations.values()} - {""})

    def organization_types(self, limit: int) -> Sequence[str]:
        return sorted({one.type for one in self._state.organizations.values()} - {""})[:limit]

    def debtors(
        self,
        after: str,
        limit: int,
        profile_ids: Collection[str],
        time_zones: Collection[str],
        moved: Moved | None = None,
    ) -> Sequence[Debtor]:
        known = self._state.organizations
        return [
            Debtor(key, known[key].name, known[key].time_zone, bool(self.told(key, profile_ids)))
            for key in self._owing(time_zones, moved)
            if key > after
        ][:limit]

    def count_debtors(self, time_zones: Collection[str], moved: Moved | None = None) -> int:
        return len(self._owing(time_zones, moved))

    def expiring(
        self, expires_by: date, after: MethodKey, limit: int, time_zones: Collection[str]
    ) -> Sequence[ExpiringMethod]:
        return [
            ExpiringMethod(one, self._zone(key[0]), bool(self.told(key[0])))
            for key, one in sorted(self._state.methods.items())
            if key > after and one.status != DELETED and self._counts(key[0], time_zones)
            and one.expires_on is not None and one.expires_on <= expires_by
        ][:limit]  # fmt: skip

    def upcoming(
        self, span: Span, after: tuple[str, date | None], limit: int, time_zones: Collection[str]
    ) -> Sequence[UpcomingPayments]:
        days: dict[tuple[str, date], int] = {}
        for plan in self.planned(span):
            key = (plan.invoice.organization_id, plan.pays_on)
            days[key] = days.get(key, 0) + 1
        last = (after[0], after[1] or date.max)
        return [
            UpcomingPayments(*key, count, self._zone(key[0]), bool(self.told(key[0])))
            for key, count in sorted(days.items())
            if key > last and self._counts(key[0], time_zones)
        ][:limit]

    def open_invoices(self, organization_ids: Collection[str], most: int) -> Mapping[str, Sequence[Invoice]]:
        open_ones = [one for one in self._wanted(InvoiceFilter(status="open")) if one.balance_minor]
        in_order = sorted(open_ones, key=lambda one: (one.due_on or date.max, one.invoice_id))
        return _first(in_order, lambda one: one.organization_id, organization_ids, most)

    def methods(
        self, organization_ids: Collection[str], most: int | None = None, only: Collection[str] = ()
    ) -> Mapping[str, Sequence[StoredMethod]]:
        def place(one: StoredMethod) -> tuple[bool, date, str]:
            return one.status == DELETED, one.expires_on or date.max, one.method_id

        kept = [
            one
            for one in self._state.methods.values()
            if (most is None or one.status != DELETED) and (not only or one.method_id in only)
        ]
        return _first(
            sorted(kept, key=place), lambda one: one.organization_id, organization_ids, most or len(kept)
        )

    def plans(
        self, organization_ids: Collection[str], most: int, span: Span
    ) -> Mapping[str, Sequence[PlannedPayment]]:
        return _by_organization(self.planned(span), organization_ids, most)

    def plans_on(
        self, organization_ids: Collection[str], days: Collection[date], most: int, since: date | None = None
    ) -> Mapping[str, Sequence[PlannedPayment]]:
        found: dict[str, list[PlannedPayment]] = {}
        for day in sorted(days):
            on_it = [plan for plan in self.planned(Span(since, day)) if plan.pays_on == day]
            for key, plans in _by_organization(on_it, organization_ids, most).items():
                found.setdefault(key, []).extend(plans)
        return found

    def pay_days(
        self, organization_ids: Collection[str], days: Collection[date], since: date | None = None
    ) -> Mapping[str, Sequence[PayDay]]:
        found: dict[str, list[PayDay]] = {}
        for day in sorted(days):
            on_it = [plan for plan in self.planned(Span(since, day)) if plan.pays_on == day]
            for key, plans in _by_organization(on_it, organization_ids, len(on_it)).items():
                found.setdefault(key, []).append(PayDay(day, len(plans), _totals(plans)))
        return found

    def contacts(self, wanted: ContactFilter, after: int, limit: int) -> Sequence[ListedContact]:
        return [one for one in self._people(wanted) if one.contact.contact_id > after][:limit]

    def count_contacts(self, wanted: ContactFilter) -> int:
        return len(self._people(wanted))

    def count_by_profile(self, wanted: ContactFilter) -> Sequence[tuple[str, int]]:
        counted = Counter(one.contact.profile_id for one in self._people(wanted))
        return sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))

    def contacts_by_id(self, contact_ids: Collection[int]) -> Sequence[ListedContact]:
        return [one for one in self._people() if one.contact.contact_id in contact_ids]

    def contacts_at(self, email_key: str, limit: int) -> Sequence[ListedContact]:
        return [
            one
            for one in self._people()
            if email_key in [address.email_key for address in one.contact.addresses]
        ][:limit]

    def client_profiles(self) -> Sequence[Profile]:
        return _profiles(self._state)

    def _owing(self, time_zones: Collection[str], moved: Moved | None) -> list[str]:
        owing = {kept.claim.organization_id for kept in self._open()}
        if moved is not None:
            owing &= {key for key, at in self._state.moved_at.items() if at >= moved.since}
            known = moved.known_before
            owing -= {key for key, at in self._state.came_at.items() if known is not None and at >= known}
        return sorted(key for key in owing if self._counts(key, time_zones))

    def _zone(self, organization_id: str) -> str:
        return self._state.organizations[organization_id].time_zone

    def _counts(self, organization_id: str, time_zones: Collection[str]) -> bool:
        return not time_zones or self._zone(organization_id) in time_zones

    def _people(self, wanted: ContactFilter = ContactFilter()) -> list[ListedContact]:  # noqa: B008  # immutable
        known = self._state.organizations
        listed = [
            ListedContact(one, known[key].name, known[key].language, known[key].type, known[key].status)
            for key, of_it in self._state.contacts.items()
            for one in of_it
            if wanted.profile_id in ("", one.profile_id)
            and wanted.other_profile_than != one.profile_id
            and (one.is_default or not wanted.only_default)
            and known[key].type not in wanted.without_types
            and known[key].status not in wanted.without_statuses
            and wanted.organization_type in ("", known[key].type)
            and wanted.organization_status in ("", known[key].status)
        ]
        return sorted(listed, key=lambda one: one.contact.contact_id)


class _Writer(Writer):
    def known_organizations(self, organization_ids: Collection[str]) -> frozenset[str]:
        return frozenset(organization_ids) & frozenset(self._state.organizations)

    def known_methods(self, keys: Collection[MethodKey]) -> dict[MethodKey, StoredMethod]:
        return {key: one for key, one in self._state.methods.items() if key in keys}

    def known_plans(
        self,
        organization_ids: Collection[str],
        invoices: Collection[NumberKey],
        methods: Collection[MethodKey],
        scheduled: Collection[ScheduledKey],
    ) -> PlanContext:
        state = self._state
        listed = Reader(state).invoices(InvoiceFilter(), None, len(state.invoices))
        kept = {key: one for key, one in state.scheduled.items() if key in scheduled}
        paid = {one.invoice_id for one in kept.values()}
        named = [
            one for one in listed if (one.organization_id, one.number) in invoices or one.invoice_id in paid
        ]
        ids = {one.invoice_id for one in named}
        kept |= {
            key: one
            for key, one in state.scheduled.items()
            if one.invoice_id in ids and one.status == SCHEDULED
        }
        used = {(one.organization_id, one.method_id) for one in kept.values()}
        return PlanContext(
            self.known_organizations(organization_ids),
            {(one.organization_id, one.number): one for one in named},
            self.known_methods({*methods, *used}),
            kept,
            {key: one for key, one in state.autopay.items() if key in organization_ids},
        )

    def save_methods(self, methods: Sequence[StoredMethod], at: datetime) -> None:
        self._state.methods.update({one.key: one for one in methods})

    def save_autopay(self, autopay: Sequence[Autopay], at: datetime) -> None:
        self._state.autopay.update({one.organization_id: one for one in autopay})

    def save_scheduled(self, payments: Sequence[ScheduledPayment], at: datetime) -> None:
        self._state.scheduled.update({one.key: one for one in payments})

    def sign_in(self, contact_id: int, at: datetime) -> bool:
        found = self._contact(contact_id)
        if found is None:
            return False
        self._change(replace(found, signed_in_at=max(at, found.signed_in_at or at)))
        return True

    def all_profiles(self) -> Sequence[Profile]:
        return _profiles(self._state)

    def save_profile(self, profile: Profile) -> None:
        self._state.profiles[profile.profile_id] = profile

    def remove_profile(self, profile_id: str) -> None:
        del self._state.profiles[profile_id]

    def profile_of_each(self, contact_ids: Collection[int]) -> dict[int, str]:
        found = {key: self._contact(key) for key in contact_ids}
        return {key: one.profile_id for key, one in found.items() if one is not None}

    def set_profiles(self, of_contacts: Mapping[int, str]) -> None:
        for key, profile_id in of_contacts.items():
            if contact := self._contact(key):
                self._change(replace(contact, profile_id=profile_id))

    def contacts_of(self, organization_id: str) -> Sequence[Contact]:
        return list(self._state.contacts.get(organization_id, ()))

    def save_stars(self, changed: Sequence[Contact]) -> None:
        for one in changed:
            now = replace(self._find(one), starred_by_hand=one.starred_by_hand, is_default=one.is_default)
            self._change(now)

    def star_change(self, request_id: str) -> StarChange | None:
        return self._state.star_changes.get(request_id)

    def add_star_change(self, change: StarChange, at: datetime) -> None:
        self._state.star_changes[change.request_id] = change

    def _contact(self, contact_id: int) -> Contact | None:
        of_all = [one for contacts in self._state.contacts.values() for one in contacts]
        return next((one for one in of_all if one.contact_id == contact_id), None)


def _profiles(state: State) -> list[Profile]:
    has = [one.profile_id for contacts in state.contacts.values() for one in contacts]
    counted = [replace(one, contacts=has.count(key)) for key, one in state.profiles.items()]
    return sorted(counted, key=lambda one: one.name_key)


def _totals(plans: Sequence[PlannedPayment]) -> tuple[PlannedTotal, ...]:
    currencies = Counter(plan.invoice.currency for plan in sorted(plans, key=lambda p: p.invoice.currency))
    return tuple(
        PlannedTotal(key, sum(plan.amount_minor for plan in plans if plan.invoice.currency == key))
        for key, _ in currencies.most_common()
    )


def _by_organization(
    plans: Sequence[PlannedPayment], wanted: Collection[str], most: int
) -> dict[str, list[PlannedPayment]]:
    return _first(plans, lambda plan: plan.invoice.organization_id, wanted, most)


def _first(
    found: Sequence[Row], of: Callable[[Row], str], wanted: Collection[str], most: int
) -> dict[str, list[Row]]:
    """The first so many of each organization that is wanted, in their order."""
    result: dict[str, list[Row]] = {}
    for one in found:
        if of(one) in wanted and len(result.get(of(one), [])) < most:
            result.setdefault(of(one), []).append(one)
    return result
