"""The forecast of large books where the database does not say what became of a COMMIT."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from sqlalchemy.exc import OperationalError

from services.scheduler.__main__ import MIGRATIONS
from services.scheduler.domain.forecasting import Forecast
from services.scheduler.domain.notice import NoticeType
from services.scheduler.repository import SqlStore
from services.scheduler.use_cases.exclusions import add_exclusion
from services.scheduler.use_cases.forecast import COUNTED_AT_ONCE, count_ahead, get_forecast
from services.scheduler.use_cases.tick import LEASE_TIME
from tests.fakes.scheduler_peers import an_invoice
from tests.fakes.troubled_database import TroubledDatabase
from tests.servers import DATABASES, MigratedUrl
from tests.unit.scheduler.world import World

COMMITS_OF_A_COUNT = 6
COMMITS_OF_A_RUN = 5


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[TroubledDatabase]:
    database = TroubledDatabase(migrated_url(request.param, MIGRATIONS))
    yield database
    database.dispose()


@pytest.fixture
def world(database: TroubledDatabase) -> World:
    """Two batches of invoices, the second one of three."""
    world = World(15, store=SqlStore(database))
    world.on_day(20)
    world.ledger.invoices = {n: an_invoice(n) for n in range(1, COUNTED_AT_ONCE + 4)}
    return world


def look(world: World) -> Forecast:
    return get_forecast(0, ticking=world.ticking)


def would_go(world: World) -> int:
    return world.tick(dry_run=True).counts.queued


def true_or_none(world: World) -> bool:
    """Whether the forecast is what a dry run says, or there is none."""
    found = look(world)
    return found.counted_at is None or found.catch_up == would_go(world)


def counted_within_20_s(world: World) -> None:
    world.clock.advance(LEASE_TIME)
    assert count_ahead(ticking=world.ticking) or look(world).counted_at is not None
    assert look(world).counted_at is not None
    assert look(world).catch_up == would_go(world)


@pytest.mark.parametrize("commit", range(1, COMMITS_OF_A_COUNT + 1))
def test_a_count_of_which_a_commit_has_an_unknown_outcome_is_right_or_not_shown(
    world: World, database: TroubledDatabase, commit: int
) -> None:
    database.lose_answer(commit)
    with suppress(OperationalError):
        count_ahead(ticking=world.ticking)
    assert database.answers_lost == 1
    assert true_or_none(world)
    counted_within_20_s(world)


@pytest.mark.parametrize("commit", range(1, COMMITS_OF_A_RUN + 1))
def test_after_a_run_of_which_a_commit_has_an_unknown_outcome_no_number_of_before_is_shown(
    world: World, database: TroubledDatabase, commit: int
) -> None:
    assert count_ahead(ticking=world.ticking)
    database.lose_answer(commit)
    with suppress(OperationalError):
        world.tick()
    assert database.answers_lost == 1
    assert true_or_none(world)
    counted_within_20_s(world)


def test_after_an_exclusion_of_which_the_outcome_is_unknown_no_number_of_before_is_shown(
    world: World, database: TroubledDatabase
) -> None:
    assert count_ahead(ticking=world.ticking)

    def exclude() -> None:
        add_exclusion(
            NoticeType.DUE_NOTICE, "acme", store=world.store, ledger=world.ledger, clock=world.clock
        )

    database.lose_answer()
    with pytest.raises(OperationalError):
        exclude()
    assert look(world)[1:] == ((), 0, None)
    exclude()
    counted_within_20_s(world)
