"""New invoices: what a sync brings, once each, whatever dies in between."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from services.scheduler.domain.email_types import EmailType, OnNewInvoice
from services.scheduler.domain.letter import Letter, Withheld
from services.scheduler.domain.notice import Lane, Notice, NoticeFilter, NoticeType, State
from services.scheduler.domain.quiet_hours import QuietHours
from services.scheduler.ports import Excluded
from services.scheduler.ports_emails import RecordedInvoice
from services.scheduler.use_cases.new_invoices import BATCH, invoices_recorded, tell_of_new_invoices
from services.shared.errors import Busy
from tests.fakes.dying_store import DyingStore, Killed
from tests.fakes.scheduler import FakeStore
from tests.fakes.scheduler_accounts import FakeOrganization
from tests.fakes.scheduler_peers import an_invoice
from tests.unit.scheduler.world import World

SUMMARY, INVOICE = NoticeType.ACCOUNT_SUMMARY, NoticeType.INVOICE
CAME = datetime(2026, 3, 2, 12, tzinfo=UTC)
"""When the facts came; the invoices of the tests were issued on 1 February, unless they say otherwise."""

FRESH = date(2026, 2, 28)


def with_setting(on_new_invoice: OnNewInvoice, *, enabled: bool = True, newest_days: int = 14) -> World:
    world = World(store=DyingStore(FakeStore()))
    with world.store.write() as work:
        settings = EmailType(SUMMARY, enabled=enabled, on_new_invoice=on_new_invoice)
        work.email_types.put(settings)
        work.email_types.put(EmailType(INVOICE, newest_days=newest_days))
    world.ledger.invoices.clear()
    return world


def came(world: World, *invoice_ids: int, sync_id: str = "7") -> None:
    with world.store.write() as work:
        invoices_recorded(
            [
                RecordedInvoice(i, world.ledger.invoices[i].organization_id, sync_id, CAME)
                for i in invoice_ids
            ],
            work=work,
        )


def put(world: World, invoice_id: int, **but: object) -> None:
    world.ledger.put(replace(an_invoice(invoice_id, issued_on=FRESH), **but))  # type: ignore[arg-type]


def tell(world: World) -> None:
    while tell_of_new_invoices(ticking=world.ticking):
        pass


def told(world: World, type: NoticeType) -> list[Notice]:
    with world.store.read() as work:
        found = work.notices.page(NoticeFilter(type=type), None, 5_000)
    return sorted(found, key=lambda notice: notice.occurrence)


def decided(world: World, type: NoticeType) -> dict[str, tuple[str, str]]:
    return {notice.occurrence: (notice.state.value, notice.reason) for notice in told(world, type)}


def test_each_new_invoice_brings_a_notification_or_a_row_that_says_why_not() -> None:
    world = with_setting(OnNewInvoice.INVOICES)
    put(world, 1)
    put(world, 2, issued_on=date(2026, 2, 16))
    put(world, 3, issued_on=date(2026, 2, 15))
    put(world, 4, issued_on=None)
    put(world, 5, status="paid", balance_minor=0)
    put(world, 6, balance_minor=0)
    put(world, 7, organization_id="shut")
    put(world, 8, organization_id="mute")
    world.ledger.addressees["mute"] = ()
    with world.store.write() as work:
        work.exclusions.add(Excluded(SUMMARY, "shut", CAME))
    put(world, 9)
    came(world, *range(1, 10))
    del world.ledger.invoices[9]
    tell(world)
    assert decided(world, INVOICE) == {
        "1|new": ("queued", "NEW_INVOICE"),
        "2|new": ("queued", "NEW_INVOICE"),
        "3|new": ("skipped", "INVOICE_NOT_NEW"),
        "4|new": ("queued", "NEW_INVOICE"),
        "5|new": ("skipped", "NOT_OPEN"),
        "6|new": ("skipped", "NOTHING_LEFT_TO_PAY"),
        "7|new": ("skipped", "ORGANIZATION_EXCLUDED"),
        "8|new": ("skipped", "NO_ADDRESS"),
        "9|new": ("skipped", "INVOICE_MISSING"),
    }
    notice = told(world, INVOICE)[0]
    assert (notice.invoice_id, notice.invoice_number, notice.lane) == (1, "001", Lane.USUAL)
    assert isinstance(world.review(notice.notice_id)[0], Letter)


def test_an_invoice_that_comes_in_twice_is_told_once() -> None:
    world = with_setting(OnNewInvoice.INVOICES)
    put(world, 1)
    came(world, 1)
    tell(world)
    world.sent(told(world, INVOICE)[0].notice_id)
    came(world, 1, sync_id="8")
    came(world, 1, 1, sync_id="9")
    tell(world)
    assert decided(world, INVOICE) == {"1|new": ("sent", "ACCEPTED_BY_SMTP_SERVER")}


def test_one_summary_goes_to_each_organization_and_sync() -> None:
    world = with_setting(OnNewInvoice.SUMMARY)
    for number in (1, 2, 3):
        put(world, number, organization_id="acme" if number < 3 else "bolt")
    came(world, 1, 2, 3)
    tell(world)
    came(world, 2, sync_id="8")
    tell(world)
    assert decided(world, SUMMARY) == {
        "acme|new:7": ("queued", "NEW_INVOICE"),
        "acme|new:8": ("queued", "NEW_INVOICE"),
        "bolt|new:7": ("queued", "NEW_INVOICE"),
    }
    assert told(world, INVOICE) == []


def test_a_summary_goes_if_any_invoice_of_the_sync_is_new_in_whatever_batch_it_comes() -> None:
    world = with_setting(OnNewInvoice.SUMMARY)
    many = range(1, BATCH + 2)
    for number in many:
        put(world, number, issued_on=FRESH if number == BATCH + 1 else date(2020, 1, 1))
    came(world, *many)
    assert tell_of_new_invoices(ticking=world.ticking)
    assert decided(world, SUMMARY) == {"acme|new:7": ("skipped", "INVOICE_NOT_NEW")}
    tell(world)
    assert decided(world, SUMMARY) == {"acme|new:7": ("queued", "NEW_INVOICE")}
    came(world, 1)
    tell(world)
    assert decided(world, SUMMARY) == {"acme|new:7": ("queued", "NEW_INVOICE")}


@pytest.mark.parametrize(
    ("on_new_invoice", "enabled"), [(OnNewInvoice.NOTHING, True), (OnNewInvoice.INVOICES, False)]
)
def test_new_invoices_bring_nothing_unless_that_is_on(on_new_invoice: OnNewInvoice, enabled: bool) -> None:
    world = with_setting(on_new_invoice, enabled=enabled)
    put(world, 1)
    came(world, 1)
    assert not tell_of_new_invoices(ticking=world.ticking)
    with world.store.write() as work:
        work.email_types.put(EmailType(SUMMARY, enabled=True, on_new_invoice=OnNewInvoice.INVOICES))
    tell(world)
    assert told(world, INVOICE) == [], "what came in before is not told later"


def test_what_is_turned_off_before_it_is_decided_brings_nothing_and_does_not_stay() -> None:
    world = with_setting(OnNewInvoice.INVOICES)
    put(world, 1)
    came(world, 1)
    with world.store.write() as work:
        work.email_types.put(EmailType(SUMMARY, enabled=False, on_new_invoice=OnNewInvoice.INVOICES))
    assert tell_of_new_invoices(ticking=world.ticking)
    assert not tell_of_new_invoices(ticking=world.ticking)
    assert told(world, INVOICE) == []


def test_what_is_turned_off_while_it_waits_in_the_mailer_is_withheld() -> None:
    world = with_setting(OnNewInvoice.INVOICES)
    put(world, 1)
    came(world, 1)
    tell(world)
    with world.store.write() as work:
        work.email_types.put(EmailType(SUMMARY, enabled=True, on_new_invoice=OnNewInvoice.SUMMARY))
    (answer,) = world.review(told(world, INVOICE)[0].notice_id)
    assert isinstance(answer, Withheld)
    assert answer.reason == "EMAIL_TYPE_OFF"


def test_quiet_hours_and_weekends_put_it_off_in_the_organization_s_own_time() -> None:
    world = with_setting(OnNewInvoice.INVOICES)
    world.ledger.organizations["tokyo"] = FakeOrganization("Tokyo", "Asia/Tokyo")
    put(world, 1)
    put(world, 2, organization_id="tokyo")
    world.calendar(quiet=QuietHours("20:00", "08:00"), business_days_only=True, send_at="09:00")
    world.clock.set(datetime(2026, 3, 6, 15, tzinfo=UTC))  # a Friday; past midnight in Tokyo, so Saturday
    came(world, 1, 2)
    tell(world)

    def handed_over_at(now: datetime) -> list[str]:
        world.clock.set(now)
        before = len(world.mailer.accepted)
        world.hand_over()
        return [one.organization_id for one in world.mailer.accepted[before:]]

    assert handed_over_at(datetime(2026, 3, 6, 15, tzinfo=UTC)) == ["acme"]
    monday = datetime(2026, 3, 9, tzinfo=UTC)  # 09:00 in Tokyo
    # What was handed over and is still queued an hour later is handed over once more.
    assert "tokyo" not in handed_over_at(monday - timedelta(minutes=1))
    assert "tokyo" in handed_over_at(monday)


def test_while_the_ledger_is_away_nothing_is_lost() -> None:
    world = with_setting(OnNewInvoice.INVOICES)
    put(world, 1)
    came(world, 1)
    world.ledger.away = True
    with pytest.raises(Busy):
        tell_of_new_invoices(ticking=world.ticking)
    world.ledger.away = False
    tell(world)
    assert decided(world, INVOICE) == {"1|new": ("queued", "NEW_INVOICE")}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("on_new_invoice", [OnNewInvoice.INVOICES, OnNewInvoice.SUMMARY])
def test_killed_at_any_commit_each_is_decided_once(on_new_invoice: OnNewInvoice, after: bool) -> None:
    world = with_setting(on_new_invoice)
    assert isinstance(world.store, DyingStore)
    many = range(1, 2 * BATCH + 10)
    for number in many:
        put(world, number, organization_id=f"o{number % 7}")
    came(world, *many)
    for commit in (1, 1, 2, 1, 9):
        world.store.die_at(commit, after)
        try:
            tell(world)
        except Killed:
            world.store.revive()
    tell(world)
    type = INVOICE if on_new_invoice is OnNewInvoice.INVOICES else SUMMARY
    expected = {f"{number}|new" for number in many} if type is INVOICE else {f"o{n}|new:7" for n in range(7)}
    notices = told(world, type)
    assert {notice.occurrence for notice in notices} == expected
    assert len(notices) == len(expected)
    assert {notice.state for notice in notices} == {State.QUEUED}
