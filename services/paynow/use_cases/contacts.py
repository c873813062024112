"""Contacts of all organizations, and the client profiles that say what they may do."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.paynow.domain.accounts import ListedContact
from services.paynow.domain.profiles import (
    ContactMissing,
    NameTaken,
    Profile,
    ProfileInUse,
    ProfileMissing,
    checked,
)
from services.paynow.ports_accounts import Accounts, AccountsWriter, ContactFilter
from services.paynow.use_cases.books import at_most

MOST_FILTERED = 100
"""Types, or statuses, to leave out."""

MOST_CONTACTS = 1000
MOST_FOUND = 50

ContactProfile = tuple[int, str]
"""A contact and the id of its profile, empty for none."""


@dataclass(frozen=True)
class ContactBatch:
    """Contacts; `total` is 0 except in the first batch."""

    contacts: Sequence[ListedContact]
    total: int


def list_contacts(wanted: ContactFilter, after: int, size: int, *, accounts: Accounts) -> ContactBatch:
    """The next contacts by id; counts all for the first batch."""
    _check(wanted)
    with accounts.read() as books:
        return ContactBatch(books.contacts(wanted, after, size), 0 if after else books.count_contacts(wanted))


def count_contacts(wanted: ContactFilter, *, accounts: Accounts) -> Sequence[tuple[str, int]]:
    """How many have each client profile, empty for none; the largest number first."""
    _check(wanted)
    with accounts.read() as books:
        return books.count_by_profile(wanted)


def _check(wanted: ContactFilter) -> None:
    at_most(MOST_FILTERED, wanted.without_types)
    at_most(MOST_FILTERED, wanted.without_statuses)


def batch_get_contacts(contact_ids: Collection[int], *, accounts: Accounts) -> Sequence[ListedContact]:
    """Those that are known."""
    at_most(MOST_CONTACTS, contact_ids)
    with accounts.read() as books:
        return books.contacts_by_id(set(contact_ids))


def find_contacts(email_key: str, *, accounts: Accounts) -> Sequence[ListedContact]:
    """The contacts that have the address, the first ones by id."""
    with accounts.read() as books:
        return books.contacts_at(email_key, MOST_FOUND)


def record_sign_in(contact_id: int, at: datetime, *, accounts: Accounts) -> ListedContact:
    """Notes that a contact has signed in; an earlier instant than the known one changes nothing.

    Refuses with `ContactMissing`.
    """
    with accounts.write() as books:
        if not books.sign_in(contact_id, at):
            raise _no_contact(contact_id)
    with accounts.read() as view:
        return view.contacts_by_id([contact_id])[0]


def list_profiles(*, accounts: Accounts) -> Sequence[Profile]:
    """All of them by name."""
    with accounts.read() as books:
        return books.client_profiles()


def save_profile(profile: Profile, *, accounts: Accounts) -> Profile:
    """Adds a profile, or replaces the one with that id. Refuses with `NameTaken`, and as `checked` does."""
    profile = checked(profile)
    with accounts.write() as books:
        books.lock()
        others = {one.name_key: one for one in books.all_profiles() if one.profile_id != profile.profile_id}
        if other := others.get(profile.name_key):
            raise NameTaken(f"The profile {other.profile_id} is called {other.name} already.")
        books.save_profile(profile)
        return _profile(books, profile.profile_id)


def remove_profile(profile_id: str, *, accounts: Accounts) -> Profile:
    """Removes a profile and returns it as it was. Refuses with `ProfileMissing` and `ProfileInUse`."""
    with accounts.write() as books:
        books.lock()
        profile = _profile(books, profile_id)
        if profile.contacts:
            count = "a contact has" if profile.contacts == 1 else f"{profile.contacts} contacts have"
            raise ProfileInUse(f"{profile.name} is in use: {count} it. Give them another profile first.")
        books.remove_profile(profile_id)
        return profile


def set_profiles(wanted: Sequence[ContactProfile], *, accounts: Accounts) -> list[ContactProfile]:
    """Gives profiles to contacts, all or none; returns what they had, in the order asked.

    Where a contact is named twice, the last one holds; asking for the answer in turn undoes it all the same.
    Refuses with `ProfileMissing` and `ContactMissing`.
    """
    at_most(MOST_CONTACTS, wanted)
    with accounts.write() as books:
        books.lock()
        known = {profile.profile_id for profile in books.all_profiles()} | {""}
        for _, profile_id in wanted:
            if profile_id not in known:
                raise ProfileMissing(f"There is no client profile {profile_id[:40]!r}.")
        had = books.profile_of_each({contact_id for contact_id, _ in wanted})
        for contact_id, _ in wanted:
            if contact_id not in had:
                raise _no_contact(contact_id)
        books.set_profiles(dict(wanted))
        return [(contact_id, had[contact_id]) for contact_id, _ in wanted]


def _profile(books: AccountsWriter, profile_id: str) -> Profile:
    for profile in books.all_profiles():
        if profile.profile_id == profile_id:
            return profile
    raise ProfileMissing(f"There is no client profile {profile_id[:40]!r}.")


def _no_contact(contact_id: int) -> ContactMissing:
    return ContactMissing(f"There is no contact with the id {contact_id}.")
