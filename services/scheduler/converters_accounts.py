"""From the wire of the ledger's accounts."""

from datetime import date

from dunlin.paynow.v1 import accounts_pb2, books_pb2, plans_pb2

from services.scheduler.converters_books import invoice, plan, recipients
from services.scheduler.domain.books import (
    Account,
    Contact,
    Debtor,
    DebtorBatch,
    ExpiringCard,
    Method,
    PlansOfDay,
    PlansTotal,
    Total,
    UpcomingDay,
)
from services.shared.wire import instant


def debtors(answer: accounts_pb2.ListDebtorsResponse) -> DebtorBatch:
    """A batch of debtors."""
    found = (Debtor(d.organization_id, d.organization_name, d.time_zone, d.reachable) for d in answer.debtors)
    return DebtorBatch(tuple(found), answer.total)


def method(found: plans_pb2.StoredMethod) -> Method:
    """A method on file."""
    return Method(found.method_id, found.label, found.nickname, found.expires_month, found.expires_year)


def expiring_card(found: accounts_pb2.ExpiringMethod) -> ExpiringCard:
    """A card and whether anybody can be told of it."""
    return ExpiringCard(found.method.organization_id, method(found.method), found.time_zone, found.reachable)


def upcoming_day(found: accounts_pb2.UpcomingPayments) -> UpcomingDay:
    """A day on which payments are made by themselves."""
    return UpcomingDay(
        found.organization_id, date.fromisoformat(found.pays_on), found.time_zone, found.reachable
    )


def account(found: accounts_pb2.Account) -> Account:
    """An organization with everything that is open."""
    organization = found.organization
    return Account(
        organization_id=organization.organization_id,
        organization_name=organization.name,
        time_zone=organization.time_zone,
        language=organization.language,
        addressees=recipients(found.addressees),
        invoices=tuple(map(invoice, found.invoices)),
        pay_tokens=tuple(found.pay_tokens),
        more_invoices=found.more_invoices,
        totals=tuple(Total(t.currency, t.open_minor, t.past_due_minor) for t in found.totals),
        methods=tuple(map(method, found.methods)),
        plans=tuple(map(plan, found.plans)),
        planned=tuple(map(invoice, found.planned_invoices)),
        pay_days=tuple(map(_plans_of_day, found.pay_days)),
    )


def _plans_of_day(found: accounts_pb2.PayDay) -> PlansOfDay:
    totals = tuple(PlansTotal(total.currency, total.amount_minor) for total in found.totals)
    return PlansOfDay(date.fromisoformat(found.pays_on), found.payments, totals)


def contact(found: books_pb2.Contact) -> Contact:
    """A contact."""
    return Contact(
        contact_id=found.contact_id,
        organization_id=found.organization_id,
        organization_name=found.organization_name,
        name=found.name,
        emails=tuple(found.emails),
        profile_id=found.profile_id,
        signed_in_at=instant(found.signed_in_at) if found.HasField("signed_in_at") else None,
        language=found.language,
        organization_type=found.organization_type,
        organization_status=found.organization_status,
    )
