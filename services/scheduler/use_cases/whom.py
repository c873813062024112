"""Who would get a mail and who would not, by the addresses; asked before anything is decided.

The second look asks the same of each mail. Here it is asked of very many at once, for those who are about to
decide whether to send them.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from services.scheduler.domain.books import Recipient
from services.scheduler.domain.notice import OPTIONAL, NoticeType
from services.scheduler.domain.whom import keys_of, who_can_be_told
from services.scheduler.ports import Work
from services.scheduler.use_cases.ticking import Ticking

MOST_KEYS = 10_000
"""Addresses in one question to the store, which takes only so many."""

Who = TypeVar("Who", bound=Hashable)


def organizations_not_told(
    type: NoticeType, organization_ids: Collection[str], *, ticking: Ticking, profile_ids: Sequence[str] = ()
) -> dict[str, str]:
    """Those of at most 5000 organizations whose addresses would get no mail of the type, and the reasons."""
    if not organization_ids:
        return {}
    found = ticking.accounts.addressees(organization_ids, profile_ids=profile_ids)
    with ticking.store.read() as work:
        return not_told(type, {one: found.get(one, ()) for one in organization_ids}, work)


def not_told(type: NoticeType, addressees: Mapping[Who, Collection[Recipient]], work: Work) -> dict[Who, str]:
    """Those who would get no mail of the type, and the reasons."""
    keys = iter(set[str]().union(*map(keys_of, addressees.values())))
    suppressed, unsubscribed = set[str](), set[str]()
    while some := list(islice(keys, MOST_KEYS)):
        suppressed |= work.addresses.suppressed(some)
        if type in OPTIONAL:
            unsubscribed |= work.addresses.unsubscribed(type, some)
    able = {who: who_can_be_told(those, suppressed, unsubscribed) for who, those in addressees.items()}
    return {who: reason for who, reason in able.items() if isinstance(reason, str)}
