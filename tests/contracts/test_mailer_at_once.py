"""What several processes may do to the mailer's tables at once, on PostgreSQL with real threads.

SQLite has one writer and so gives all of this for free; here each promise hangs on a lock.
"""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import pytest

from services.mailer.domain.bounces import Fate, Reason, Suppression
from services.mailer.domain.delivery import Later, Past, RefusedRecipient, Sent
from services.mailer.domain.letter import Withheld
from services.mailer.domain.message import Claimed, EventKind, State
from services.mailer.domain.sending import Limits
from services.mailer.domain.shipped import SHIPPED
from services.mailer.domain.spread import Line
from services.mailer.domain.templates import Key, Template, TemplateChanged, TemplateType
from services.mailer.ports import Ending, Work
from services.mailer.rendering import MailPress
from services.mailer.repository import SqlStore
from services.mailer.use_cases.bounces import note_refusals
from services.mailer.use_cases.company import update_company
from services.mailer.use_cases.templates import save_template
from services.shared.clock import SystemClock
from services.shared.database import Database
from tests.fakes.mailer import COMPANY, MINUTE, requests
from tests.fakes.mailer_queue import DOMAIN, SCRIPTS, T0, Queue
from tests.servers import MigratedUrl

pytestmark = pytest.mark.postgresql

NO = Withheld("EXCLUDED", "Excluded.")
AFTER = Key(TemplateType.DUE_NOTICE_AFTER)
T = TypeVar("T")


@pytest.fixture
def database(migrated_url: MigratedUrl) -> Iterator[Database]:
    database = Database(migrated_url("postgresql", SCRIPTS))
    yield database
    database.dispose()


@pytest.fixture
def store(database: Database) -> SqlStore:
    return SqlStore(database)


@pytest.fixture
def queue(store: SqlStore) -> Queue:
    return Queue(store)


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def _at_once(works: Sequence[Callable[[], T]]) -> list[T]:
    """All of them, begun in the same moment, each in a thread."""
    barrier = threading.Barrier(len(works))

    def begin(work: Callable[[], T]) -> T:
        barrier.wait(30)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(60) for future in [pool.submit(begin, work) for work in works]]


def _until_it_waits(database: Database, future: Future[Any]) -> None:
    """Returns once it waits for a lock of another transaction; fails if it ends without."""
    query = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    pause = threading.Event()
    for _ in range(1000):
        assert not future.done(), "it did not wait"
        with database.read() as connection:
            if connection.exec_driver_sql(query).scalar_one():
                return
        pause.wait(0.01)
    raise AssertionError("nothing waits")


def test_the_same_batch_accepted_by_many_at_once_is_queued_once(queue: Queue, store: SqlStore) -> None:
    def accept(seed: int) -> int:
        batch = requests(200)
        random.Random(seed).shuffle(batch)
        with store.write() as work:
            return work.messages.accept(batch, DOMAIN, T0)

    counts = _at_once([partial(accept, seed) for seed in range(6)])
    assert sum(counts) == 200
    assert all(len(queue.get(number).events) == 2 for number in (1, 100, 200))


def test_many_workers_claim_everything_and_nothing_twice(queue: Queue) -> None:
    queue.accept(400)

    def claim(owner: str) -> list[int]:
        mine: list[int] = []
        while batch := queue.claim(owner, limit=7):
            mine += [message.key for message in batch]
        return mine

    claimed = [key for keys in _at_once([partial(claim, f"w{n}") for n in range(6)]) for key in keys]
    assert len(claimed) == len(set(claimed)) == 400


def test_a_claim_does_not_wait_for_another_claim_under_way(queue: Queue, store: SqlStore) -> None:
    queue.accept(5)
    with store.write() as work:
        first = work.messages.claim("a", T0, T0 + MINUTE, 3)
        second = queue.claim("b")
    assert [len(first), len(second)] == [3, 2]


def test_an_expired_lease_is_either_renewed_or_taken_over(
    queue: Queue, store: SqlStore, database: Database, thread: ThreadPoolExecutor
) -> None:
    queue.accept()
    [mine] = queue.claim("a")
    late = T0 + 2 * MINUTE
    with store.write() as work:
        [theirs] = work.messages.claim("b", late, late + MINUTE, 1)
        processing = thread.submit(queue.process, mine, late)
        _until_it_waits(database, processing)
    assert not processing.result(20)
    assert queue.process(theirs, late)


