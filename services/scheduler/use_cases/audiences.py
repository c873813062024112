"""Whom a campaign is for, batch by batch, as the books stand."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from services.scheduler.domain import occurrences, reasons
from services.scheduler.domain.about import Access
from services.scheduler.domain.books import ContactQuery, Recipient
from services.scheduler.domain.campaigns import Audience, Campaign, ContactAudience
from services.scheduler.domain.notice import NoticeType
from services.scheduler.domain.occurrences import Candidate
from services.scheduler.domain.pauses import NOTHING_PAUSED, Paused
from services.scheduler.ports import Work
from services.scheduler.ports_peers import Accounts
from services.scheduler.use_cases.ticking import Ticking
from services.scheduler.use_cases.whom import not_told, organizations_not_told


class Member(NamedTuple):
    """One of an audience: an organization, or a contact and its first address."""

    organization_id: str
    organization_name: str
    contact_id: int = 0
    contact_name: str = ""
    email: str = ""
    reachable: bool = True
    time_zone: str = ""
    has_signed_in: bool = False

    @property
    def key(self) -> str:
        """Its place in the ledger's order."""
        return str(self.contact_id) if self.contact_id else self.organization_id


class Sorted(NamedTuple):
    """Some of an audience: who gets a mail, who has no address, who is left out for another reason."""

    told: list[Member]
    unreachable: list[Member]
    left_out: list[Member]


class Foreseen(NamedTuple):
    """Some of an audience as the second look would have it now, which asks each address, too."""

    told: list[Member]
    unreachable: list[Member]
    left_out: list[Member]
    suppressed: list[Member]
    unsubscribed: list[Member]


def profiles_of_summary(ticking: Ticking) -> Sequence[str]:
    """The client profiles by which the account summary goes."""
    with ticking.store.read() as work:
        return work.email_types.get(NoticeType.ACCOUNT_SUMMARY).profile_ids


def read_members(
    audience: Audience, after: str, limit: int, *, accounts: Accounts, profile_ids: Sequence[str]
) -> list[Member]:
    """Those behind the key `after`, all for an empty one, in order; fewer than `limit` are the last.

    `profile_ids` are those of the account summary.
    """
    if isinstance(audience, ContactAudience):
        query = ContactQuery(audience.profile_id, audience.without_types, audience.without_statuses)
        return [
            Member(
                contact.organization_id,
                contact.organization_name,
                contact.contact_id,
                contact.name,
                contact.emails[0] if contact.emails else "",
                reachable=bool(contact.emails),
                has_signed_in=contact.signed_in_at is not None,
            )
            for contact in accounts.contacts(query, int(after or 0), limit).contacts
        ]
    return [
        Member(
            debtor.organization_id,
            debtor.organization_name,
            reachable=debtor.reachable,
            time_zone=debtor.time_zone,
        )
        for debtor in accounts.debtors(after, limit, profile_ids=profile_ids).debtors
    ]


def sort_out(audience: Audience, members: Sequence[Member], work: Work, now: datetime) -> Sorted:
    """Who of them gets a mail at that instant, as things stand here."""
    organizations = {member.organization_id for member in members}
    invited: set[int] = set()
    excluded: set[str] = set()
    paused = NOTHING_PAUSED
    without_signed_in = False
    if isinstance(audience, ContactAudience):
        without_signed_in = audience.without_signed_in
        if audience.without_invited:
            contacts = {member.contact_id for member in members}
            invited = {one.contact_id for one in work.notices.invitations(contacts)}
    else:
        excluded = work.exclusions.among(NoticeType.ACCOUNT_SUMMARY, organizations)
        paused = Paused(work.pauses.live(organizations))
    date_at = work.calendar.get().date_at
    found = Sorted([], [], [])
    for member in members:
        if (
            (without_signed_in and member.has_signed_in)
            or member.contact_id in invited
            or member.organization_id in excluded
            or paused.forbids(
                NoticeType.ACCOUNT_SUMMARY, member.organization_id, 0, date_at(now, member.time_zone)
            )
        ):
            found.left_out.append(member)
        else:
            (found.told if member.reachable else found.unreachable).append(member)
    return found


def foresee(audience: Audience, members: Sequence[Member], *, ticking: Ticking) -> Foreseen:
    """Who of them would get a mail if it were sent now. The number of questions does not depend on theirs."""
    with ticking.store.read() as work:
        found = sort_out(audience, members, work, ticking.clock.now())
        if isinstance(audience, ContactAudience):
            addressees = {member.key: [Recipient(member.contact_name, member.email)] for member in found.told}
            why_not = not_told(NoticeType.WELCOME, addressees, work)
    if not isinstance(audience, ContactAudience):
        ids, profile_ids = [member.organization_id for member in found.told], profiles_of_summary(ticking)
        why_not = organizations_not_told(
            NoticeType.ACCOUNT_SUMMARY, ids, ticking=ticking, profile_ids=profile_ids
        )

    def whom(reason: str) -> list[Member]:
        return [member for member in found.told if why_not.get(member.key, "") == reason]

    return Foreseen(
        whom(""),
        [*found.unreachable, *whom(reasons.NO_ADDRESS)],
        found.left_out,
        whom(reasons.ADDRESSES_SUPPRESSED),
        whom(reasons.UNSUBSCRIBED),
    )


def candidates(campaign: Campaign, found: Sorted) -> list[Candidate]:
    """What is decided on: of contacts those who are not left out, of organizations all that owe."""
    if isinstance(campaign.audience, ContactAudience):
        return [_invitation(campaign, member) for member in (*found.told, *found.unreachable)]
    return [_summary(campaign, member) for members in found for member in members]


def _invitation(campaign: Campaign, member: Member) -> Candidate:
    """The organization may well have other contacts, so that one has no address says nothing about it."""
    return Candidate(
        member.organization_id,
        occurrences.of_campaign(member.contact_id, campaign.campaign_id),
        reasons.CAMPAIGN,
        reachable=True,
        about=Access(member.contact_id, member.email),
        barred="" if member.reachable else reasons.CONTACT_WITHOUT_ADDRESS,
    )


def _summary(campaign: Campaign, member: Member) -> Candidate:
    return Candidate(
        member.organization_id,
        occurrences.of_campaign(member.organization_id, campaign.campaign_id),
        reasons.CAMPAIGN,
        member.reachable,
        member.time_zone,
    )
