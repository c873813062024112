"""Answering what a mail to an organization needs, and which organizations there are to mail."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from services.paynow.domain.accounts import (
    MOST_INVOICES,
    MOST_METHODS,
    MOST_PLANS,
    Account,
    Debtor,
    ExpiringMethod,
    Moved,
    UpcomingPayments,
)
from services.paynow.domain.books import Addressee
from services.paynow.domain.on_file import MethodKey, StoredMethod
from services.paynow.domain.plans import PlannedPayment, Span
from services.paynow.ports import PayTokens
from services.paynow.ports_accounts import Accounts
from services.paynow.use_cases.books import MOST_ZONES, at_most
from services.shared.clock import Clock

MOST_ACCOUNTS = 200
MOST_ADDRESSED = 5000
MOST_PROFILES = 50
MOST_TYPES = 200
MOST_DAYS = 200
MOST_METHOD_IDS = 200


@dataclass(frozen=True)
class DebtorBatch:
    """Debtors; `total` is 0 except in the first batch."""

    debtors: Sequence[Debtor]
    total: int


def list_time_zones(*, accounts: Accounts) -> Sequence[str]:
    """Those that organizations have of their own, in order."""
    with accounts.read() as books:
        return books.time_zones()


def list_organization_types(*, accounts: Accounts) -> Sequence[str]:
    """Those that organizations have, in order."""
    with accounts.read() as books:
        return books.organization_types(MOST_TYPES)


def list_debtors(
    after: str,
    size: int,
    profile_ids: Collection[str],
    time_zones: Collection[str],
    *,
    accounts: Accounts,
    moved: Moved | None = None,
) -> DebtorBatch:
    """The next organizations with open invoices; counts all for the first batch."""
    at_most(MOST_PROFILES, profile_ids)
    at_most(MOST_ZONES, time_zones)
    with accounts.read() as books:
        return DebtorBatch(
            books.debtors(after, size, profile_ids, time_zones, moved),
            0 if after else books.count_debtors(time_zones, moved),
        )


def list_expiring_methods(
    expires_by: date, after: MethodKey, size: int, time_zones: Collection[str], *, accounts: Accounts
) -> Sequence[ExpiringMethod]:
    """The next cards on file whose last month begins by then."""
    at_most(MOST_ZONES, time_zones)
    with accounts.read() as books:
        return books.expiring(expires_by, after, size, time_zones)


def list_upcoming_payments(
    span: Span,
    after: tuple[str, date | None],
    size: int,
    time_zones: Collection[str],
    *,
    accounts: Accounts,
) -> Sequence[UpcomingPayments]:
    """The next days within the span on which an organization's payments will be made by themselves."""
    at_most(MOST_ZONES, time_zones)
    with accounts.read() as books:
        return books.upcoming(span, after, size, time_zones)


def read_accounts(
    organization_ids: Collection[str],
    profile_ids: Collection[str],
    with_pay_tokens: bool,
    today: date | None,
    pay_days: Collection[date] = (),
    *,
    method_ids: Collection[str] = (),
    accounts: Accounts,
    tokens: PayTokens,
    clock: Clock,
) -> list[Account]:
    """What a mail about each of the accounts needs, as it stands now; unknown ones are left out.

    Pay tokens are for the first of the addresses; where there is none, there are none. `today` decides what
    is past due, and payments that were planned for days before it do not count. With `pay_days` only payments
    on those days are of interest, each of which is summed up; with `method_ids` only methods with these ids.
    """
    at_most(MOST_ACCOUNTS, organization_ids)
    at_most(MOST_PROFILES, profile_ids)
    at_most(MOST_DAYS, pay_days)
    at_most(MOST_METHOD_IDS, method_ids)
    days = {day for day in pay_days if today is None or day >= today}
    with accounts.read() as books:
        organizations = books.organizations_by_id(set(organization_ids))
        ids = {organization.organization_id for organization in organizations}
        addressees = books.addressees(ids, profile_ids)
        invoices = books.open_invoices(ids, MOST_INVOICES)
        totals = books.totals(today or date.min, ids)
        methods = books.methods(ids, MOST_METHOD_IDS if method_ids else MOST_METHODS, method_ids)
        if pay_days:
            plans, summed = books.plans_on(ids, days, MOST_PLANS, today), books.pay_days(ids, days, today)
        else:
            plans, summed = books.plans(ids, MOST_PLANS, Span(today)), {}
    found = [
        Account(
            organization,
            addressees.get(key := organization.organization_id, ()),
            tuple(invoices.get(key, ())),
            tuple(sorted(totals.get(key, ()), key=lambda total: (-total.open_invoices, total.currency))),
            tuple(methods.get(key, ())),
            tuple(plans.get(key, ())),
            pay_days=tuple(summed.get(key, ())),
        )
        for organization in organizations
    ]
    return [_with_tokens(account, tokens, clock) for account in found] if with_pay_tokens else found


def read_addressees(
    organization_ids: Collection[str], profile_ids: Collection[str], *, accounts: Accounts
) -> Mapping[str, Sequence[Addressee]]:
    """By organization whom a mail would go to; those where it is nobody are left out."""
    at_most(MOST_ADDRESSED, organization_ids)
    at_most(MOST_PROFILES, profile_ids)
    with accounts.read() as books:
        return books.addressees(set(organization_ids), profile_ids)


def list_methods(organization_id: str, *, accounts: Accounts) -> Sequence[StoredMethod]:
    """All methods on file of one organization, deleted ones last."""
    with accounts.read() as books:
        return books.methods([organization_id]).get(organization_id, ())


def list_plans(organization_id: str, first: date, *, accounts: Accounts) -> Sequence[PlannedPayment]:
    """The payments of one organization that will be made by themselves from that day on, at most so many."""
    with accounts.read() as books:
        return books.plans([organization_id], MOST_PLANS, Span(first)).get(organization_id, ())


def _with_tokens(account: Account, tokens: PayTokens, clock: Clock) -> Account:
    if not account.addressees:
        return account
    now, first = clock.now(), account.addressees[0].email
    return replace(account, pay_tokens=tuple(tokens.make(one, first, now) for one in account.invoices))
