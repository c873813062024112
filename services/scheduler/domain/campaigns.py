"""Campaigns: one mail to many at once, because a person asks for it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from services.scheduler.domain import reasons
from services.scheduler.domain.books import Contact
from services.scheduler.domain.notice import NoticeType

MOST_VALUES = 100
"""Types or statuses that an audience is without; the ledger takes no more."""


class CampaignState(StrEnum):
    """Where a campaign stands."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class ContactAudience:
    """Contacts with a client profile, who get an invitation; the rest says who is left out."""

    profile_id: str
    without_types: tuple[str, ...] = ()
    without_statuses: tuple[str, ...] = ()
    without_signed_in: bool = False
    without_invited: bool = False


@dataclass(frozen=True, slots=True)
class DebtorAudience:
    """All organizations with open invoices; they get the account summary."""


Audience = ContactAudience | DebtorAudience


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign, and how far it has come: `after` names the last one that was looked at."""

    campaign_id: str
    audience: Audience
    total: int
    started_at: datetime
    started_by: str
    state: CampaignState = CampaignState.RUNNING
    examined: int = 0
    after: str = ""
    ended_at: datetime | None = None

    @property
    def type(self) -> NoticeType:
        """What it sends."""
        return (
            NoticeType.WELCOME if isinstance(self.audience, ContactAudience) else NoticeType.ACCOUNT_SUMMARY
        )


class Outcomes(NamedTuple):
    """How many notices of a campaign stand where."""

    queued: int = 0
    sent: int = 0
    skipped: int = 0
    failed: int = 0


def leaves_out_invited(audience: Audience) -> bool:
    """Whether it is without those who were invited before."""
    return isinstance(audience, ContactAudience) and audience.without_invited


def left(audience: Audience, contact: Contact, *, invited: bool) -> str:
    """Why somebody who was of the audience when it was decided is not any more; empty for who still is.

    `invited` says whether the contact has got another invitation, or is about to. Of debtors the second look
    asks all that the audience says anyway.
    """
    if not isinstance(audience, ContactAudience):
        return ""
    if contact.profile_id != audience.profile_id:
        return reasons.PROFILE_CHANGED
    kind, standing = contact.organization_type, contact.organization_status
    if kind in audience.without_types or standing in audience.without_statuses:
        return reasons.ORGANIZATION_LEFT_OUT
    if audience.without_signed_in and contact.signed_in_at is not None:
        return reasons.SIGNED_IN
    return reasons.INVITED_BEFORE if audience.without_invited and invited else ""
