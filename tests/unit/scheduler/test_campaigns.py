"""Campaigns: everybody of the audience once, whatever dies, until they are done or cancelled."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scheduler.domain.about import Access
from services.scheduler.domain.books import Contact
from services.scheduler.domain.campaigns import (
    Audience,
    CampaignState,
    ContactAudience,
    DebtorAudience,
    Outcomes,
)
from services.scheduler.domain.letter import Letter, Withheld
from services.scheduler.domain.notice import Lane, Notice, NoticeFilter, NoticeType, State
from services.scheduler.domain.quiet_hours import QuietHours
from services.scheduler.ports import Excluded
from services.scheduler.use_cases import campaigns
from services.scheduler.use_cases.by_hand import send_access
from services.scheduler.use_cases.campaigning import BATCH, LEASE, withdraw_cancelled, work_on_campaigns
from services.scheduler.use_cases.campaigns import BATCH as COUNTED
from services.scheduler.use_cases.campaigns import CampaignShown, Reach
from services.shared.errors import Busy, Refusal
from tests.fakes.dying_store import DyingStore, Killed
from tests.fakes.scheduler import FakeStore
from tests.fakes.scheduler_accounts import FakeOrganization
from tests.fakes.scheduler_peers import an_invoice
from tests.unit.scheduler.world import World

OF_BILLING = ContactAudience("billing")
DEBTORS = DebtorAudience()
SIGNED_IN = datetime(2026, 1, 1, tzinfo=UTC)


def a_contact(contact_id: int, **but: object) -> Contact:
    usual = Contact(
        contact_id=contact_id,
        organization_id=f"o{contact_id % 5}",
        organization_name=f"Org {contact_id % 5}",
        name=f"Person {contact_id}",
        emails=(f"p{contact_id}@x.test", f"second{contact_id}@x.test"),
        profile_id="billing",
        signed_in_at=None,
    )
    return replace(usual, **but)  # type: ignore[arg-type]


def with_contacts(*contacts: Contact) -> World:
    world = World(store=DyingStore(FakeStore()))
    world.accounts.people = list(contacts)
    return world


def with_debtors(*organization_ids: str) -> World:
    world = World(store=DyingStore(FakeStore()))
    world.ledger.invoices = {
        number: an_invoice(number, organization_id=name) for number, name in enumerate(organization_ids, 1)
    }
    return world


def start(world: World, audience: Audience = OF_BILLING, campaign_id: str = "c1") -> CampaignShown:
    return campaigns.start_campaign(campaign_id, audience, "sam", ticking=world.ticking)


def work_on(world: World, batch: int = BATCH) -> None:
    while work_on_campaigns(ticking=world.ticking, batch=batch):
        pass


def shown(world: World, campaign_id: str = "c1") -> CampaignShown:
    return campaigns.get_campaign(campaign_id, store=world.store)


def cancel(world: World, campaign_id: str = "c1") -> CampaignShown:
    return campaigns.cancel_campaign(campaign_id, store=world.store, clock=world.clock)


def told(world: World, campaign_id: str = "c1") -> list[Notice]:
    with world.store.read() as work:
        found = work.notices.page(NoticeFilter(campaign_id=campaign_id), None, 100_000)
    return sorted(found, key=lambda notice: notice.notice_id)


def refused(act: object) -> str:
    with pytest.raises(Refusal) as error:
        act()  # type: ignore[operator]
    return error.value.reason


def all_leave(world: World) -> None:
    """The mailer sends what is queued."""
    with world.store.read() as work:
        queued = work.notices.page(NoticeFilter(state=State.QUEUED), None, 1000)
    for notice in queued:
        world.sent(notice.notice_id)


def test_each_contact_gets_an_invitation_at_its_first_address() -> None:
    world = with_contacts(a_contact(1), a_contact(2, emails=()), a_contact(3, profile_id="owner"))
    began = start(world)
    assert (began.campaign.state, began.campaign.total, began.campaign.type) == (
        CampaignState.RUNNING,
        1,
        NoticeType.WELCOME,
    )
    work_on(world)
    first, second = told(world)
    assert (first.about, first.lane, first.reason) == (Access(1, "p1@x.test"), Lane.BULK, "CAMPAIGN")
    assert (second.access, second.reason) == (Access(2, ""), "CONTACT_WITHOUT_ADDRESS")
    done = shown(world)
    assert (done.campaign.state, done.campaign.examined) == (CampaignState.DONE, 2)
    assert done.campaign.ended_at == world.clock.now()
    assert done.outcomes == Outcomes(queued=1, skipped=1)
    assert isinstance(world.review(first.notice_id)[0], Letter)
    with world.store.read() as work:
        assert work.unreached.count() == 0, "its organization may well have other contacts"


def test_who_has_signed_in_or_was_invited_is_left_out_only_if_that_was_asked() -> None:
    world = with_contacts(a_contact(1, signed_in_at=SIGNED_IN), a_contact(2), a_contact(3))
    send_access(NoticeType.WELCOME, "r1", 2, "p2@x.test", ticking=world.ticking)
    picky = ContactAudience("billing", without_signed_in=True, without_invited=True)
    count = campaigns.count_campaign(picky, 0, "", ticking=world.ticking)
    assert count.reach == Reach(total=1, left_out=2)
    assert [member.contact_id for member in count.members] == [3]
    start(world, picky)
    work_on(world)
    assert [notice.access for notice in told(world)] == [Access(3, "p3@x.test")]
    assert shown(world).campaign.examined == 1
    assert refused(lambda: start(world, OF_BILLING, "c2")) == "CAMPAIGN_RUNNING", "its mail has not left"
    all_leave(world)
    start(world, OF_BILLING, "c2")
    work_on(world)
    assert shown(world, "c2").outcomes == Outcomes(queued=3)


def test_types_and_statuses_of_organizations_are_left_to_the_ledger() -> None:
    world = with_contacts(*map(a_contact, range(1, 6)))
    world.accounts.organizations |= {
        "o1": FakeOrganization(type="Prospect"),
        "o2": FakeOrganization(status="inactive"),
    }
    picky = ContactAudience("billing", without_types=("Prospect",), without_statuses=("inactive",))
    assert campaigns.count_campaign(picky, 0, "", ticking=world.ticking).reach == Reach(3)


def test_all_who_owe_get_a_summary_and_who_does_not_has_a_row_that_says_why() -> None:
    world = with_debtors("acme", "bolt", "mute", "shut")
    world.ledger.addressees["mute"] = ()
    with world.store.write() as work:
        work.exclusions.add(Excluded(NoticeType.ACCOUNT_SUMMARY, "shut", world.clock.now()))
    count = campaigns.count_campaign(DEBTORS, 0, "", ticking=world.ticking)
    assert count.reach == Reach(total=2, unreachable=1, left_out=1)
    assert [member.organization_id for member in count.members] == ["acme", "bolt"]
    start(world, DEBTORS)
    work_on(world)
    assert {(n.organization_id, n.state.value, n.reason) for n in told(world)} == {
        ("acme", "queued", "CAMPAIGN"),
        ("bolt", "queued", "CAMPAIGN"),
        ("mute", "skipped", "NO_ADDRESS"),
        ("shut", "skipped", "ORGANIZATION_EXCLUDED"),
    }
    (letter,) = world.review(told(world)[0].notice_id)
    assert isinstance(letter, Letter), "though the type is off: a person asked for it"


def test_summaries_for_all_wait_for_the_end_of_quiet_hours_and_invitations_do_not() -> None:
    world = with_debtors("acme")
    world.accounts.people = [a_contact(1)]
    world.calendar(quiet=QuietHours("20:00", "08:00"))
    world.clock.set(datetime(2026, 3, 2, 23, tzinfo=UTC))
    start(world, DEBTORS, "summaries")
    start(world, OF_BILLING, "invitations")
    work_on(world)
    world.hand_over()
    assert [one.organization_id for one in world.mailer.accepted] == ["o1"]
    world.clock.set(datetime(2026, 3, 3, 8, tzinfo=UTC))
    world.hand_over()
    assert "acme" in [one.organization_id for one in world.mailer.accepted]


def test_a_repeat_returns_the_campaign_and_another_audience_is_refused() -> None:
    world = with_contacts(a_contact(1))
    first = start(world)
    world.clock.advance(timedelta(hours=1))
    assert start(world).campaign == first.campaign
    work_on(world)
    assert start(world).campaign.state is CampaignState.DONE
    assert len(told(world)) == 1
    assert refused(lambda: start(world, ContactAudience("owner"))) == "CAMPAIGN_DIFFERS"


def test_of_each_type_one_campaign_is_at_work_at_a_time() -> None:
    world = with_contacts(a_contact(1))
    start(world)
    assert refused(lambda: start(world, OF_BILLING, "c2")) == "CAMPAIGN_RUNNING"
    assert start(world, DEBTORS, "c3").campaign.state is CampaignState.RUNNING
    cancel(world)
    assert start(world, OF_BILLING, "c2").campaign.state is CampaignState.RUNNING


@pytest.mark.parametrize(
    ("audience", "campaign_id", "reason"),
    [
        (ContactAudience(""), "c1", "PROFILE_MISSING"),
        (ContactAudience("p", without_types=tuple(map(str, range(101)))), "c1", "TOO_MANY_VALUES"),
        (ContactAudience("p", without_statuses=tuple(map(str, range(101)))), "c1", "TOO_MANY_VALUES"),
        (OF_BILLING, "", "REQUEST_ID_MALFORMED"),
        (OF_BILLING, "a|b", "REQUEST_ID_MALFORMED"),
        (OF_BILLING, "x" * 65, "REQUEST_ID_MALFORMED"),
    ],
)
def test_what_no_campaign_can_be_is_refused(audience: Audience, campaign_id: str, reason: str) -> None:
    world = with_contacts(a_contact(1))
    assert refused(lambda: start(world, audience, campaign_id)) == reason
    assert campaigns.list_campaigns(None, store=world.store) == []


def test_pages_name_every_member_once_and_repeat_the_numbers_of_the_first() -> None:
    people = [a_contact(n, emails=() if n % 3 == 0 else (f"p{n}@x.test",)) for n in range(1, 31)]
    world = with_contacts(*people)
    named, token, counts = list[int](), "", set[Reach]()
    while True:
        page = campaigns.count_campaign(OF_BILLING, 7, token, ticking=world.ticking)
        named += [member.contact_id for member in page.members]
        counts.add(page.reach)
        token = page.next_page_token
        if not token:
            break
    assert named == [n for n in range(1, 31) if n % 3]
    assert counts == {Reach(total=20, unreachable=10)}
    other = campaigns.count_campaign(OF_BILLING, 7, "", ticking=world.ticking).next_page_token
    assert (
        refused(lambda: campaigns.count_campaign(DEBTORS, 7, other, ticking=world.ticking))
        == "PAGE_TOKEN_INVALID"
    )


def test_a_larger_audience_is_counted_up_to_a_limit() -> None:
    world = with_contacts(*map(a_contact, range(1, COUNTED + 1)))

    def counted() -> Reach:
        return campaigns.count_campaign(OF_BILLING, 1, "", ticking=world.ticking, most=COUNTED).reach

    assert counted() == Reach(COUNTED)
    world.accounts.people.append(a_contact(COUNTED + 1))
    assert counted() == Reach(COUNTED, at_least=True)


def test_a_cancelled_campaign_tells_nobody_more_and_its_queued_mails_are_withheld() -> None:
    world = with_contacts(*map(a_contact, range(1, BATCH + 50)))
    start(world)
    turns = iter([True, False])
    work_on_campaigns(ticking=world.ticking, wanted=lambda: next(turns))
    first, second, *_ = told(world)
    assert len(told(world)) == BATCH
    world.sent(first.notice_id)
    assert cancel(world).campaign.state is CampaignState.CANCELLED
    (answer,) = world.review(second.notice_id)
    assert isinstance(answer, Withheld)
    assert answer.reason == "CAMPAIGN_CANCELLED"
    assert not work_on_campaigns(ticking=world.ticking)
    while withdraw_cancelled(store=world.store, clock=world.clock):
        pass
    assert shown(world).outcomes == Outcomes(sent=1, skipped=BATCH - 1)
    assert not world.hand_over(), "nothing of it goes through the mailer any more"
    ended_at = shown(world).campaign.ended_at
    world.clock.advance(timedelta(hours=1))
    assert cancel(world).campaign.ended_at == ended_at


def test_one_that_is_cancelled_while_its_batch_is_read_tells_nobody() -> None:
    world = with_contacts(a_contact(1))
    start(world)

    def cancels() -> None:
        world.ledger.during = lambda: None
        cancel(world)

    world.ledger.during = cancels
    work_on(world)
    assert told(world) == []
    assert shown(world).campaign.state is CampaignState.CANCELLED


def test_a_campaign_can_be_cancelled_until_its_last_mail_has_left() -> None:
    world = with_contacts(a_contact(1), a_contact(2))
    start(world)
    work_on(world)
    first, second = told(world)
    world.sent(first.notice_id)
    assert shown(world).campaign.state is CampaignState.DONE
    assert cancel(world).campaign.state is CampaignState.CANCELLED
    (answer,) = world.review(second.notice_id)
    assert isinstance(answer, Withheld)
    assert answer.reason == "CAMPAIGN_CANCELLED"
    assert shown(world).outcomes == Outcomes(sent=1, skipped=1)


def test_a_campaign_whose_mails_have_all_left_is_not_cancelled() -> None:
    world = with_contacts(a_contact(1))
    start(world)
    work_on(world)
    world.sent(told(world)[0].notice_id)
    assert cancel(world).campaign.state is CampaignState.DONE
    assert not withdraw_cancelled(store=world.store, clock=world.clock)
    assert refused(lambda: cancel(world, "other")) == "CAMPAIGN_MISSING"
    assert refused(lambda: shown(world, "other")) == "CAMPAIGN_MISSING"


def test_campaigns_are_listed_with_the_newest_first() -> None:
    world = with_contacts(a_contact(1))
    for number, audience in enumerate((OF_BILLING, DEBTORS, OF_BILLING)):
        start(world, audience, f"c{number}")
        work_on(world)
        all_leave(world)
        world.clock.advance(timedelta(minutes=1))
    listed = [one.campaign.campaign_id for one in campaigns.list_campaigns(None, store=world.store)]
    assert listed == ["c2", "c1", "c0"]
    welcomes = campaigns.list_campaigns(NoticeType.WELCOME, store=world.store)
    assert [one.campaign.campaign_id for one in welcomes] == ["c2", "c0"]
    assert {one.outcomes for one in welcomes} == {Outcomes(sent=1)}


def test_while_the_ledger_is_away_a_campaign_waits_and_then_goes_on() -> None:
    world = with_contacts(a_contact(1))
    start(world)
    world.ledger.away = True
    with pytest.raises(Busy):
        work_on_campaigns(ticking=world.ticking)
    world.ledger.away = False
    work_on(world)
    assert shown(world).outcomes == Outcomes(queued=1)


def test_who_has_lost_the_lease_decides_nothing() -> None:
    world = with_contacts(*map(a_contact, range(1, 4)))
    start(world)

    def another_takes_over() -> None:
        world.ledger.during = lambda: None
        later = world.clock.now() + timedelta(minutes=1)
        with world.store.write() as work:
            assert work.leases.take(LEASE, "another", now=later, until=later)

    world.ledger.during = another_takes_over
    assert work_on_campaigns(ticking=world.ticking)
    assert told(world) == []
    world.clock.advance(timedelta(minutes=2))
    work_on(world)
    assert len(told(world)) == 3


def test_while_one_process_works_another_leaves_it_alone() -> None:
    world = with_contacts(a_contact(1))
    start(world)
    now = world.clock.now()
    with world.store.write() as work:
        work.leases.take(LEASE, "another", now=now, until=now + timedelta(seconds=20))
    assert not work_on_campaigns(ticking=world.ticking)
    world.clock.advance(timedelta(seconds=21))
    assert work_on_campaigns(ticking=world.ticking)


@settings(max_examples=60, deadline=None)
@given(
    people=st.integers(0, 40),
    kills=st.lists(st.tuples(st.integers(1, 12), st.booleans()), max_size=8),
    audience=st.sampled_from([OF_BILLING, DEBTORS]),
)
def test_killed_at_any_commit_everybody_is_told_once(
    people: int, kills: list[tuple[int, bool]], audience: Audience
) -> None:
    world = with_contacts(*map(a_contact, range(1, people + 1)))
    world.ledger.invoices = {n: an_invoice(n, organization_id=f"d{n:02}") for n in range(1, people + 1)}
    store = world.store
    assert isinstance(store, DyingStore)
    for commit, after in [*kills, (0, False)]:
        store.die_at(commit, after)
        try:
            start(world, audience)
            work_on(world, batch=7)
        except Killed:
            store.revive()
            world.clock.advance(timedelta(seconds=21))
    notices = told(world)
    assert shown(world).campaign.state is CampaignState.DONE
    assert shown(world).campaign.examined == people
    per_subject = Counter(n.access.contact_id if n.access else n.organization_id for n in notices)
    assert len(per_subject) == people
    assert set(per_subject.values()) <= {1}
