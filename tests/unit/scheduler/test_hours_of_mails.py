"""The second look keeps the hours: what may go, but not now, is answered with the instant at which it may."""

from datetime import UTC, datetime

import pytest

from services.scheduler.domain.about import Access
from services.scheduler.domain.books import Contact
from services.scheduler.domain.hours import Hours, hours_of
from services.scheduler.domain.letter import Letter, NotYet, Withheld
from services.scheduler.domain.notice import Lane, Notice, NoticeType, State
from services.scheduler.domain.quiet_hours import QuietHours
from tests.fakes.scheduler_accounts import FakeOrganization
from tests.fakes.scheduler_peers import an_invoice
from tests.unit.scheduler.world import World

QUIET, ALL_DAY = QuietHours("21:00", "08:00"), QuietHours("00:00", "23:59")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def with_queued(zone: str = "America/Chicago") -> World:
    """A due notice that was decided at noon of Tuesday, 17 March 2026, for somebody in that zone."""
    world = World(15)
    world.accounts.organizations["acme"] = FakeOrganization("Acme Ltd", zone)
    world.on_day(15)
    world.calendar(sandbox=False)
    world.tick()
    world.hand_over()
    world.calendar(quiet=QUIET, send_at="09:00")
    return world


def test_in_quiet_hours_it_waits_for_their_end_in_the_reader_s_own_time() -> None:
    world = with_queued()
    notice_id = world.notice(15).notice_id
    for now in ("2026-03-18 02:00", "2026-03-18 12:59"):
        world.clock.set(at(now))
        (answer,) = world.review(notice_id)
        words = "Held until 08:00 (America/Chicago) by quiet hours."
        assert answer == NotYet(notice_id, at("2026-03-18 13:00"), "QUIET_HOURS", words)
    assert (world.states(), world.reasons()) == ({15: State.QUEUED}, {15: "RULE_REACHED"})
    with world.store.read() as work:
        assert len(work.notices.decisions_on_invoice(1)) == 1, "it is no decision"
    for now in ("2026-03-18 13:00", "2026-03-19 01:59"):
        world.clock.set(at(now))
        assert isinstance(world.review(notice_id)[0], Letter)


def test_on_a_closed_day_it_waits_for_the_next_business_day() -> None:
    world = with_queued("Europe/Berlin")
    world.calendar(business_days_only=True, country="DE")
    world.clock.set(at("2026-04-03 09:00"))  # Good Friday
    (answer,) = world.review(world.notice(15).notice_id)
    assert isinstance(answer, NotYet)
    assert (answer.until, answer.reason) == (at("2026-04-07 07:00"), "CLOSED_DAY")
    assert answer.explanation == "Held until the next business day, 2026-04-07 09:00 (Europe/Berlin)."


def test_the_night_before_a_closed_day_it_waits_for_the_business_day_behind_it() -> None:
    world = with_queued("Europe/Berlin")
    world.calendar(business_days_only=True, country="DE")
    world.clock.set(at("2026-04-02 22:00"))
    (answer,) = world.review(world.notice(15).notice_id)
    assert isinstance(answer, NotYet)
    assert (answer.until, answer.reason) == (at("2026-04-07 07:00"), "CLOSED_DAY")


def test_what_may_not_go_at_all_does_not_wait() -> None:
    world = with_queued()
    world.ledger.put(an_invoice(status="paid", balance_minor=0))
    world.clock.set(at("2026-03-18 02:00"))
    (answer,) = world.review(world.notice(15).notice_id)
    assert isinstance(answer, Withheld)
    assert world.reasons() == {15: "NOT_OPEN"}


def test_of_many_each_is_answered_for_its_own_reader() -> None:
    world = with_queued()
    world.ledger.put(an_invoice(2, organization_id="tokyo"))
    world.accounts.organizations["tokyo"] = FakeOrganization("Tokyo", "Asia/Tokyo")
    world.tick()
    world.clock.set(at("2026-03-18 02:00"))
    chicago, tokyo = sorted(notice.notice_id for notice in world.notices())
    answers = world.review(chicago, tokyo)
    assert [type(answer) for answer in answers] == [NotYet, Letter]


def test_where_a_sandbox_had_its_clock_set_nothing_waits_and_later_everything_does() -> None:
    world = World(15)
    world.tick(as_of=at("2026-03-17 12:00"))
    world.calendar(quiet=ALL_DAY, send_at="23:59")
    (answer,) = world.review(world.notice(15).notice_id)
    assert isinstance(answer, Letter)
    world.on_day(16)
    world.calendar(sandbox=False)
    (answer,) = world.review(world.notice(15).notice_id)
    assert isinstance(answer, NotYet)


@pytest.mark.parametrize(
    ("type", "lane", "hours"),
    [
        (NoticeType.DUE_NOTICE, Lane.USUAL, Hours.BUSINESS),
        (NoticeType.INVOICE, Lane.USUAL, Hours.BUSINESS),
        (NoticeType.UPCOMING_PAYMENTS, Lane.USUAL, Hours.BUSINESS),
        (NoticeType.METHOD_EXPIRATION, Lane.USUAL, Hours.BUSINESS),
        (NoticeType.ACCOUNT_SUMMARY, Lane.USUAL, Hours.BUSINESS),
        (NoticeType.ACCOUNT_SUMMARY, Lane.BULK, Hours.NOT_QUIET),
        (NoticeType.ACCOUNT_SUMMARY, Lane.AT_ONCE, Hours.ANY),
        (NoticeType.DUE_NOTICE, Lane.AT_ONCE, Hours.ANY),
        (NoticeType.WELCOME, Lane.BULK, Hours.ANY),
        (NoticeType.PASSWORD_RESET, Lane.AT_ONCE, Hours.ANY),
        (NoticeType.PAYMENT_SUCCEEDED, Lane.AT_ONCE, Hours.ANY),
        (NoticeType.METHOD_FAILED, Lane.AT_ONCE, Hours.ANY),
    ],
)
def test_only_what_goes_by_itself_keeps_the_hours(type: NoticeType, lane: Lane, hours: Hours) -> None:
    assert hours_of(type, lane) is hours


def in_bulk(notice_id: str, type: NoticeType, about: Access | None = None) -> Notice:
    return Notice(
        notice_id=notice_id,
        type=type,
        organization_id="acme",
        invoice_id=0,
        invoice_number="",
        threshold=0,
        due_on=None,
        state=State.QUEUED,
        reason="CAMPAIGN",
        decided_at=at("2026-03-18 12:00"),
        occurrence=f"{notice_id}|campaign:c1",
        about=about,
        lane=Lane.BULK,
    )


def test_a_summary_to_all_goes_on_a_sunday_but_not_at_night_and_an_invitation_at_any_hour() -> None:
    world = with_queued("Europe/Berlin")
    world.calendar(business_days_only=True, country="DE")
    invited = Contact(1, "acme", "Acme Ltd", "Ann", ("ann@acme.test",), "billing", None)
    world.accounts.people.append(invited)
    with world.store.write() as work:
        work.notices.add_new([in_bulk("s", NoticeType.ACCOUNT_SUMMARY)])
        work.notices.add_new([in_bulk("w", NoticeType.WELCOME, Access(1, "ann@acme.test"))])
    world.clock.set(at("2026-03-22 11:00"))
    assert [type(answer) for answer in world.review("s", "w")] == [Letter, Letter]
    world.clock.set(at("2026-03-22 23:00"))
    assert [type(answer) for answer in world.review("s", "w")] == [NotYet, Letter]
