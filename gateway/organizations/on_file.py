"""What the books know of an organization beyond invoices: methods on file, planned payments, profiles."""

from dataclasses import dataclass, field
from datetime import date

import grpc
from dunlin.paynow.v1.accounts_pb2 import ListMethodsRequest, ListPlansRequest, ReadAccountsRequest
from dunlin.paynow.v1.books_pb2 import Invoice
from dunlin.paynow.v1.plans_pb2 import MethodStatus, PlannedPayment, StoredMethod

from gateway.clients import clients
from gateway.site.client_profiles import all_profiles, names_by_id
from gateway.site.words import Label


@dataclass(frozen=True)
class OnFile:
    """Of one organization; empty while it cannot be told."""

    methods: tuple[tuple[StoredMethod, Label], ...] = ()
    """Each with how it stands."""
    plans: tuple[tuple[PlannedPayment, Invoice | None], ...] = ()
    """Each with its invoice, where that is known."""
    profiles: dict[str, str] = field(default_factory=dict)
    """The names of the client profiles by id."""


def read_on_file(organization_id: str, today: date) -> OnFile:
    """Reads it; a page that shows more than this does without it while it cannot be read."""
    accounts = clients().accounts
    order = ListPlansRequest(organization_id=organization_id)
    setattr(order, "from", today.isoformat())  # "from" is a word of Python
    try:
        methods = accounts.ListMethods(ListMethodsRequest(organization_id=organization_id)).methods
        plans = accounts.ListPlans(order).plans
        profiles = names_by_id(all_profiles())
        invoices = _planned_invoices(organization_id, today) if plans else {}
    except grpc.RpcError:
        return OnFile()
    return OnFile(
        tuple((method, method_label(method, today)) for method in methods),
        tuple((plan, invoices.get(plan.invoice_id)) for plan in plans),
        profiles,
    )


def _planned_invoices(organization_id: str, today: date) -> dict[int, Invoice]:
    order = ReadAccountsRequest(organization_ids=[organization_id], today=today.isoformat())
    return {
        invoice.invoice_id: invoice
        for account in clients().accounts.ReadAccounts(order).accounts
        for invoice in (*account.invoices, *account.planned_invoices)
    }


def method_label(method: StoredMethod, today: date) -> Label:
    """How a method stands: whether it can be used, expires soon, or has expired."""
    if method.status == MethodStatus.METHOD_STATUS_DELETED:
        return "Deleted", "quiet"
    if method.status == MethodStatus.METHOD_STATUS_FAILED:
        return "Failed", "bad"
    if method.expires_year:
        months_left = (method.expires_year - today.year) * 12 + method.expires_month - today.month
        if months_left < 0:
            return "Expired", "bad"
        if months_left <= 1:
            return "Expires next month" if months_left else "Expires this month", "wait"
    return "Active", "good"
