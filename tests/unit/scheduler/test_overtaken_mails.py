"""After a long stop of the mailer: of mails that say the same the oldest goes, and none that is untrue."""

from datetime import date

import pytest

from services.scheduler.domain.campaigns import DebtorAudience
from services.scheduler.domain.email_types import EmailType, OnNewInvoice
from services.scheduler.domain.letter import Letter, Withheld
from services.scheduler.domain.notice import Notice, NoticeType, State
from services.scheduler.domain.occurrences import Candidate, of_new_invoices
from services.scheduler.use_cases.by_hand import send_summary
from services.scheduler.use_cases.campaigning import work_on_campaigns
from services.scheduler.use_cases.campaigns import cancel_campaign, start_campaign
from services.scheduler.use_cases.telling import Telling
from tests.unit.scheduler.other_types import (
    EXPIRATION,
    SUMMARY,
    at,
    card,
    states,
    summaries,
    told,
    with_types,
)
from tests.unit.scheduler.world import World

GOES = "it goes"


def run_on(world: World, *days: str) -> None:
    for day in days:
        at(world, day)
        world.tick()


def looked_at(world: World, *notices: Notice) -> dict[str, str]:
    """What the second look says of each, asked in one question."""
    answers = world.review(*(notice.notice_id for notice in notices))
    return {
        notice.occurrence: answer.reason if isinstance(answer, Withheld) else GOES
        for notice, answer in zip(notices, answers, strict=True)
        if isinstance(answer, Letter | Withheld)
    }


def decide_on_new_invoices(world: World, sync_id: str = "s1") -> None:
    new = Candidate("acme", of_new_invoices("acme", sync_id), "NEW_INVOICE", reachable=True)
    with world.store.write() as work:
        Telling(world.ticking.new_id).decide(SUMMARY, [new], work, world.clock.now())


def of_acme(world: World, type: NoticeType = SUMMARY) -> list[Notice]:
    found = (notice for notice in told(world, type) if notice.organization_id == "acme")
    return sorted(found, key=lambda notice: notice.notice_id)


def test_of_the_summaries_that_waited_each_organization_gets_the_one_that_waited_longest() -> None:
    world = with_types(summaries())
    run_on(world, "2026-03-15", "2026-04-15", "2026-05-15")
    assert looked_at(world, *told(world, SUMMARY)) == {
        f"{organization}|{day}": reason
        for organization in ("acme", "bolt")
        for day, reason in (
            ("2026-03-15", GOES),
            ("2026-04-15", "TOLD_BY_ANOTHER"),
            ("2026-05-15", "TOLD_BY_ANOTHER"),
        )
    }
    assert states(world, SUMMARY)["bolt|2026-04-15"] == (State.SUPERSEDED, "TOLD_BY_ANOTHER")


def test_a_summary_is_withheld_after_a_newer_one_has_left() -> None:
    world = with_types(summaries())
    run_on(world, "2026-03-15", "2026-04-15")
    older, newer = of_acme(world)
    world.sent(newer.notice_id)
    assert looked_at(world, older) == {"acme|2026-03-15": "TOLD_BY_ANOTHER"}


@pytest.mark.parametrize("state", [State.SKIPPED, State.FAILED, State.SUPERSEDED])
def test_an_older_summary_that_will_not_leave_takes_nothings_place(state: State) -> None:
    world = with_types(summaries())
    run_on(world, "2026-03-15", "2026-04-15")
    older, newer = of_acme(world)
    world.force([(older.notice_id, state, "MAILER_GAVE_UP")])
    assert looked_at(world, newer) == {"acme|2026-04-15": GOES}


def test_a_summary_is_withheld_after_an_older_one_has_left_since_it_was_decided_and_only_then() -> None:
    world = with_types(summaries())
    run_on(world, "2026-03-15", "2026-04-15")
    older, newer = of_acme(world)
    at(world, "2026-04-16")
    world.sent(older.notice_id)
    run_on(world, "2026-05-15")
    (newest,) = of_acme(world)[2:]
    assert looked_at(world, newer, newest) == {
        "acme|2026-04-15": "TOLD_BY_ANOTHER",
        "acme|2026-05-15": GOES,
    }


def test_one_that_was_told_before_the_next_was_decided_does_not_keep_that_back() -> None:
    world = with_types(summaries())
    run_on(world, "2026-03-15")
    by_hand = send_summary("r1", "acme", ticking=world.ticking)
    world.sent(by_hand.notice_id)
    run_on(world, "2026-04-15")
    older, _, newer = of_acme(world)
    together = {"acme|2026-03-15": "TOLD_BY_ANOTHER", "acme|2026-04-15": GOES}
    assert looked_at(world, newer) == {"acme|2026-04-15": GOES}
    assert looked_at(world, older, newer) == together


def test_a_summary_asked_for_by_hand_goes_whatever_else_is_on_its_way() -> None:
    world = with_types(summaries())
    send_summary("r1", "acme", ticking=world.ticking)
    run_on(world, "2026-03-15")
    send_summary("r2", "acme", ticking=world.ticking)
    first, scheduled, last = of_acme(world)
    assert set(looked_at(world, first, last).values()) == {GOES}
    world.sent(scheduled.notice_id)
    assert set(looked_at(world, first, last).values()) == {GOES}
    world.sent(first.notice_id)
    assert looked_at(world, last) == {last.occurrence: GOES}


