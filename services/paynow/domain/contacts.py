"""Contacts: which one a line means, who gets notices, and in which order."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from enum import Enum

from services.paynow.domain.books import Address, Addressee, Contact, ContactKey
from services.paynow.domain.lines import ContactClaim


def find(contacts: Sequence[Contact], claim: ContactClaim, named: Container[ContactKey]) -> int | None:
    """The index of the contact that a line means; None if it is a new one.

    A contact is known by its name, one without a name by its first address. A new name at the first address
    of a contact without one names that contact, unless the sync has `named` it as nameless itself. Two
    names at one address are two people: many offices share a mailbox.

    What a line means depends on no other line, so a list that is sent again means the same.
    """
    keys = [address.email_key for address in claim.addresses]
    if not claim.name:
        return _nameless(contacts, keys[:1], ())
    for index, contact in enumerate(contacts):
        if contact.name == claim.name:
            return index
    return _nameless(contacts, keys, named)


def _nameless(
    contacts: Sequence[Contact], email_keys: Sequence[str], but_not: Container[ContactKey]
) -> int | None:
    for index, contact in enumerate(contacts):
        known_by = contact.addresses[0].email_key if contact.addresses else ""
        if not contact.name and known_by in email_keys and key_of(contact) not in but_not:
            return index
    return None


def key_of(contact: Contact) -> ContactKey:
    """Names the contact, also before the ledger has given it an id."""
    return contact.organization_id, contact.position


def first_seen(claim: ContactClaim, organization_id: str, position: int) -> Contact:
    """A new contact."""
    return Contact(
        contact_id=0,
        organization_id=organization_id,
        position=position,
        name=claim.name,
        is_primary=False,
        starred_by_hand=False,
        starred_by_crm=bool(claim.starred),
        is_default=False,
        addresses=_placed(claim.addresses, after=0),
        profile_id=claim.profile,
    )


def merged(contact: Contact, claim: ContactClaim) -> Contact:
    """The contact with what the line adds: a name where it had none, addresses, the CRM's star, a profile."""
    known = {address.email_key for address in contact.addresses}
    last = contact.addresses[-1].position if contact.addresses else 0
    added = _placed([a for a in claim.addresses if a.email_key not in known], after=last)
    starred = contact.starred_by_crm if claim.starred is None else claim.starred
    name = contact.name or claim.name
    profile = claim.profile or contact.profile_id
    if (added, name, starred, profile) == ((), contact.name, contact.starred_by_crm, contact.profile_id):
        return contact
    addresses = contact.addresses + added
    return replace(contact, name=name, starred_by_crm=starred, addresses=addresses, profile_id=profile)


def _placed(addresses: Sequence[Address], *, after: int) -> tuple[Address, ...]:
    return tuple(address._replace(position=n) for n, address in enumerate(addresses, after + 1))


def with_primary(contacts: Sequence[Contact], index: int) -> list[Contact]:
    """An organization's contacts with that one, and no other, as accounting primary."""
    return [
        contact if contact.is_primary == (n == index) else replace(contact, is_primary=n == index)
        for n, contact in enumerate(contacts)
    ]


def with_defaults(contacts: Sequence[Contact]) -> list[Contact]:
    """An organization's contacts with `is_default` as it should be.

    Starred by hand; if nobody is, starred by the CRM; if nobody is, the accounting primary.
    """
    by_hand = [contact.starred_by_hand for contact in contacts]
    by_crm = [contact.starred_by_crm for contact in contacts]
    stars = by_hand if any(by_hand) else by_crm
    if not any(stars):
        stars = [contact.is_primary for contact in contacts]
    return [
        contact if contact.is_default == star else replace(contact, is_default=star)
        for contact, star in zip(contacts, stars, strict=True)
    ]


def as_imported(contacts: Sequence[Contact]) -> list[Contact]:
    """The same as if nobody were starred by hand."""
    return with_defaults([replace(contact, starred_by_hand=False) for contact in contacts])


class DefaultBy(Enum):
    """What makes a contact a default contact."""

    HAND = "hand"
    CRM = "crm"
    PRIMARY = "primary"


def default_by(contact: Contact) -> DefaultBy | None:
    """Why it is a default contact, which `with_defaults` has worked out; None if it is not."""
    if not contact.is_default:
        return None
    if contact.starred_by_hand:
        return DefaultBy.HAND
    return DefaultBy.CRM if contact.starred_by_crm else DefaultBy.PRIMARY


def addressees(contacts: Iterable[Contact]) -> tuple[Addressee, ...]:
    """All addresses of these contacts, each once, in the order of the books; empty if there is none."""
    found: dict[str, Addressee] = {}
    for contact in sorted(contacts, key=lambda contact: contact.position):
        for address in contact.addresses:
            found.setdefault(address.email_key, Addressee(contact.name, address.email))
    return tuple(found.values())
