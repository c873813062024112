"""Accounts over gRPC: parse, ask, answer. Refusals are translated by the server's interceptor."""

from collections.abc import Iterator

import grpc
from dunlin.paynow.v1 import accounts_pb2, accounts_pb2_grpc, books_pb2, ledger_pb2

from services.paynow import converters, converters_lines, converters_stars
from services.paynow import converters_accounts as wire
from services.paynow.ports import PayTokens
from services.paynow.ports_accounts import Accounts
from services.paynow.use_cases import accounts, contacts
from services.paynow.use_cases.stars import star_contacts
from services.paynow.use_cases.sync_accounts import sync_methods, sync_plans
from services.shared.clock import Clock

NAME = accounts_pb2.DESCRIPTOR.services_by_name["AccountsService"].full_name
"""The full name of the service, for health and reflection."""


class AccountsServicer(accounts_pb2_grpc.AccountsServiceServicer):
    """Answers about accounts and contacts, takes in methods and plans; the proto has the promises."""

    def __init__(self, *, accounts: Accounts, tokens: PayTokens, clock: Clock) -> None:
        self._accounts = accounts
        self._tokens = tokens
        self._clock = clock

    def ListTimeZones(
        self, request: accounts_pb2.ListTimeZonesRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.ListTimeZonesResponse:
        """The time zones that organizations have of their own."""
        found = accounts.list_time_zones(accounts=self._accounts)
        return accounts_pb2.ListTimeZonesResponse(time_zones=found)

    def ListOrganizationTypes(
        self, request: accounts_pb2.ListOrganizationTypesRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.ListOrganizationTypesResponse:
        """The types that organizations have."""
        found = accounts.list_organization_types(accounts=self._accounts)
        return accounts_pb2.ListOrganizationTypesResponse(types=found)

    def ListDebtors(
        self, request: accounts_pb2.ListDebtorsRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.ListDebtorsResponse:
        """A batch of organizations that have open invoices."""
        size = wire.batch_size(request.batch_size)
        after, profiles, zones = request.after_organization_id, request.profile_ids, request.time_zones
        moved = wire.moved(request)
        found = accounts.list_debtors(after, size, profiles, zones, accounts=self._accounts, moved=moved)
        return wire.debtors(found)

    def ListExpiringMethods(
        self, request: accounts_pb2.ListExpiringMethodsRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.ListExpiringMethodsResponse:
        """A batch of cards on file by when they expire."""
        asked = wire.expiring_query(request)
        return wire.expiring(
            accounts.list_expiring_methods(*asked, request.time_zones, accounts=self._accounts)
        )

    def ListUpcomingPayments(
        self, request: accounts_pb2.ListUpcomingPaymentsRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.ListUpcomingPaymentsResponse:
        """A batch of days on which payments will be made by themselves."""
        asked = wire.upcoming_query(request)
        return wire.upcoming(
            accounts.list_upcoming_payments(*asked, request.time_zones, accounts=self._accounts)
        )

    def ReadAccounts(
        self, request: accounts_pb2.ReadAccountsRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.ReadAccountsResponse:
        """What a mail about each account needs, as it stands now."""
        found = accounts.read_accounts(
            request.organization_ids,
            request.profile_ids,
            request.with_pay_tokens,
            converters.today(request.today),
            wire.pay_days(request),
            method_ids=request.method_ids,
            accounts=self._accounts,
            tokens=self._tokens,
            clock=self._clock,
        )
        return wire.read_accounts(found)

    def ReadAddressees(
        self, request: accounts_pb2.ReadAddresseesRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.ReadAddresseesResponse:
        """Whom a mail about each account would go to."""
        return wire.addressees(
            accounts.read_addressees(request.organization_ids, request.profile_ids, accounts=self._accounts)
        )

    def ListContacts(
        self, request: accounts_pb2.ListContactsRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.ListContactsResponse:
        """A batch of contacts."""
        wanted, size = wire.contact_filter(request), wire.batch_size(request.batch_size)
        return wire.contacts(
            contacts.list_contacts(wanted, request.after_contact_id, size, accounts=self._accounts)
        )

    def CountContacts(
        self, request: accounts_pb2.CountContactsRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.CountContactsResponse:
        """How many contacts have each client profile."""
        wanted = wire.contact_filter(request.listed)
        return wire.profile_counts(contacts.count_contacts(wanted, accounts=self._accounts))

    def BatchGetContacts(
        self, request: accounts_pb2.BatchGetContactsRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.BatchGetContactsResponse:
        """The contacts that are known among those asked for."""
        return wire.known_contacts(contacts.batch_get_contacts(request.contact_ids, accounts=self._accounts))

    def FindContacts(
        self, request: accounts_pb2.FindContactsRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.FindContactsResponse:
        """The contacts that have an address."""
        return wire.found_contacts(contacts.find_contacts(wire.email_key(request), accounts=self._accounts))

    def RecordSignIn(
        self, request: accounts_pb2.RecordSignInRequest, context: grpc.ServicerContext
    ) -> books_pb2.Contact:
        """Notes that a contact has signed in to the portal."""
        at = wire.signed_in_at(request)
        return wire.contact(contacts.record_sign_in(request.contact_id, at, accounts=self._accounts))

    def StarContacts(
        self, request: accounts_pb2.StarContactsRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.StarContactsResponse:
        """Says by hand who of an organization gets its mails."""
        change, whose = converters_stars.change(request), request.organization_id
        return converters_stars.done(
            star_contacts(request.request_id, whose, change, accounts=self._accounts, clock=self._clock)
        )

    def SyncMethods(
        self, request_iterator: Iterator[accounts_pb2.SyncMethodsRequest], context: grpc.ServicerContext
    ) -> ledger_pb2.SyncReport:
        """Takes in methods on file and reports line by line."""
        batches = converters_lines.method_batches(request_iterator)
        return converters.sync_report(sync_methods(batches, accounts=self._accounts, clock=self._clock))

    def SyncPlans(
        self, request_iterator: Iterator[accounts_pb2.SyncPlansRequest], context: grpc.ServicerContext
    ) -> ledger_pb2.SyncReport:
        """Takes in AutoPay and scheduled payments and reports line by line."""
        batches = converters_lines.plan_batches(request_iterator)
        return converters.sync_report(sync_plans(batches, accounts=self._accounts, clock=self._clock))

    def ListMethods(
        self, request: accounts_pb2.ListMethodsRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.ListMethodsResponse:
        """The methods on file of one organization."""
        return wire.methods(accounts.list_methods(request.organization_id, accounts=self._accounts))

    def ListPlans(
        self, request: accounts_pb2.ListPlansRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.ListPlansResponse:
        """The payments of one organization that are to be made by themselves."""
        first = wire.plans_of(request)
        return wire.plans(accounts.list_plans(request.organization_id, first, accounts=self._accounts))

    def ListProfiles(
        self, request: accounts_pb2.ListProfilesRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.ListProfilesResponse:
        """The client profiles by name."""
        return wire.profiles(contacts.list_profiles(accounts=self._accounts))

    def SaveProfile(
        self, request: accounts_pb2.SaveProfileRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.Profile:
        """Adds a client profile, or replaces the one with that id."""
        profile = wire.profile_to_save(request)
        return wire.profile(contacts.save_profile(profile, accounts=self._accounts))

    def RemoveProfile(
        self, request: accounts_pb2.RemoveProfileRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.Profile:
        """Removes a client profile and returns it as it was."""
        return wire.profile(contacts.remove_profile(request.profile_id, accounts=self._accounts))

    def SetProfiles(
        self, request: accounts_pb2.SetProfilesRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.SetProfilesResponse:
        """Gives client profiles to many contacts at once; returns what they had."""
        wanted = wire.profiles_to_set(request)
        return wire.profiles_before(contacts.set_profiles(wanted, accounts=self._accounts))
