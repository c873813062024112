"""A mass welcome to 50,000 contacts: those who decide and those who send are killed, then it is cancelled."""

from __future__ import annotations

import time
from collections import Counter
from datetime import date

import pytest
from dunlin.paynow.v1 import ledger_pb2
from dunlin.scheduler.v1 import campaigns_pb2 as pb
from dunlin.scheduler.v1 import notices_pb2

from tests.e2e.acts import record, set_calendar, set_rules, sync, wait_until
from tests.e2e.company import pause
from tests.faults import evidence
from tests.faults.aftermath import (
    Ban,
    Delivery,
    ban_complaints,
    extra_copies,
    unexplained_copies,
    unknowable,
)
from tests.faults.fleet import Fleet
from tests.faults.fleet_plan import SMTP_CONNECTIONS
from tests.faults.insist import insist
from tests.faults.verdict import REVIEW_HOLDS

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

CONTACTS, OF_EACH_ORGANIZATION = 50_000, 50
AT_ONCE = 5_000
"""Lines of one sync: many more would take longer than a call may."""

DECIDED = (0.05, 0.3, 0.6)
"""How many are decided on when those who decide are killed."""

SENDERS = ("mailer-work-1", "mailer-work-2")
SENT_BETWEEN = 40
"""Mails that leave between two deaths, and before the end."""

NAME = "spring-2026"
SENT, SKIPPED = notices_pb2.NOTICE_STATE_SENT, notices_pb2.NOTICE_STATE_SKIPPED


class Welcome:
    """The campaign as staff see it, and its mails as the mail server does."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.shown: list[int] = []
        """How many were decided on, look by look."""

    def begin(self) -> pb.Campaign:
        audience = pb.Audience(contacts=pb.ContactAudience(profile_id="billing"))
        request = pb.StartCampaignRequest(campaign_id=NAME, audience=audience, started_by="sam@x.test")
        return insist(lambda: self._fleet.clients.campaigns.StartCampaign(request))

    def cancel(self) -> pb.Campaign:
        request = pb.CancelCampaignRequest(campaign_id=NAME)
        return insist(lambda: self._fleet.clients.campaigns.CancelCampaign(request))

    def look(self) -> pb.Campaign:
        request = pb.GetCampaignRequest(campaign_id=NAME)
        found = insist(lambda: self._fleet.clients.campaigns.GetCampaign(request))
        self.shown.append(found.examined)
        return found

    def deliveries(self) -> list[Delivery]:
        return [Delivery(m.message_id, m.connection, m.begun_at) for m in self._fleet.mail.accepted[:]]

    def reach(self, share: float) -> None:
        """Returns once so many are decided on; looks no more often than a page does, since a look counts."""

        def is_reached() -> bool:
            pause(0.3)
            return self.look().examined >= share * CONTACTS

        wait_until(is_reached, what=f"{share:.0%} are decided on", seconds=240)

    def more_leave(self, count: int) -> None:
        """Returns once so many more mails have left."""
        wanted = len(self._fleet.mail.accepted) + count
        left = self._fleet.mail.accepted
        wait_until(lambda: len(left) >= wanted, what=f"{count} more mails leave", seconds=240)


def line(at: int) -> ledger_pb2.SyncRecord:
    """Brings a contact into the books, by an invoice."""
    organization = f"org{at // OF_EACH_ORGANIZATION:04}"
    return record(
        organization,
        f"N/{at:05}",
        date(2025, 3, 3),
        contact_name=f"Contact {at}",
        contact_emails=[f"contact-{at}@{organization}.test"],
        contact_profile="billing",
    )


def kill(fleet: Fleet, *names: str) -> None:
    for name in names:
        wait_until(lambda name=name: fleet.kill(name), what=f"{name} can be killed")


@pytest.fixture
def welcome(fleet: Fleet) -> Welcome:
    """A company with 50,000 contacts, each with a client profile."""
    set_calendar(fleet.clients)
    set_rules(fleet.clients)
    for first in range(0, CONTACTS, AT_ONCE):
        sync(fleet.clients, *map(line, range(first, first + AT_ONCE)))
    return Welcome(fleet)


def test_a_mass_welcome_tells_each_contact_once_whoever_is_killed_and_ends_when_it_is_cancelled(
    fleet: Fleet, welcome: Welcome
) -> None:
    assert welcome.begin().total == CONTACTS
    for share in DECIDED:
        welcome.reach(share)
        kill(fleet, "scheduler-work", "scheduler-serve")
        assert welcome.look().state == pb.CAMPAIGN_STATE_RUNNING, "it was killed in the midst of it"
    assert welcome.begin().campaign_id == NAME, "who asks again gets the same campaign"
    welcome.reach(1.0)
    assert welcome.look().state == pb.CAMPAIGN_STATE_DONE
    assert welcome.shown == sorted(welcome.shown), "progress only grows"

    for sender in SENDERS:
        welcome.more_leave(SENT_BETWEEN)
        kill(fleet, sender)
    welcome.more_leave(SENT_BETWEEN)
    assert welcome.cancel().state == pb.CAMPAIGN_STATE_CANCELLED
    cancelled_at = time.time()
    wait_until(fleet.is_idle, what="nothing is left to do", seconds=300)

    notices = evidence.notices(fleet.clients)
    told = Counter(notice.contact_id for notice in notices)
    assert (len(told), max(told.values())) == (CONTACTS, 1), "exactly one notice for each contact"
    assert len({notice.email for notice in notices}) == CONTACTS
    assert mail_complaints(notices, welcome.deliveries(), fleet.mail.orderly, cancelled_at) == []


def mail_complaints(
    notices: list[notices_pb2.Notice], deliveries: list[Delivery], orderly: set[int], cancelled_at: float
) -> list[str]:
    """What is wrong with the mails: each that left is recorded, and all others were cancelled."""
    delivered = {delivery.message_id for delivery in deliveries}
    sent = {notice.message_id for notice in notices if notice.state == SENT}
    unsent = Counter(
        (notices_pb2.NoticeState.Name(notice.state), notice.reason)
        for notice in notices
        if notice.state != SENT
    )
    # A mail may have gone out unknown to all, and then have been cancelled before it was tried again.
    strange = delivered - sent - unknowable(deliveries, orderly)
    cancelled = unsent.pop((notices_pb2.NoticeState.Name(SKIPPED), "CAMPAIGN_CANCELLED"), 0)
    copies = extra_copies(delivery.message_id for delivery in deliveries)
    return [
        *(f"recorded as sent, and never left: {message}" for message in sent - delivered),
        *(f"left, and is not recorded as sent: {message}" for message in strange),
        *(f"{count} are {state}: {reason}" for (state, reason), count in unsent.items()),
        *([] if cancelled else ["it ended before it was cancelled"]),
        *unexplained_copies(deliveries, orderly),
        *([f"{copies} extra copies"] if copies > len(SENDERS) * SMTP_CONNECTIONS else []),
        *ban_complaints(
            deliveries, [Ban("cancelled", cancelled_at, frozenset(delivered))], holds=REVIEW_HOLDS
        ),
    ]
