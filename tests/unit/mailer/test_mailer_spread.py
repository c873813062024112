"""Mails to one domain are spread evenly, lane by lane, and each is asked about only a few times."""

import heapq
from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.mailer.domain.message import Lane
from services.mailer.domain.spread import TOGETHER, Line, Spread

T0 = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
Mail = tuple[float, Lane, tuple[str, ...]]


class World:
    """Mails that come in at some second, and a worker that asks for those that are due, lane by lane."""

    def __init__(self, mails: list[Mail], per_minute: int) -> None:
        self.lines: dict[str, Line] = {}
        self.per_minute = per_minute
        self.asked: Counter[int] = Counter()
        self.left: list[tuple[datetime, int]] = []
        self.mails = mails
        self._due = [(T0 + timedelta(seconds=at), lane, n, False) for n, (at, lane, _) in enumerate(mails)]
        heapq.heapify(self._due)

    def run(self) -> None:
        while self._due:
            now = self._due[0][0]
            batch = []
            while self._due and self._due[0][0] <= now and len(batch) < 50:
                batch.append(heapq.heappop(self._due))
            spread = Spread(self.lines, self.per_minute, now)
            for _at, lane, number, waited in sorted(batch, key=lambda one: (one[1], one[0], one[2])):
                self.asked[number] += 1
                until = spread.ask(self.mails[number][2], lane, waited=waited)
                if until is None:
                    self.left.append((now, number))
                else:
                    assert until > now, "who waits is not asked again at once"
                    heapq.heappush(self._due, (until, lane, number, True))
            self.lines |= spread.changed()


MAILS = st.lists(
    st.tuples(
        st.integers(0, 180).map(float),
        st.sampled_from(Lane),
        st.lists(st.sampled_from(["a.test", "b.test"]), min_size=1, max_size=2, unique=True).map(tuple),
    ),
    max_size=80,
)


@settings(max_examples=150, deadline=None)
@given(mails=MAILS, per_minute=st.sampled_from([1, 2, 7, 30, 60, 100, 600]))
def test_in_no_minute_more_leave_for_a_domain_than_the_limit_and_a_seconds_worth(
    mails: list[Mail], per_minute: int
) -> None:
    world = World(mails, per_minute)
    world.run()
    assert sorted(number for _at, number in world.left) == list(range(len(mails))), "each leaves, once"
    together = 1 + TOGETHER / (MINUTE / per_minute)
    for domain in ("a.test", "b.test"):
        times = [at for at, number in world.left if domain in mails[number][2]]
        for first in times:
            assert sum(first <= at < first + MINUTE for at in times) <= per_minute + together


def test_a_long_line_is_asked_about_twice_for_each_mail() -> None:
    world = World([(0.0, Lane.BULK, ("a.test",))] * 5_000, 600)
    world.run()
    assert world.asked.total() <= 2.1 * 5_000
    assert world.left[-1][0] - T0 <= timedelta(minutes=5_000 / 600) + MINUTE


def test_a_password_reset_does_not_wait_behind_a_campaign() -> None:
    campaign: list[Mail] = [(0.0, Lane.BULK, ("a.test",))] * 500
    world = World([*campaign, (30.5, Lane.AT_ONCE, ("a.test",))], 60)
    world.run()
    [at] = [at for at, number in world.left if number == 500]
    assert at - T0 <= timedelta(seconds=33)


def test_those_at_once_go_before_the_usual_and_these_before_bulk_and_each_lane_in_its_order() -> None:
    lanes = [Lane.BULK] * 10 + [Lane.USUAL] * 10 + [Lane.AT_ONCE] * 10
    world = World([(0.0, lane, ("a.test",)) for lane in lanes], 6)
    world.run()
    assert [number for _at, number in world.left] == [*range(20, 30), *range(10, 20), *range(10)]


def test_who_waited_goes_before_who_comes_just_now() -> None:
    early: list[Mail] = [(0.0, Lane.USUAL, ("a.test",))] * 5
    world = World([*early, (10.0, Lane.USUAL, ("a.test",))], 6)
    world.run()
    assert [number for _at, number in world.left] == [0, 1, 2, 3, 4, 5]


def test_domains_do_not_wait_for_each_other() -> None:
    world = World([(0.0, Lane.USUAL, ("a.test",))] * 10 + [(0.0, Lane.USUAL, ("b.test",))], 1)
    world.run()
    assert (T0, 10) in world.left


def test_what_did_not_change_need_not_be_stored() -> None:
    spread = Spread({"a.test": Line(), "b.test": Line()}, 60, T0)
    spread.ask(["a.test"], Lane.USUAL, waited=False)
    assert set(spread.changed()) == {"a.test"}
