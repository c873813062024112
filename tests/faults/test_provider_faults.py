"""The payment provider times out before and after it has charged, and paynow dies meanwhile."""

from __future__ import annotations

import random

import pytest

from tests.e2e.acts import wait_until
from tests.e2e.company import pause
from tests.faults.fleet import Fleet
from tests.faults.sizes import SEED, SIZE
from tests.faults.verdict import go_through

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

SILENT = ("sandbox_timeout_then_approve", "sandbox_timeout_then_decline", "sandbox_error")
ROUNDS = 8 if SIZE.name == "full" else 4


def test_a_provider_that_times_out_while_paynow_dies_charges_nobody_twice(fleet: Fleet) -> None:
    rng = random.Random(SEED)
    before = dict(fleet.killed)

    def harm() -> None:
        for _ in range(ROUNDS):
            for program in ("paynow-serve", "paynow-work-1", "paynow-work-2"):
                pause(rng.uniform(0.05, 0.5))
                wait_until(lambda program=program: fleet.kill(program), what=f"{program} can be killed")

    result = go_through(fleet, "provider-silent", harm, lambda: 0, methods=(*SILENT, "sandbox_approve"))
    assert sum(fleet.killed.values()) - sum(before.values()) == 3 * ROUNDS
    assert result.complaints == []
