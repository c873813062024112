"""What a forecast stands on, kept by the fake store and by both databases alike."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from services.scheduler.__main__ import MIGRATIONS
from services.scheduler.domain.forecasting import Basis, Count
from services.scheduler.domain.notice import NoticeType
from services.scheduler.ports import Excluded, Store, Work
from services.scheduler.repository import SqlStore
from services.shared.database import Database
from tests.fakes.scheduler import FakeStore
from tests.servers import DATABASES, MigratedUrl

NOW = datetime(2026, 3, 2, 15, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
DUE = date(2026, 3, 2)


@pytest.fixture(params=["fake", *DATABASES])
def store(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[Store]:
    if request.param == "fake":
        yield FakeStore()
        return
    database = Database(migrated_url(request.param, MIGRATIONS))
    yield SqlStore(database)
    database.dispose()


def test_the_newest_count_of_the_books_is_kept(store: Store) -> None:
    basis = Basis(DUE, DUE + timedelta(days=1), (-5, 15), exclusions=2, runs=3)
    count = Count(basis, NOW, timedelta(seconds=1.5), 5_000_000_000, {(DUE, 15): 3, (DUE, -5): 1}, {DUE: 7})
    with store.read() as work:
        assert work.forecasts.get() is None
    paused = {DUE: (DUE + timedelta(days=3), DUE + timedelta(days=9))}
    later = count._replace(basis=basis._replace(pauses=7), paused=paused)
    for each in (count._replace(mails={}, due={}), count, later):
        with store.write() as work:
            work.forecasts.put(each)
        with store.read() as work:
            assert work.forecasts.get() == each


def test_each_change_of_the_exclusion_list_gives_it_another_version(store: Store) -> None:
    due = NoticeType.DUE_NOTICE
    seen: list[int] = []

    def change(step: Callable[[Work], None]) -> None:
        with store.write() as work:
            step(work)
        with store.read() as work:
            seen.append(work.exclusions.version(due))

    change(lambda work: None)
    change(lambda work: work.exclusions.add(Excluded(due, "a", NOW)))
    change(lambda work: work.exclusions.add(Excluded(due, "b", LATER)))
    change(lambda work: work.exclusions.remove(due, "a"))
    # Added by a process whose clock is behind: as many as before, and the newest is the same.
    change(lambda work: work.exclusions.add(Excluded(due, "c", NOW - timedelta(seconds=1))))
    change(lambda work: work.exclusions.remove(due, "c"))
    change(lambda work: work.exclusions.add(Excluded(due, "d", NOW)))
    assert len(set(seen)) == len(seen)


def test_a_change_of_the_exclusion_list_that_changes_nothing_leaves_its_version(store: Store) -> None:
    due = NoticeType.DUE_NOTICE
    with store.write() as work:
        work.exclusions.add(Excluded(due, "a", NOW))
        before = work.exclusions.version(due)
        work.exclusions.add(Excluded(due, "a", LATER))
        work.exclusions.remove(due, "b")
        assert work.exclusions.version(due) == before


def test_counts_of_the_books_are_outdated_in_the_transaction_that_says_so(store: Store) -> None:
    def version() -> int:
        with store.read() as work:
            return work.forecasts.version()

    seen = [version()]
    for _ in range(2):
        with store.write() as work:
            work.forecasts.outdate()
        seen.append(version())

    def undone() -> None:
        with store.write() as work:
            work.forecasts.outdate()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        undone()
    assert seen == sorted(set(seen))
    assert version() == seen[-1]