def test_a_lease_that_was_just_renewed_is_not_taken_over(queue: Queue, store: SqlStore) -> None:
    queue.accept()
    [mine] = queue.claim("a")
    late = T0 + 2 * MINUTE
    with store.write() as work:
        assert work.messages.renew([mine], late + MINUTE) == 1
        assert queue.claim("b", at=late) == []
    assert queue.claim("b", at=late) == []


def test_what_is_accepted_while_a_no_is_being_recorded_goes_back_into_the_queue(
    queue: Queue, store: SqlStore, database: Database, thread: ThreadPoolExecutor
) -> None:
    queue.accept()
    [message] = queue.claim()
    with store.write() as work:
        work.messages.withhold([(message, NO)], T0)
        accepting = thread.submit(queue.accept, at=T0 + MINUTE)
        _until_it_waits(database, accepting)
    assert accepting.result(20) == 1
    assert queue.get().state is State.QUEUED


def test_a_no_that_is_recorded_while_the_notice_is_accepted_again_does_not_count(
    queue: Queue, store: SqlStore, database: Database, thread: ThreadPoolExecutor
) -> None:
    queue.accept()
    [message] = queue.claim()
    with store.write() as work:
        work.messages.accept(requests(1), DOMAIN, T0 + MINUTE)
        withholding = thread.submit(queue.withhold, message, NO)
        _until_it_waits(database, withholding)
    withholding.result(20)
    assert queue.get().state is State.QUEUED
    assert queue.kinds()[-3:] == [EventKind.WITHHELD, EventKind.QUEUE_TRIGGERED, EventKind.QUEUED]


def test_an_answer_of_the_server_and_a_takeover_leave_one_sent_mail(
    queue: Queue, store: SqlStore, database: Database, thread: ThreadPoolExecutor
) -> None:
    queue.accept()
    [mine] = queue.claim("a")
    late = T0 + 2 * MINUTE
    with store.write() as work:
        work.messages.record([Ending(mine, Sent("250 ok"))], late)
        assert queue.claim("b", at=late) == [], "skipped while it is locked"
    assert queue.claim("b", at=late) == []
    assert queue.get().state is State.SENT


def test_recording_accepting_renewing_and_releasing_never_wait_in_a_circle(
    queue: Queue, store: SqlStore
) -> None:
    queue.accept(60)
    claimed = queue.claim("a", limit=60)

    def record(seed: int) -> None:
        for round in range(15):
            batch = random.Random(seed + round).sample(claimed, 20)
            at = T0 + round * MINUTE
            with store.write() as work:
                work.messages.record([Ending(one, Later(at, "451", Past(1, 0, at))) for one in batch], at)

    def accept(seed: int) -> None:
        for round in range(15):
            batch = random.Random(seed + round).sample(requests(60), 30)
            with store.write() as work:
                work.messages.accept(batch, DOMAIN, T0 + round * MINUTE)

    def renew(seed: int) -> None:
        for round in range(15):
            batch = random.Random(seed + round).sample(claimed, 30)
            with store.write() as work:
                work.messages.renew(batch, T0 + MINUTE)
            with store.write() as work:
                work.messages.release_owners(["b"], T0)

    works = [partial(work, 100 * n) for n in range(2) for work in (record, accept, renew)]
    _at_once(works)
    assert {queue.get(number).state for number in range(1, 61)} <= {State.SENDING, State.DEFERRED}


def test_of_many_editors_of_a_text_one_is_first_and_the_others_are_told_who(store: SqlStore) -> None:
    press, clock = MailPress("http://127.0.0.1"), SystemClock()

    def save(editor: str) -> Template | TemplateChanged:
        try:
            return save_template(
                AFTER, SHIPPED[AFTER], 1, editor, begin=store.write, press=press, clock=clock
            )
        except TemplateChanged as refusal:
            return refusal

    outcomes = _at_once([partial(save, f"editor-{n}") for n in range(6)])
    [winner] = [outcome for outcome in outcomes if isinstance(outcome, Template)]
    assert winner.version == 2
    refusals = [outcome.message for outcome in outcomes if isinstance(outcome, TemplateChanged)]
    assert all(f"by {winner.saved_by}" in words and "(version 2," in words for words in refusals)


