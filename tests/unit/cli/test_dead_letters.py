"""`dunlin dead-letters`: what is stuck is listed, tried again or given up, and only what was named."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.cli.exits import Exit
from tests.fakes.gateway_operations import FakeOperations
from tests.unit.cli.test_commands import Dunlin, FakeCompany, company, dunlin

__all__ = ["company", "dunlin"]  # fixtures


@contextmanager
def answering(line: str) -> Iterator[None]:
    """Somebody who types the line."""
    before, sys.stdin = sys.stdin, io.StringIO(f"{line}\n")
    try:
        yield
    finally:
        sys.stdin = before


@pytest.fixture
def scheduler(company: FakeCompany) -> FakeOperations:
    scheduler = company.services.operations["scheduler"]
    for number in range(3):
        scheduler.park("message_sent", f'{{"notice_id": "n-{number}"}}', "KeyError: 'message_id'\nmore")
    return scheduler


def test_the_list_shows_the_newest_first_with_the_errors_first_line(
    dunlin: Dunlin, scheduler: FakeOperations
) -> None:
    ran = dunlin("dead-letters", "list")
    assert ran.code == Exit.DONE
    lines = [line.split() for line in ran.out.splitlines()]
    assert [line[0] for line in lines] == ["Id", "3", "2", "1"]
    assert lines[1][1:4] == ["message_sent", "2026-01-31T13:03:00.000Z", "20"]
    assert "more" not in ran.out


def test_the_list_as_json_has_everything(dunlin: Dunlin, scheduler: FakeOperations) -> None:
    for _ in range(250):
        scheduler.park("unreadable", "\N{REPLACEMENT CHARACTER}")
    lines = dunlin("dead-letters", "list", "--json").lines
    assert len(lines) == 253
    assert lines[-1] == {
        "dead_letter_id": 1,
        "fact_id": "00000000-0000-4000-8000-000000000001",
        "name": "message_sent",
        "occurred_at": "2026-01-31T12:01:00.000Z",
        "received_at": "2026-01-31T12:01:00.000Z",
        "parked_at": "2026-01-31T13:01:00.000Z",
        "attempts": 20,
        "error": "KeyError: 'message_id'\nmore",
        "request_id": "request-1",
        "body": '{"notice_id": "n-0"}',
    }


def test_an_empty_list_prints_no_data(dunlin: Dunlin) -> None:
    ran = dunlin("dead-letters", "list")
    assert (ran.code, ran.out) == (Exit.DONE, "")
    assert "no dead letters" in ran.err


def test_a_retry_names_what_it_did_and_what_was_not_there(dunlin: Dunlin, scheduler: FakeOperations) -> None:
    assert dunlin("dead-letters", "retry", "1", "3", "1", "77").out == "2 retried, 1 not there any more\n"
    assert scheduler.retried == [1, 3]
    assert dunlin("dead-letters", "retry", "--all", "--json").lines == [{"retried": 1, "not_found": 0}]
    assert scheduler.letters == {}


def test_dropping_asks_and_a_no_changes_nothing(dunlin: Dunlin, scheduler: FakeOperations) -> None:
    with answering("n"):
        ran = dunlin("dead-letters", "drop", "2")
    assert ran.code == Exit.INTERRUPTED
    assert "cannot be undone" in ran.err
    assert scheduler.dropped == []
    assert dunlin("dead-letters", "drop", "2", "--yes").out == "1 dropped\n"
    with answering("y"):
        assert dunlin("dead-letters", "drop", "3").out.endswith("1 dropped\n")
    assert scheduler.dropped == [2, 3]


def test_more_than_one_call_may_carry_go_in_several(dunlin: Dunlin, scheduler: FakeOperations) -> None:
    for _ in range(1200):
        scheduler.park("message_sent", "{}")
    assert dunlin("dead-letters", "drop", "--all", "--yes").out == "1203 dropped\n"
    assert [len(request.dead_letter_ids) for request in scheduler.requests("DropDeadLetters")] == [
        500, 500, 203,
    ]  # fmt: skip


@pytest.mark.parametrize("arguments", [(), ("--all", "1"), ("0",), ("x",), (str(2**63),)])
def test_neither_or_both_of_ids_and_all_is_a_wrong_call(
    dunlin: Dunlin, scheduler: FakeOperations, arguments: tuple[str, ...]
) -> None:
    assert dunlin("dead-letters", "retry", *arguments).code == Exit.USAGE
    assert scheduler.retried == []
