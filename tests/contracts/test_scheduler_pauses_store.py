"""Pauses, kept by the fake and by both databases alike."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Barrier

import pytest

from services.scheduler.__main__ import MIGRATIONS
from services.scheduler.domain.pauses import Live, Pause, PauseReason, PauseView, Promise
from services.scheduler.ports import Store
from services.scheduler.repository import SqlStore
from services.scheduler.use_cases.pauses import AlreadyPaused, PauseOrder, add_pause
from services.shared.database import Database
from tests.fakes.scheduler import FakeStore
from tests.servers import DATABASES, MigratedUrl
from tests.unit.scheduler.world import World

NOW = datetime(2026, 3, 2, 15, 0, 0, 123456, tzinfo=UTC)
END = date(2026, 3, 20)
ALL, IN_FORCE, BROKEN = PauseView.ALL, PauseView.IN_FORCE, PauseView.BROKEN_PROMISES


@pytest.fixture(params=["fake", *DATABASES])
def store(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[Store]:
    if request.param == "fake":
        yield FakeStore()
        return
    database = Database(migrated_url(request.param, MIGRATIONS))
    yield SqlStore(database)
    database.dispose()


def a_pause(pause_id: str = "p1", **but: object) -> Pause:
    usual = Pause(
        pause_id=pause_id,
        organization_id="acme",
        invoice_id=0,
        invoice_number="",
        reason=PauseReason.DISPUTE,
        note="",
        resumes_on=END,
        resumes_at=datetime(2026, 3, 20, 6, tzinfo=UTC),
        added_by="sam@x.test",
        added_at=NOW,
    )
    return replace(usual, **but)  # type: ignore[arg-type]


def a_promise(pause_id: str, **but: object) -> Pause:
    return a_pause(pause_id, **{"reason": PauseReason.PROMISE_TO_PAY, "promised": (1, 2)} | but)


def add(store: Store, *pauses: Pause) -> None:
    with store.write() as work:
        for pause in pauses:
            work.pauses.add(pause)


def listed(store: Store, view: PauseView, organization_id: str = "", now: datetime = NOW) -> list[str]:
    with store.read() as work:
        found = work.pauses.page(view, organization_id, now, None, 10)
        assert work.pauses.count(view, organization_id, now, 10) == len(found)
        assert work.pauses.count(view, organization_id, now, 1) == min(len(found), 1)
    return [pause.pause_id for pause in found]


@pytest.mark.parametrize(
    "pause",
    [
        a_pause(note="Ü🧾 'quoted'\nand more", organization_id="Ü|🧾"),
        a_promise("p-2", invoice_id=2**40, invoice_number="00 7", promise=Promise.BROKEN),
        a_pause(ended_at=NOW, ended_by="kim@x.test", replaced_by="p-2"),
    ],
)
def test_a_pause_comes_back_as_it_was_added(store: Store, pause: Pause) -> None:
    add(store, pause)
    with store.write() as work:
        assert work.pauses.get(pause.pause_id) == pause
        assert work.pauses.newest_of(pause.organization_id, pause.invoice_id) == pause
        assert work.pauses.get("another") is None


def test_of_an_organization_and_of_each_of_its_invoices_the_newest_pause_counts(store: Store) -> None:
    add(
        store,
        a_pause("p1"),
        a_pause("p2", invoice_id=7),
        a_pause("p3", resumes_on=END + timedelta(days=1)),
        a_pause("p4", organization_id="bolt", ended_at=NOW),
        a_pause("p5", organization_id="core"),
    )
    with store.read() as work:
        newest = work.pauses.newest_of("acme", 0)
        assert newest is not None
        assert newest.pause_id == "p3"
        assert work.pauses.newest_of("acme", 8) is None
        live = work.pauses.live(["acme", "bolt", "nobody"])
        assert sorted(live) == [Live("acme", 0, END + timedelta(days=1)), Live("acme", 7, END)]
        assert work.pauses.live([]) == []
        assert sorted(work.pauses.live_after(END)) == [Live("acme", 0, END + timedelta(days=1))]
        assert len(work.pauses.live_after(END - timedelta(days=1))) == 3


def test_a_pause_that_was_ended_is_not_live(store: Store) -> None:
    add(store, a_pause())
    with store.write() as work:
        work.pauses.put(a_pause(ended_at=NOW, ended_by="kim@x.test"))
    with store.read() as work:
        assert work.pauses.live(["acme"]) == []
        assert work.pauses.live_after(date(2026, 1, 1)) == []
    assert (listed(store, ALL), listed(store, IN_FORCE)) == (["p1"], [])


def test_each_change_makes_another_version(store: Store) -> None:
    with store.read() as work:
        seen = [work.pauses.version()]
    for act in (lambda w: w.pauses.add(a_pause()), lambda w: w.pauses.put(a_pause(ended_at=NOW))):
        with store.write() as work:
            act(work)
        with store.read() as work:
            seen.append(work.pauses.version())
    assert len(set(seen)) == 3


def test_views_and_organizations_filter_what_is_listed(store: Store) -> None:
    add(
        store,
        a_promise("p1", promise=Promise.BROKEN),
        a_pause("p2", invoice_id=7, added_at=NOW + timedelta(seconds=1)),
        a_promise("p3", organization_id="bolt", promise=Promise.BROKEN),
        a_pause("p4", organization_id="bolt", added_at=NOW + timedelta(seconds=1)),
        a_promise("p5", organization_id="core", promise=Promise.KEPT),
    )
    assert listed(store, ALL) == ["p4", "p2", "p5", "p3", "p1"]
    assert listed(store, ALL, "acme") == ["p2", "p1"]
    over = datetime(2026, 3, 20, 6, tzinfo=UTC)
    assert listed(store, IN_FORCE) == ["p4", "p2", "p5", "p1"], "what forbids is shown, promise or not"
    assert listed(store, IN_FORCE, now=over) == []
    assert listed(store, BROKEN, now=over) == ["p1"], "bolt has a newer pause"
    assert listed(store, BROKEN, "bolt", now=over) == []
    assert listed(store, BROKEN) == []


def test_pages_are_cut_where_the_one_before_ended(store: Store) -> None:
    add(store, *(a_pause(f"p{n}", invoice_id=n, added_at=NOW + timedelta(seconds=n // 2)) for n in range(5)))
    place, found = None, []
    with store.read() as work:
        while page := work.pauses.page(ALL, "", NOW, place, 2):
            found += [pause.pause_id for pause in page]
            place = page[-1].added_at, page[-1].pause_id
    assert found == ["p4", "p3", "p2", "p1", "p0"]


def test_promises_are_judged_once_their_end_has_come_until_they_are_kept(store: Store) -> None:
    add(
        store,
        a_promise("p1"),
        a_promise("p2", invoice_id=2, promise=Promise.BROKEN),
        a_promise("p3", invoice_id=3, promise=Promise.KEPT),
        a_promise("p4", invoice_id=4, ended_at=NOW),
        a_promise("p5", invoice_id=5, resumes_on=END + timedelta(days=1)),
        a_promise("p6", invoice_id=6),
        a_pause("p7", invoice_id=6),
    )
    with store.read() as work:

        def to_judge(by: date, after: str, limit: int) -> list[str]:
            return [one.pause_id for one in work.pauses.to_judge(END - timedelta(days=1), by, after, limit)]

        assert to_judge(END, "", 10) == ["p1", "p2"]
        assert to_judge(END, "", 1) == ["p1"]
        assert to_judge(END, "p1", 1) == ["p2"]
        assert to_judge(END - timedelta(days=1), "", 10) == []


def test_of_promises_that_ended_long_ago_only_those_never_judged_are_left(store: Store) -> None:
    add(
        store,
        a_promise("p1"),
        a_promise("p2", invoice_id=2, promise=Promise.BROKEN),
        a_promise("p3", invoice_id=3, promise=Promise.KEPT),
        a_promise("p4", invoice_id=4, promise=Promise.BROKEN, resumes_on=END + timedelta(days=1)),
    )
    later = END + timedelta(days=100)
    with store.read() as work:
        found = work.pauses.to_judge(END + timedelta(days=1), later, "", 10)
        assert [pause.pause_id for pause in found] == ["p1", "p4"]


@pytest.mark.parametrize("kind", DATABASES)
def test_of_many_who_pause_the_same_at_once_one_does_and_the_others_hear_of_it(
    kind: str, migrated_url: MigratedUrl
) -> None:
    database = Database(migrated_url(kind, MIGRATIONS))
    world = World(store=SqlStore(database))
    ready = Barrier(8)

    def pause(number: int) -> str:
        ready.wait()
        order = PauseOrder(f"p-{number}", "acme", 0, PauseReason.DISPUTE, "", END, "sam@x.test")
        try:
            return add_pause(order, ticking=world.ticking).pause.pause_id
        except AlreadyPaused as refused:
            return f"after {refused.metadata['pause_id']}"

    with ThreadPoolExecutor(8) as pool:
        told = sorted(pool.map(pause, range(8)))
    (winner,) = [one for one in told if one.startswith("p-")]
    assert told == [f"after {winner}"] * 7 + [winner]
    assert listed(world.store, ALL) == [winner]
    database.dispose()
