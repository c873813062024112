"""Pausing reminders: what staff may ask for, what they are told, and that asking twice is harmless."""

from datetime import date, timedelta

import pytest

from services.scheduler.domain.pauses import PauseReason, PauseState, PauseView
from services.scheduler.use_cases.exclusions import OrganizationMissing
from services.scheduler.use_cases.explain import InvoiceMissing
from services.scheduler.use_cases.pauses import (
    AlreadyPaused,
    NothingPromised,
    PauseDiffers,
    PauseMissing,
    PauseOrder,
    PausePage,
    PauseShown,
    add_pause,
    end_pause,
    list_pauses,
)
from services.shared.errors import Invalid
from tests.fakes.scheduler_accounts import FakeOrganization
from tests.fakes.scheduler_peers import an_invoice
from tests.unit.scheduler.world import DUE, World

IN_TEN_DAYS = DUE + timedelta(days=10)
OF_ACME = PauseOrder("p-1", "acme", 0, PauseReason.DISPUTE, "called", IN_TEN_DAYS, "sam@x.test")
OF_INVOICE = OF_ACME._replace(pause_id="p-2", organization_id="", invoice_id=1)


def pause(world: World, order: PauseOrder = OF_ACME, **but: object) -> PauseShown:
    return add_pause(order._replace(**but), ticking=world.ticking)  # type: ignore[arg-type]


def end(world: World, pause_id: str = "p-1") -> PauseShown:
    return end_pause(pause_id, "kim@x.test", store=world.store, clock=world.clock)


def listed(world: World, view: PauseView = PauseView.ALL, size: int = 0, token: str = "") -> PausePage:
    return list_pauses(view, "", size, token, store=world.store, clock=world.clock)


def test_a_pause_says_who_made_it_when_why_and_until_when() -> None:
    world = World()
    world.accounts.organizations["acme"] = FakeOrganization(time_zone="America/Chicago")
    shown = pause(world)
    assert shown.state is PauseState.IN_FORCE
    made = shown.pause
    assert (made.organization_id, made.invoice_id, made.reason) == ("acme", 0, PauseReason.DISPUTE)
    assert (made.note, made.added_by, made.added_at) == ("called", "sam@x.test", world.clock.now())
    assert made.resumes_at.isoformat() == "2026-03-12T05:00:00+00:00", (
        "daylight saving time has begun by then"
    )


def test_a_pause_of_an_invoice_knows_its_organization_and_number() -> None:
    world = World()
    made = pause(world, OF_INVOICE).pause
    assert (made.organization_id, made.invoice_id, made.invoice_number) == ("acme", 1, "001")
    assert pause(world).state is PauseState.IN_FORCE, "the organization has a pause of its own"


def test_a_pause_ends_by_itself() -> None:
    world = World()
    pause(world)
    world.on_day(10)
    assert [one.state for one in listed(world).pauses] == [PauseState.OVER]
    assert end(world).pause.ended_at is None, "it stays as it was"
    assert pause(world, pause_id="p-3", resumes_on=DUE + timedelta(days=20)).state is PauseState.IN_FORCE


def test_a_pause_can_be_ended_early_and_a_repeat_changes_nothing() -> None:
    world = World()
    pause(world)
    ended = end(world)
    assert (ended.state, ended.pause.ended_by) == (PauseState.ENDED, "kim@x.test")
    assert ended.pause.ended_at == world.clock.now()
    world.on_day(1)
    assert end(world) == ended
    assert pause(world) == ended, "a repeat of the first request is no new pause"
    with pytest.raises(PauseMissing):
        end(world, "p-9")


def test_one_pause_of_a_subject_at_a_time_and_the_next_one_takes_its_place_by_wish() -> None:
    world = World()
    pause(world)
    other = OF_ACME._replace(pause_id="p-3", resumes_on=IN_TEN_DAYS + timedelta(days=9))
    with pytest.raises(AlreadyPaused) as refused:
        pause(world, other)
    assert refused.value.metadata == {"pause_id": "p-1"}
    with pytest.raises(AlreadyPaused):
        pause(world, other, replaces="p-8")
    assert pause(world, other, replaces="p-1").state is PauseState.IN_FORCE
    newest, oldest = listed(world).pauses
    assert (newest.pause.pause_id, oldest.state) == ("p-3", PauseState.REPLACED)
    assert (oldest.pause.replaced_by, oldest.pause.ended_by) == ("p-3", "sam@x.test")
    assert [one.pause.pause_id for one in listed(world, PauseView.IN_FORCE).pauses] == ["p-3"]


