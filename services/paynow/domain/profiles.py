"""Client profiles: what a contact sees and may do in the portal."""

import re
from dataclasses import dataclass, replace

from services.paynow.domain.cells import Wrong, text_of
from services.shared.errors import Conflict, Invalid, Missing, Violation, WrongState, invalid_field

LONGEST_NAME = 60

_ID = re.compile(r"[a-z0-9-]{1,40}", re.ASCII)


class ProfileMissing(Missing):
    """There is no client profile of that id."""

    reason = "PROFILE_MISSING"


class NameTaken(Conflict):
    """Another client profile has the name."""

    reason = "NAME_TAKEN"


class ProfileInUse(WrongState):
    """A contact has the client profile."""

    reason = "PROFILE_IN_USE"


class ContactMissing(Missing):
    """The ledger knows no contact of that id."""

    reason = "CONTACT_MISSING"


@dataclass(frozen=True, slots=True)
class Profile:
    """Fields are as in the proto."""

    profile_id: str
    name: str
    sees_invoices: bool
    may_pay: bool
    contacts: int = 0

    @property
    def name_key(self) -> str:
        """The form in which two spellings of one name are equal."""
        return self.name.casefold()


def checked(profile: Profile) -> Profile:
    """The profile, without white space around its name. Refuses what the proto says."""
    if not _ID.fullmatch(profile.profile_id):
        raise invalid_field(
            "profile_id",
            "PROFILE_ID_MALFORMED",
            "The id of a profile has 1 to 40 lower case letters, digits and hyphens, such as billing.",
        )
    try:
        name = text_of(profile.name, "name", "NAME", LONGEST_NAME)
    except Wrong as wrong:
        field, reason, message = wrong.args
        raise Invalid(message, reason=reason, violations=[Violation(field, reason, message)]) from None
    return replace(profile, name=name)
