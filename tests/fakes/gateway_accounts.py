"""Contacts, client profiles, methods on file and planned payments in memory, over the organizations of a
fake ledger, for the gateway's tests.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from dunlin.paynow.v1 import accounts_pb2, books_pb2, ledger_pb2, plans_pb2

from services.shared.errors import Conflict, Invalid, Missing, WrongState
from services.shared.wire import instant
from tests.fakes.gateway_books import FakeLedger
from tests.fakes.gateway_rpc import FakeStub, rpc


class FakeAccounts(FakeStub):
    """Two client profiles to begin with; `plans` and `methods` stand as a test puts them.

    A sync of methods or plans reports `report` and keeps what it was sent in `synced`.
    """

    def __init__(self, ledger: FakeLedger) -> None:
        super().__init__()
        self.ledger = ledger
        self.profiles = {
            "billing": accounts_pb2.Profile(
                profile_id="billing", name="Billing", sees_invoices=True, may_pay=True
            ),
            "owner": accounts_pb2.Profile(profile_id="owner", name="Owner", sees_invoices=True),
        }
        self.plans: list[plans_pb2.PlannedPayment] = []
        self.methods: list[plans_pb2.StoredMethod] = []
        self.report = ledger_pb2.SyncReport(added=1)
        self.synced: list[Any] = []
        self.star_changes: dict[str, accounts_pb2.StarContactsResponse] = {}

    def all_contacts(self) -> Iterator[books_pb2.Contact]:
        """Every contact, by id."""
        found = [one for organization in self.ledger.organizations.values() for one in organization.contacts]
        yield from sorted(found, key=lambda contact: contact.contact_id)

    def contact(self, contact_id: int) -> books_pb2.Contact:
        """The contact itself, to be changed."""
        for contact in self.all_contacts():
            if contact.contact_id == contact_id:
                return contact
        raise Missing("There is no such contact.", reason="CONTACT_MISSING")

    def _shown(self, contact: books_pb2.Contact) -> books_pb2.Contact:
        shown = books_pb2.Contact()
        shown.CopyFrom(contact)
        shown.organization_name = self.ledger.organizations[contact.organization_id].name
        shown.language = self.ledger.organizations[contact.organization_id].language
        return shown

    def wanted(self, request: Any) -> list[books_pb2.Contact]:
        """Contacts that pass the filters of a ListContactsRequest."""
        return [
            contact
            for contact in self.all_contacts()
            if request.profile_id in ("", contact.profile_id)
            and (
                not request.HasField("other_profile_than") or request.other_profile_than != contact.profile_id
            )
            and (contact.is_default or not request.only_default)
            and _is_of(self.ledger.organizations[contact.organization_id], request)
        ]

    @rpc
    def ListOrganizationTypes(self, request: Any) -> Any:
        types = {organization.type for organization in self.ledger.organizations.values()} - {""}
        return accounts_pb2.ListOrganizationTypesResponse(types=sorted(types))

    @rpc
    def ListContacts(self, request: Any) -> Any:
        if max(len(request.without_types), len(request.without_statuses)) > 100:
            raise Invalid("At most 100 types or statuses.", reason="TOO_MANY")
        found = self.wanted(request)
        behind = [contact for contact in found if contact.contact_id > request.after_contact_id]
        return accounts_pb2.ListContactsResponse(
            contacts=[self._shown(contact) for contact in behind[: request.batch_size or 1000]],
            total=0 if request.after_contact_id else len(found),
        )

    @rpc
    def CountContacts(self, request: Any) -> Any:
        counted = Counter(contact.profile_id for contact in self.wanted(request.listed))
        return accounts_pb2.CountContactsResponse(
            counts=[accounts_pb2.ProfileCount(profile_id=key, contacts=n) for key, n in counted.most_common()]
        )

    @rpc
    def BatchGetContacts(self, request: Any) -> Any:
        asked = set(request.contact_ids)
        return accounts_pb2.BatchGetContactsResponse(
            contacts=[self._shown(one) for one in self.all_contacts() if one.contact_id in asked]
        )

    @rpc
    def FindContacts(self, request: Any) -> Any:
        if "@" not in request.email:
            raise Invalid("This is not an email address.", reason="EMAIL_MALFORMED")
        email = request.email.casefold()
        found = [one for one in self.all_contacts() if email in map(str.casefold, one.emails)]
        return accounts_pb2.FindContactsResponse(contacts=[self._shown(contact) for contact in found[:50]])

    @rpc
    def RecordSignIn(self, request: Any) -> Any:
        contact = self.contact(request.contact_id)
        if not contact.HasField("signed_in_at") or instant(contact.signed_in_at) < instant(
            request.signed_in_at
        ):
            contact.signed_in_at.CopyFrom(request.signed_in_at)
        return contact

    @rpc
    def ReadAccounts(self, request: Any) -> Any:
        known = [key for key in request.organization_ids if key in self.ledger.organizations]
        return accounts_pb2.ReadAccountsResponse(accounts=[self._account(key, request) for key in known])

    def _account(self, organization_id: str, request: Any) -> accounts_pb2.Account:
        today = request.today
        bare = books_pb2.Organization()
        bare.CopyFrom(self.ledger.organizations[organization_id])
        del bare.contacts[:]
        invoices = sorted(
            self.ledger.open_invoices(organization_id), key=lambda invoice: invoice.due_on or "9999"
        )
        totals: dict[str, ledger_pb2.CurrencyTotal] = {}
        for invoice in invoices:
            total = totals.setdefault(invoice.currency, ledger_pb2.CurrencyTotal(currency=invoice.currency))
            total.open_minor += invoice.balance_minor
            total.open_invoices += 1
            if invoice.due_on and invoice.due_on < today:
                total.past_due_minor += invoice.balance_minor
                total.past_due_invoices += 1
        plans = [plan for plan in self.plans if plan.organization_id == organization_id]
        shown = {invoice.invoice_id for invoice in invoices[:200]}
        return accounts_pb2.Account(
            organization=bare,
            addressees=self.ledger.told(organization_id, request.profile_ids),
            invoices=invoices[:200],
            more_invoices=max(0, len(invoices) - 200),
            totals=totals.values(),
            methods=[
                method
                for method in self.methods
                if method.organization_id == organization_id
                and method.status != plans_pb2.METHOD_STATUS_DELETED
            ],
            plans=plans,
            planned_invoices=[
                self.ledger.invoices[plan.invoice_id] for plan in plans if plan.invoice_id not in shown
            ],
        )

    @rpc
    def SyncMethods(self, requests: Any) -> Any:
        return self._sync(requests)

    @rpc
    def SyncPlans(self, requests: Any) -> Any:
        return self._sync(requests)

    def _sync(self, requests: Any) -> ledger_pb2.SyncReport:
        for request in requests:
            self.synced.extend(request.records)
        return self.report

    @rpc
    def ListMethods(self, request: Any) -> Any:
        own = [method for method in self.methods if method.organization_id == request.organization_id]
        return accounts_pb2.ListMethodsResponse(methods=sorted(own, key=_is_deleted))

    @rpc
    def ListPlans(self, request: Any) -> Any:
        own = [
            plan
            for plan in self.plans
            if plan.organization_id == request.organization_id and plan.pays_on >= getattr(request, "from")
        ]
        return accounts_pb2.ListPlansResponse(plans=sorted(own, key=lambda plan: plan.pays_on))

    @rpc
    def ListProfiles(self, request: Any) -> Any:
        for profile in self.profiles.values():
            profile.contacts = sum(one.profile_id == profile.profile_id for one in self.all_contacts())
        return accounts_pb2.ListProfilesResponse(
            profiles=sorted(self.profiles.values(), key=lambda profile: profile.name)
        )

    @rpc
    def SaveProfile(self, request: Any) -> Any:
        profile = request.profile
        if not profile.name:
            raise Invalid("A client profile needs a name.", reason="NAME_MISSING")
        if any(
            one.name == profile.name and one.profile_id != profile.profile_id
            for one in self.profiles.values()
        ):
            raise Conflict("There is a client profile with this name.", reason="NAME_TAKEN")
        self.profiles[profile.profile_id] = profile
        return profile

    @rpc
    def RemoveProfile(self, request: Any) -> Any:
        if request.profile_id not in self.profiles:
            raise Missing("There is no such client profile.", reason="PROFILE_MISSING")
        if any(contact.profile_id == request.profile_id for contact in self.all_contacts()):
            raise WrongState("Contacts have this client profile.", reason="PROFILE_IN_USE")
        return self.profiles.pop(request.profile_id)

    @rpc
    def SetProfiles(self, request: Any) -> Any:
        if len(request.contacts) > 1000:
            raise Invalid("At most 1000 contacts at once.", reason="TOO_MANY")
        known = {one.contact_id: one for one in self.all_contacts()}
        if any(one.contact_id not in known for one in request.contacts):
            raise Missing("There is no such contact.", reason="CONTACT_MISSING")
        chosen = [(known[one.contact_id], one.profile_id) for one in request.contacts]
        if any(profile_id and profile_id not in self.profiles for _, profile_id in chosen):
            raise Missing("There is no such client profile.", reason="PROFILE_MISSING")
        before = [
            accounts_pb2.ContactProfile(contact_id=contact.contact_id, profile_id=contact.profile_id)
            for contact, _ in chosen
        ]
        for contact, profile_id in chosen:
            contact.profile_id = profile_id
        return accounts_pb2.SetProfilesResponse(before=before)

    @rpc
    def StarContacts(self, request: Any) -> Any:
        if request.request_id in self.star_changes:
            return self.star_changes[request.request_id]
        if request.organization_id not in self.ledger.organizations:
            raise Missing("There is no such organization.", reason="ORGANIZATION_MISSING")
        contacts = self.ledger.organizations[request.organization_id].contacts
        now, change = {one.contact_id for one in contacts if one.is_default}, request.WhichOneof("change")
        wanted = {
            "star": now | {request.star},
            "unstar": now - {request.unstar},
            "exactly": set(request.exactly.contact_ids),
        }[change]
        is_back = change == "exactly" and not wanted
        if not wanted <= {one.contact_id for one in contacts}:
            raise Missing("There is no such contact.", reason="CONTACT_MISSING")
        reachable = any(one.emails for one in contacts if one.contact_id in wanted)
        if not reachable and not is_back:
            raise WrongState("Then nobody would get the mails.", reason="NOBODY_LEFT")
        before = [one.contact_id for one in contacts if one.default_by == books_pb2.DEFAULT_BY_HAND]
        for one in contacts:
            by_hand = books_pb2.DEFAULT_BY_HAND if one.contact_id in wanted else 0
            one.default_by = one.default_by_imports if is_back else by_hand
            one.is_default = bool(one.default_by)
        defaults = [one for one in contacts if one.is_default]
        answer = accounts_pb2.StarContactsResponse(
            before=accounts_pb2.StarredContacts(contact_ids=before),
            by_hand=accounts_pb2.StarredContacts(contact_ids=sorted(wanted)),
            default_contact_ids=[one.contact_id for one in defaults],
            reachable=any(one.emails for one in defaults),
        )
        self.star_changes[request.request_id] = answer
        return answer


def _is_of(organization: books_pb2.Organization, request: Any) -> bool:
    return (
        organization.type not in request.without_types
        and organization.status not in request.without_statuses
        and getattr(request, "organization_type", "") in ("", organization.type)
        and getattr(request, "organization_status", "") in ("", organization.status)
    )


def _is_deleted(method: plans_pb2.StoredMethod) -> bool:
    return bool(method.status == plans_pb2.METHOD_STATUS_DELETED)