def test_a_summary_asked_for_by_hand_says_all_that_the_one_of_the_schedule_would() -> None:
    world = with_types(summaries())
    run_on(world, "2026-03-15")
    (scheduled,) = of_acme(world)
    by_hand = send_summary("r1", "acme", ticking=world.ticking)
    world.sent(by_hand.notice_id)
    assert looked_at(world, scheduled) == {"acme|2026-03-15": "TOLD_BY_ANOTHER"}


def test_one_sent_to_all_takes_the_place_of_the_schedules_once_it_has_left_since_it_may_be_cancelled() -> (
    None
):
    world = with_types(summaries())
    run_on(world, "2026-03-15")
    start_campaign("c1", DebtorAudience(), "sam", ticking=world.ticking)
    work_on_campaigns(ticking=world.ticking)
    run_on(world, "2026-04-15")
    first, of_all, last = of_acme(world)
    world.force([(first.notice_id, State.FAILED, "MAILER_GAVE_UP")])
    assert looked_at(world, of_all, last) == {of_all.occurrence: GOES, last.occurrence: GOES}
    at(world, "2026-04-16")
    world.sent(of_all.notice_id)
    assert looked_at(world, last) == {last.occurrence: "TOLD_BY_ANOTHER"}


def test_a_cancelled_campaign_takes_nothings_place() -> None:
    world = with_types(summaries())
    run_on(world, "2026-03-15")
    start_campaign("c1", DebtorAudience(), "sam", ticking=world.ticking)
    work_on_campaigns(ticking=world.ticking)
    cancel_campaign("c1", store=world.store, clock=world.clock)
    first, of_all = of_acme(world)
    assert looked_at(world, first, of_all) == {
        first.occurrence: GOES,
        of_all.occurrence: "CAMPAIGN_CANCELLED",
    }


@pytest.mark.parametrize(
    ("brings", "reason"),
    [(OnNewInvoice.SUMMARY, "TOLD_BY_ANOTHER"), (OnNewInvoice.NOTHING, GOES)],
)
def test_one_about_new_invoices_takes_a_place_while_these_bring_it(brings: OnNewInvoice, reason: str) -> None:
    world = with_types(summaries(on_new_invoice=brings))
    decide_on_new_invoices(world)
    run_on(world, "2026-03-15")
    _, scheduled = of_acme(world)
    assert looked_at(world, scheduled) == {"acme|2026-03-15": reason}


def test_of_all_weeks_of_an_expired_card_one_is_told() -> None:
    world = with_types(EmailType(EXPIRATION, enabled=True))
    world.accounts.methods["acme"] = [card("2026-04"), card("2026-04", "m1|2026-04")]
    run_on(world, "2026-03-30", "2026-05-01", "2026-05-08", "2026-05-15")
    assert looked_at(world, *told(world, EXPIRATION)) == {
        f"acme|{method}|2026-04|{what}": reason
        for method in ("m1", "m1|2026-04")
        for what, reason in (
            ("expiring", "CARD_HAS_EXPIRED"),
            ("expired:0", GOES),
            ("expired:1", "TOLD_BY_ANOTHER"),
            ("expired:2", "TOLD_BY_ANOTHER"),
        )
    }
    assert states(world, EXPIRATION)["acme|m1|2026-04|expired:1"] == (State.SUPERSEDED, "TOLD_BY_ANOTHER")


def test_that_a_card_expires_does_not_tell_that_it_has() -> None:
    world = with_types(EmailType(EXPIRATION, enabled=True))
    world.accounts.methods["acme"] = [card("2026-04")]
    run_on(world, "2026-03-30", "2026-05-01")
    expires, has_expired = of_acme(world, EXPIRATION)
    assert looked_at(world, has_expired) == {has_expired.occurrence: GOES}
    world.sent(expires.notice_id)
    assert looked_at(world, has_expired) == {has_expired.occurrence: GOES}


def test_a_card_that_was_renewed_meanwhile_is_told_by_its_new_month_alone() -> None:
    world = with_types(EmailType(EXPIRATION, enabled=True))
    world.accounts.methods["acme"] = [card("2026-04")]
    run_on(world, "2026-03-30")
    world.accounts.methods["acme"] = [card("2026-05")]
    run_on(world, "2026-04-30")
    assert looked_at(world, *told(world, EXPIRATION)) == {
        "acme|m1|2026-04|expiring": "CARD_RENEWED",
        "acme|m1|2026-05|expiring": GOES,
    }


@pytest.mark.parametrize(
    ("on", "reason"), [(date(2026, 4, 30), GOES), (date(2026, 5, 1), "CARD_HAS_EXPIRED")]
)
def test_that_a_card_expires_is_not_told_once_it_has(on: date, reason: str) -> None:
    world = with_types(EmailType(EXPIRATION, enabled=True))
    world.accounts.methods["acme"] = [card("2026-04")]
    run_on(world, "2026-03-30")
    at(world, on.isoformat())
    (notice,) = told(world, EXPIRATION)
    assert looked_at(world, notice) == {"acme|m1|2026-04|expiring": reason}
    assert told(world, EXPIRATION)[0].state is (State.QUEUED if reason == GOES else State.SKIPPED)
