"""Anything that may befall facts between an outbox and a handler, in any order.

What must hold: a fact takes effect exactly once, unless a person has dropped it or it waits parked for one;
what was never committed never arrives; the producer forgets nothing that is not in the inbox.
"""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from structlog.testing import capture_logs

from services.shared.database import Database
from services.shared.facts import UNREADABLE, NotDelivered
from tests.contracts.fact_machine_world import FactWorld
from tests.servers import PostgresServer


class FactMachine(RuleBasedStateMachine):
    """One outbox, one broker, one inbox, and everything that may go wrong between them."""

    def __init__(self) -> None:
        super().__init__()
        self.world = self.make_world()
        self.happened: set[int] = set()
        self.dropped: set[str] = set()
        self.nonsense: set[str] = set()

    def make_world(self) -> FactWorld:
        """On SQLite, each time anew."""
        self.folder = tempfile.TemporaryDirectory()
        urls = (f"sqlite:///{Path(self.folder.name)}/{name}.sqlite" for name in ("producer", "subscriber"))
        return FactWorld(*map(Database, urls))

    def unmake_world(self) -> None:
        self.world.close()
        self.folder.cleanup()

    # What programs do

    @rule(times=st.integers(1, 4), poison=st.booleans())
    def something_happens(self, times: int, poison: bool) -> None:
        for _ in range(times):
            number = self.world.tell()
            self.happened.add(number)
            if poison:
                self.world.poison.add(number)

    @rule()
    def something_is_undone(self) -> None:
        self.world.tell(commits=False)

    @rule(dies=st.sampled_from(["", "", "", "before", "after", "deaf", "half"]), audits=st.booleans())
    def the_relay_publishes(self, dies: str, audits: bool) -> None:
        self.world.broker.dies = dies
        try:
            self.world.survives(self.world.relay.run_once)
        except NotDelivered:
            assert dies in ("deaf", "half")
        self.world.broker.dies = ""
        if audits:
            self.the_relay_audits()

    @rule()
    def the_relay_audits(self) -> None:
        self.world.survives(self.world.audit.run_once)

    @rule(times=st.integers(1, 5), dies=st.booleans())
    def the_subscriber_works(self, times: int, dies: bool) -> None:
        self.world.dies_while_handling = dies
        for _ in range(times):
            self.world.survives(self.world.worker.run_once)
        self.world.dies_while_handling = False

    @rule(seconds=st.sampled_from([1, 16, 120, 3600]))
    def time_passes(self, seconds: int) -> None:
        self.world.wait(seconds)

    # What the broker does

    @rule(data=st.data(), acknowledged=st.booleans())
    def a_message_is_delivered(self, data: st.DataObject, acknowledged: bool) -> None:
        """Any message; one whose acknowledgement is lost comes again."""
        if messages := self.world.broker.messages:
            at = data.draw(st.integers(0, len(messages) - 1))
            self.world.deliver(messages[at])
            if acknowledged:
                del messages[at]

    @rule(data=st.data())
    def a_message_is_repeated(self, data: st.DataObject) -> None:
        if messages := self.world.broker.messages:
            messages.append(data.draw(st.sampled_from(messages)))

    @rule()
    def the_queue_is_lost(self) -> None:
        self.world.broker.messages.clear()

    @rule(text=st.sampled_from(["{", "null", "\x00"]))
    def nonsense_arrives(self, text: str) -> None:
        self.world.deliver_nonsense(text.replace("\x00", "?"))
        self.nonsense.add(text)

    # What people do

    @rule()
    def the_handler_is_mended(self) -> None:
        self.world.poison.clear()

    @rule()
    def staff_retry_what_is_parked(self) -> None:
        self.world.letters.retry(self.world.parked())

    @rule(data=st.data())
    def staff_drop_what_is_parked(self, data: st.DataObject) -> None:
        if parked := self.world.parked():
            inbox_id = data.draw(st.sampled_from(parked))
            assert self.world.letters.drop([inbox_id]) == 1
            assert self.world.letters.drop([inbox_id]) == 0, "a repeat changes nothing"
            self.dropped |= {str(row.fact_id) for row in self.world.taken() if row.inbox_id == inbox_id}

    # What must hold

    @invariant()
    def nothing_takes_effect_twice_or_from_nowhere(self) -> None:
        effects = self.world.effects()
        assert set(effects) <= self.happened
        assert all(times == 1 for times in effects.values())

    @invariant()
    def an_effect_is_there_exactly_where_a_fact_counts_as_handled(self) -> None:
        handled = {
            json.loads(row.body)["number"]
            for row in self.world.taken()
            if row.handled_at is not None and row.name != UNREADABLE
        }
        assert handled == set(self.world.effects())

    @invariant()
    def what_the_producer_calls_delivered_is_in_the_inbox(self) -> None:
        there = {row.fact_id for row in self.world.taken()}
        told = self.world.told()
        assert {row.fact_id for row in told if row.delivered_at is not None} <= there
        assert all(row.published_at is not None for row in told if row.delivered_at is not None)
        assert len(told) == len(self.happened)

    @invariant()
    def a_dead_letter_is_neither_handled_nor_waiting(self) -> None:
        for row in self.world.taken():
            assert row.parked_at is None or row.handled_at is None
            assert row.dropped_at is None or row.parked_at is not None

    def teardown(self) -> None:
        """In the end every fact has taken effect, or waits for a person, or was dropped by one."""
        try:
            self.world.settle(random.Random(0))
            told, effects = self.world.told(), self.world.effects()
            assert all(row.delivered_at is not None for row in told)
            taken = {row.fact_id: row for row in self.world.taken()}
            for row in told:
                number, arrived = json.loads(row.body)["number"], taken[row.fact_id]
                if row.fact_id in self.dropped:
                    assert arrived.dropped_at is not None
                    assert effects[number] == 0
                elif number in self.world.poison and effects[number] == 0:
                    assert arrived.parked_at is not None
                else:
                    assert effects[number] == 1
        finally:
            self.unmake_world()


MANY = settings(
    max_examples=30,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
FEW = settings(MANY, max_examples=8)


def test_facts_take_effect_exactly_once_whatever_befalls_them() -> None:
    # Thousands of failures on purpose, which nobody wants to read.
    with capture_logs():
        run_state_machine_as_test(FactMachine, settings=MANY)


@pytest.mark.postgresql
def test_facts_take_effect_exactly_once_on_postgresql_too(postgres: PostgresServer) -> None:
    class OnPostgres(FactMachine):
        def make_world(self) -> FactWorld:
            self.urls = postgres.empty(), postgres.empty()
            return FactWorld(*map(Database, self.urls))

        def unmake_world(self) -> None:
            self.world.close()
            for url in self.urls:
                postgres.drop(url)

    with capture_logs():
        run_state_machine_as_test(OnPostgres, settings=FEW)
