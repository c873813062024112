"""Whom a way into the portal may be sent to."""

from services.scheduler.domain.books import Contact
from services.shared.addresses import compared
from services.shared.errors import WrongState


class AddressNotOfContact(WrongState):
    """The contact does not have the address."""

    reason = "ADDRESS_NOT_OF_CONTACT"


class ProfileMissing(WrongState):
    """The contact has no client profile, and would see nothing in the portal."""

    reason = "PROFILE_MISSING"


def address_for(contact: Contact, email: str) -> str:
    """The address as the contact has it. `AddressNotOfContact`, `ProfileMissing`."""
    asked = compared(email)
    found = next((own for own in contact.emails if compared(own) == asked), None)
    if found is None:
        raise AddressNotOfContact("The contact does not have this address; choose one of its own.")
    if not contact.profile_id:
        raise ProfileMissing("The contact has no client profile; give it one, or it would see nothing.")
    return found
