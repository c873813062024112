"""What holds mails back holds for all workers of all processes together, on both databases."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from services.mailer.domain.circuit import Circuit
from services.mailer.domain.delivery import Answer
from services.mailer.domain.message import Lane, Rendered
from services.mailer.domain.sending import Limits
from services.mailer.repository import SqlStore
from services.mailer.use_cases.desk import Desk
from services.mailer.use_cases.keep import UnderWay
from services.mailer.use_cases.record import Recorder
from services.mailer.use_cases.send import send_some
from services.mailer.use_cases.sending import get_sending, set_stopped, update_sending
from services.shared.database import Database
from tests.fakes.clock import SetClock
from tests.fakes.mailer import requests
from tests.fakes.mailer_desk import FakePress, FakeReviews, FakeTransport
from tests.fakes.mailer_queue import DOMAIN, SCRIPTS, T0
from tests.servers import DATABASES

WORKERS = 6


@dataclass
class Fleet:
    """Workers of as many processes, each with a database connection, recorder and transport of its own."""

    stores: Sequence[SqlStore]
    transports: Sequence[FakeTransport]
    clock: SetClock

    def accept(self, count: int, lane: Lane = Lane.USUAL, start: int = 1) -> None:
        with self.stores[0].write() as work:
            batch = [replace(one, lane=lane) for one in requests(count, start=start)]
            work.messages.accept(batch, DOMAIN, self.clock.now())

    def limit(self, **limits: int) -> None:
        store = self.stores[0]
        update_sending(
            Limits(**limits), write=store.write, read=store.read, clock=self.clock, wake=lambda: None
        )

    def run(self) -> None:
        """Until none of them finds anything to do."""
        with ThreadPoolExecutor(WORKERS) as pool:
            for future in [pool.submit(self._work, number) for number in range(WORKERS)]:
                future.result(60)

    def _work(self, number: int) -> None:
        store = self.stores[number]
        desk = Desk(
            begin=store.write,
            reviews=FakeReviews(),
            press=FakePress(),
            transport=self.transports[number],
            circuit=Circuit(),
            recorder=Recorder(store.write, self.clock, pauses=()),
            under_way=UnderWay(),
            clock=self.clock,
            owner=f"w{number}",
        )
        while send_some(desk):
            pass

    def sent(self) -> list[str]:
        return [mail.mime.split(b"@")[0].decode()[1:] for one in self.transports for mail in one.sent]


@pytest.fixture(params=DATABASES)
def fleet(request: pytest.FixtureRequest) -> Iterator[Fleet]:
    url = request.getfixturevalue("migrated_url")(request.param, SCRIPTS)
    databases = [Database(url) for _ in range(WORKERS)]
    yield Fleet(
        [SqlStore(database) for database in databases],
        [FakeTransport() for _ in range(WORKERS)],
        SetClock(T0),
    )
    for database in databases:
        database.dispose()


def test_all_together_send_no_more_than_the_cap_and_the_rest_on_the_next_days(fleet: Fleet) -> None:
    fleet.limit(daily_cap=100)
    fleet.accept(230)
    for expected in (100, 200, 230):
        fleet.run()
        assert len(fleet.sent()) == expected
        fleet.run()
        assert len(fleet.sent()) == expected
        fleet.clock.advance(timedelta(days=1))
    assert sorted(fleet.sent()) == sorted(f"notice-{n}" for n in range(1, 231)), "each of them once"


def test_what_is_urgent_goes_also_when_all_together_have_reached_the_cap(fleet: Fleet) -> None:
    fleet.limit(daily_cap=50)
    fleet.accept(80)
    fleet.run()
    fleet.accept(40, Lane.AT_ONCE, start=81)
    fleet.run()
    assert len(fleet.sent()) == 90


def test_all_together_keep_the_pace_of_a_domain(fleet: Fleet) -> None:
    fleet.limit(domain_per_minute=120)
    fleet.accept(60)
    counts = []
    for _ in range(40):
        fleet.run()
        counts.append(len(fleet.sent()))
        fleet.clock.advance(timedelta(seconds=1))
    assert counts[0] <= 3, "a second's worth"
    assert all(count <= 3 + 2 * second for second, count in enumerate(counts))
    assert counts[-1] == 60


def test_a_stop_ends_all_of_them_each_after_the_mail_that_it_is_at(fleet: Fleet) -> None:
    store, lock = fleet.stores[0], threading.Lock()
    begun_at_stop: list[int] = []

    def begun() -> int:
        return sum(len(one.together) for one in fleet.transports)

    def stop_after_some(transport: FakeTransport) -> FakeTransport:
        send = transport.send

        def counted(mail: Rendered, *, together: bool) -> Answer:
            answer = send(mail, together=together)
            with lock:
                if begun() >= 50 and not begun_at_stop:
                    set_stopped(
                        "Ann",
                        stopped=True,
                        write=store.write,
                        read=store.read,
                        clock=fleet.clock,
                        wake=lambda: None,
                    )
                    begun_at_stop.append(begun())
            return answer

        transport.send = counted  # type: ignore[method-assign]  # the same, and counted
        return transport

    fleet.transports = [stop_after_some(one) for one in fleet.transports]
    fleet.accept(400)
    fleet.run()
    [before] = begun_at_stop
    assert begun() <= before + WORKERS
    standing = get_sending(begin=store.read, clock=fleet.clock)
    assert (standing.sending.stopped_by, standing.sent_today) == ("Ann", begun())
    assert standing.waiting == 400 - begun()


def test_limits_may_be_changed_while_all_of_them_send(fleet: Fleet) -> None:
    fleet.limit(domain_per_minute=100_000, daily_cap=100_000)
    fleet.accept(300)
    sending = threading.Thread(target=fleet.run)
    sending.start()
    for number in range(20):
        fleet.limit(domain_per_minute=90_000 + number, daily_cap=90_000 + number)
    sending.join(60)
    fleet.limit()
    fleet.run()
    assert sorted(fleet.sent()) == sorted(f"notice-{n}" for n in range(1, 301))
