"""Methods on file come in line by line, to accounts in memory and on both databases."""

from collections.abc import Iterator

import pytest

from services.paynow.domain.on_file import StoredMethod
from services.paynow.use_cases import accounts as asks
from tests.contracts.paynow_accounts import World, open_world
from tests.contracts.paynow_books import KINDS
from tests.fakes.paynow_accounts import a_card
from tests.fakes.paynow_books import a_record
from tests.servers import MigratedUrl


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[World]:
    with open_world(request.param, migrated_url) as world:
        world.sync(a_record())
        yield world


def only_method(world: World) -> StoredMethod:
    (found,) = asks.list_methods("O-1", accounts=world.accounts)
    return found


def counts(world: World, *records: object) -> tuple[int, int, int, int]:
    report = world.sync_methods(*records)  # type: ignore[arg-type]  # as the callers below have them
    return report.added, report.changed, report.unchanged, report.refused


def test_a_repeat_changes_nothing(world: World) -> None:
    lines = [a_card(), a_card("bank", kind="bank", brand="First Bank", expires="", last_four="6789")]
    assert counts(world, *lines) == (2, 0, 0, 0)
    assert counts(world, *lines) == (0, 0, 2, 0)
    assert world.told() == []


@pytest.mark.parametrize(
    "change",
    [
        {"brand": "Visa Debit"},
        {"last_four": "4243"},
        {"last_four": ""},
        {"expires": "2027-10"},
        {"nickname": "Office card"},
        {"status": "deleted"},
        {"status": "failed"},
        {"kind": "bank", "expires": ""},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_a_line_says_anew_is_one_change(world: World, change: dict[str, object]) -> None:
    world.sync_methods(a_card())
    assert counts(world, a_card(**change)) == (0, 1, 0, 0)
    assert counts(world, a_card(**change)) == (0, 0, 1, 0)


def test_a_method_that_turns_to_failed_is_told_of_once(world: World) -> None:
    world.sync_methods(a_card())
    failed = a_card(status="failed", failure_reason="CARD_DECLINED")
    for _ in range(2):
        world.sync_methods(failed)
    fact = {
        "method_id": "M-1",
        "organization_id": "O-1",
        "label": "Visa ending 4242",
        "reason": "CARD_DECLINED",
        "failures": 1,
    }
    assert world.told() == [("method_failed", fact)]
    world.sync_methods(a_card())
    world.sync_methods(a_card(status="failed"))
    assert world.told()[1:] == [("method_failed", fact | {"reason": "PROVIDER_ERROR", "failures": 2})]


def test_another_reason_of_the_same_failure_is_no_news(world: World) -> None:
    world.sync_methods(a_card())
    world.sync_methods(a_card(status="failed"))
    world.sync_methods(a_card(status="failed", failure_reason="EXPIRED"))
    assert len(world.told()) == 1
    assert only_method(world).failure_reason == "EXPIRED"


def test_one_that_comes_in_as_failed_is_no_news(world: World) -> None:
    world.sync_methods(a_card(status="failed"))
    assert world.told() == []
    assert only_method(world).failures == 1


def test_a_line_of_an_organization_that_is_not_in_the_books_is_refused_alone(world: World) -> None:
    report = world.sync_methods(a_card(organization_id="O-9"), a_card())
    assert (report.added, report.refused) == (1, 1)
    (refusal,) = report.refusals
    assert (refusal.line, refusal.field, refusal.reason) == (1, "organization_id", "ORGANIZATION_MISSING")


def test_a_method_is_listed_once_for_each_organization(world: World) -> None:
    world.sync(a_record(), a_record("2", organization_id="O-2"))
    report = world.sync_methods(a_card(), a_card(nickname="again"), a_card(organization_id="O-2"))
    assert (report.added, report.refused) == (2, 1)
    (refusal,) = report.refusals
    assert (refusal.line, refusal.reason) == (2, "DUPLICATE_METHOD")
    assert "line 1" in refusal.message
    assert only_method(world).nickname == ""


def test_a_text_that_no_database_can_keep_is_refused_alone(world: World) -> None:
    assert counts(world, a_card("a\0b"), a_card(organization_id="O\0"), a_card()) == (1, 0, 0, 2)
