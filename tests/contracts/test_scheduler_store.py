"""The promises of the scheduler's store, kept by the fake and by both databases alike."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from services.scheduler.__main__ import MIGRATIONS
from services.scheduler.domain.about import PaymentFact
from services.scheduler.domain.calendar import CalendarSettings
from services.scheduler.domain.notice import (
    Change,
    HandOver,
    Known,
    Lane,
    Notice,
    NoticeFilter,
    NoticeType,
    State,
)
from services.scheduler.domain.quiet_hours import QuietHours
from services.scheduler.domain.thresholds import Rule
from services.scheduler.ports import Excluded, Store
from services.scheduler.repository import SqlStore
from services.shared.database import Database
from services.shared.log import request_id
from tests.fakes.scheduler import FIRST_RULES, THIS_PROCESS, FakeStore
from tests.servers import DATABASES, MigratedUrl

NOW = datetime(2026, 3, 2, 15, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
DUE = date(2026, 3, 2)
NUMBER = "0007/Ü 🧾"


@pytest.fixture(params=["fake", *DATABASES])
def store(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[Store]:
    if request.param == "fake":
        yield FakeStore()
        return
    database = Database(migrated_url(request.param, MIGRATIONS))
    yield SqlStore(database, THIS_PROCESS)
    database.dispose()


def a_notice(notice_id: str = "n1", **but: object) -> Notice:
    usual = Notice(
        notice_id=notice_id,
        type=NoticeType.DUE_NOTICE,
        organization_id="acme",
        invoice_id=9_007_199_254_740_993,
        invoice_number=NUMBER,
        threshold=15,
        due_on=DUE,
        state=State.QUEUED,
        reason="RULE_REACHED",
        decided_at=NOW,
    )
    return replace(usual, **but)  # type: ignore[arg-type]


def a_receipt(notice_id: str = "r1", payment_id: str = "p1") -> Notice:
    payment = PaymentFact(
        payment_id,
        "acme",
        1,
        NUMBER,
        4_000,
        "USD",
        "a@b.test",
        "Card",
        NOW,
        6_000,
        "",
    )
    return a_notice(
        notice_id,
        type=NoticeType.PAYMENT_SUCCEEDED,
        threshold=0,
        due_on=None,
        invoice_id=1,
        occurrence=payment_id,
        about=payment,
        lane=Lane.AT_ONCE,
    )


def add(store: Store, *notices: Notice) -> None:
    with store.write() as work:
        work.notices.add(notices)


def test_the_rules_of_the_first_day_are_there_and_off(store: Store) -> None:
    with store.read() as work:
        assert work.rules.all() == [Rule(threshold, False) for threshold in FIRST_RULES]
        assert work.email_types.last_sent() == {}


def test_rules_are_added_once_switched_and_removed(store: Store) -> None:
    with store.write() as work:
        assert work.rules.add(Rule(-7, True))
        assert not work.rules.add(Rule(-7, False))
        assert work.rules.set_enabled(15, enabled=True)
        assert not work.rules.set_enabled(16, enabled=True)
        assert work.rules.remove(90) == Rule(90, False)
        assert work.rules.remove(90) is None
    with store.read() as work:
        assert work.rules.all() == [
            Rule(-7, True),
            Rule(-5, False),
            Rule(15, True),
            Rule(30, False),
            Rule(45, False),
            Rule(60, False),
        ]


def test_only_the_newest_sending_of_a_threshold_is_remembered(store: Store) -> None:
    with store.write() as work:
        for at in (NOW, LATER, NOW):
            work.email_types.note_sent(NoticeType.DUE_NOTICE, 15, at)
        work.email_types.note_sent(NoticeType.ACCOUNT_SUMMARY, 0, NOW)
        assert work.email_types.last_sent() == {
            (NoticeType.DUE_NOTICE, 15): LATER,
            (NoticeType.ACCOUNT_SUMMARY, 0): NOW,
        }


def test_an_exception_undoes_the_transaction(store: Store) -> None:
    def break_off() -> None:
        with store.write() as work:
            work.rules.add(Rule(1, True))
            work.notices.add([a_notice()])
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        break_off()
    with store.read() as work:
        assert Rule(1, True) not in work.rules.all()
        assert work.notices.get(["n1"]) == {}


def test_exclusions_are_a_set_for_each_type_in_order(store: Store) -> None:
    due = NoticeType.DUE_NOTICE
    with store.write() as work:
        for name in ("c", "a", "b"):
            work.exclusions.add(Excluded(due, name, NOW))
        work.exclusions.add(Excluded(due, "a", LATER))
        work.exclusions.remove(due, "nobody")
    with store.read() as work:
        assert work.exclusions.page(due, "", 2) == [Excluded(due, "a", NOW), Excluded(due, "b", NOW)]
        assert work.exclusions.page(due, "b", 2) == [Excluded(due, "c", NOW)]
        assert work.exclusions.count(due) == 3
        assert work.exclusions.count(NoticeType.PAYMENT_FAILED) == 0
        assert work.exclusions.among(due, ["c", "x"]) == {"c"}
        assert work.exclusions.among(due, []) == set()
        assert work.exclusions.among(NoticeType.PAYMENT_FAILED, ["c"]) == set()
        assert work.exclusions.get(due, "c") == Excluded(due, "c", NOW)
    with store.write() as work:
        work.exclusions.remove(due, "c")
        assert work.exclusions.get(due, "c") is None


def test_a_notice_comes_back_as_it_was_with_its_first_decision(store: Store) -> None:
    notice = a_notice(as_of=LATER, detail="x")
    add(store, notice, a_receipt())
    with store.read() as work:
        assert work.notices.get(["n1", "r1", "none"]) == {"n1": notice, "r1": a_receipt()}
        assert work.notices.get([]) == {}
        assert work.notices.of_invoice(notice.invoice_id) == [notice]
        (decision,) = work.notices.decisions_on_invoice(notice.invoice_id)
        assert (decision.notice_id, decision.threshold, decision.state) == ("n1", 15, State.QUEUED)
        assert (decision.reason, decision.detail) == ("RULE_REACHED", "x")
        assert (decision.decided_at, decision.as_of) == (NOW, LATER)


def test_a_change_is_the_newest_state_and_one_more_decision(store: Store) -> None:
    add(store, a_notice(), a_notice("n2", threshold=30))
    with store.write() as work:
        work.notices.change(
            [
                Change("n1", State.FAILED, "MAILER_GAVE_UP", "550", None),
                Change("n2", State.SENT, "ACCEPTED_BY_SMTP_SERVER", message_id="<2@x>", as_of=NOW),
            ],
            LATER,
        )
        work.notices.change([], LATER)
    with store.read() as work:
        found = work.notices.get(["n1", "n2"])
        assert found["n1"] == a_notice(
            state=State.FAILED, reason="MAILER_GAVE_UP", detail="550", decided_at=LATER
        )
        assert (found["n2"].message_id, found["n2"].as_of) == ("<2@x>", NOW)
        decisions = work.notices.decisions_on_invoice(a_notice().invoice_id)
        assert [d.state for d in decisions] == [State.QUEUED, State.QUEUED, State.FAILED, State.SENT]


@pytest.mark.parametrize(
    "twin",
    [
        a_notice("n2"),
        a_notice("n1", threshold=30),
        a_receipt("n2"),
    ],
)
def test_there_is_one_notice_for_a_key(store: Store, twin: Notice) -> None:
    add(store, a_notice(), a_receipt())
    # SQLAlchemy's from databases, ValueError from the fake: both undo the transaction.
    with pytest.raises((IntegrityError, ValueError)):
        add(store, a_notice("n3", threshold=45), twin)
    with store.read() as work:
        assert set(work.notices.get(["n1", "n2", "n3", "r1"])) == {"n1", "r1"}


def test_another_due_date_threshold_or_type_is_another_key(store: Store) -> None:
    failed = replace(a_receipt("r2"), type=NoticeType.PAYMENT_FAILED)
    other_due = a_notice("n2", due_on=DUE + timedelta(days=1))
    add(store, a_notice(), other_due, a_notice("n3", threshold=-15), a_receipt(), failed)
    with store.read() as work:
        assert work.notices.of_occurrence(NoticeType.PAYMENT_SUCCEEDED, "p1") == a_receipt()
        assert work.notices.of_occurrence(NoticeType.PAYMENT_FAILED, "p1") == failed
        assert work.notices.of_occurrence(NoticeType.PAYMENT_FAILED, "p2") is None


def test_a_payment_has_one_receipt_of_each_type(store: Store) -> None:
    failed = replace(a_receipt("r3"), type=NoticeType.PAYMENT_FAILED)
    with store.write() as work:
        assert work.notices.add_new([a_receipt()]) == 1
        assert work.notices.add_new([a_receipt("r2")]) == 0
        assert work.notices.add_new([failed, a_receipt("r4")]) == 1
    with store.read() as work:
        assert set(work.notices.get(["r1", "r2", "r3"])) == {"r1", "r3"}
        assert [d.notice_id for d in work.notices.decisions_on_invoice(1)] == ["r1", "r3"]


@pytest.mark.parametrize("locked", [True, False])
def test_what_is_known_of_invoices_are_their_due_notices_of_every_due_date(
    store: Store, locked: bool
) -> None:
    other_due = a_notice("n2", due_on=DUE + timedelta(days=1), state=State.HELD, reason="PAYMENT_UNDER_WAY")
    add(store, a_notice(), other_due, a_notice("n3", invoice_id=5), a_receipt())
    big = a_notice().invoice_id
    with store.write() if locked else store.read() as work:
        assert sorted(work.notices.known([big, 1])) == [
            Known("n1", big, DUE, 15, State.QUEUED, "RULE_REACHED"),
            Known("n2", big, DUE + timedelta(days=1), 15, State.HELD, "PAYMENT_UNDER_WAY"),
        ]
        assert work.notices.known([]) == []


def test_held_notices_are_read_in_order(store: Store) -> None:
    add(store, *[a_notice(f"n{n}", threshold=n, state=State.HELD) for n in (3, 1, 2)], a_notice("n4"))
    with store.read() as work:
        assert [n.notice_id for n in work.notices.held("", 2)] == ["n1", "n2"]
        assert [n.notice_id for n in work.notices.held("n2", 2)] == ["n3"]


def test_a_page_goes_from_the_newest_decision_back(store: Store) -> None:
    add(store, *[a_notice(f"n{n}", threshold=n) for n in (1, 2, 3)])
    with store.write() as work:
        work.notices.change([Change("n1", State.HELD, "PAYMENT_UNDER_WAY")], LATER)
    with store.read() as work:
        page = work.notices.page(NoticeFilter(), None, 2)
        assert [n.notice_id for n in page] == ["n1", "n3"]
        rest = work.notices.page(NoticeFilter(), (page[-1].decided_at, page[-1].notice_id), 2)
        assert [n.notice_id for n in rest] == ["n2"]


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        (NoticeFilter(organization_id="beta"), {"n2"}),
        (NoticeFilter(invoice_number=NUMBER), {"n1", "r1"}),
        (NoticeFilter(invoice_number="7"), {"n2"}),
        (NoticeFilter(invoice_number="07"), set()),
        (NoticeFilter(invoice_id=1), {"r1"}),
        (NoticeFilter(type=NoticeType.PAYMENT_SUCCEEDED), {"r1"}),
        (NoticeFilter(state=State.SKIPPED), {"n2"}),
        (NoticeFilter(organization_id="acme", state=State.SKIPPED), set()),
    ],
)
def test_a_page_can_be_filtered(store: Store, only: NoticeFilter, expected: set[str]) -> None:
    beta = a_notice("n2", organization_id="beta", invoice_number="7", threshold=1, state=State.SKIPPED)
    add(store, a_notice(), beta, a_receipt())
    with store.read() as work:
        assert {notice.notice_id for notice in work.notices.page(only, None, 10)} == expected


def test_only_what_is_queued_is_handed_over_the_longest_waiting_first(store: Store) -> None:
    add(store, a_notice("n2"), a_notice("n3", threshold=30, state=State.SKIPPED))
    add(store, a_notice("n1", threshold=45, decided_at=LATER))
    with store.read() as work:
        assert work.notices.to_hand_over(NOW, 9) == [HandOver("n2", "acme", NUMBER)]
        assert [n.notice_id for n in work.notices.to_hand_over(LATER, 9)] == ["n2", "n1"]
        assert [n.notice_id for n in work.notices.to_hand_over(LATER, 1)] == ["n2"]


def test_what_somebody_waits_for_is_handed_over_before_a_run_that_waited_longer(store: Store) -> None:
    in_lanes = {"n1": Lane.BULK, "n2": Lane.USUAL, "n3": Lane.USUAL, "n4": Lane.AT_ONCE}
    add(
        store,
        *(
            a_notice(notice_id, threshold=number, lane=lane, decided_at=LATER if number == 4 else NOW)
            for number, (notice_id, lane) in enumerate(in_lanes.items(), start=1)
        ),
    )
    with store.write() as work:
        for limit, ids in ((9, ["n4", "n2", "n3", "n1"]), (3, ["n4", "n2", "n3"]), (1, ["n4"])):
            found = work.notices.to_hand_over(LATER, limit)
            assert [(n.notice_id, n.lane) for n in found] == [(i, in_lanes[i]) for i in ids]
        assert [n.notice_id for n in work.notices.to_hand_over(NOW, 2)] == ["n2", "n3"]


def test_a_notice_keeps_the_request_of_its_newest_decision_for_the_logs(store: Store) -> None:
    token = request_id.set("click-1")
    add(store, a_notice("n1"), a_notice("n2", threshold=30))
    request_id.set("click-2")
    with store.write() as work:
        work.notices.change([Change("n2", State.QUEUED, "RULE_REACHED")], NOW)
    request_id.reset(token)
    with store.read() as work:
        kept = {notice.notice_id: notice.request_id for notice in work.notices.to_hand_over(LATER, 9)}
    assert kept == {"n1": "click-1", "n2": "click-2"}


def test_what_was_handed_over_comes_again_only_later_or_when_queued_anew(store: Store) -> None:
    add(store, a_notice("n1"), a_notice("n2", threshold=30), a_notice("n3", threshold=45))
    until, again_at = NOW + timedelta(seconds=30), NOW + timedelta(hours=1)
    with store.write() as work:
        ids = [notice.notice_id for notice in work.notices.to_hand_over(NOW, 9)]
        work.notices.claim(ids, until=until)
        work.notices.claim([], until=until)
    with store.write() as work:
        assert work.notices.to_hand_over(LATER - timedelta(seconds=31), 9) == []
        work.notices.change([Change("n2", State.QUEUED, "RULE_REACHED")], LATER)
        work.notices.change([Change("n3", State.SKIPPED, "NO_ADDRESS")], LATER)
        work.notices.end_claim(ids, until=until, again_at=again_at)
    with store.read() as work:
        assert [n.notice_id for n in work.notices.to_hand_over(LATER, 9)] == ["n2"]
        assert [n.notice_id for n in work.notices.to_hand_over(again_at, 9)] == ["n2", "n1"]


def test_the_calendar_comes_back_as_it_was_put(store: Store) -> None:
    with store.write() as work:
        first = work.calendar.get()
        assert first.settings == CalendarSettings("UTC", "09:00", sandbox=True, automatic=True)
        assert not first.clock_set
        settings = CalendarSettings(
            "Asia/Tokyo",
            "10:30",
            sandbox=True,
            automatic=False,
            country="US-TX",
            business_days_only=True,
            quiet=QuietHours("20:00", "07:00"),
        )
        new = replace(first, settings=settings, since=NOW, clock_set=True)
        work.calendar.put(new)
    with store.read() as work:
        assert work.calendar.get() == new


def test_a_lease_has_one_holder_until_it_expires_or_is_given_back(store: Store) -> None:
    with store.write() as work:
        assert work.leases.take("tick", "a", now=NOW, until=LATER)
        assert work.leases.take("tick", "a", now=NOW, until=LATER)
        assert not work.leases.take("tick", "b", now=NOW, until=LATER)
        assert work.leases.is_held("tick", now=NOW)
        assert not work.leases.is_held("tick", now=LATER)
        assert not work.leases.is_held("other", now=NOW)
        assert work.leases.take("other", "b", now=NOW, until=LATER)
        work.leases.release("tick", "b")
        assert not work.leases.take("tick", "b", now=NOW, until=LATER)
        assert work.leases.take("tick", "b", now=LATER, until=LATER + timedelta(minutes=1))
        assert not work.leases.renew("tick", "a", until=LATER)
        assert work.leases.renew("tick", "b", until=LATER + timedelta(minutes=2))
        work.leases.release("tick", "b")
        assert not work.leases.renew("tick", "b", until=LATER)
        assert work.leases.take("tick", "c", now=NOW, until=LATER)


def test_what_a_process_has_taken_can_be_given_back_for_it(store: Store) -> None:
    with store.write() as work:
        assert work.leases.owners() == set()
        assert work.leases.take("tick", "a", now=NOW, until=LATER)
        assert work.leases.take("campaigns", "b", now=NOW, until=LATER)
        assert work.leases.owners() == {THIS_PROCESS}
        work.leases.release_owners({"another process"})
        assert work.leases.is_held("tick", now=NOW)
        work.leases.release_owners({THIS_PROCESS})
        assert work.leases.owners() == set()
        assert not work.leases.renew("tick", "a", until=LATER), "who lives after all decides nothing more"
        assert work.leases.take("campaigns", "c", now=NOW, until=LATER)
