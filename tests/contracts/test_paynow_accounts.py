"""What a mail to an organization needs is found, by accounts in memory and on both databases."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from services.paynow.domain.accounts import Debtor, Moved, UpcomingPayments
from services.paynow.domain.books import CurrencyTotal, TooMany
from services.paynow.domain.plans import Span
from services.paynow.use_cases import accounts as asks
from services.paynow.use_cases import books
from tests.contracts.paynow_accounts import Tokens, World, day, open_world
from tests.contracts.paynow_books import KINDS
from tests.fakes.clock import SetClock
from tests.fakes.paynow_accounts import a_card, autopay, scheduled
from tests.fakes.paynow_books import a_record
from tests.servers import MigratedUrl

BERLIN, TOKYO = "Europe/Berlin", "Asia/Tokyo"


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[World]:
    with open_world(request.param, migrated_url) as world:
        yield world


def three_organizations(world: World) -> None:
    world.sync(
        a_record("1"),
        a_record("2", organization_id="O-2", organization_name="Two", organization_time_zone=BERLIN),
        a_record("3", organization_id="O-3", contact_emails=(), organization_time_zone=TOKYO),
        a_record("4", organization_id="O-4", balance="0", status="paid"),
        a_record("5", organization_id="O-5", status="third_party"),
    )


# Time zones


def test_the_zones_that_organizations_have_of_their_own_are_listed_once_and_in_order(world: World) -> None:
    three_organizations(world)
    world.sync(a_record("6", organization_id="O-6", organization_time_zone=BERLIN))
    assert asks.list_time_zones(accounts=world.accounts) == [TOKYO, BERLIN]


def test_the_types_that_organizations_have_are_listed_once_and_in_order(world: World) -> None:
    world.sync(
        a_record("1", organization_type="Residential"),
        a_record("2", organization_id="O-2", organization_type="Managed"),
        a_record("3", organization_id="O-3", organization_type="Residential"),
        a_record("4", organization_id="O-4", organization_type=""),
    )
    assert asks.list_organization_types(accounts=world.accounts) == ["Managed", "Residential"]


@pytest.mark.parametrize(
    ("zones", "found"),
    [([], "123"), ([BERLIN], "2"), ([""], "1"), (["", TOKYO], "13"), (["Europe/Paris"], "")],
)
def test_due_invoices_come_by_time_zone(world: World, zones: list[str], found: str) -> None:
    three_organizations(world)
    batch = books.list_due_invoices(day(31), 0, 10, zones, ledger=world.ledger)
    assert [one.number for one in batch.invoices] == list(found)
    assert batch.total == len(found)
    assert {one.number: one.time_zone for one in batch.invoices}.get("2", BERLIN) == BERLIN


# Debtors


def test_debtors_are_those_with_open_invoices(world: World) -> None:
    three_organizations(world)
    batch = asks.list_debtors("", 10, [], [], accounts=world.accounts)
    assert batch.debtors == [
        Debtor("O-1", "Harbor Lights LLC", "", True),
        Debtor("O-2", "Two", BERLIN, True),
        Debtor("O-3", "Harbor Lights LLC", TOKYO, False),
    ]
    assert batch.total == 3


def test_debtors_come_in_batches_that_count_only_once(world: World) -> None:
    three_organizations(world)
    first = asks.list_debtors("", 2, [], [], accounts=world.accounts)
    second = asks.list_debtors("O-2", 2, [], [], accounts=world.accounts)
    assert [one.organization_id for one in (*first.debtors, *second.debtors)] == ["O-1", "O-2", "O-3"]
    assert (first.total, second.total) == (3, 0)


def test_debtors_come_by_time_zone(world: World) -> None:
    three_organizations(world)
    batch = asks.list_debtors("", 10, [], ["", TOKYO], accounts=world.accounts)
    assert [one.organization_id for one in batch.debtors] == ["O-1", "O-3"]
    assert batch.total == 2


def test_debtors_that_moved_are_those_whose_zone_a_later_sync_has_changed(world: World) -> None:
    first, later = datetime(2026, 3, 2, 15, tzinfo=UTC), datetime(2026, 3, 3, 15, tzinfo=UTC)

    def moved(since: datetime, known_before: datetime | None = None) -> list[str]:
        asked = Moved(since, known_before)
        batch = asks.list_debtors("", 10, [], [], moved=asked, accounts=world.accounts)
        assert batch.total == len(batch.debtors)
        return [one.organization_id for one in batch.debtors]

    three_organizations(world)
    assert moved(first) == [], "who is new has not moved"
    world.sync(
        a_record("1", organization_time_zone=BERLIN),
        a_record("2", organization_id="O-2", organization_name="Second", organization_time_zone=BERLIN),
        a_record("3", organization_id="O-3", organization_time_zone=""),
        a_record("4", organization_id="O-4", balance="0", status="paid", organization_time_zone=TOKYO),
        at=later,
    )
    assert moved(first) == moved(later) == ["O-1"], "another name, or nothing said of the zone, is no move"
    assert moved(later + timedelta(seconds=1)) == []
    assert moved(first, later) == ["O-1"]
    assert moved(first, first) == [], "it came to the books then"
    world.sync(a_record("1", organization_name="First"), at=later + timedelta(days=1))
    assert moved(later) == ["O-1"]
    assert moved(later + timedelta(seconds=1)) == [], "a sync that leaves the zone leaves the stamp"
    zoned = asks.list_debtors("", 10, [], [TOKYO], moved=Moved(first), accounts=world.accounts)
    assert zoned.debtors == []


def test_whoever_has_the_profile_makes_a_debtor_reachable(world: World) -> None:
    world.sync(
        a_record("1", contact_profile="viewer"),
        a_record("2", organization_id="O-2", contact_profile="billing"),
        a_record("3", organization_id="O-3"),
    )
    batch = asks.list_debtors("", 10, ["billing", "full"], [], accounts=world.accounts)
    assert [one.reachable for one in batch.debtors] == [False, True, False]


# Accounts


def test_an_account_has_everything_that_is_open(world: World) -> None:
    world.sync(
        a_record("late", due_on="2026-02-01", balance="100", organization_language="de"),
        a_record("none", due_on=""),
        a_record("early", due_on="2026-01-01", currency="EUR"),
        a_record("paid", balance="0", status="paid"),
    )
    found = world.account(with_pay_tokens=True, today=date(2026, 1, 15))
    assert found.organization.language == "de"
    assert [one.email for one in found.addressees] == ["ana@harbor.test"]
    assert [one.number for one in found.invoices] == ["early", "late", "none"]
    assert found.pay_tokens == tuple(f"{n} for ana@harbor.test" for n in ("early", "late", "none"))
    assert found.totals == (
        CurrencyTotal("USD", 35_000, 0, 2, 0),
        CurrencyTotal("EUR", 25_000, 25_000, 1, 1),
    )
    assert found.more_invoices == 0


def test_an_unknown_organization_is_left_out(world: World) -> None:
    world.sync(a_record())
    found = asks.read_accounts(
        ["O-9"], [], False, None, accounts=world.accounts, tokens=Tokens(), clock=SetClock()
    )
    assert found == []


def test_an_account_tells_how_many_invoices_it_does_not_list(world: World) -> None:
    world.sync(*[a_record(str(number), due_on=f"2026-01-{1 + number % 28:02}") for number in range(205)])
    found = world.account()
    assert (len(found.invoices), found.more_invoices, found.totals[0].open_invoices) == (200, 5, 205)
    due = [one.due_on for one in found.invoices if one.due_on]
    assert due == sorted(due)


def test_each_account_is_cut_by_itself(world: World) -> None:
    world.sync(
        *[a_record(str(number)) for number in range(201)],
        *[a_record(str(number), organization_id="O-2") for number in range(3)],
    )
    with world.accounts.read() as view:
        found = view.open_invoices(["O-1", "O-2"], 200)
    assert {key: len(invoices) for key, invoices in found.items()} == {"O-1": 200, "O-2": 3}


def test_whom_to_tell_may_go_by_client_profile(world: World) -> None:
    world.sync(
        a_record("1", contact_name="Ana", contact_emails=("ana@x.test",)),
        a_record("2", contact_name="Bob", contact_emails=("bob@x.test",), contact_profile="billing"),
        a_record("3", contact_name="Cy", contact_emails=("cy@x.test", "bob@x.test"), contact_profile="full"),
    )
    assert [one.email for one in world.account().addressees] == ["ana@x.test"]
    of_profiles = world.account(profile_ids=["billing", "full"]).addressees
    assert [(one.name, one.email) for one in of_profiles] == [("Bob", "bob@x.test"), ("Cy", "cy@x.test")]
    assert world.account(profile_ids=["viewer"]).addressees == ()


def test_whom_to_tell_is_told_of_many_without_their_accounts(world: World) -> None:
    three = [f"O-{number}" for number in (1, 2, 3)]
    told = [
        a_record("1", organization_id="O-1", contact_emails=("ana@x.test", "all@x.test")),
        a_record("2", organization_id="O-2", contact_emails=("bob@x.test",), contact_profile="billing"),
        a_record("3", organization_id="O-3", contact_emails=()),
    ]
    world.sync(*told)

    def emails(*profile_ids: str) -> dict[str, list[str]]:
        found = asks.read_addressees([*three, "nobody"], profile_ids, accounts=world.accounts)
        return {organization: [to.email for to in those] for organization, those in found.items()}

    assert emails() == {"O-1": ["ana@x.test", "all@x.test"], "O-2": ["bob@x.test"]}
    assert emails("billing") == {"O-2": ["bob@x.test"]}


def test_without_an_address_there_are_no_tokens(world: World) -> None:
    world.sync(a_record(contact_emails=()))
    assert world.account(with_pay_tokens=True).pay_tokens == ()


def test_methods_come_by_expiry_and_bank_accounts_last(world: World) -> None:
    world.sync(a_record())
    world.sync_methods(
        a_card("bank", kind="bank", expires=""),
        a_card("late", expires="2028-01"),
        a_card("gone", expires="2025-01", status="deleted"),
        a_card("soon", expires="2026-04"),
        a_card("bad", expires="2026-09", status="failed"),
    )
    assert [one.method_id for one in world.account().methods] == ["soon", "bad", "late", "bank"]
    listed = asks.list_methods("O-1", accounts=world.accounts)
    assert [one.method_id for one in listed] == ["soon", "bad", "late", "bank", "gone"]


def test_plans_of_an_account_may_be_about_invoices_that_it_does_not_list(world: World) -> None:
    world.sync(
        *[a_record(str(number), due_on="2026-03-01") for number in range(200)], a_record("last", due_on="")
    )
    world.sync_plans(scheduled(invoice_number="last", pays_on="2026-03-05"))
    found = world.account()
    assert [plan.invoice.number for plan in found.plans] == ["last"]
    assert [one.number for one in found.planned_invoices] == ["last"]
    assert len(found.invoices) == 200


def test_plans_of_days_before_today_do_not_count(world: World) -> None:
    world.sync(a_record("1001"), a_record("1002", due_on="2026-03-20"))
    world.sync_plans(autopay())
    assert [plan.pays_on for plan in world.account().plans] == [day(1), day(20)]
    assert [plan.pays_on for plan in world.account(today=day(2)).plans] == [day(20)]


# Subjects


def test_a_subject_tells_zone_language_and_the_next_payment(world: World) -> None:
    world.sync(a_record(organization_time_zone=BERLIN, organization_language="de"), a_record("other"))
    world.sync_methods(a_card())
    world.sync_plans(
        scheduled("S-2", pays_on="2026-03-12", amount="50"),
        scheduled("S-1", pays_on="2026-03-10", amount="40", method_id="M-1"),
    )
    due = books.list_due_invoices(day(31), 0, 10, ledger=world.ledger).invoices
    ids = {one.number: one.invoice_id for one in due}
    subjects = {
        one.invoice.number: one
        for one in books.read_subjects(
            list(ids.values()), False, day(2), ledger=world.ledger, tokens=Tokens(), clock=SetClock()
        )
    }
    plan = subjects["1001"].plan
    assert (subjects["1001"].time_zone, subjects["1001"].language) == (BERLIN, "de")
    assert plan is not None
    assert (plan.pays_on, plan.amount_minor, plan.method_label) == (day(10), 4000, "Visa ending 4242")
    assert subjects["other"].plan is None


# Cards that expire


def test_cards_come_by_when_they_expire(world: World) -> None:
    three_organizations(world)
    world.sync_methods(
        a_card("a", expires="2026-03"),
        a_card("b", expires="2026-05"),
        a_card("c", expires="2026-02", status="deleted"),
        a_card("d", organization_id="O-2", expires="2025-12", status="failed"),
        a_card("e", organization_id="O-2", kind="bank", expires=""),
        a_card("f", organization_id="O-4", expires="2026-01"),
    )
    found = asks.list_expiring_methods(date(2026, 4, 30), ("", ""), 10, [], accounts=world.accounts)
    assert [(one.method.method_id, one.time_zone) for one in found] == [("a", ""), ("d", BERLIN), ("f", "")]
    later = asks.list_expiring_methods(date(2026, 4, 30), ("O-1", "a"), 1, [], accounts=world.accounts)
    assert [one.method.method_id for one in later] == ["d"]
    zoned = asks.list_expiring_methods(date(2026, 4, 30), ("", ""), 10, [BERLIN], accounts=world.accounts)
    assert [one.method.method_id for one in zoned] == ["d"]


# Upcoming payments


def test_days_with_payments_come_by_organization_and_date(world: World) -> None:
    world.sync(
        a_record("1", due_on="2026-03-10"),
        a_record("2", due_on="2026-03-10"),
        a_record("3", due_on="2026-03-12"),
        a_record("4", due_on="2026-05-01"),
        a_record("5", organization_id="O-2", due_on="2026-03-10", organization_time_zone=BERLIN),
    )
    world.sync_plans(autopay(), scheduled(organization_id="O-2", invoice_number="5", pays_on="2026-03-11"))
    span = Span(day(9), day(12))
    found = asks.list_upcoming_payments(span, ("", None), 10, [], accounts=world.accounts)
    assert found == [
        UpcomingPayments("O-1", day(10), 2, "", True),
        UpcomingPayments("O-1", day(12), 1, "", True),
        UpcomingPayments("O-2", day(11), 1, BERLIN, True),
    ]
    behind = asks.list_upcoming_payments(span, ("O-1", day(10)), 1, [], accounts=world.accounts)
    assert behind == [found[1]]
    zoned = asks.list_upcoming_payments(span, ("", None), 10, [BERLIN], accounts=world.accounts)
    assert zoned == [found[2]]


# Limits


def test_too_much_at_once_is_refused(world: World) -> None:
    with pytest.raises(TooMany):
        asks.list_debtors("", 1, ["p"] * 51, [], accounts=world.accounts)
    with pytest.raises(TooMany):
        asks.list_debtors("", 1, [], ["z"] * 1001, accounts=world.accounts)
    with pytest.raises(TooMany):
        books.list_due_invoices(day(1), 0, 1, ["z"] * 1001, ledger=world.ledger)
    with pytest.raises(TooMany):
        world.account(profile_ids=["p"] * 51)
    with pytest.raises(TooMany):
        asks.read_addressees(["O"] * 5001, [], accounts=world.accounts)
    with pytest.raises(TooMany):
        asks.read_addressees([], ["p"] * 51, accounts=world.accounts)
    with pytest.raises(TooMany):
        asks.read_accounts(
            ["O"] * 201, [], False, None, accounts=world.accounts, tokens=Tokens(), clock=SetClock()
        )
