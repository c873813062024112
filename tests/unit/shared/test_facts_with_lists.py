"""Facts that hold lists travel whole, by either way, and are handed over in portions that can be carried."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData

from services.shared import relay
from services.shared.clock import SystemClock
from services.shared.database import Database
from services.shared.facts import StoredFact
from services.shared.facts_wire import from_json, from_wire, to_json, to_wire
from services.shared.outbox import append_fact, outbox_table

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
LARGEST = 2**63 - 1
BODIES: list[dict[str, Any]] = [
    {"sync_id": "7", "invoices": []},
    {
        "sync_id": "7",
        "invoices": [
            {"invoice_id": 1, "organization_id": "O-1"},
            {"invoice_id": LARGEST, "organization_id": "Ä\u2028"},
        ],
    },
]


@pytest.mark.parametrize("body", BODIES, ids=["none", "two"])
def test_a_list_of_messages_arrives_with_its_numbers_as_numbers(body: dict[str, Any]) -> None:
    fact = StoredFact("f-1", "invoices_recorded", body, AT, "")
    assert from_wire([to_wire(fact)]) == [fact]
    read = from_json(to_json([fact]))
    assert (read.facts, read.unreadable) == ([fact], [])


class _Listener:
    def __init__(self) -> None:
        self.portions: list[list[StoredFact]] = []

    def deliver(self, facts: list[StoredFact]) -> None:
        self.portions.append(facts)


def test_heavy_facts_are_handed_over_in_portions_and_in_their_order(tmp_path: Path) -> None:
    metadata = MetaData()
    outbox = outbox_table(metadata)
    database = Database(f"sqlite:///{tmp_path}/outbox.sqlite")
    sizes = [10, relay.MOST_CHARACTERS // 2, relay.MOST_CHARACTERS // 2, 2 * relay.MOST_CHARACTERS, 10, 10]
    with database.write() as connection:
        metadata.create_all(connection)
        for number, size in enumerate(sizes):
            append_fact(connection, outbox, f"fact {number}", {"text": "x" * size}, at=AT)
    listener = _Listener()
    at_work = relay.Relay(database, outbox, [listener], SystemClock())
    while at_work.run_once():
        pass
    database.dispose()
    names = [[fact.name for fact in portion] for portion in listener.portions]
    assert names == [["fact 0", "fact 1"], ["fact 2"], ["fact 3"], ["fact 4", "fact 5"]]
