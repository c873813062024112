"""AutoPay and scheduled payments come in line by line, to accounts in memory and on both databases."""

from collections.abc import Iterator
from typing import Any

import pytest

from services.paynow.domain.plan_lines import PlanRecord
from tests.contracts.paynow_accounts import World, day, open_world
from tests.contracts.paynow_books import KINDS
from tests.fakes.paynow_accounts import a_card, autopay, scheduled
from tests.fakes.paynow_books import a_record
from tests.servers import MigratedUrl


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[World]:
    with open_world(request.param, migrated_url) as world:
        world.sync(a_record("1001"), a_record("yen", currency="JPY", amount="900", balance="900"))
        world.sync_methods(a_card())
        yield world


def counts(world: World, *records: PlanRecord) -> tuple[int, int, int, int]:
    report = world.sync_plans(*records)
    return report.added, report.changed, report.unchanged, report.refused


def names(world: World) -> list[str]:
    return [name for name, _ in world.told()]


def test_a_repeat_changes_nothing_and_tells_nothing(world: World) -> None:
    lines = [autopay(), scheduled(amount="100.00"), scheduled("S-2", status="cancelled")]
    assert counts(world, *lines) == (3, 0, 0, 0)
    assert counts(world, *lines) == (0, 0, 3, 0)
    assert names(world) == ["payment_scheduled"]


def test_what_is_scheduled_is_told_with_everything_that_a_mail_needs(world: World) -> None:
    world.sync_plans(scheduled(amount="100.5", method_id="M-1"))
    ((name, body),) = world.told()
    invoice_id = body["plan"].pop("invoice_id")
    assert world.plans()[0].invoice.invoice_id == invoice_id
    assert (name, body) == (
        "payment_scheduled",
        {
            "plan": {
                "scheduled_id": "S-1",
                "organization_id": "O-1",
                "invoice_number": "1001",
                "pays_on": "2026-03-10",
                "amount_minor": 10_050,
                "currency": "USD",
                "method_label": "Visa ending 4242",
                "revision": 1,
            }
        },
    )


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({}, {"pays_on": "2026-03-11"}, {"name": "payment_rescheduled", "moved_from": "2026-03-10"}),
        ({}, {"amount": "5"}, {"name": "payment_rescheduled", "moved_from": "2026-03-10"}),
        ({}, {"method_id": "M-1"}, {"name": "payment_rescheduled", "moved_from": "2026-03-10"}),
        ({}, {"status": "cancelled"}, {"name": "payment_cancelled"}),
        ({}, {"status": "done"}, None),
        ({"status": "cancelled"}, {"status": "scheduled"}, {"name": "payment_scheduled"}),
        ({"status": "cancelled"}, {"status": "cancelled", "pays_on": "2026-03-12"}, None),
        ({"status": "done"}, {"status": "cancelled"}, None),
    ],
)
def test_each_change_is_told_once_and_counted_in_its_revision(
    world: World, before: dict[str, Any], after: dict[str, Any], told: dict[str, Any] | None
) -> None:
    world.sync_plans(scheduled(**before))
    known = len(world.told())
    for expected in ((0, 1, 0, 0), (0, 0, 1, 0)):
        assert counts(world, scheduled(**after)) == expected
    news = world.told()[known:]
    if told is None:
        assert news == []
        return
    ((name, body),) = news
    assert name == told["name"]
    assert body.get("moved_from") == told.get("moved_from")
    assert body["plan"]["revision"] == 2


def test_a_cancellation_tells_the_payment_as_it_was(world: World) -> None:
    world.sync_plans(scheduled(amount="100", method_id="M-1"))
    world.sync_plans(scheduled(status="cancelled", pays_on="2026-03-31"))
    plan = world.told()[-1][1]["plan"]
    assert (plan["pays_on"], plan["amount_minor"]) == ("2026-03-10", 10_000)
    assert plan["method_label"] == "Visa ending 4242"


