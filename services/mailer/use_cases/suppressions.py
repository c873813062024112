"""Addresses that get no mail, for staff."""

from dataclasses import dataclass
from functools import partial

import structlog

from services.mailer.domain.addresses import checked_address
from services.mailer.domain.bounces import Reason, Suppression, SuppressionMissing
from services.mailer.domain.sending import checked_name
from services.mailer.ports import Begin
from services.shared.addresses import compared
from services.shared.clock import Clock
from services.shared.errors import invalid_field
from services.shared.paging import decode_token, encode_token, page_size, total

log = structlog.get_logger()

LONGEST_QUERY = 200


@dataclass(frozen=True)
class SuppressionPage:
    """A page, the token of the next one (empty on the last), and how many match in all."""

    suppressions: list[Suppression]
    next_token: str
    total: int


def list_suppressions(query: str, size: int, token: str, *, begin: Begin) -> SuppressionPage:
    """The newest first. `Invalid` (QUERY_TOO_LONG, PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID)."""
    if len(query) > LONGEST_QUERY:
        words = f"Search for at most {LONGEST_QUERY} characters."
        raise invalid_field("query", "QUERY_TOO_LONG", words)
    limit = page_size(size, 50, 200)
    listing = f"suppressions/{query}"
    key = decode_token(listing, token)
    if "\0" in query:
        # No address holds one, and PostgreSQL refuses to be asked.
        return SuppressionPage([], "", 0)
    with begin() as work:
        found, rest = work.suppressions.page(query, int(key[0]) if key else None, limit)
        is_all = not key and rest is None
        count = total(len(found), is_all=is_all, count=partial(work.suppressions.count, query))
    return SuppressionPage(found, encode_token(listing, rest) if rest is not None else "", count)


def suppress(email: str, created_by: str, *, begin: Begin, clock: Clock) -> Suppression:
    """Suppresses an address; one that is suppressed stays as it is. `Invalid` (EMAIL_INVALID)."""
    address, name, now = checked_address(email), checked_name("created_by", created_by), clock.now()
    wanted = Suppression(address, Reason.BY_STAFF, "", now, created_by=name)
    with begin() as work:
        if work.suppressions.add(wanted):
            work.announce("address_suppressed", {"email": address, "reason": wanted.reason.value}, now)
            log.info("address suppressed", reason=wanted.reason.value)
        return work.suppressions.get(address) or wanted


def lift_suppression(email: str, lifted_by: str, *, begin: Begin, clock: Clock) -> Suppression:
    """Ends it, and returns it as it was. `SuppressionMissing`."""
    address, name = compared(email.replace("\0", "")), checked_name("lifted_by", lifted_by)
    with begin() as work:
        lifted = work.suppressions.lift(address)
        if lifted is None:
            raise SuppressionMissing(f"{email.strip()[:80]!r} is not suppressed.")
        work.announce("address_restored", {"email": address}, clock.now())
    log.info("suppression lifted", reason=lifted.reason.value, by=name)
    return lifted
