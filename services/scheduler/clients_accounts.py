"""The books, organization by organization, over gRPC."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from threading import Lock

import grpc
from dunlin.paynow.v1 import accounts_pb2, accounts_pb2_grpc

from services.scheduler import converters_accounts as converters
from services.scheduler.clients import REVIEW_SECONDS, TICK_SECONDS, ask
from services.scheduler.converters_books import recipients
from services.scheduler.domain.books import (
    Account,
    Contact,
    ContactBatch,
    ContactQuery,
    DebtorBatch,
    ExpiringCard,
    Moved,
    Recipient,
    UpcomingDay,
)
from services.shared.wire import timestamp

ZONES_HOLD = 30.0
"""Seconds. Organizations seldom get a time zone that none has had before."""


class GrpcAccounts:
    """Implements `ports.Accounts`; safe from any thread."""

    def __init__(self, channel: grpc.Channel, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self._stub = accounts_pb2_grpc.AccountsServiceStub(channel)
        self._seconds = seconds
        self._lock = Lock()
        self._zones: tuple[float, list[str]] | None = None

    def time_zones(self, *, fresh: bool = False) -> list[str]:
        """The time zones that organizations have of their own, as of the last half minute or of now."""
        with self._lock:
            known = self._zones
        if fresh or known is None or self._seconds() - known[0] > ZONES_HOLD:
            request = accounts_pb2.ListTimeZonesRequest()
            answer = ask(lambda: self._stub.ListTimeZones(request, timeout=TICK_SECONDS))
            known = self._seconds(), list(answer.time_zones)
            with self._lock:
                self._zones = known
        return known[1]

    def debtors(
        self,
        after: str,
        limit: int,
        *,
        profile_ids: Sequence[str] = (),
        time_zones: Collection[str] = (),
        moved: Moved | None = None,
    ) -> DebtorBatch:
        """A batch of organizations with open invoices, by id; with `moved` only those that have moved so."""
        request = accounts_pb2.ListDebtorsRequest(
            after_organization_id=after,
            batch_size=limit,
            profile_ids=profile_ids,
            time_zones=time_zones,
            moved_since=timestamp(moved.since if moved else None),
            known_before=timestamp(moved.known_before if moved else None),
        )
        return converters.debtors(ask(lambda: self._stub.ListDebtors(request, timeout=TICK_SECONDS)))

    def expiring_cards(
        self, expires_by: date, after: tuple[str, str], limit: int, *, time_zones: Collection[str] = ()
    ) -> list[ExpiringCard]:
        """A batch of cards whose last month begins by then, by organization and method."""
        request = accounts_pb2.ListExpiringMethodsRequest(
            expires_by=expires_by.isoformat(),
            after_organization_id=after[0],
            after_method_id=after[1],
            batch_size=limit,
            time_zones=time_zones,
        )
        answer = ask(lambda: self._stub.ListExpiringMethods(request, timeout=TICK_SECONDS))
        return [converters.expiring_card(found) for found in answer.methods]

    def upcoming(
        self,
        first: date,
        last: date,
        after: tuple[str, str],
        limit: int,
        *,
        time_zones: Collection[str] = (),
    ) -> list[UpcomingDay]:
        """A batch of days on which payments are made by themselves, by organization and date."""
        request = accounts_pb2.ListUpcomingPaymentsRequest(
            to=last.isoformat(),
            after_organization_id=after[0],
            after_pays_on=after[1],
            batch_size=limit,
            time_zones=time_zones,
            **{"from": first.isoformat()},
        )
        answer = ask(lambda: self._stub.ListUpcomingPayments(request, timeout=TICK_SECONDS))
        return [converters.upcoming_day(found) for found in answer.days]

    def accounts(
        self,
        organization_ids: Collection[str],
        *,
        profile_ids: Sequence[str] = (),
        with_pay_tokens: bool = False,
        today: date | None = None,
        pay_days: Collection[date] = (),
        method_ids: Collection[str] = (),
    ) -> Mapping[str, Account]:
        """What is known of at most 200 organizations, as it stands now."""
        request = accounts_pb2.ReadAccountsRequest(
            organization_ids=sorted(organization_ids),
            profile_ids=profile_ids,
            with_pay_tokens=with_pay_tokens,
            today=today.isoformat() if today else "",
            pay_days=[day.isoformat() for day in sorted(pay_days)],
            method_ids=sorted(method_ids),
        )
        answer = ask(lambda: self._stub.ReadAccounts(request, timeout=REVIEW_SECONDS))
        return {found.organization.organization_id: converters.account(found) for found in answer.accounts}

    def addressees(
        self, organization_ids: Collection[str], *, profile_ids: Sequence[str] = ()
    ) -> Mapping[str, tuple[Recipient, ...]]:
        """Whom a mail to each of at most 5000 organizations would go to."""
        request = accounts_pb2.ReadAddresseesRequest(
            organization_ids=sorted(organization_ids), profile_ids=profile_ids
        )
        answer = ask(lambda: self._stub.ReadAddressees(request, timeout=TICK_SECONDS))
        return {found.organization_id: recipients(found.addressees) for found in answer.organizations}

    def contacts(self, query: ContactQuery, after: int, limit: int) -> ContactBatch:
        """A batch of contacts, by id."""
        request = accounts_pb2.ListContactsRequest(
            after_contact_id=after,
            batch_size=limit,
            profile_id=query.profile_id,
            without_types=query.without_types,
            without_statuses=query.without_statuses,
        )
        answer = ask(lambda: self._stub.ListContacts(request, timeout=TICK_SECONDS))
        return ContactBatch(tuple(converters.contact(found) for found in answer.contacts), answer.total)

    def contacts_by_id(self, contact_ids: Collection[int]) -> Mapping[int, Contact]:
        """What is known of at most 1000 contacts, as it stands now."""
        request = accounts_pb2.BatchGetContactsRequest(contact_ids=sorted(contact_ids))
        answer = ask(lambda: self._stub.BatchGetContacts(request, timeout=REVIEW_SECONDS))
        return {found.contact_id: converters.contact(found) for found in answer.contacts}
