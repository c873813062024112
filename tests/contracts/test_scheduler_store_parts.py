"""What the scheduler keeps beside due notices, kept by the fake and by both databases alike."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from services.scheduler.__main__ import MIGRATIONS
from services.scheduler.domain.about import Access, Card, MethodFact, PayDay, PlanFact
from services.scheduler.domain.campaigns import (
    Campaign,
    CampaignState,
    ContactAudience,
    DebtorAudience,
    Outcomes,
)
from services.scheduler.domain.email_types import SET_BY_STAFF, EmailType, OnNewInvoice
from services.scheduler.domain.monthly import ClosedDays, Monthly
from services.scheduler.domain.notice import (
    Change,
    Invitation,
    Lane,
    Leaving,
    Notice,
    NoticeType,
    Occurred,
    State,
)
from services.scheduler.ports import Store
from services.scheduler.ports_emails import RecordedInvoice, Unreachable, Unsubscription, ZoneRun
from services.scheduler.repository import SqlStore
from services.shared.database import Database
from tests.fakes.scheduler import FakeStore
from tests.servers import DATABASES, MigratedUrl

NOW = datetime(2026, 3, 2, 15, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
SUMMARY, WELCOME, UPCOMING = (
    NoticeType.ACCOUNT_SUMMARY,
    NoticeType.WELCOME,
    NoticeType.UPCOMING_PAYMENTS,
)


@pytest.fixture(params=["fake", *DATABASES])
def store(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[Store]:
    if request.param == "fake":
        yield FakeStore()
        return
    database = Database(migrated_url(request.param, MIGRATIONS))
    yield SqlStore(database)
    database.dispose()


def a_notice(notice_id: str = "n1", **but: object) -> Notice:
    usual = Notice(
        notice_id=notice_id,
        type=SUMMARY,
        organization_id="acme",
        invoice_id=0,
        invoice_number="",
        threshold=0,
        due_on=None,
        state=State.QUEUED,
        reason="SCHEDULE_REACHED",
        decided_at=NOW,
        occurrence=f"of {notice_id}",
    )
    return replace(usual, **but)  # type: ignore[arg-type]


def add(store: Store, *notices: Notice) -> int:
    with store.write() as work:
        return work.notices.add_new(notices)


def test_types_begin_turned_off_with_their_defaults(store: Store) -> None:
    with store.read() as work:
        assert work.email_types.all() == {type: EmailType(type) for type in SET_BY_STAFF}
        assert work.email_types.get(NoticeType.PAYMENT_FAILED) == EmailType(NoticeType.PAYMENT_FAILED)


@pytest.mark.parametrize(
    "settings",
    [
        EmailType(
            SUMMARY,
            enabled=True,
            since=date(2026, 3, 1),
            schedule=Monthly(28, ClosedDays.BEFORE),
            on_new_invoice=OnNewInvoice.SUMMARY,
            profile_ids=("billing", "Ü🧾"),
        ),
        EmailType(SUMMARY, schedule=Monthly(0, ClosedDays.SKIP), on_new_invoice=OnNewInvoice.INVOICES),
        EmailType(UPCOMING, enabled=True, days_before=30),
        EmailType(NoticeType.INVOICE, tells_payment_date=False, newest_days=365),
        EmailType(NoticeType.METHOD_EXPIRATION, enabled=True),
    ],
)
def test_settings_come_back_as_they_were_put(store: Store, settings: EmailType) -> None:
    with store.write() as work:
        assert work.email_types.get_to_change(settings.type) == EmailType(settings.type)
        work.email_types.put(settings)
    with store.read() as work:
        assert work.email_types.get(settings.type) == settings
        assert work.email_types.all()[settings.type] == settings


def test_the_newest_mail_of_each_type_is_remembered(store: Store) -> None:
    with store.write() as work:
        work.email_types.note_sent(SUMMARY, 0, LATER)
        work.email_types.note_sent(SUMMARY, 0, NOW)
        work.email_types.note_sent(NoticeType.DUE_NOTICE, 15, NOW)
        work.email_types.note_sent(NoticeType.DUE_NOTICE, 15, LATER)
        work.email_types.note_sent(NoticeType.DUE_NOTICE, 30, NOW)
    with store.read() as work:
        assert work.email_types.last_sent() == {
            (SUMMARY, 0): LATER,
            (NoticeType.DUE_NOTICE, 15): LATER,
            (NoticeType.DUE_NOTICE, 30): NOW,
        }


def test_how_far_zones_have_come_is_replaced_zone_by_zone(store: Store) -> None:
    tokyo = ZoneRun("Asia/Tokyo", date(2026, 3, 1))
    ours = ZoneRun("", None, date(2026, 3, 2), datetime(2026, 3, 2, 9, tzinfo=UTC), date(2026, 3, 1))
    with store.write() as work:
        assert work.zone_runs.all() == {"": ZoneRun("")}
        work.zone_runs.put([tokyo, ours])
        work.zone_runs.put([])
    with store.write() as work:
        work.zone_runs.put([tokyo._replace(summed_on=date(2026, 3, 3))])
    with store.read() as work:
        assert work.zone_runs.all() == {"": ours, "Asia/Tokyo": tokyo._replace(summed_on=date(2026, 3, 3))}
    with store.write() as work:
        work.zone_runs.forget([])
        work.zone_runs.forget(["Asia/Tokyo", "No/Such_Zone"])
    with store.read() as work:
        assert work.zone_runs.all() == {"": ours}


def test_an_address_unsubscribes_from_one_type_once(store: Store) -> None:
    first = Unsubscription(SUMMARY, "ann@x.test", "Ann@X.test", NOW, "n1")
    with store.write() as work:
        assert work.addresses.unsubscribe(first) == first
        assert work.addresses.unsubscribe(first._replace(created_at=LATER, notice_id="n2")) == first
        other = Unsubscription(UPCOMING, "ann@x.test", "ann@x.test", LATER)
        assert work.addresses.unsubscribe(other) == other
    with store.read() as work:
        asked = ["ann@x.test", "bob@x.test"]
        assert work.addresses.unsubscribed(SUMMARY, asked) == {"ann@x.test"}
        assert work.addresses.unsubscribed(WELCOME, asked) == set()
        assert work.addresses.unsubscribed(SUMMARY, []) == set()
        assert work.addresses.count_unsubscriptions() == 2
        assert work.addresses.unsubscriptions(None, 1) == [other]
        assert work.addresses.unsubscriptions((LATER, "ann@x.test"), 5) == [first]
    with store.write() as work:
        assert work.addresses.resubscribe(SUMMARY, "ann@x.test") == first
        assert work.addresses.resubscribe(SUMMARY, "ann@x.test") is None
    with store.read() as work:
        assert work.addresses.unsubscriptions(None, 5) == [other]


def test_what_was_told_last_of_an_address_holds_in_whatever_order_it_comes(store: Store) -> None:
    def note(key: str, *, suppressed: bool, told_at: datetime) -> None:
        with store.write() as work:
            work.addresses.note_suppressed(key, "BOUNCED_FOR_GOOD", suppressed=suppressed, told_at=told_at)

    note("a@x.test", suppressed=True, told_at=NOW)
    note("b@x.test", suppressed=False, told_at=LATER)
    note("b@x.test", suppressed=True, told_at=NOW)
    note("c@x.test", suppressed=True, told_at=NOW)
    note("c@x.test", suppressed=False, told_at=LATER)
    with store.read() as work:
        asked = [f"{name}@x.test" for name in "abcd"]
        assert work.addresses.suppressed(asked) == {"a@x.test"}
        assert work.addresses.suppressed([]) == set()


def test_new_invoices_wait_in_the_order_in_which_they_came_until_they_are_taken_once(store: Store) -> None:
    def an_invoice(invoice_id: int, sync_id: str) -> RecordedInvoice:
        return RecordedInvoice(invoice_id, "Ü", sync_id, NOW)

    with store.write() as work:
        work.recorded.add([an_invoice(9_007_199_254_740_993, "8"), an_invoice(2, "8")])
        work.recorded.add([])
        work.recorded.add([an_invoice(2, "9")])
    with store.read() as work:
        waiting = work.recorded.waiting(10)
        assert [(one.invoice_id, one.sync_id) for one in waiting] == [
            (9_007_199_254_740_993, "8"),
            (2, "8"),
            (2, "9"),
        ]
        assert {(one.organization_id, one.came_at) for one in waiting} == {("Ü", NOW)}
        assert work.recorded.waiting(2) == waiting[:2]
    numbers = [one.recorded_id for one in waiting]
    with store.write() as work:
        assert work.recorded.take(numbers[1::-1]) == waiting[:2]
    with store.write() as work:
        assert work.recorded.take(numbers) == waiting[2:]
        assert work.recorded.waiting(10) == []


A_CAMPAIGN = Campaign("c1", ContactAudience("billing", ("Ü",), ("inactive",), True, True), 5, NOW, "sam@x")
SUMMARIES = Campaign("c2", DebtorAudience(), 2**40, LATER, "")


def test_campaigns_come_back_as_they_were_put(store: Store) -> None:
    with store.write() as work:
        work.campaigns.lock_starts()
        assert work.campaigns.add(A_CAMPAIGN)
        assert not work.campaigns.add(replace(A_CAMPAIGN, total=6))
        assert work.campaigns.add(SUMMARIES)
    with store.read() as work:
        assert work.campaigns.get("c1") == A_CAMPAIGN
        assert work.campaigns.get("c3") is None
        assert work.campaigns.running() == [A_CAMPAIGN, SUMMARIES]
        assert work.campaigns.newest(None, 5) == [SUMMARIES, A_CAMPAIGN]
        assert work.campaigns.newest(None, 1) == [SUMMARIES]
        assert work.campaigns.newest(WELCOME, 5) == [A_CAMPAIGN]
    moved = replace(A_CAMPAIGN, examined=3, after="17", state=CampaignState.CANCELLED, ended_at=LATER)
    with store.write() as work:
        work.campaigns.put(moved)
    with store.read() as work:
        assert work.campaigns.get("c1") == moved
        assert work.campaigns.running() == [SUMMARIES]
        assert work.campaigns.among(["c1", "c2", "c3"]) == {"c1": moved, "c2": SUMMARIES}
        assert work.campaigns.among([]) == {}


def test_notices_of_campaigns_are_counted_and_those_of_cancelled_ones_withdrawn(store: Store) -> None:
    states = [State.QUEUED, State.QUEUED, State.SENT, State.SKIPPED, State.FAILED]
    with store.write() as work:
        work.campaigns.add(replace(A_CAMPAIGN, state=CampaignState.CANCELLED))
        work.campaigns.add(SUMMARIES)
    for campaign_id in ("c1", "c2", ""):
        add(
            store,
            *(
                a_notice(f"{campaign_id}n{number}", state=state, campaign_id=campaign_id)
                for number, state in enumerate(states)
            ),
        )
    with store.write() as work:
        assert work.campaigns.outcomes(["c1", "c3"]) == {"c1": Outcomes(2, 1, 1, 1), "c3": Outcomes()}
        assert work.campaigns.outcomes([]) == {}
        assert work.campaigns.to_withdraw(1) == ["c1n0"]
        ids = work.campaigns.to_withdraw(10)
        assert ids == ["c1n0", "c1n1"]
        work.notices.change([Change(i, State.SKIPPED, "CAMPAIGN_CANCELLED") for i in ids], LATER)
        assert work.campaigns.to_withdraw(10) == []


@pytest.mark.parametrize(
    "about",
    [
        PlanFact("s1", 3, date(2026, 4, 1), 4_000, "USD", "Card", date(2026, 3, 30)),
        PlanFact("s1", 1, date(2026, 4, 1), 4_000, "USD", "Card"),
        MethodFact("m1", "Visa Ü", "CARD_DECLINED"),
        PayDay(date(2026, 4, 1)),
        Card("m1", 2026, 4),
        Card("m1", 2026, 4, 2),
        Access(9_007_199_254_740_993, "Ann@x.test"),
        None,
    ],
)
def test_a_notice_comes_back_with_what_it_is_about(store: Store, about: object) -> None:
    notice = a_notice(about=about, campaign_id="c1", lane=Lane.BULK)
    assert add(store, notice) == 1
    with store.read() as work:
        assert work.notices.get(["n1"]) == {"n1": notice}
        assert work.notices.of_occurrence(SUMMARY, "of n1") == notice
        assert work.notices.of_occurrence(UPCOMING, "of n1") is None
        (waiting,) = work.notices.to_hand_over(NOW, 5)
        assert waiting.lane is Lane.BULK


def test_an_occurrence_has_one_notice_of_its_type(store: Store) -> None:
    assert add(store, a_notice("n1", occurrence="o"), a_notice("n2", occurrence="p")) == 2
    assert add(store, a_notice("n3", occurrence="o"), a_notice("n4", occurrence="o", type=UPCOMING)) == 1, (
        "the same occurrence of another type is another one"
    )
    with store.write() as work:
        assert work.notices.occurred(SUMMARY, ["o", "p", "q"]) == [
            Occurred("n1", "acme", "o", State.QUEUED, "SCHEDULE_REACHED"),
            Occurred("n2", "acme", "p", State.QUEUED, "SCHEDULE_REACHED"),
        ]
        assert work.notices.occurred(SUMMARY, []) == []
        assert work.notices.get(["n3"]) == {}


def test_a_notice_may_have_to_wait_before_the_mailer_is_told(store: Store) -> None:
    add(store, a_notice("n1", not_before=LATER), a_notice("n2"))
    with store.write() as work:
        assert [one.notice_id for one in work.notices.to_hand_over(NOW, 5)] == ["n2"]
        assert [one.notice_id for one in work.notices.to_hand_over(LATER, 5)] == ["n2", "n1"]
        work.notices.change([Change("n2", State.QUEUED, "AGAIN", not_before=LATER)], NOW)
        assert work.notices.to_hand_over(NOW, 5) == []


def test_contacts_are_invited_once_an_invitation_is_on_its_way(store: Store) -> None:
    def invitation(number: int, state: State, **but: object) -> Notice:
        about = Access(number, f"p{number}@x.test")
        return a_notice(f"n{number}", type=WELCOME, state=state, about=about, **but)

    add(
        store,
        invitation(1, State.QUEUED),
        invitation(2, State.SENT),
        invitation(3, State.SKIPPED),
        invitation(4, State.FAILED),
        invitation(5, State.SENT, organization_id="bolt", campaign_id="c1"),
        a_notice("n6", type=NoticeType.PASSWORD_RESET, about=Access(6, "p@x.test"), state=State.SENT),
    )
    first, second = Invitation("n1", 1, State.QUEUED, ""), Invitation("n2", 2, State.SENT, "")
    with store.read() as work:
        assert sorted(work.notices.invitations([1, 2, 3, 4, 6, 7])) == [first, second]
        fifth = Invitation("n5", 5, State.SENT, "c1")
        assert sorted(work.notices.invitations([1, 2, 5])) == [first, second, fifth]
        assert work.notices.invitations([]) == []


@pytest.mark.parametrize("type", [SUMMARY, NoticeType.METHOD_EXPIRATION])
def test_what_leaves_is_what_is_queued_and_what_was_sent_since(store: Store, type: NoticeType) -> None:
    other = {SUMMARY: NoticeType.METHOD_EXPIRATION}.get(type, SUMMARY)
    earlier = NOW - timedelta(days=1)
    add(
        store,
        *(a_notice(f"n{number}", type=type, state=state) for number, state in enumerate(State, 1)),
        a_notice("n7", type=other),
        a_notice("n8", type=type, organization_id="bolt", decided_at=LATER, lane=Lane.AT_ONCE),
        a_notice("n9", type=type, organization_id="bolt", decided_at=LATER, state=State.SENT),
        a_notice("n0", type=type, organization_id="acme", decided_at=earlier, state=State.SENT),
        a_notice("na", type=type, organization_id="told", state=State.SENT),
    )
    first, second = (
        Leaving("n1", type, "acme", "of n1", State.QUEUED, NOW, Lane.USUAL),
        Leaving("n2", type, "acme", "of n2", State.SENT, NOW, Lane.USUAL),
    )
    others = [
        Leaving("n8", type, "bolt", "of n8", State.QUEUED, LATER, Lane.AT_ONCE),
        Leaving("n9", type, "bolt", "of n9", State.SENT, LATER, Lane.USUAL),
    ]
    with store.write() as work:
        assert sorted(work.notices.leaving(type, ["acme"])) == [first, second]
        assert sorted(work.notices.leaving(type, ["bolt", "none"])) == others
        assert sorted(work.notices.leaving(type, ["acme", "bolt"])) == [first, second, *others]
        assert work.notices.leaving(type, ["told"]) == []
        assert work.notices.leaving(type, []) == []


def test_organizations_that_cannot_be_reached_are_those_who_were_told_nothing_since(store: Store) -> None:
    add(
        store,
        a_notice("n1", organization_id="mute", state=State.SKIPPED, reason="NO_ADDRESS"),
        a_notice("n2", organization_id="mute", state=State.SKIPPED, reason="NO_ADDRESS", decided_at=LATER),
        a_notice("n3", organization_id="bounces", state=State.SKIPPED, reason="ADDRESSES_SUPPRESSED"),
        a_notice("n4", organization_id="mended", state=State.SKIPPED, reason="NO_ADDRESS"),
        a_notice("n5", organization_id="mended", state=State.SENT, decided_at=LATER),
        a_notice("n6", organization_id="lapsed", state=State.SENT),
        a_notice("n7", organization_id="lapsed", state=State.SKIPPED, reason="NO_ADDRESS", decided_at=LATER),
        a_notice("n8", organization_id="shut", state=State.SKIPPED, reason="ORGANIZATION_EXCLUDED"),
    )
    mute = Unreachable("mute", "NO_ADDRESS", 2, LATER)
    lapsed = Unreachable("lapsed", "NO_ADDRESS", 1, LATER)
    bounces = Unreachable("bounces", "ADDRESSES_SUPPRESSED", 1, NOW)
    with store.write() as work:
        assert work.unreached.page(None, 10) == [mute, lapsed, bounces]
        assert work.unreached.page((LATER, "mute"), 1) == [lapsed]
        assert work.unreached.count() == 3
        work.addresses.note_suppressed("ann@bounces.test", "", suppressed=False, told_at=LATER)
        assert work.unreached.count() == 3, "another address was lifted"
        work.notices.change([Change("n3", State.QUEUED, "SCHEDULE_REACHED")], LATER)
        assert work.unreached.page(None, 10) == [mute, lapsed]


@pytest.mark.parametrize(
    ("older", "newer"), [("NO_ADDRESS", "ADDRESSES_SUPPRESSED"), ("ADDRESSES_SUPPRESSED", "NO_ADDRESS")]
)
def test_why_an_organization_cannot_be_reached_is_what_its_newest_notice_says(
    store: Store, older: str, newer: str
) -> None:
    add(
        store,
        a_notice("n1", state=State.SKIPPED, reason=older),
        a_notice("n2", state=State.SKIPPED, reason=newer, decided_at=LATER),
        a_notice("n3", organization_id="bolt", state=State.SKIPPED, reason=older),
        a_notice("n4", organization_id="bolt", state=State.SKIPPED, reason=newer),
    )
    with store.read() as work:
        found = work.unreached.page(None, 10)
    assert found == [Unreachable("acme", newer, 2, LATER), Unreachable("bolt", newer, 2, NOW)]