def test_of_an_invoice_that_is_paid_nothing_is_told(world: World) -> None:
    world.sync(a_record("1001", balance="0", status="paid"))
    assert counts(world, scheduled()) == (1, 0, 0, 0)
    assert world.told() == []


@pytest.mark.parametrize(
    ("scene", "line"),
    [
        ({}, {"pays_on": "2019-01-01"}),
        ({}, {"pays_on": "2026-02-28"}),
        ({"method": "deleted"}, {"method_id": "M-1"}),
        ({"method": "failed"}, {"method_id": "M-1"}),
        ({"invoice": "cancelled"}, {}),
        ({"invoice": "third_party"}, {}),
        ({"others": [{"pays_on": "2026-03-09"}]}, {}),
        ({"others": [{"pays_on": "2026-03-09", "amount": "250"}]}, {"amount": "10"}),
    ],
)
def test_a_payment_that_is_not_coming_is_taken_in_and_not_told(
    world: World, scene: dict[str, Any], line: dict[str, Any]
) -> None:
    """It is the second of March."""
    world.sync_methods(a_card(status=scene.get("method", "")))
    world.sync(a_record("1001", status=scene.get("invoice", "open")))
    world.sync_plans(*(scheduled("other", **other) for other in scene.get("others", [])))
    known = names(world)
    for status, said in (("", (1, 0, 0, 0)), ("cancelled", (0, 1, 0, 0)), ("scheduled", (0, 1, 0, 0))):
        assert counts(world, scheduled(**line, status=status)) == said
        assert names(world) == known


def test_yesterday_is_today_somewhere(world: World) -> None:
    world.sync_plans(scheduled(pays_on="2026-03-01"))
    assert names(world) == ["payment_scheduled"]


def test_a_payment_that_is_moved_is_told_if_it_is_coming(world: World) -> None:
    world.sync_plans(scheduled(), scheduled("old", invoice_number="yen", pays_on="2026-02-10"))
    assert counts(world, scheduled(pays_on="2026-02-28")) == (0, 1, 0, 0)
    assert names(world) == ["payment_scheduled"]
    world.sync_plans(scheduled("old", invoice_number="yen", pays_on="2026-03-20"))
    name, body = world.told()[-1]
    assert (name, body["moved_from"], body["plan"]["pays_on"]) == (
        "payment_rescheduled",
        "2026-02-10",
        "2026-03-20",
    )


def test_of_two_payments_of_an_invoice_the_second_is_told_with_what_the_first_leaves(world: World) -> None:
    world.sync_plans(scheduled("S-1", amount="150"))
    world.sync_plans(scheduled("S-2", amount="150"))
    assert [body["plan"]["amount_minor"] for _, body in world.told()] == [15_000, 10_000]
    assert [plan.amount_minor for plan in world.plans()] == [15_000, 10_000]
    world.sync_plans(scheduled("S-1", amount="150", status="cancelled"))
    assert world.told()[-1][1]["plan"]["amount_minor"] == 15_000
    assert [plan.amount_minor for plan in world.plans()] == [15_000]


def news(world: World, known: int) -> list[tuple[str, str, int, int]]:
    plans = [(name, body["plan"]) for name, body in world.told()[known:]]
    return [(name, one["scheduled_id"], one["amount_minor"], one["revision"]) for name, one in plans]


