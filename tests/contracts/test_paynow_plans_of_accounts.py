"""Over a million invoices PostgreSQL answers about accounts by an index; it is asked how it would."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from services.paynow.domain.accounts import Moved
from services.paynow.domain.plans import Span
from services.paynow.ports_accounts import AccountsReader, ContactFilter
from services.paynow.repository.accounts_writer import SqlAccounts
from services.shared.database import Database
from tests.contracts.test_paynow_plans import MIDDLE, ORGANIZATIONS, TODAY, million, must_use, plans

__all__ = ["million"]

pytestmark = [pytest.mark.postgresql]

AT = datetime(2026, 7, 1, tzinfo=UTC)
SOON = Span(TODAY, date(2026, 7, 4))
OF_ORGANIZATION = "invoices_organization_id_number_key"

ACCOUNTS: dict[str, tuple[Callable[[AccountsReader], object], str]] = {
    "time zones": (lambda view: view.time_zones(), "organizations_with_time_zone"),
    "debtors": (lambda view: view.debtors("O-5", 1000, [], []), OF_ORGANIZATION),
    "debtors in a zone": (lambda view: view.debtors("", 1000, [], ["Europe/Berlin"]), OF_ORGANIZATION),
    "debtors that moved": (
        lambda view: view.debtors("", 1000, [], [], Moved(AT, AT)),
        f"organizations_that_moved or {OF_ORGANIZATION}",
    ),
    "due invoices in a zone": (
        lambda view: view.due_invoices(TODAY, MIDDLE, 1000, ["Europe/Berlin"]),
        f"invoices_due or invoices_pkey or {OF_ORGANIZATION}",
    ),
    "open invoices of accounts": (lambda view: view.open_invoices(ORGANIZATIONS, 200), OF_ORGANIZATION),
    "methods of accounts": (lambda view: view.methods(ORGANIZATIONS, 50), "payment_methods_pkey"),
    "cards that expire": (
        lambda view: view.expiring(TODAY, ("O-5", "M-1"), 1000, []), "payment_methods_expiring",
    ),
    "plans of accounts": (lambda view: view.plans(ORGANIZATIONS, 200, Span(TODAY)), OF_ORGANIZATION),
    "plans of accounts on a day": (
        lambda view: view.plans_on(ORGANIZATIONS, [TODAY], 200), OF_ORGANIZATION,
    ),
    "what payments of accounts on a day come to": (
        lambda view: view.pay_days(ORGANIZATIONS, [TODAY]), OF_ORGANIZATION,
    ),
    "plans of invoices": (
        lambda view: view.next_plans(range(MIDDLE, MIDDLE + 500), Span(TODAY)), "invoices_pkey",
    ),
    "payments of the next days": (
        lambda view: view.upcoming(SOON, ("", None), 1000, []), "scheduled_payments_by_date",
    ),
    "contacts with a profile": (
        lambda view: view.contacts(ContactFilter(profile_id="billing"), 0, 1000), "contacts_with_profile",
    ),
    "contacts by an address": (lambda view: view.contacts_at("a7@x.test", 50), "addresses_by_key"),
}  # fmt: skip


@pytest.mark.parametrize("name", ACCOUNTS)
def test_accounts_are_found_by_index(million: Database, name: str) -> None:
    ask, index = ACCOUNTS[name]

    def act() -> None:
        with SqlAccounts(million).read() as view:
            ask(view)

    must_use(plans(million, act), *index.split(" or "))
