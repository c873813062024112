"""Organizations that move from one time zone to another around the day of a summary: each gets it once."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scheduler.domain.email_types import EmailType
from services.scheduler.domain.monthly import ClosedDays, Monthly
from services.scheduler.domain.notice import State
from services.scheduler.use_cases.calendar import run_tick_if_due
from tests.fakes.scheduler_accounts import FakeOrganization
from tests.fakes.scheduler_peers import an_invoice
from tests.unit.scheduler.other_types import SUMMARY, summaries, told
from tests.unit.scheduler.world import World

NEW_YORK, TOKYO, LONDON = "America/New_York", "Asia/Tokyo", "Europe/London"
FARTHEST_WEST, FARTHEST_EAST = "Etc/GMT+12", "Pacific/Kiritimati"
ZONES = ("", NEW_YORK, TOKYO, LONDON, FARTHEST_WEST, FARTHEST_EAST, "Asia/Kathmandu", "Pacific/Pago_Pago")
HALF_AN_HOUR = timedelta(minutes=30)
AROUND = 2 * 24 * 5
"""Half hours around a day."""

Moves = Mapping[int, Sequence[tuple[str, str]]]
"""Who moves where, by the half hour."""


def a_world(residents: Mapping[str, str], **but: object) -> World:
    """Organizations with an open invoice each, by name, in their zones; the company's is Chicago's."""
    world = World()
    world.calendar(time_zone="America/Chicago", sandbox=False, automatic=True, **but)
    world.ledger.invoices = {}
    for name, zone in residents.items():
        comes(world, name, zone)
    return world


def comes(world: World, name: str, zone: str) -> None:
    """As a sync does it with one that is new to the books."""
    number = len(world.ledger.invoices) + 1
    world.ledger.put(an_invoice(number, organization_id=name))
    world.accounts.organizations[name] = FakeOrganization(time_zone=zone, came_at=world.clock.now())


def save(world: World, types: EmailType) -> None:
    with world.store.write() as work:
        work.email_types.put(types)


def goes_on(world: World, since: datetime, half_hours: int, moves: Moves | None = None) -> None:
    """Ticks every half hour; moves take place right behind the tick of their half hour."""
    for number in range(half_hours):
        world.clock.set(since + number * HALF_AN_HOUR)
        run_tick_if_due(ticking=world.ticking)
        for name, zone in (moves or {}).get(number, ()):
            world.accounts.move(name, zone, world.clock.now())


def mails(world: World) -> Counter[str]:
    """How many summaries each organization is to get."""
    return Counter(one.organization_id for one in told(world, SUMMARY) if one.state is State.QUEUED)


@settings(max_examples=60, deadline=None)
@given(
    home=st.sampled_from(ZONES),
    moves=st.lists(st.tuples(st.integers(24, AROUND - 1), st.sampled_from(ZONES)), min_size=1, max_size=3),
    others=st.sets(st.sampled_from(ZONES)),
    business_days_only=st.booleans(),
    schedule=st.builds(Monthly, st.sampled_from((12, 13, 15)), st.sampled_from(ClosedDays)),
)
def test_whoever_moves_from_any_zone_to_any_zone_at_any_hour_gets_each_summary_once(
    home: str,
    moves: list[tuple[int, str]],
    others: set[str],
    business_days_only: bool,
    schedule: Monthly,
) -> None:
    residents = {f"in {zone}": zone for zone in others}
    world = a_world(residents | {"mover": home}, business_days_only=business_days_only)
    save(world, summaries(schedule=schedule))
    begins = datetime(2026, 3, 10, tzinfo=UTC)
    if schedule.day == 15:  # a Sunday
        begins += timedelta(days=2)
    world.clock.set(begins - timedelta(days=2))
    goes_on(world, begins - timedelta(days=2), 2 * 48)
    assert mails(world) == {}
    by_half_hour: dict[int, list[tuple[str, str]]] = {}
    for half_hour, zone in moves:
        by_half_hour.setdefault(half_hour, []).append(("mover", zone))
    goes_on(world, begins, AROUND + 6 * 48, by_half_hour)
    is_left_out = schedule.closed_days is ClosedDays.SKIP and schedule.day == 15
    assert mails(world) == ({} if is_left_out else dict.fromkeys([*residents, "mover"], 1))


def in_new_york_and_tokyo() -> World:
    """On 15 March at 10:00 UTC: Tokyo's run of the 15th has taken place, New York's is to come."""
    world = a_world({"ny": NEW_YORK, "tokyo": TOKYO, "ours": ""})
    save(world, summaries())
    goes_on(world, datetime(2026, 3, 13, tzinfo=UTC), 2 * 58)
    world.clock.set(datetime(2026, 3, 15, 10, tzinfo=UTC))
    assert mails(world) == {"tokyo": 1}
    return world


def two_days_later(world: World) -> Counter[str]:
    goes_on(world, world.clock.now() + HALF_AN_HOUR, 2 * 48)
    return mails(world)


@pytest.mark.parametrize("name", ["ny", "ours"])
def test_whoever_moves_to_a_zone_whose_run_has_taken_place_is_told_by_its_next_run(name: str) -> None:
    world = in_new_york_and_tokyo()
    world.accounts.move(name, TOKYO, world.clock.now())
    goes_on(world, world.clock.now() + HALF_AN_HOUR, 2 * 13 + 1)
    assert mails(world)[name] == 0, "23:30 in London"
    assert two_days_later(world) == {"ny": 1, "tokyo": 1, "ours": 1}
    (notice,) = [one for one in told(world, SUMMARY) if one.organization_id == name]
    assert (notice.occurrence, notice.reason) == (f"{name}|2026-03-15", "SCHEDULE_REACHED")
    assert notice.decided_at == datetime(2026, 3, 16, tzinfo=UTC), "09:00 in Tokyo"


def test_whoever_drops_its_own_zone_after_the_company_s_run_is_told_by_the_next() -> None:
    world = a_world({"honolulu": "Pacific/Honolulu", "ours": ""})
    save(world, summaries())
    goes_on(world, datetime(2026, 3, 13, tzinfo=UTC), 2 * 64)
    world.clock.set(datetime(2026, 3, 15, 16, tzinfo=UTC))
    assert mails(world) == {"ours": 1}, "11:00 in Chicago, 06:00 in Honolulu"
    world.accounts.move("honolulu", "", world.clock.now())
    assert two_days_later(world) == {"honolulu": 1, "ours": 1}


@pytest.mark.parametrize("to", ["", NEW_YORK, FARTHEST_WEST])
def test_whoever_moves_on_after_being_told_is_not_told_again(to: str) -> None:
    world = in_new_york_and_tokyo()
    world.accounts.move("tokyo", to, world.clock.now())
    assert two_days_later(world)["tokyo"] == 1


def test_whoever_is_new_to_the_books_is_told_of_no_summary_that_its_zone_has_had() -> None:
    world = in_new_york_and_tokyo()
    comes(world, "new in tokyo", TOKYO)
    comes(world, "new in a new zone", FARTHEST_EAST)
    world.clock.advance(timedelta(hours=15))
    goes_on(world, world.clock.now(), 1)
    assert mails(world)["ours"] == 1, "all have had their runs"
    comes(world, "new elsewhere", NEW_YORK)
    goes_on(world, world.clock.now() + HALF_AN_HOUR, 2)
    world.accounts.move("new elsewhere", TOKYO, world.clock.now())
    world.accounts.move("ny", TOKYO, world.clock.now())
    assert two_days_later(world) == {"ny": 1, "tokyo": 1, "ours": 1}


@pytest.mark.parametrize("zone", [TOKYO, FARTHEST_EAST, LONDON])
@pytest.mark.parametrize("days", [1, 5, 40])
def test_whoever_moves_while_no_run_takes_place_is_told_by_the_first_one_after(zone: str, days: int) -> None:
    world = in_new_york_and_tokyo()
    world.accounts.move("ny", zone, world.clock.now())
    world.clock.advance(timedelta(days=days))
    due = {f"2026-{month:02}-15" for month in (3, 4)[: 1 + days // 31]}
    two_days_later(world)
    of_ny = {one.occurrence: one.state for one in told(world, SUMMARY) if one.organization_id == "ny"}
    assert of_ny.keys() == {f"ny|{day}" for day in due}
    assert list(of_ny.values()).count(State.QUEUED) == 1, "of several the newest one"
    assert of_ny[f"ny|{max(due)}"] is State.QUEUED


def test_a_run_by_hand_tells_whoever_has_moved_too() -> None:
    world = in_new_york_and_tokyo()
    world.accounts.move("ny", TOKYO, world.clock.now())
    world.tick()
    assert mails(world) == {"ny": 1, "tokyo": 1, "ours": 1}
    assert two_days_later(world) == {"ny": 1, "tokyo": 1, "ours": 1}
