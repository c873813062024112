"""kill -9 for every program of the distributed way: at random moments, and at every commit point.

Notices, payments, exclusions and closed invoices are under way all the time; what must hold afterwards is in
campaign.py. The kills of the embedded way are in test_kills.py.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.acts import wait_until
from tests.e2e.company import pause
from tests.faults.campaign import Campaign
from tests.faults.doomed import deaths, passed, survived
from tests.faults.fleet import Fleet
from tests.faults.fleet_plan import SMTP_CONNECTIONS, Doomed
from tests.faults.sizes import FULL, SEED, SIZE
from tests.faults.verdict import judge, prepared
from tests.faults.visitor import Visitor

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

PACE_SECONDS = 1.5 if SIZE is FULL else 0.3
"""Between two kills, on average: what is killed without a pause never gets anything done."""

SENDERS = ("mailer-work-1", "mailer-work-2")

CHANCE = 0.3

# What somebody must have died at in any case, before and after it. Beyond these each program must have died
# at every point that it came by often: which one does what depends on who is faster.
POINTS_THAT_COUNT = {
    ("scheduler-serve", "COPY notices"),
    ("scheduler-work", "call AcceptMessages"),
    ("scheduler-work", "UPDATE notices"),
    ("scheduler-work", "UPDATE inbox"),
    ("scheduler-events", "AMQP ack"),
    ("scheduler-events", "INSERT inbox"),
    ("mailer-serve", "INSERT messages"),
    ("mailer-work", "mail"),
    ("mailer-work", "UPDATE messages"),
    ("mailer-work", "INSERT outbox"),
    ("mailer-relay", "AMQP publish"),
    ("mailer-relay", "UPDATE outbox"),
    ("paynow-serve", "INSERT payments"),
    ("paynow-serve", "provider charge"),
    ("paynow-work", "provider find"),
    ("paynow-work", "UPDATE payments"),
    ("paynow-relay", "AMQP publish"),
    ("gateway", "call ListPayments"),
    ("gateway", "UPDATE staff"),
}
if SIZE is FULL:
    # The few payments of a short run may all be settled in one transaction.
    POINTS_THAT_COUNT.add(("paynow-work", "UPDATE invoices"))


def test_kills_at_random_moments_lose_nothing_and_double_nothing(fleet: Fleet) -> None:
    """Until enough have died and nearly everything is out, so that they die in all phases of the work."""
    campaign, result = prepared(fleet, "random-kills")
    rng = random.Random(SEED)
    killed = fleet.killed.total()
    campaign.begin()
    campaign.reach(0.05)
    campaign.breaks()
    pace = PACE_SECONDS
    while fleet.killed.total() - killed < SIZE.deaths or campaign.share_out() < 0.8:
        if fleet.killed.total() - killed >= SIZE.deaths:
            pace *= 1.3  # on a slow machine, whoever is killed again and again would never get anywhere
        victim = rng.choice(sorted(fleet.processes))
        pause(rng.uniform(0, 2 * pace))
        wait_until(lambda victim=victim: fleet.kill(victim), what=f"{victim} comes back to be killed")
    campaign.heals()
    campaign.finish(result)
    cuts = sum(result.kills.get(sender, 0) for sender in SENDERS)
    judge(campaign, result, copies_allowed=cuts * SMTP_CONNECTIONS)
    assert result.complaints == []
    assert sum(result.kills.values()) >= SIZE.deaths


def test_kills_at_every_commit_point_lose_nothing_and_double_nothing(fleet: Fleet, tmp_path: Path) -> None:
    # One after the other: a death in the midst of many leaves no charge of theirs to be answered.
    campaign, result = prepared(fleet, "exact-kills", lasting=30.0)
    tally = tmp_path / "deaths"
    tally.mkdir()
    # With little to do the second worker would do most of it while the first is dead, and nobody would come
    # by often enough to die; the relays are too quick for that.
    resting = () if SIZE is FULL else ("mailer-work-2", "paynow-work-2")
    visitor = Visitor(fleet, gateway_dies=True)
    fleet.doom(Doomed(tally, quota=SIZE.quota, chance=CHANCE))
    fleet.restart(resting=resting)
    visitor.begin()
    campaign.begin()  # and the fault with it
    for share in (0.1, 0.3, 0.6):
        campaign.reach(share)
        campaign.remember()
    campaign.reach(0.9)
    wait_until(lambda: is_over(tally, campaign), what="nobody dies any more", seconds=900)
    visitor.end()
    fleet.doom(None)
    fleet.restart()
    dead = deaths(tally)
    campaign.heals()
    campaign.finish(result)
    for (program, _point), times in dead.items():
        result.kills[program] = result.kills.get(program, 0) + times
    result.points, result.points_passed = len(dead), len(passed(tally))
    cuts = sum(result.kills.get(sender, 0) for sender in SENDERS)
    judge(campaign, result, copies_allowed=cuts * SMTP_CONNECTIONS)
    assert result.complaints == []
    assert visitor.complaints == []
    assert missed(dead) == []
    assert survived(tally, CHANCE) == []


def is_over(tally: Path, campaign: Campaign) -> bool:
    """Whether nobody is going to die any more; on a busy machine the dead take their time to start again.

    While a death is missing people go on to pay, which brings every program something to die at: whoever
    is dead most of the time finds that others have done the work that there was.
    """
    newest = max((file.stat().st_mtime for file in tally.glob("*~*")), default=0.0)
    if not missed(deaths(tally)):
        return time.time() - newest > 5.0
    campaign.pay_once_more()
    return time.time() - newest > 60.0


def missed(dead: Counter[tuple[str, str]]) -> list[str]:
    """The points that count at which nobody has died."""
    return [
        f"{side} {point} of {program}"
        for program, point in sorted(POINTS_THAT_COUNT)
        for side in ("before", "after")
        if not any(p.startswith(program) and q.startswith(side) and point in q for p, q in dead)
    ]
