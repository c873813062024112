"""Dead letters over gRPC, as staff list, retry and drop them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from dunlin.operations.v1 import operations_pb2, operations_pb2_grpc
from sqlalchemy import Connection, update

from services.scheduler import tables
from services.scheduler.operations import count_backlog
from services.shared.database import Database
from services.shared.dead_letters import LONGEST_BODY, DeadLetters
from services.shared.facts import StoredFact
from services.shared.facts_wire import from_json, to_json
from services.shared.grpc_channel import open_channel
from services.shared.grpc_server import Server
from services.shared.inbox import Inbox, InboxWorker
from services.shared.operations_grpc import Backlog, OperationsServicer
from tests.fakes.clock import SetClock
from tests.servers import DATABASES, MigratedUrl

TOKEN = "a token that is long enough"
MIGRATIONS = Path(tables.__file__).parent / "migrations"


class Desk:
    """The scheduler's inbox, a handler that can be broken, and the operations service as staff call it."""

    def __init__(self, url: str) -> None:
        self.clock = SetClock()
        self.database = Database(url)
        self.inbox = Inbox(self.database, tables.inbox, self.clock)
        self.worker = InboxWorker(self.database, tables.inbox, self._handle, self.clock)
        self.handled: list[StoredFact] = []
        self.broken = False
        letters = DeadLetters(self.database, tables.inbox, self.clock)
        servicer = OperationsServicer(lambda: count_backlog(self.database, self.clock), letters)
        self._server = serve(servicer)
        self._channel = open_channel(self._server.start(), TOKEN)
        self.staff = operations_pb2_grpc.OperationsServiceStub(self._channel)

    def _handle(self, connection: Connection, fact: StoredFact) -> None:
        if self.broken:
            raise RuntimeError("the handler is broken")
        self.handled.append(fact)

    def park(self, fact: StoredFact) -> None:
        """Takes a fact in and fails to handle it until it is parked."""
        self.inbox.take_in([fact])
        self.broken = True
        while not self.parked([fact.fact_id]):
            self.work()
            self.clock.advance(timedelta(minutes=6))
        self.broken = False

    def work(self) -> None:
        """Handles what is due."""
        while self.worker.run_once():
            pass

    def receive(self, body: bytes) -> None:
        """A message from the broker."""
        reading = from_json(body)
        self.inbox.take_in(reading.facts, reading.unreadable)

    def letters(self, **page: object) -> operations_pb2.ListDeadLettersResponse:
        return self.staff.ListDeadLetters(operations_pb2.ListDeadLettersRequest(**page))  # type: ignore[arg-type]

    def parked(self, fact_ids: list[str]) -> list[int]:
        """The numbers of those facts among the dead letters."""
        return [each.dead_letter_id for each in self.letters().dead_letters if each.fact_id in fact_ids]

    def retry(self, *ids: int) -> int:
        return self.staff.RetryDeadLetters(
            operations_pb2.RetryDeadLettersRequest(dead_letter_ids=ids)
        ).retried

    def drop(self, *ids: int) -> int:
        return self.staff.DropDeadLetters(operations_pb2.DropDeadLettersRequest(dead_letter_ids=ids)).dropped

    def backlog(self) -> operations_pb2.Backlog:
        return self.staff.GetBacklog(operations_pb2.GetBacklogRequest())

    def close(self) -> None:
        self._channel.close()
        self._server.stop(0)
        self.database.dispose()


def serve(servicer: OperationsServicer) -> Server:
    return Server(
        "127.0.0.1:0",
        TOKEN,
        servicers=lambda s: operations_pb2_grpc.add_OperationsServiceServicer_to_server(servicer, s),
        names=["dunlin.operations.v1.OperationsService"],
    )