@pytest.mark.parametrize(
    ("first", "told"),
    [
        (
            {"status": "cancelled"},
            [("payment_cancelled", "S-1", 25_000, 2), ("payment_scheduled", "S-2", 25_000, 2)],
        ),
        (
            {"amount": "150"},
            [("payment_rescheduled", "S-1", 15_000, 2), ("payment_scheduled", "S-2", 10_000, 2)],
        ),
        ({"status": "done"}, []),
    ],
)
def test_a_payment_that_another_one_makes_room_for_is_told_once(
    world: World, first: dict[str, Any], told: list[tuple[str, str, int, int]]
) -> None:
    """Nothing was left for the second one. What is done makes no room: the list of invoices follows."""
    world.sync_plans(scheduled("S-1", pays_on="2026-03-09"), scheduled("S-2"))
    assert names(world) == ["payment_scheduled"]
    lines = scheduled("S-1", **({"pays_on": "2026-03-09"} | first)), scheduled("S-2")
    for expected in ((0, 1, 1, 0), (0, 0, 2, 0)):
        assert counts(world, *lines) == expected
        assert news(world, 1) == told


def test_a_payment_that_is_there_again_is_told_as_another_change_than_before(world: World) -> None:
    world.sync_plans(scheduled("S-2"))
    world.sync_plans(scheduled("S-1", pays_on="2026-03-09"))
    world.sync_plans(scheduled("S-1", pays_on="2026-03-09", status="cancelled"))
    world.sync_plans(scheduled("S-2", status="cancelled"))
    assert [one for one in news(world, 0) if one[1] == "S-2"] == [
        ("payment_scheduled", "S-2", 25_000, 1),
        ("payment_scheduled", "S-2", 25_000, 2),
        ("payment_cancelled", "S-2", 25_000, 3),
    ]


def test_of_payments_that_are_changed_together_none_is_told_twice(world: World) -> None:
    world.sync_plans(scheduled("S-1", pays_on="2026-03-09"), scheduled("S-2"), scheduled("S-3"))
    first, second = scheduled("S-1", status="cancelled"), scheduled("S-2", status="done")
    assert counts(world, first, second, scheduled("S-3", amount="40")) == (0, 3, 0, 0)
    told = [("payment_cancelled", "S-1", 25_000, 2), ("payment_rescheduled", "S-3", 4_000, 2)]
    assert news(world, 1) == told


def test_a_cancellation_that_names_another_invoice_tells_the_payment_of_the_first_one(world: World) -> None:
    world.sync_plans(scheduled(amount="100"))
    world.sync_plans(scheduled(invoice_number="yen", status="cancelled"))
    plan = world.told()[-1][1]["plan"]
    assert (plan["invoice_number"], plan["amount_minor"], plan["currency"]) == ("1001", 10_000, "USD")


def test_amounts_are_in_the_currency_of_the_invoice(world: World) -> None:
    assert counts(world, scheduled(invoice_number="yen", amount="900")) == (1, 0, 0, 0)
    assert world.told()[0][1]["plan"]["amount_minor"] == 900
    report = world.sync_plans(scheduled(invoice_number="yen", amount="9.5"))
    assert report.refusals[0].reason == "AMOUNT_TOO_PRECISE"


