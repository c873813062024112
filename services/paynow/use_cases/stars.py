"""Saying by hand who gets an organization's mails."""

from services.paynow.domain.books import OrganizationMissing
from services.paynow.domain.stars import Change, Exactly, StarChange, Stars, asked, compared, starred
from services.paynow.ports_accounts import Accounts
from services.paynow.use_cases.books import at_most
from services.shared.clock import Clock
from services.shared.request_ids import check_request_id

MOST_STARRED = 1000


def star_contacts(
    request_id: str, organization_id: str, change: Change, *, accounts: Accounts, clock: Clock
) -> Stars:
    """Makes the change, once for one request id; a repeat gives the same answer and changes nothing.

    Refuses with `OrganizationMissing`, with `RequestReused` where the id has come with another change, and as
    `starred` does.
    """
    check_request_id(request_id)
    if isinstance(change, Exactly):
        at_most(MOST_STARRED, change.contact_ids)
    what = asked(organization_id, change)
    with accounts.write() as books:
        books.lock()
        if known := books.star_change(request_id):
            return known.repeated(what)
        if not books.known_organizations([organization_id]):
            raise OrganizationMissing(f"There is no organization {organization_id[:100]!r}.")
        before = books.contacts_of(organization_id)
        after = starred(before, change)
        stars = compared(before, after)
        books.save_stars([now for was, now in zip(before, after, strict=True) if now != was])
        books.add_star_change(StarChange(request_id, what, stars), clock.now())
        return stars