def test_profiles_saved_at_once_each_get_a_revision(store: SqlStore) -> None:
    names = [f"Harbour {n}" for n in range(6)]
    _at_once([partial(update_company, replace(COMPANY, name=name), begin=store.write) for name in names])
    with store.read() as work:
        profile = work.company.profile()
    assert profile.revision == 7
    assert Counter(names)[profile.company.name] == 1


def test_the_line_of_a_domain_is_changed_by_one_at_a_time(
    store: SqlStore, database: Database, thread: ThreadPoolExecutor
) -> None:
    def wait_longer() -> Line:
        with store.write() as work:
            line = work.sending.lock_lines(["a.test"])["a.test"]
            work.sending.keep_lines({"a.test": Line((line.free_at or T0) + MINUTE)})
            return line

    wait_longer()
    with store.write() as work:
        work.sending.lock_lines(["a.test", "b.test"])
        waiting = thread.submit(wait_longer)
        _until_it_waits(database, waiting)
        work.sending.keep_lines({"a.test": Line(T0 + 9 * MINUTE)})
    assert waiting.result(20) == Line(T0 + 9 * MINUTE)


def test_lines_of_many_domains_and_changed_limits_never_wait_in_a_circle(store: SqlStore) -> None:
    domains = [f"d{number}.test" for number in range(20)]

    def take(seed: int) -> None:
        for round in range(20):
            some = random.Random(seed + round).sample(domains, 8)
            with store.write() as work:
                work.sending.lock_day(T0.date(), T0)
                work.sending.spend(T0.date(), 1)
                lines = work.sending.lock_lines(some)
                work.sending.keep_lines(dict.fromkeys(lines, Line(T0 + round * MINUTE)))

    def change() -> None:
        for _ in range(20):
            with store.write() as work:
                work.sending.change(Limits(5, 5))
                work.sending.recount(T0.date(), T0)
                work.sending.drop_lines(T0)

    _at_once([*(partial(take, 100 * n) for n in range(4)), change])


def test_two_that_suppress_the_same_addresses_in_another_order_do_not_wait_for_each_other(
    database: Database, queue: Queue, store: SqlStore, thread: ThreadPoolExecutor
) -> None:
    queue.accept(2)
    first, second = queue.claim()
    gone = [RefusedRecipient(email, 550, "5.1.1 no such user") for email in ("zoe@a.test", "ann@a.test")]

    def suppress(work: Work, message: Claimed, refused: Sequence[RefusedRecipient]) -> None:
        note_refusals([Ending(message, Sent("250 ok", tuple(refused)))], work, T0)

    def both() -> None:
        with store.write() as work:
            suppress(work, second, gone)

    with store.write() as work:
        suppress(work, first, gone[1:])
        other = thread.submit(both)
        _until_it_waits(database, other)
        suppress(work, first, gone[:1])
    other.result(30)
    with store.read() as work:
        assert work.suppressions.known({"zoe@a.test", "ann@a.test"}).suppressed == {
            "zoe@a.test",
            "ann@a.test",
        }


def test_a_late_report_and_whoever_lifts_the_address_do_not_wait_for_each_other(
    database: Database, queue: Queue, store: SqlStore, thread: ThreadPoolExecutor
) -> None:
    queue.accept(1)
    [message] = queue.claim()
    ann = Suppression("ann@a.test", Reason.BY_STAFF, "", T0)
    with store.write() as work:
        work.suppressions.note_left([(ann.email, message.key)], T0)
        work.suppressions.add(ann)

    def lift() -> Suppression | None:
        with store.write() as work:
            return work.suppressions.lift(ann.email)

    with store.write() as work:
        work.suppressions.note_fate(ann.email, message.key, Fate.BOUNCED, T0)
        lifting = thread.submit(lift)
        _until_it_waits(database, lifting)
        assert not work.suppressions.add(ann), "it is suppressed until the other one goes on"
    assert lifting.result(30) == ann


def test_an_address_suppressed_by_many_at_once_is_suppressed_once(store: SqlStore) -> None:
    def suppress(number: int) -> bool:
        with store.write() as work:
            return work.suppressions.add(Suppression("ann@a.test", Reason.BY_STAFF, f"{number}", T0))

    assert sum(_at_once([partial(suppress, number) for number in range(6)])) == 1
