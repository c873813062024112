"""Who does not get mails: organizations that cannot be reached, and addresses that want no more of a type."""

from collections.abc import Sequence
from typing import NamedTuple

from services.scheduler.domain.notice import OPTIONAL, NoticeType
from services.scheduler.ports import Store
from services.scheduler.ports_emails import Unreachable, Unsubscription
from services.scheduler.use_cases.newest_first import place_of, token_after
from services.shared.addresses import AddressMalformed, address_key, compared
from services.shared.clock import Clock
from services.shared.errors import Missing, invalid_field
from services.shared.paging import page_size

USUAL, MOST = 50, 200
"""Elements of a page."""

MOST_CHECKED = 1000
"""Addresses in one question."""


class UnsubscriptionMissing(Missing):
    """The address has not unsubscribed from the type."""

    reason = "UNSUBSCRIPTION_MISSING"


class UnreachablePage(NamedTuple):
    """A page, the token of the next one (empty on the last), and how many there are in all."""

    organizations: list[Unreachable]
    next_page_token: str
    total: int


class UnsubscriptionPage(NamedTuple):
    """A page, the token of the next one (empty on the last), and how many there are in all."""

    unsubscriptions: list[Unsubscription]
    next_page_token: str
    total: int


def list_unreachable(size: int, token: str, *, store: Store) -> UnreachablePage:
    """Organizations whose newest notices found nobody to tell, the newest first."""
    limit, before = page_size(size, USUAL, MOST), place_of("unreachable", token)
    with store.read() as work:
        found = work.unreached.page(before, limit + 1)
        total = work.unreached.count()
    page = found[:limit]
    more = len(found) > limit
    last = (page[-1].decided_at, page[-1].organization_id) if more else None
    return UnreachablePage(page, token_after("unreachable", last) if last else "", total)


class GetNothing(NamedTuple):
    """Addresses that get no mail, and addresses that want none of a type; spelled as they were asked for."""

    suppressed: list[str]
    unsubscribed: list[str]


def check_addresses(type: NoticeType, emails: Sequence[str], *, store: Store) -> GetNothing:
    """Which of them get no mail of the type as things stand. `Invalid`: TOO_MANY_ADDRESSES."""
    if len(emails) > MOST_CHECKED:
        words = f"At most {MOST_CHECKED} addresses at once; these are {len(emails)}."
        raise invalid_field("emails", "TOO_MANY_ADDRESSES", words)
    keys = {email: compared(email) for email in emails}
    with store.read() as work:
        suppressed = work.addresses.suppressed(set(keys.values()))
        unsubscribed = work.addresses.unsubscribed(type, set(keys.values())) if type in OPTIONAL else set()
    return GetNothing(
        [email for email, key in keys.items() if key in suppressed],
        [email for email, key in keys.items() if key in unsubscribed],
    )


def unsubscribe(
    type: NoticeType, email: str, notice_id: str, *, store: Store, clock: Clock
) -> Unsubscription:
    """Takes the address off the type from now on, also from what is queued; a repeat changes nothing.

    `Invalid`: TYPE_NOT_OPTIONAL, EMAIL_MALFORMED.
    """
    if type not in OPTIONAL:
        raise invalid_field(
            "type",
            "TYPE_NOT_OPTIONAL",
            "Only account summaries, upcoming payments and invitations can be unsubscribed from.",
        )
    try:
        key = address_key(email)
    except AddressMalformed as error:
        words = f"{email[:80]!r} is no email address: {error}."
        raise invalid_field("email", "EMAIL_MALFORMED", words) from None
    with store.write() as work:
        wanted = Unsubscription(type, key, email, clock.now(), notice_id[:36])
        return work.addresses.unsubscribe(wanted)


def resubscribe(type: NoticeType, email: str, *, store: Store) -> Unsubscription:
    """Undoes it, and returns it as it was. `UnsubscriptionMissing`."""
    with store.write() as work:
        removed = work.addresses.resubscribe(type, compared(email))
    if removed is None:
        raise UnsubscriptionMissing(f"{email[:80]!r} has not unsubscribed from this type of email.")
    return removed


def list_unsubscriptions(size: int, token: str, *, store: Store) -> UnsubscriptionPage:
    """Who has unsubscribed, the newest first."""
    limit, before = page_size(size, USUAL, MOST), place_of("unsubscriptions", token)
    with store.read() as work:
        found = work.addresses.unsubscriptions(before, limit + 1)
        total = work.addresses.count_unsubscriptions()
    page = found[:limit]
    more = len(found) > limit
    last = (page[-1].created_at, page[-1].email_key) if more else None
    return UnsubscriptionPage(page, token_after("unsubscriptions", last) if last else "", total)
