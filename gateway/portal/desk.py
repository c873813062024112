"""What the books say of somebody at the portal's door: who it is, and what this contact may do there."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from dunlin.paynow.v1.accounts_pb2 import BatchGetContactsRequest, ListProfilesRequest, Profile
from dunlin.paynow.v1.books_pb2 import Contact

from gateway.clients import Clients, clients
from gateway.identity.portal import PortalAccount, PortalContact, normal_address
from gateway.site import company_time


@dataclass(frozen=True)
class Access:
    """A contact with the client profile that says what it may do."""

    contact: Contact
    profile: Profile
    email: str
    """The address that it signs in with."""

    @property
    def may_pay(self) -> bool:
        """Whether the contact may pay what it sees."""
        return self.profile.sees_invoices and self.profile.may_pay


def accesses(account: PortalAccount) -> list[Access]:
    """Where the account may look, in the order in which it came there. Raises `grpc.RpcError`.

    A contact that was taken out of the books, lost its client profile, its address or its organization opens
    nothing any more, whatever password is known.
    """
    return _accesses(clients(), account.contacts, account.email)


def access(who: PortalContact, email: str) -> Access | None:
    """The same for one contact at one address; None if it may not come in."""
    found = _accesses(clients(), (who,), email)
    return found[0] if found else None


def _accesses(stubs: Clients, wanted: tuple[PortalContact, ...], email: str) -> list[Access]:
    asked = BatchGetContactsRequest(contact_ids=[one.contact_id for one in wanted])
    known = {one.contact_id: one for one in stubs.accounts.BatchGetContacts(asked).contacts}
    profiles = {one.profile_id: one for one in stubs.accounts.ListProfiles(ListProfilesRequest()).profiles}
    return [
        Access(contact, profiles[contact.profile_id], email)
        for one in wanted
        if (contact := known.get(one.contact_id)) is not None
        and contact.organization_id == one.organization_id
        and contact.profile_id in profiles
        and normal_address(email) in map(normal_address, contact.emails)
    ]


def local_date(time_zone: str) -> date:
    """Today where the organization is; where it has no zone of its own, where the company is."""
    if time_zone:
        return datetime.now(company_time.zone_named(time_zone)).date()
    calendar = company_time.calendar_or_none()
    return date.fromisoformat(calendar.today) if calendar else datetime.now(UTC).date()
