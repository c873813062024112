"""The SMTP server refuses, tarpits, hangs up after DATA, and answers 4xx and 5xx by address."""

from __future__ import annotations

import pytest

from tests.e2e.company import pause
from tests.faults.fleet import Fleet
from tests.faults.sizes import SIZE
from tests.faults.verdict import go_through

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

BY_ADDRESS = {
    3: "never-550.accounts",
    9: "later-450.accounts",
    15: "data-554.accounts",
    21: "data-451.accounts",
    27: "never-511.accounts",
}


def test_a_mail_server_that_refuses_connections_is_waited_for(fleet: Fleet) -> None:
    cut: list[int] = []

    def harm() -> None:
        cut.append(len(fleet.mail.open))
        fleet.mail.refuse()
        pause(SIZE.hold_seconds)
        fleet.mail.listen()

    go_through(fleet, "smtp-refuses", harm, lambda: sum(cut))


def test_a_tarpit_slows_mails_down_and_loses_none(fleet: Fleet) -> None:
    def harm() -> None:
        fleet.mail.behave(greeting_seconds=1.0, answer_seconds=0.3)
        pause(2 * SIZE.hold_seconds)
        fleet.mail.behave()

    go_through(fleet, "smtp-tarpit", harm, lambda: 0)


@pytest.mark.parametrize("when", ["before", "after"])
def test_hanging_up_after_the_final_dot_costs_a_copy_at_most_where_the_mail_was_kept(
    fleet: Fleet, when: str
) -> None:
    dropped = fleet.mail.dropped

    def harm() -> None:
        fleet.mail.behave(drop=when)
        pause(SIZE.hold_seconds)
        fleet.mail.behave()

    result = go_through(fleet, f"smtp-drops-{when}", harm, lambda: fleet.mail.dropped - dropped)
    assert (result.copies > 0) == (when == "after")


def test_answers_by_address_hit_their_address_alone(fleet: Fleet) -> None:
    """Whoever says later is asked again after a minute, so this takes that much longer.

    Nobody says so before: whoever has said it twice is asked again after two minutes.
    """
    fleet.mail.behave(greylisting=False)

    def harm() -> None:
        fleet.mail.behave(greylisting=True)
        pause(SIZE.hold_seconds)
        fleet.mail.behave(greylisting=False)

    go_through(fleet, "smtp-by-address", harm, lambda: 0, local_parts=BY_ADDRESS, patience=70.0)
