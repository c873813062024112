"""What every payment provider promises, whoever it is.

To add one, write a `Bench` for it: the provider, tokens for each behaviour, a way to let its banks settle.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from services.paynow.domain.payment import Outcome, Verdict
from services.paynow.ports_payments import Charge, KeyMismatch, Provider, ProviderFailure, ProviderTimeout
from services.paynow.provider_sandbox import MIGRATIONS, SandboxProvider
from services.shared.database import Database
from tests.fakes.clock import SetClock
from tests.fakes.paynow_provider import ScriptedProvider
from tests.servers import DATABASES, MigratedUrl

LIMIT = 5.0
_keys = count(1)


@dataclass
class Bench:
    """A provider on the test bench."""

    provider: Provider
    tokens: dict[str, str]
    settle_banks: Callable[[], None]
    reopened: Callable[[], Provider]
    """The provider as another process sees it."""


BEHAVIOURS = ("approve", "decline", "insufficient_funds", "silent_approve", "silent_decline", "error",
              "bank_settles", "bank_returns")  # fmt: skip


def scripted() -> Bench:
    provider = ScriptedProvider()
    tokens = {behaviour: f"fake_{behaviour}" for behaviour in BEHAVIOURS}
    return Bench(provider, tokens, provider.settle_banks, lambda: provider)


def sandbox(url: str, databases: list[Database]) -> Bench:
    clock = SetClock()

    def opened() -> SandboxProvider:
        databases.append(Database(url, durable=True))
        return SandboxProvider(databases[-1], clock, ach_seconds=60)

    tokens = {behaviour: f"sandbox_{behaviour}" for behaviour in BEHAVIOURS}
    tokens |= {
        "silent_approve": "sandbox_timeout_then_approve",
        "silent_decline": "sandbox_timeout_then_decline",
    }
    tokens |= {"bank_settles": "sandbox_ach_settles", "bank_returns": "sandbox_ach_returns"}
    return Bench(opened(), tokens, lambda: clock.advance(timedelta(seconds=60)), opened)


@pytest.fixture(params=["scripted", *DATABASES])
def bench(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[Bench]:
    databases: list[Database] = []
    if request.param == "scripted":
        yield scripted()
    else:
        yield sandbox(migrated_url(request.param, MIGRATIONS), databases)
    for database in databases:
        database.dispose()


def a_charge(**changes: Any) -> Charge:
    return replace(Charge(f"contract-{next(_keys)}", 4_000, "USD"), **changes)


def charged(bench: Bench, charge: Charge, behaviour: str) -> Outcome:
    return bench.provider.charge(charge, bench.tokens[behaviour], time_limit=LIMIT)


def test_every_method_that_is_offered_is_known(bench: Bench) -> None:
    offered = bench.provider.methods()
    assert offered
    for method in offered:
        assert bench.provider.method(method.method_token) == method
        assert method.label


def test_a_token_that_stands_for_nothing_is_no_method_and_takes_no_money(bench: Bench) -> None:
    assert bench.provider.method("stands_for_nothing") is None
    charge = a_charge()
    outcome = bench.provider.charge(charge, "stands_for_nothing", time_limit=LIMIT)
    assert outcome == Outcome.declined("PROVIDER_ERROR")
    assert bench.provider.find(charge) in (None, outcome)


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        ("approve", Outcome.approved()),
        ("decline", Outcome.declined("CARD_DECLINED")),
        ("insufficient_funds", Outcome.declined("INSUFFICIENT_FUNDS")),
    ],
)
def test_a_charge_has_one_outcome_for_ever(bench: Bench, behaviour: str, outcome: Outcome) -> None:
    charge = a_charge()
    assert charged(bench, charge, behaviour) == outcome
    assert charged(bench, charge, behaviour) == outcome
    assert bench.provider.find(charge) == outcome
    assert bench.provider.close(charge) == outcome
    assert bench.provider.find(charge) == outcome


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [("silent_approve", Outcome.approved()), ("silent_decline", Outcome.declined("CARD_DECLINED"))],
)
def test_a_charge_without_an_answer_can_be_found_and_repeated(
    bench: Bench, behaviour: str, outcome: Outcome
) -> None:
    charge = a_charge()
    with pytest.raises(ProviderTimeout):
        charged(bench, charge, behaviour)
    assert bench.provider.find(charge) == outcome
    assert charged(bench, charge, behaviour) == outcome


def test_an_error_of_the_provider_leaves_nothing_that_could_be_taken_later(bench: Bench) -> None:
    charge = a_charge()
    with pytest.raises(ProviderFailure):
        charged(bench, charge, "error")
    assert bench.provider.close(charge) in (None, Outcome.declined("PROVIDER_ERROR"))


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [("bank_settles", Outcome.approved()), ("bank_returns", Outcome.declined("RETURNED"))],
)
def test_a_bank_payment_is_pending_until_the_bank_has_spoken(
    bench: Bench, behaviour: str, outcome: Outcome
) -> None:
    charge = a_charge()
    assert charged(bench, charge, behaviour).verdict is Verdict.PENDING
    pending = bench.provider.find(charge)
    assert pending is not None
    assert pending.verdict is Verdict.PENDING
    bench.settle_banks()
    assert bench.provider.find(charge) == outcome
    assert charged(bench, charge, behaviour) == outcome


def test_what_was_never_charged_is_not_found(bench: Bench) -> None:
    assert bench.provider.find(a_charge()) is None


def test_a_closed_key_never_takes_money(bench: Bench) -> None:
    charge = a_charge()
    assert bench.provider.close(charge) is None
    assert bench.provider.close(charge) is None
    assert charged(bench, charge, "approve") == Outcome.declined("PROVIDER_ERROR")
    assert charged(bench, charge, "bank_settles") == Outcome.declined("PROVIDER_ERROR")
    bench.settle_banks()
    assert bench.provider.find(charge) in (None, Outcome.declined("PROVIDER_ERROR"))


def test_closing_a_pending_charge_gives_it_and_does_not_stop_it(bench: Bench) -> None:
    charge = a_charge()
    charged(bench, charge, "bank_settles")
    found = bench.provider.close(charge)
    assert found is not None
    assert found.verdict is Verdict.PENDING
    bench.settle_banks()
    assert bench.provider.find(charge) == Outcome.approved()


@pytest.mark.parametrize("changes", [{"amount_minor": 4_001}, {"currency": "EUR"}])
def test_a_key_stands_for_one_amount(bench: Bench, changes: dict[str, Any]) -> None:
    charge = a_charge()
    charged(bench, charge, "approve")
    other = replace(charge, **changes)
    with pytest.raises(KeyMismatch):
        charged(bench, other, "approve")
    with pytest.raises(KeyMismatch):
        bench.provider.find(other)
    assert bench.provider.find(charge) == Outcome.approved()


def test_a_key_stands_for_one_method(bench: Bench) -> None:
    charge = a_charge()
    charged(bench, charge, "decline")
    with pytest.raises(KeyMismatch):
        charged(bench, charge, "approve")
    assert bench.provider.find(charge) == Outcome.declined("CARD_DECLINED")


def test_another_process_finds_what_this_one_has_charged_and_closed(bench: Bench) -> None:
    taken, closed = a_charge(), a_charge()
    charged(bench, taken, "approve")
    bench.provider.close(closed)
    other = bench.reopened()
    assert other.find(taken) == Outcome.approved()
    assert other.charge(closed, bench.tokens["approve"], time_limit=LIMIT) == Outcome.declined(
        "PROVIDER_ERROR"
    )


def test_closing_and_charging_at_once_never_end_in_both(bench: Bench) -> None:
    with ThreadPoolExecutor(2) as pool:
        for _ in range(20):
            charge = a_charge()
            charging = pool.submit(charged, bench, charge, "approve")
            closing = pool.submit(bench.provider.close, charge)
            taken = charging.result() == Outcome.approved()
            assert (closing.result() is None) is not taken


def test_the_sandbox_times_out_at_the_limit_and_has_charged_all_the_same(migrated_url: MigratedUrl) -> None:
    waits: list[float] = []
    database = Database(migrated_url("sqlite", MIGRATIONS))
    slow = SandboxProvider(database, SetClock(), delay_seconds=60, wait=waits.append)
    charge = a_charge()
    with pytest.raises(ProviderTimeout):
        slow.charge(charge, "sandbox_approve", time_limit=LIMIT)
    assert waits == [LIMIT]
    assert slow.find(charge) == Outcome.approved()
    assert slow.captured() == {charge.key: 4_000}
    database.dispose()


def test_the_sandbox_keeps_no_token_that_is_not_its_own(tmp_path: Path, migrated_url: MigratedUrl) -> None:
    database = Database(migrated_url("sqlite", MIGRATIONS))
    SandboxProvider(database, SetClock()).charge(a_charge(), "4242424242424242", time_limit=LIMIT)
    database.dispose()
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"contract-" in kept
    assert b"4242424242424242" not in kept
