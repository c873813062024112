"""Rules, exclusions, the calendar's settings, lists, explanations."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from services.scheduler.domain import reasons
from services.scheduler.domain.calendar import CalendarSettings
from services.scheduler.domain.notice import NoticeFilter, NoticeType, State
from services.scheduler.domain.thresholds import Rule
from services.scheduler.use_cases import calendar, exclusions, explain, rules
from services.shared.errors import Invalid, Missing
from services.shared.paging import encode_token
from tests.fakes.scheduler import FIRST_RULES
from tests.fakes.scheduler_peers import an_invoice
from tests.unit.scheduler.world import DUE, World

ANY = NoticeFilter()


def test_the_six_first_rules_are_all_off() -> None:
    found = rules.list_rules(store=World().store)
    assert [entry.rule for entry in found] == [Rule(threshold, False) for threshold in FIRST_RULES]
    assert {entry.last_sent_at for entry in found} == {None}


def test_a_rule_can_be_added_once_switched_and_removed() -> None:
    store = World().store
    assert rules.add_rule(Rule(7, True), store=store).rule == Rule(7, True)
    with pytest.raises(rules.RuleExists):
        rules.add_rule(Rule(7, False), store=store)
    assert rules.set_rule_enabled(7, enabled=False, store=store).rule == Rule(7, False)
    assert rules.remove_rule(7, store=store).rule == Rule(7, False)
    for gone in (
        lambda: rules.remove_rule(7, store=store),
        lambda: rules.set_rule_enabled(7, enabled=True, store=store),
    ):
        with pytest.raises(rules.RuleMissing):
            gone()


def test_a_rule_says_when_it_was_last_sent_also_after_it_was_removed_and_added_again() -> None:
    world = World(15)
    world.on_day(15)
    world.tick()
    world.deliver()
    rules.remove_rule(15, store=world.store)
    assert rules.add_rule(Rule(15, True), store=world.store).last_sent_at == world.clock.now()


def exclude(world: World, organization_id: str) -> exclusions.Excluded:
    return exclusions.add_exclusion(
        NoticeType.DUE_NOTICE,
        organization_id,
        store=world.store,
        ledger=world.ledger,
        clock=world.clock,
    )


def test_an_exclusion_is_added_once_listed_and_removed() -> None:
    world = World(15)
    added = exclude(world, "acme")
    world.clock.advance(timedelta(days=1))
    assert exclude(world, "acme") == added
    page = exclusions.list_exclusions(NoticeType.DUE_NOTICE, 0, "", store=world.store)
    assert (page.exclusions, page.next_page_token, page.total) == ([added], "", 1)
    assert exclusions.remove_exclusion(NoticeType.DUE_NOTICE, "acme", store=world.store) == added
    with pytest.raises(exclusions.ExclusionMissing):
        exclusions.remove_exclusion(NoticeType.DUE_NOTICE, "acme", store=world.store)


def test_an_organization_that_the_books_do_not_know_cannot_be_excluded() -> None:
    with pytest.raises(exclusions.OrganizationMissing) as refused:
        exclude(World(), "nobody")
    assert isinstance(refused.value, Missing)


@pytest.mark.parametrize("type", [None, NoticeType.PAYMENT_SUCCEEDED, NoticeType.PAYMENT_FAILED])
def test_nobody_can_be_excluded_from_receipts(type: NoticeType | None) -> None:
    world = World()
    for refused in (
        lambda: exclusions.list_exclusions(type, 0, "", store=world.store),
        lambda: exclusions.remove_exclusion(type, "acme", store=world.store),
    ):
        with pytest.raises(Invalid, match="account summaries, upcoming payments and due notices only"):
            refused()


def test_a_list_is_read_page_by_page_in_order() -> None:
    world = World()
    names = [f"org{n:02}" for n in range(25)]
    for n, name in enumerate(reversed(names)):
        world.ledger.put(an_invoice(n + 1, organization_id=name))
        exclude(world, name)
    seen, token = [], ""
    while True:
        page = exclusions.list_exclusions(NoticeType.DUE_NOTICE, 10, token, store=world.store)
        assert page.total == 25
        seen += [entry.organization_id for entry in page.exclusions]
        token = page.next_page_token
        if not token:
            break
    assert seen == names


def test_an_excluded_organization_gets_a_reasoned_row_and_a_mail_once_it_is_off_the_list() -> None:
    world = World(15)
    world.on_day(15)
    exclude(world, "acme")
    assert world.tick().counts.skipped == 1
    exclusions.remove_exclusion(NoticeType.DUE_NOTICE, "acme", store=world.store)
    assert world.tick().counts.queued == 1


def test_saving_a_calendar_checks_it_and_says_the_date() -> None:
    world = World()
    settings = CalendarSettings("Pacific/Auckland", "07:30", sandbox=False, automatic=False)
    saved = calendar.update_calendar(settings, store=world.store, clock=world.clock)
    assert saved.today == "2026-03-03", "noon UTC is past midnight there"
    assert calendar.get_calendar(store=world.store, clock=world.clock) == saved
    with pytest.raises(Invalid):
        calendar.update_calendar(replace(settings, send_at="7:30"), store=world.store, clock=world.clock)
    assert calendar.get_calendar(store=world.store, clock=world.clock) == saved


def test_notices_are_listed_newest_first_page_by_page() -> None:
    world = World(15)
    world.on_day(15)
    world.ledger.invoices = {n: an_invoice(n) for n in range(1, 8)}
    world.tick()
    seen, token = [], ""
    while True:
        page = explain.list_notices(ANY, 3, token, store=world.store)
        seen += [notice.invoice_id for notice in page.notices]
        token = page.next_page_token
        if not token:
            break
    assert seen == [7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize("key", [("x", "y"), (1,), (1, "a", 2), (10**30, "a")])
def test_a_forged_page_token_is_refused(key: tuple[str | int, ...]) -> None:
    token = encode_token(f"notices {ANY}", *key)
    with pytest.raises(Invalid) as refused:
        explain.list_notices(ANY, 3, token, store=World().store)
    assert refused.value.reason == "PAGE_TOKEN_INVALID"


def why(world: World) -> explain.Explanation:
    return explain.explain_invoice(1, store=world.store, ledger=world.ledger, clock=world.clock)


def test_why_tells_every_decision_what_would_happen_now_and_what_comes_next() -> None:
    world = World(-5, 15, 30, 45)
    world.on_day(31)
    assert why(world).now.startswith("Would send “30 days past due”.")
    world.tick()
    told = why(world)
    assert [(notice.threshold, notice.state) for notice in told.notices] == [
        (15, State.SUPERSEDED),
        (30, State.QUEUED),
    ]
    assert [(d.threshold, d.reason) for d in told.decisions] == [
        (15, "LARGER_THRESHOLD_REACHED"),
        (30, "RULE_REACHED"),
    ]
    assert told.now == "Nothing: “30 days past due” is on its way."
    assert told.next == (45, DUE + timedelta(days=45))


@pytest.mark.parametrize(
    ("became", "now"),
    [
        ({"status": "paid", "balance_minor": 0}, "Nothing: the invoice is paid."),
        ({"status": "third_party"}, "Nothing: the invoice was handed over to a third party."),
        ({"balance_minor": 0}, "Nothing: nothing is left to pay."),
        ({"due_on": None}, "Nothing: the invoice has no due date."),
    ],
)
def test_why_says_what_stands_in_the_way_of_everything(became: dict[str, object], now: str) -> None:
    world = World(15)
    world.on_day(20)
    world.ledger.put(an_invoice(**became))
    told = why(world)
    assert (told.now, told.next) == (now, None)


def test_why_has_no_next_behind_the_last_date_there_is() -> None:
    world = World(-5, 15, 3650)
    world.ledger.put(an_invoice(due_on=date.max))
    assert why(world).next == (-5, date.max - timedelta(days=5))
    world.disable(-5)
    told = why(world)
    assert (told.now, told.next) == ("Nothing: no rule that is on applies today.", None)


def test_why_says_when_no_rule_applies_and_which_is_next() -> None:
    world = World(-5, 15)
    world.on_day(-20)
    told = why(world)
    assert told.now == "Nothing: no rule that is on applies today."
    assert told.next == (-5, DUE - timedelta(days=5))


@pytest.mark.parametrize(
    ("but", "words"),
    [
        ({"reserved_minor": 10_000}, "Would hold “15 days past due”. A payment that covers"),
        (
            {"organization_id": "mute"},
            "Would skip “15 days past due”. Nobody whom it would go to",
        ),
    ],
)
def test_why_says_what_a_tick_would_do_instead_of_sending(but: dict[str, object], words: str) -> None:
    world = World(15)
    world.on_day(15)
    world.ledger.addressees["mute"] = ()
    world.ledger.put(an_invoice(**but))
    assert why(world).now.startswith(words)
    world.tick()
    assert why(world).now.startswith("Nothing: “15 days past due”")


CODES = sorted(name for name, value in vars(reasons).items() if name == value)


@pytest.mark.parametrize("code", CODES)
def test_every_reason_is_a_sentence_that_speaks_of_rules_and_not_of_thresholds(code: str) -> None:
    words = reasons.explanation(code, -5, "550 no such user")
    assert words[0] in "ABCDEFGHIJKLMNOPQRSTUVWXYZ“"
    assert words.endswith((".", ": 550 no such user"))
    assert "threshold" not in words
    assert "{" not in words


def test_why_knows_only_invoices_in_the_books() -> None:
    world = World()
    world.ledger.invoices.clear()
    with pytest.raises(explain.InvoiceMissing):
        why(world)