def test_a_payment_that_was_taken_may_be_repeated_after_its_balance_fell(world: World) -> None:
    world.sync_plans(scheduled(amount="200"))
    world.sync(a_record("1001", balance="50"))
    assert counts(world, scheduled(amount="200")) == (0, 0, 1, 0)
    assert [plan.amount_minor for plan in world.plans()] == [5000]
    assert counts(world, scheduled(amount="200", pays_on="2026-03-12")) == (0, 1, 0, 0)
    assert world.sync_plans(scheduled(amount="201")).refusals[0].reason == "AMOUNT_ABOVE_BALANCE"


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        (autopay(organization_id="O-9"), "organization_id", "ORGANIZATION_MISSING"),
        (autopay(organization_id=""), "organization_id", "ORGANIZATION_MISSING"),
        (autopay("yes"), "status", "STATUS_UNKNOWN"),
        (autopay(method_id="M-9"), "method_id", "METHOD_MISSING"),
        (autopay(days_after_due="61"), "days_after_due", "DAYS_OUT_OF_RANGE"),
        (autopay(days_after_due="-61"), "days_after_due", "DAYS_OUT_OF_RANGE"),
        (autopay(days_after_due="1.5"), "days_after_due", "DAYS_OUT_OF_RANGE"),
        (autopay(days_after_due="٣"), "days_after_due", "DAYS_OUT_OF_RANGE"),
        (scheduled(""), "scheduled_id", "SCHEDULED_ID_MISSING"),
        (scheduled("x" * 101), "scheduled_id", "SCHEDULED_ID_TOO_LONG"),
        (scheduled("a\nb"), "scheduled_id", "SCHEDULED_ID_MALFORMED"),
        (scheduled(invoice_number="1002"), "invoice_number", "INVOICE_MISSING"),
        (scheduled(invoice_number=""), "invoice_number", "INVOICE_MISSING"),
        (scheduled(method_id="M-9"), "method_id", "METHOD_MISSING"),
        (scheduled(pays_on=""), "pays_on", "DATE_MISSING"),
        (scheduled(pays_on="10/3/2026"), "pays_on", "DATE_MALFORMED"),
        (scheduled(pays_on="0013-01-01"), "pays_on", "DATE_OUT_OF_RANGE"),
        (scheduled(amount="ten"), "amount", "AMOUNT_MALFORMED"),
        (scheduled(amount="1.001"), "amount", "AMOUNT_TOO_PRECISE"),
        (scheduled(amount="9" * 17), "amount", "AMOUNT_TOO_LARGE"),
        (scheduled(amount="0"), "amount", "AMOUNT_NOT_POSITIVE"),
        (scheduled(amount="-1"), "amount", "AMOUNT_NOT_POSITIVE"),
        (scheduled(amount="250.01"), "amount", "AMOUNT_ABOVE_BALANCE"),
        (scheduled(status="paused"), "status", "STATUS_UNKNOWN"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_line_that_is_wrong_is_refused_alone_and_names_its_cell(
    world: World, line: PlanRecord, field: str, reason: str
) -> None:
    report = world.sync_plans(line, scheduled("other"))
    assert (report.added, report.refused) == (1, 1)
    (refusal,) = report.refusals
    assert (refusal.line, refusal.field, refusal.reason) == (1, field, reason)
    assert len(refusal.message) > 20


def test_a_payment_is_listed_once(world: World) -> None:
    report = world.sync_plans(scheduled(), scheduled(amount="1"))
    assert (report.added, report.refused, report.refusals[0].reason) == (1, 1, "DUPLICATE_SCHEDULED")
    assert len(world.told()) == 1


def test_of_two_lines_about_autopay_the_last_one_holds(world: World) -> None:
    assert counts(world, autopay("on", days_after_due="+2"), autopay("off")) == (1, 1, 0, 0)
    assert world.plans() == ()
    assert counts(world, autopay("on", days_after_due="-2")) == (0, 1, 0, 0)
    assert [plan.pays_on.isoformat() for plan in world.plans()] == ["2026-02-27", "2026-02-27"]


# What is planned


def test_a_scheduled_payment_takes_the_place_of_autopay_and_its_end_gives_it_back(world: World) -> None:
    world.sync_plans(autopay(), scheduled(amount="10"))
    by_number = {plan.invoice.number: plan for plan in world.plans()}
    assert (by_number["1001"].pays_on, by_number["1001"].by_autopay) == (day(10), False)
    assert (by_number["yen"].pays_on, by_number["yen"].by_autopay) == (day(1), True)
    world.sync_plans(scheduled(status="cancelled"))
    assert {plan.pays_on for plan in world.plans()} == {day(1)}


@pytest.mark.parametrize("status", ["deleted", "failed"])
def test_with_a_method_that_cannot_be_used_nothing_is_planned(world: World, status: str) -> None:
    world.sync_plans(autopay(method_id="M-1"), scheduled(method_id="M-1"))
    assert len(world.plans()) == 2
    world.sync_methods(a_card(status=status))
    assert world.plans() == ()
    world.sync_methods(a_card())
    assert len(world.plans()) == 2
