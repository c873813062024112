"""A campaign remembers histories while there are some, or says that it cannot."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import cast

import pytest

from tests.faults.aftermath import Delivery, History
from tests.faults.campaign import Campaign
from tests.faults.fleet import Fleet


class Told(Campaign):
    """A campaign of which is known what the mail server took and what the mailer says."""

    taken: tuple[str, ...] = ()
    said: tuple[History, ...] = ()

    def deliveries(self) -> list[Delivery]:
        return [Delivery(message, 1, 0.0) for message in self.taken]

    def histories(self) -> list[History]:
        return list(self.said)


@pytest.fixture
def campaign() -> Told:
    return Told(cast(Fleet, SimpleNamespace(killed=Counter())), "any", notices=2, payments=1, seed=1)


def test_each_time_it_remembers_what_was_said_then(campaign: Told) -> None:
    first, later = History("a", False, ("QUEUED",)), History("a", True, ("QUEUED", "SENT"))
    campaign.taken, campaign.said = ("a",), (first,)
    campaign.breaks()
    campaign.said = (later,)
    campaign.remember()
    assert campaign.before == [first, later]


def test_it_does_not_remember_nothing(campaign: Told) -> None:
    with pytest.raises(AssertionError, match="nothing is out"):
        campaign.breaks()


def test_a_mail_that_is_out_has_a_history(campaign: Told) -> None:
    campaign.taken, campaign.said = ("a", "b"), (History("a", True, ("SENT",)), History("b", True, ()))
    with pytest.raises(AssertionError, match="1 of 2 mails"):
        campaign.remember()
