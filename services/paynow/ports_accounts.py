"""What the use cases of accounts need: more to read of the books, and what changes beside invoices."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from services.paynow.domain.accounts import (
    Debtor,
    ExpiringMethod,
    ListedContact,
    Moved,
    PayDay,
    UpcomingPayments,
)
from services.paynow.domain.books import Contact, Invoice
from services.paynow.domain.on_file import MethodKey, StoredMethod
from services.paynow.domain.plan_lines import NumberKey, PlanContext
from services.paynow.domain.plans import Autopay, PlannedPayment, ScheduledKey, ScheduledPayment, Span
from services.paynow.domain.profiles import Profile
from services.paynow.domain.stars import StarChange
from services.paynow.ports import BooksReader


@dataclass(frozen=True)
class ContactFilter:
    """Which contacts to list; what is set must all hold."""

    profile_id: str = ""
    without_types: frozenset[str] = frozenset()
    without_statuses: frozenset[str] = frozenset()
    only_default: bool = False
    organization_type: str = ""
    organization_status: str = ""
    other_profile_than: str | None = None
    """None for any; empty for those that have a profile."""


class AccountsReader(BooksReader, Protocol):
    """The books and the accounts as they stand. No method takes more statements for more rows.

    `time_zones` are those of organizations that count, "" meaning none of their own; without any all count.
    """

    def time_zones(self) -> Sequence[str]:
        """Those that organizations have of their own, in order."""
        ...

    def organization_types(self, limit: int) -> Sequence[str]:
        """Those that organizations have, in order."""
        ...

    def debtors(
        self,
        after: str,
        limit: int,
        profile_ids: Collection[str],
        time_zones: Collection[str],
        moved: Moved | None = None,
    ) -> Sequence[Debtor]:
        """Organizations with open invoices with a positive balance, by id.

        With `moved` only those that have moved so.
        """
        ...

    def count_debtors(self, time_zones: Collection[str], moved: Moved | None = None) -> int:
        """How many of them there are in all."""
        ...

    def expiring(
        self, expires_by: date, after: MethodKey, limit: int, time_zones: Collection[str]
    ) -> Sequence[ExpiringMethod]:
        """Cards on file whose last month begins by then, by organization id and method id."""
        ...

    def upcoming(
        self, span: Span, after: tuple[str, date | None], limit: int, time_zones: Collection[str]
    ) -> Sequence[UpcomingPayments]:
        """Days on which payments will be made by themselves, by organization id and date."""
        ...

    def open_invoices(self, organization_ids: Collection[str], most: int) -> Mapping[str, Sequence[Invoice]]:
        """Of each organization the first so many that are open with a positive balance, by due date."""
        ...

    def methods(
        self, organization_ids: Collection[str], most: int | None = None, only: Collection[str] = ()
    ) -> Mapping[str, Sequence[StoredMethod]]:
        """Of each organization those on file, the earliest expiry first, bank accounts last.

        The first `most` that are not deleted; without that number all, deleted ones last. `only` those with
        these ids, unless it is empty.
        """
        ...

    def plans(
        self, organization_ids: Collection[str], most: int, span: Span
    ) -> Mapping[str, Sequence[PlannedPayment]]:
        """Of each organization the first so many payments that will be made by themselves within the span."""
        ...

    def plans_on(
        self, organization_ids: Collection[str], days: Collection[date], most: int, since: date | None = None
    ) -> Mapping[str, Sequence[PlannedPayment]]:
        """Of each organization the first so many payments on each of the days; the earliest first.

        Those that are planned `since` then and earlier are served before them (see `Span`).
        """
        ...

    def pay_days(
        self, organization_ids: Collection[str], days: Collection[date], since: date | None = None
    ) -> Mapping[str, Sequence[PayDay]]:
        """Likewise what all payments on each of the days come to, but on days without any."""
        ...

    def contacts(self, wanted: ContactFilter, after: int, limit: int) -> Sequence[ListedContact]:
        """Contacts by id, with their addresses."""
        ...

    def count_contacts(self, wanted: ContactFilter) -> int:
        """How many `contacts` would list in all."""
        ...

    def count_by_profile(self, wanted: ContactFilter) -> Sequence[tuple[str, int]]:
        """The same by profile, empty for none; those with the most contacts first."""
        ...

    def contacts_by_id(self, contact_ids: Collection[int]) -> Sequence[ListedContact]:
        """The known ones, by id."""
        ...

    def contacts_at(self, email_key: str, limit: int) -> Sequence[ListedContact]:
        """The first contacts that have the address, by id."""
        ...

    def client_profiles(self) -> Sequence[Profile]:
        """All of them by name, with how many contacts have each."""
        ...


class AccountsWriter(Protocol):
    """The accounts within one transaction that changes them."""

    def lock(self) -> None:
        """Makes syncs, and others who change accounts, wait until this transaction ends."""
        ...

    def known_organizations(self, organization_ids: Collection[str]) -> frozenset[str]:
        """Those of them that are in the books."""
        ...

    def known_methods(self, keys: Collection[MethodKey]) -> dict[MethodKey, StoredMethod]:
        """Those of them that are on file, deleted or not."""
        ...

    def known_plans(
        self,
        organization_ids: Collection[str],
        invoices: Collection[NumberKey],
        methods: Collection[MethodKey],
        scheduled: Collection[ScheduledKey],
    ) -> PlanContext:
        """See `PlanContext`; in a fixed number of statements."""
        ...

    def save_methods(self, methods: Sequence[StoredMethod], at: datetime) -> None:
        """Adds them, or replaces what is known of them."""
        ...

    def save_autopay(self, autopay: Sequence[Autopay], at: datetime) -> None:
        """Adds them, or replaces what is known of them."""
        ...

    def save_scheduled(self, payments: Sequence[ScheduledPayment], at: datetime) -> None:
        """Adds them, or replaces what is known of them."""
        ...

    def announce(self, name: str, body: dict[str, Any], at: datetime) -> None:
        """Tells the other services a fact, if and only if this transaction is kept."""
        ...

    def sign_in(self, contact_id: int, at: datetime) -> bool:
        """Notes that a contact has signed in, unless a later time is known; False if there is none."""
        ...

    def all_profiles(self) -> Sequence[Profile]:
        """All client profiles by name, with how many contacts have each."""
        ...

    def save_profile(self, profile: Profile) -> None:
        """Adds it, or replaces the one of its id."""
        ...

    def remove_profile(self, profile_id: str) -> None:
        """Removes it."""
        ...

    def profile_of_each(self, contact_ids: Collection[int]) -> dict[int, str]:
        """By contact that exists the id of its profile, empty for none."""
        ...

    def set_profiles(self, of_contacts: Mapping[int, str]) -> None:
        """Gives each contact its profile."""
        ...

    def contacts_of(self, organization_id: str) -> Sequence[Contact]:
        """An organization's contacts in their order, with their addresses."""
        ...

    def save_stars(self, contacts: Sequence[Contact]) -> None:
        """Notes of each whether it is starred by hand, and whether it is a default contact."""
        ...

    def star_change(self, request_id: str) -> StarChange | None:
        """The change that was asked for with that id."""
        ...

    def add_star_change(self, change: StarChange, at: datetime) -> None:
        """Keeps it, for whoever asks with its id again."""
        ...


class Accounts(Protocol):
    """Where accounts are kept: with the books."""

    def read(self) -> AbstractContextManager[AccountsReader]:
        """A view of what is committed."""
        ...

    def write(self) -> AbstractContextManager[AccountsWriter]:
        """A transaction: kept at the end, undone by an exception."""
        ...
