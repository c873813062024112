"""A small gRPC server of accounts that stands for the ledger's before a real scheduler."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import grpc
from dunlin.paynow.v1 import accounts_pb2, books_pb2, ledger_pb2, plans_pb2

from services.shared.wire import timestamp
from tests.fakes.scheduler_servers import AccountBooks, Books

ANN = ledger_pb2.Addressee(name="Ann", email="ann@acme.test")
ANYBODY = "billing"
"""The client profile of all contacts but the last one, who has none."""


class AccountsOf(AccountBooks):
    """The accounts of the organization of the books, and of as many contacts as a test wants."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.contacts = 3
        self.by_profile: dict[str, ledger_pb2.Addressee] = {}
        self.expires = date(2026, 4, 1)
        self.pays_on = date(2026, 4, 1)

    def _to(self, profile_ids: Sequence[str]) -> list[ledger_pb2.Addressee]:
        return (
            [self.by_profile[one] for one in profile_ids if one in self.by_profile] if profile_ids else [ANN]
        )

    def contact(self, contact_id: int) -> books_pb2.Contact:
        return books_pb2.Contact(
            contact_id=contact_id,
            organization_id="acme",
            organization_name="Acme Ltd",
            name=f"Person {contact_id}",
            emails=[f"p{contact_id}@acme.test"],
            profile_id=ANYBODY if contact_id < self.contacts else "",
            signed_in_at=timestamp(datetime(2026, 1, 1, tzinfo=UTC) if contact_id == 1 else None),
        )

    def ListDebtors(
        self, request: accounts_pb2.ListDebtorsRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.ListDebtorsResponse:
        # It has never had another time zone.
        owes = any(one.balance_minor > 0 for one in self._books.invoices) and not request.HasField(
            "moved_since"
        )
        reachable = bool(self._to(request.profile_ids))
        acme = accounts_pb2.Debtor(organization_id="acme", organization_name="Acme Ltd", reachable=reachable)
        found = [acme] if owes and request.after_organization_id < "acme" else []
        return accounts_pb2.ListDebtorsResponse(debtors=found)

    def ReadAccounts(
        self, request: accounts_pb2.ReadAccountsRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.ReadAccountsResponse:
        if "acme" not in request.organization_ids:
            return accounts_pb2.ReadAccountsResponse()
        invoices = [one for one in self._books.invoices if one.balance_minor > 0]
        account = accounts_pb2.Account(
            organization=books_pb2.Organization(organization_id="acme", name="Acme Ltd"),
            addressees=self._to(request.profile_ids),
            invoices=invoices,
            pay_tokens=["a-token"] * len(invoices) if request.with_pay_tokens else [],
        )
        return accounts_pb2.ReadAccountsResponse(accounts=[account])

    def ReadAddressees(
        self, request: accounts_pb2.ReadAddresseesRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.ReadAddresseesResponse:
        acme = accounts_pb2.Addressees(organization_id="acme", addressees=self._to(request.profile_ids))
        found = [acme] if "acme" in request.organization_ids else []
        return accounts_pb2.ReadAddresseesResponse(organizations=found)

    def ListExpiringMethods(
        self, request: accounts_pb2.ListExpiringMethodsRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.ListExpiringMethodsResponse:
        if request.after_organization_id or self.expires.isoformat() > request.expires_by:
            return accounts_pb2.ListExpiringMethodsResponse()
        card = plans_pb2.StoredMethod(
            organization_id="acme",
            method_id="m1",
            label="Visa 4242",
            expires_month=self.expires.month,
            expires_year=self.expires.year,
        )
        return accounts_pb2.ListExpiringMethodsResponse(
            methods=[accounts_pb2.ExpiringMethod(method=card, reachable=True)]
        )

    def ListUpcomingPayments(
        self, request: accounts_pb2.ListUpcomingPaymentsRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.ListUpcomingPaymentsResponse:
        day, first = self.pays_on.isoformat(), getattr(request, "from")
        if request.after_organization_id or not first <= day <= request.to:
            return accounts_pb2.ListUpcomingPaymentsResponse()
        found = accounts_pb2.UpcomingPayments(organization_id="acme", pays_on=day, payments=1, reachable=True)
        return accounts_pb2.ListUpcomingPaymentsResponse(days=[found])

    def ListContacts(
        self, request: accounts_pb2.ListContactsRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.ListContactsResponse:
        numbers = range(request.after_contact_id + 1, self.contacts + 1)
        found = [one for one in map(self.contact, numbers) if one.profile_id == request.profile_id]
        return accounts_pb2.ListContactsResponse(contacts=found[: request.batch_size])

    def BatchGetContacts(
        self, request: accounts_pb2.BatchGetContactsRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.BatchGetContactsResponse:
        known = [i for i in request.contact_ids if 0 < i <= self.contacts]
        return accounts_pb2.BatchGetContactsResponse(contacts=map(self.contact, known))