@pytest.fixture(params=DATABASES)
def desk(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[Desk]:
    desk = Desk(migrated_url(request.param, MIGRATIONS))
    yield desk
    desk.close()


def sent(number: int = 1) -> StoredFact:
    body = {"notice_id": f"n{number}", "message_id": f"<{number}@example.test>"}
    at = datetime(2026, 3, 1, 9, 30, 0, 250_000, tzinfo=UTC)
    return StoredFact(f"00000000-0000-4000-8000-{number:012}", "message_sent", body, at, f"request-{number}")


def in_another_words(fact: StoredFact, word: bytes) -> bytes:
    """The fact as a message of a kind that this version does not know."""
    return to_json([fact]).replace(fact.name.encode(), word)


def code(refused: pytest.ExceptionInfo[grpc.RpcError]) -> grpc.StatusCode:
    return refused.value.code()  # type: ignore[no-any-return]


def test_a_parked_fact_is_listed_with_all_that_is_known_of_it(desk: Desk) -> None:
    desk.park(sent(1))
    (letter,) = desk.letters().dead_letters
    assert (letter.fact_id, letter.name, letter.attempts) == (sent(1).fact_id, "message_sent", 20)
    assert letter.body == '{"notice_id": "n1", "message_id": "<1@example.test>"}'
    assert letter.error == "RuntimeError: the handler is broken"
    assert letter.request_id == "request-1"
    assert letter.occurred_at.ToDatetime(tzinfo=UTC) == sent(1).occurred_at
    assert letter.received_at.ToDatetime(tzinfo=UTC) == SetClock().now()
    assert letter.parked_at.ToDatetime(tzinfo=UTC) > SetClock().now()


def test_pages_show_each_dead_letter_once_the_one_parked_last_first(desk: Desk) -> None:
    desk.receive(b"[" * 3)
    desk.clock.advance(timedelta(seconds=1))
    # Parked in the same moment: the order between them is that of their coming in.
    for number in range(1, 6):
        desk.receive(in_another_words(sent(number), b"news_from_tomorrow"))
    seen, token = [], ""
    while True:
        page = desk.letters(page_size=2, page_token=token)
        assert page.total == 6
        seen += [letter.dead_letter_id for letter in page.dead_letters]
        token = page.next_page_token
        if not token:
            break
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 6


def test_a_page_that_cannot_be_is_refused(desk: Desk) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        desk.letters(page_size=-1)
    assert code(refused) == grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(grpc.RpcError) as refused:
        desk.letters(page_token="tomorrow")
    assert code(refused) == grpc.StatusCode.INVALID_ARGUMENT


def test_a_retried_fact_takes_effect_once(desk: Desk) -> None:
    desk.park(sent(1))
    (number,) = desk.parked([sent(1).fact_id])
    assert desk.retry(number) == 1
    assert desk.retry(number) == 0, "it is no dead letter any more"
    assert desk.backlog().inbox == 1
    desk.work()
    assert [fact.fact_id for fact in desk.handled] == [sent(1).fact_id]
    assert desk.letters().total == 0


def test_a_retried_fact_has_all_its_attempts_again(desk: Desk) -> None:
    desk.park(sent(1))
    desk.retry(*desk.parked([sent(1).fact_id]))
    desk.broken = True
    desk.work()
    assert desk.letters().total == 0
    desk.broken = False
    desk.clock.advance(timedelta(seconds=2))
    desk.work()
    assert len(desk.handled) == 1


def test_a_dropped_fact_stays_dropped_when_it_comes_again(desk: Desk) -> None:
    desk.park(sent(1))
    (number,) = desk.parked([sent(1).fact_id])
    assert desk.drop(number) == 1
    assert desk.drop(number) == 0
    assert desk.retry(number) == 0
    assert desk.letters().total == desk.backlog().parked == 0
    assert desk.inbox.take_in([sent(1)]) == 0
    desk.work()
    assert desk.handled == []
    assert desk.backlog().inbox == 0
    assert desk.inbox.missing([sent(1).fact_id]) == []


def test_an_unreadable_fact_is_a_dead_letter_and_keeps_no_other_away(desk: Desk) -> None:
    odd = in_another_words(sent(1), b"news_from_tomorrow")
    both = odd[:-2] + b"," + to_json([sent(2)])[len(b'{"facts":[') :]
    desk.receive(both)
    desk.receive(both)
    (letter,) = desk.letters().dead_letters
    assert (letter.fact_id, letter.name, letter.request_id) == (sent(1).fact_id, "unreadable", "request-1")
    assert "news_from_tomorrow" in letter.body
    assert "known kind" in letter.error
    desk.work()
    assert [fact.fact_id for fact in desk.handled] == [sent(2).fact_id]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x80\x00\xff",
        b"{",
        b"[]",
        b"{}",
        b'{"facts": {}}',
        b'{"facts": [7]}',
        b'{"facts": [{"fact_id": "\\ud800", "message_sent": {}}]}',
        b'{"facts": [{"fact_id": "a\\u0000b", "message_sent": {}}]}',
        b'{"facts": [{"fact_id": "x", "message_sent": {"notice_id": "\\ud800"}}]}',
        b'{"facts": [{"fact_id": "%s", "message_sent": {}}]}' % (b"x" * 37),
        b'{"facts": [{"fact_id": "x", "occurred_at": "soon", "message_sent": {}}]}',
        b'{"facts": [{"fact_id": "x", "request_id": "%s", "message_sent": {}}]}' % (b"x" * 65),
        b'{"facts": [{"fact_id": "x", "payment_succeeded": {"balance_minor": 1e400}}]}',
        b'{"facts": [{"fact_id": "x", "payment_succeeded": {"balance_minor": "a\\u0000b"}}]}',
        b'{"facts": [{"fact_id": "x", "occurred_at": "\\ud800", "message_sent": {}}]}',
        b"[" * 100_000,
        b"x" * 2_000_000,
    ],
    ids=lambda body: body[:60].decode("utf-8", "replace"),
)
def test_whatever_cannot_be_read_is_kept_once_where_staff_see_it(desk: Desk, body: bytes) -> None:
    desk.receive(body)
    desk.receive(body)
    (letter,) = desk.letters().dead_letters
    assert letter.name == "unreadable"
    assert letter.error
    assert len(letter.body) <= LONGEST_BODY
    assert desk.retry(letter.dead_letter_id) == 0
    (again,) = desk.letters().dead_letters
    assert (again.fact_id, again.attempts) == (letter.fact_id, 2)


