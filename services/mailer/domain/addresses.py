"""Addresses in letters, reports and requests, as they are compared."""

from services.shared.addresses import AddressMalformed, address_key, compared
from services.shared.errors import invalid_field


def checked_address(text: str) -> str:
    """The form in which it is compared. `Invalid` (EMAIL_INVALID) if it is no address, saying why."""
    try:
        return address_key(text.strip())
    except AddressMalformed as error:
        words = f"{text.strip()[:80]!r} is not an email address: {error}"
        raise invalid_field("email", "EMAIL_INVALID", words) from error


def domain_of(email: str) -> str:
    """The domain of an address, as domains are compared."""
    return compared(email).rpartition("@")[2]
