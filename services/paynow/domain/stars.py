"""Stars set by hand: whom staff want to be told, whatever the imports say.

While nobody of an organization is starred by hand, its imports decide (`contacts.with_defaults`).
The first change by hand takes over whoever is a default contact at that moment, so that it changes that
one contact and nobody else. From then on those starred by hand are the default contacts, and imports
change nothing about it.
Whom a change by hand leaves, somebody among them has an address. It stays so: an import may replace the
addresses of a contact, but never takes the last one.
Going back to the imports is never refused; it may leave nobody with an address, and then says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from services.paynow.domain.books import Contact
from services.paynow.domain.contacts import with_defaults
from services.paynow.domain.profiles import ContactMissing
from services.shared.errors import Conflict, WrongState


class NobodyLeft(WrongState):
    """No default contact that remains has an address."""

    reason = "NOBODY_LEFT"


class RequestReused(Conflict):
    """The request id has come with another change already."""

    reason = "REQUEST_REUSED"


class Star(NamedTuple):
    """This contact gets mails as well."""

    contact_id: int


class Unstar(NamedTuple):
    """This contact gets none any more."""

    contact_id: int


class Exactly(NamedTuple):
    """These are starred by hand, and no others; with none of them the imports decide again."""

    contact_ids: tuple[int, ...]


Change = Star | Unstar | Exactly

BACK = Exactly(())
"""The imports decide again."""


class Stars(NamedTuple):
    """What a change has done, as contact ids in the order of the books.

    Asking for exactly those who were starred by hand `before` undoes it. `reachable` is whether any of the
    `defaults` has an address.
    """

    before: tuple[int, ...]
    by_hand: tuple[int, ...]
    defaults: tuple[int, ...]
    reachable: bool


@dataclass(frozen=True, slots=True)
class StarChange:
    """A change that was made, by the id of the request; `asked` tells requests with other content."""

    request_id: str
    asked: str
    stars: Stars

    def repeated(self, asked: str) -> Stars:
        """The same answer once more. Refuses with `RequestReused`."""
        if asked != self.asked:
            raise RequestReused("This request id has come with another change; make up a new one.")
        return self.stars


def asked(organization_id: str, change: Change) -> str:
    """What is asked, as a text that differs where the request differs."""
    ids = sorted(set(change.contact_ids)) if isinstance(change, Exactly) else [change.contact_id]
    return "\x1f".join((organization_id, type(change).__name__, *map(str, ids)))


def starred(contacts: Sequence[Contact], change: Change) -> list[Contact]:
    """An organization's contacts after the change. Refuses with `ContactMissing` and `NobodyLeft`."""
    known = {contact.contact_id: contact for contact in contacts}
    for contact_id in change.contact_ids if isinstance(change, Exactly) else [change.contact_id]:
        if contact_id not in known:
            raise ContactMissing(f"The organization has no contact with the id {contact_id}.")
    # Those starred by hand if anybody is, since they are the default contacts then.
    now = {contact.contact_id for contact in contacts if contact.is_default}
    match change:
        case Star(contact_id):
            wanted = now | {contact_id}
        case Unstar(contact_id) if contact_id not in now:
            return list(contacts)
        case Unstar(contact_id):
            wanted = now - {contact_id}
        case Exactly(contact_ids):
            wanted = set(contact_ids)
    after = with_defaults(
        [replace(contact, starred_by_hand=contact.contact_id in wanted) for contact in contacts]
    )
    if change != BACK and not (wanted and is_reachable(after)):
        raise NobodyLeft(
            "Then nobody with an email address would get the mails. Star somebody else first, or go back"
            " to what the imports say."
        )
    return after


def is_reachable(contacts: Sequence[Contact]) -> bool:
    """Whether any of the default contacts has an address."""
    return any(contact.addresses for contact in contacts if contact.is_default)


def compared(before: Sequence[Contact], after: Sequence[Contact]) -> Stars:
    """What a change has done to an organization's contacts."""
    return Stars(
        before=tuple(contact.contact_id for contact in before if contact.starred_by_hand),
        by_hand=tuple(contact.contact_id for contact in after if contact.starred_by_hand),
        defaults=tuple(contact.contact_id for contact in after if contact.is_default),
        reachable=is_reachable(after),
    )