def test_a_body_nested_about_as_deeply_as_can_be_read_is_taken_in_somehow(desk: Desk) -> None:
    """How deep that is depends on who calls. The message must not come again and again."""
    for depth in range(850, 1000, 10):
        desk.receive(
            b'{"facts": [{"fact_id": "x", "message_sent": %s{}%s}]}' % (b'{"a":' * depth, b"}" * depth)
        )
    assert desk.letters().total >= 1


def test_an_unreadable_fact_that_is_known_by_now_is_handled_when_retried(desk: Desk) -> None:
    odd = in_another_words(sent(1), b"news_from_tomorrow")
    desk.receive(odd)
    know(desk, "news_from_tomorrow", "message_sent")
    assert desk.retry(*desk.parked([sent(1).fact_id])) == 1
    desk.work()
    assert desk.handled == [sent(1)]
    assert desk.letters().total == 0


def test_a_whole_message_that_is_readable_by_now_gives_its_facts(desk: Desk) -> None:
    desk.inbox.take_in([sent(2)])
    desk.work()
    desk.receive(b"~" + to_json([sent(1), sent(2)]))
    know(desk, "~", "")
    (letter,) = desk.letters().dead_letters
    assert desk.retry(letter.dead_letter_id) == 1
    desk.work()
    assert sorted(fact.fact_id for fact in desk.handled) == [sent(1).fact_id, sent(2).fact_id]
    assert desk.letters().total == 0


def know(desk: Desk, word: str, known: str) -> None:
    """As a newer version would: what was unknown is a word that it knows."""
    t = tables.inbox
    with desk.database.write() as connection:
        for row in connection.execute(t.select().where(t.c.name == "unreadable")).all():
            body = row.body.replace(word, known)
            connection.execute(update(t).where(t.c.inbox_id == row.inbox_id).values(body=body))


def test_more_than_500_at_once_are_refused(desk: Desk) -> None:
    assert desk.retry(*range(500)) == desk.drop(*range(500)) == 0
    for act in (desk.retry, desk.drop):
        with pytest.raises(grpc.RpcError) as refused:
            act(*range(501))
        assert code(refused) == grpc.StatusCode.INVALID_ARGUMENT


def test_a_service_without_an_inbox_has_no_dead_letters() -> None:
    server = serve(OperationsServicer(lambda: Backlog(outbox=0, inbox=0, queue=0, activity=0)))
    channel = open_channel(server.start(), TOKEN)
    staff = operations_pb2_grpc.OperationsServiceStub(channel)
    assert staff.ListDeadLetters(operations_pb2.ListDeadLettersRequest()).total == 0
    assert staff.RetryDeadLetters(operations_pb2.RetryDeadLettersRequest(dead_letter_ids=[1])).retried == 0
    assert staff.DropDeadLetters(operations_pb2.DropDeadLettersRequest(dead_letter_ids=[1])).dropped == 0
    channel.close()
    server.stop(0)
