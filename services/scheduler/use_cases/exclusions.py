"""Organizations that never get one type of notice."""

from typing import NamedTuple

from services.scheduler.domain.notice import EXCLUDABLE, NoticeType
from services.scheduler.ports import Excluded, Store
from services.scheduler.ports_peers import Ledger
from services.shared.clock import Clock
from services.shared.errors import Missing, WrongState, invalid_field
from services.shared.paging import decode_token, encode_token, page_size

MOST_EXCLUSIONS = 10_000
"""A forecast names all of them to the ledger, which takes no more."""


class OrganizationMissing(Missing):
    """The ledger does not know the organization."""

    reason = "ORGANIZATION_MISSING"


class ExclusionMissing(Missing):
    """The organization is not excluded."""

    reason = "EXCLUSION_MISSING"


class ExclusionsFull(WrongState):
    """The list is as long as it may be."""

    reason = "EXCLUSIONS_FULL"


class ExclusionPage(NamedTuple):
    """A page of the list, the token of the next one (empty on the last), and how long the list is."""

    exclusions: list[Excluded]
    next_page_token: str
    total: int


def list_exclusions(type: NoticeType | None, size: int, token: str, *, store: Store) -> ExclusionPage:
    """A page of one type's list, ordered by organization id."""
    excludable = check_excludable(type)
    query = f"exclusions {excludable}"
    limit = page_size(size, 100, 1000)
    after = str(next(iter(decode_token(query, token)), ""))
    with store.read() as work:
        found = work.exclusions.page(excludable, after, limit + 1)
        total = work.exclusions.count(excludable)
    page = found[:limit]
    more = encode_token(query, page[-1].organization_id) if len(found) > limit else ""
    return ExclusionPage(page, more, total)


def add_exclusion(
    type: NoticeType | None, organization_id: str, *, store: Store, ledger: Ledger, clock: Clock
) -> Excluded:
    """Excludes an organization from now on, also from what is queued; a repeat changes nothing."""
    excludable = check_excludable(type)
    if not ledger.knows_organization(organization_id):
        raise OrganizationMissing(f"The books have no organization with the ID {organization_id[:100]!r}.")
    with store.write() as work:
        known = work.exclusions.get(excludable, organization_id)
        if known is not None:
            return known
        if work.exclusions.count(excludable) >= MOST_EXCLUSIONS:
            raise ExclusionsFull(
                f"The exclusion list is full at {MOST_EXCLUSIONS:,} organizations; remove one first."
            )
        added = Excluded(excludable, organization_id, clock.now())
        work.exclusions.add(added)
        return added


def remove_exclusion(type: NoticeType | None, organization_id: str, *, store: Store) -> Excluded:
    """Takes an organization off the list and returns the entry. `ExclusionMissing`."""
    excludable = check_excludable(type)
    with store.write() as work:
        known = work.exclusions.get(excludable, organization_id)
        if known is None:
            raise ExclusionMissing(f"{organization_id[:100]!r} is not on the exclusion list.")
        work.exclusions.remove(excludable, organization_id)
        return known


def check_excludable(type: NoticeType | None) -> NoticeType:
    """`Invalid` (TYPE_NOT_EXCLUDABLE) unless organizations can be excluded from the type."""
    if type is None or type not in EXCLUDABLE:
        raise invalid_field(
            "type",
            "TYPE_NOT_EXCLUDABLE",
            "Organizations can be excluded from account summaries, upcoming payments and due notices only.",
        )
    return type