def test_the_same_request_again_is_harmless_and_another_one_is_refused() -> None:
    world = World()
    first = pause(world)
    world.on_day(20)
    asked = len(world.ledger.calls)
    assert pause(world) == first._replace(state=PauseState.OVER), "though its end would be too early by now"
    assert len(world.ledger.calls) == asked
    for but in ({"note": "x"}, {"reason": PauseReason.OTHER}, {"invoice_id": 1}, {"organization_id": "bolt"}):
        with pytest.raises(PauseDiffers):
            pause(world, **but)


@pytest.mark.parametrize(
    ("but", "reason", "fields"),
    [
        ({"pause_id": "a b"}, "REQUEST_ID_MALFORMED", {"pause_id": "REQUEST_ID_MALFORMED"}),
        ({"organization_id": ""}, "SUBJECT_MISSING", {"subject": "SUBJECT_MISSING"}),
        ({"reason": None}, "PAUSE_INVALID", {"reason": "REASON_MISSING"}),
        ({"note": "x" * 1001}, "PAUSE_INVALID", {"note": "NOTE_TOO_LONG"}),
        ({"resumes_on": DUE}, "PAUSE_INVALID", {"resumes_on": "END_TOO_EARLY"}),
        ({"resumes_on": DUE + timedelta(days=367)}, "PAUSE_INVALID", {"resumes_on": "END_TOO_LATE"}),
        (
            {"reason": None, "resumes_on": None},
            "PAUSE_INVALID",
            {"reason": "REASON_MISSING", "resumes_on": "END_MISSING"},
        ),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_paused(
    but: dict[str, object], reason: str, fields: dict[str, str]
) -> None:
    world = World()
    with pytest.raises(Invalid) as refused:
        pause(world, **but)
    assert refused.value.reason == reason
    assert {one.field: one.reason for one in refused.value.violations} == fields
    assert listed(world).pauses == []


def test_tomorrow_and_the_last_day_are_those_of_the_organization() -> None:
    world = World()
    world.accounts.organizations["acme"] = FakeOrganization(time_zone="Pacific/Kiritimati")
    with pytest.raises(Invalid):
        pause(world, resumes_on=DUE + timedelta(days=1))  # there it is tomorrow already
    assert pause(world, resumes_on=DUE + timedelta(days=367)).state is PauseState.IN_FORCE


def test_what_the_books_do_not_know_cannot_be_paused() -> None:
    world = World()
    with pytest.raises(InvoiceMissing):
        pause(world, OF_INVOICE, invoice_id=9)
    world.ledger.invoices.clear()
    with pytest.raises(OrganizationMissing):
        pause(world, organization_id="nobody")


def test_an_organization_promises_what_is_due_by_then_and_an_invoice_itself() -> None:
    world = World()
    world.ledger.put(an_invoice(2, due_on=IN_TEN_DAYS - timedelta(days=1)))
    world.ledger.put(an_invoice(3, due_on=IN_TEN_DAYS))
    world.ledger.put(an_invoice(4, due_on=None))
    world.ledger.put(an_invoice(5, status="paid", balance_minor=0))
    promise = {"reason": PauseReason.PROMISE_TO_PAY}
    assert pause(world, **promise).pause.promised == (1, 2)
    assert pause(world, OF_INVOICE, invoice_id=3, **promise).pause.promised == (3,)
    with pytest.raises(NothingPromised):
        pause(world, OF_INVOICE, invoice_id=5, pause_id="p-5", **promise)
    assert pause(world, OF_INVOICE, invoice_id=5, pause_id="p-5").pause.promised == ()


def test_pages_follow_each_other_and_say_how_many_there_are() -> None:
    world = World()
    for number in range(3):
        world.ledger.put(an_invoice(number + 1))
        world.clock.advance(timedelta(seconds=1))
        pause(world, OF_INVOICE, pause_id=f"p-{number}", invoice_id=number + 1)
    first = listed(world, size=2)
    second = listed(world, size=2, token=first.next_page_token)
    assert [one.pause.pause_id for one in (*first.pauses, *second.pauses)] == ["p-2", "p-1", "p-0"]
    assert (first.total, second.total, second.next_page_token) == (3, 3, "")
    with pytest.raises(Invalid):
        listed(world, PauseView.IN_FORCE, token=first.next_page_token)


def test_a_date_of_long_ago_or_far_ahead_is_refused_in_words() -> None:
    for far in (date.min, date.max):
        with pytest.raises(Invalid):
            pause(World(), resumes_on=far)
