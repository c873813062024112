"""Rows of the books and the values that they stand for."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, Table, Update, bindparam, case, update

from services.paynow.domain.books import Contact, Organization
from services.paynow.domain.sync import ChangedInvoice, KnownInvoice, NewInvoice
from services.paynow.tables import contacts, invoices, organizations

Values = dict[str, Any]


def organization_of(row: Row[Any]) -> Organization:
    """The organization in a row of `organizations`, without contacts."""
    return Organization(
        row.organization_id,
        row.name,
        row.type,
        row.status,
        row.address,
        row.time_zone,
        row.currency,
        language=row.language,
    )


ORGANIZATION_COLUMNS = (
    *("organization_id", "id_key", "name", "name_key", "type", "status", "address", "time_zone", "currency"),
    *("updated_at", "language", "came_at"),
)


def organization_values(organization: Organization, at: datetime) -> Values:
    """The row of an organization, in the order of `ORGANIZATION_COLUMNS`."""
    return {
        "organization_id": organization.organization_id,
        "id_key": organization.organization_id.casefold(),
        "name": organization.name,
        "name_key": organization.name.casefold(),
        "type": organization.type,
        "status": organization.status,
        "address": organization.address,
        "time_zone": organization.time_zone,
        "currency": organization.currency,
        "updated_at": at,
        "language": organization.language,
        "came_at": at,
    }


CONTACT_COLUMNS = (
    contacts.c.contact_id,
    contacts.c.organization_id,
    contacts.c.position,
    contacts.c.name,
    contacts.c.is_primary,
    contacts.c.starred_by_hand,
    contacts.c.starred_by_crm,
    contacts.c.is_default,
    contacts.c.profile_id,
    contacts.c.signed_in_at,
)
"""The fields of a `Contact` in their order, but its addresses, which stand before the last two."""


def contact_values(contact: Contact) -> Values:
    """The row of a contact, without its id."""
    return {
        "organization_id": contact.organization_id,
        "position": contact.position,
        "name": contact.name,
        "is_primary": contact.is_primary,
        "starred_by_hand": contact.starred_by_hand,
        "starred_by_crm": contact.starred_by_crm,
        "is_default": contact.is_default,
        "profile_id": contact.profile_id,
    }


INVOICE_COLUMNS = (
    "organization_id",
    "number",
    "issued_on",
    "due_on",
    "currency",
    "amount_minor",
    "listed_balance_minor",
    "status",
    "books_balance_minor",
    "balance_minor",
    "paid_here_minor",
    "reserved_minor",
    "updated_at",
    "imprint",
)


def invoice_values(new: NewInvoice, at: datetime) -> tuple[Any, ...]:
    """The row of a new invoice, in the order of `INVOICE_COLUMNS`; a claim is the first eight of them."""
    claim, imprint = new
    return (*claim, claim.balance_minor, claim.balance_minor, 0, 0, at, imprint)


def new_organization_values(organization: Organization, at: datetime) -> Values:
    """What `UPDATE_ORGANIZATION` takes."""
    values = organization_values(organization, at)
    return {f"new_{name}": value for name, value in values.items() if name != "came_at"}


def new_contact_values(contact: Contact) -> Values:
    """What `UPDATE_CONTACT` takes."""
    values = {f"new_{name}": value for name, value in contact_values(contact).items()}
    return values | {"new_contact_id": contact.contact_id}


def new_invoice_values(changed: ChangedInvoice, at: datetime) -> Values:
    """What `UPDATE_INVOICE` takes."""
    claim = changed.claim
    return new_invoice_facts(changed, at) | {
        "new_currency": claim.currency,
        "new_amount_minor": claim.amount_minor,
        "new_listed_balance_minor": claim.balance_minor,
    }


def new_invoice_facts(changed: ChangedInvoice, at: datetime) -> Values:
    """What `UPDATE_INVOICE_FACTS` takes."""
    claim = changed.claim
    return {
        "new_invoice_id": changed.invoice_id,
        "new_issued_on": claim.issued_on,
        "new_due_on": claim.due_on,
        "new_status": claim.status,
        "new_updated_at": at,
        "new_imprint": changed.imprint,
    }


def new_imprint(known: KnownInvoice) -> Values:
    """What `UPDATE_IMPRINT` takes."""
    return {"new_invoice_id": known.invoice_id, "new_imprint": known.imprint}


def _update(table: Table, key: str, *names: str, **others: Any) -> Update:
    """An UPDATE by key that takes each value as a parameter `new_<column>`."""
    values = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in names}
    return update(table).where(table.c[key] == bindparam(f"new_{key}")).values(**values, **others)


UPDATE_ORGANIZATION = _update(
    organizations,
    "organization_id",
    *("id_key", "name", "name_key", "type", "status", "address", "time_zone", "currency", "updated_at"),
    "language",
    zone_changed_at=case(
        (
            organizations.c.time_zone != bindparam("new_time_zone", type_=organizations.c.time_zone.type),
            bindparam("new_updated_at", type_=organizations.c.updated_at.type),
        ),
        else_=organizations.c.zone_changed_at,
    ),
)

UPDATE_CONTACT = _update(
    contacts,
    "contact_id",
    *("name", "is_primary", "starred_by_hand", "starred_by_crm", "is_default", "profile_id"),
)

_listed = bindparam("new_listed_balance_minor", type_=invoices.c.listed_balance_minor.type)
_paid_here = invoices.c.paid_here_minor

_FACTS = ("issued_on", "due_on", "status", "updated_at", "imprint")

# What remains is computed by the database: what was paid here may change while a sync runs.
UPDATE_INVOICE = _update(
    invoices,
    "invoice_id",
    *(*_FACTS, "currency", "amount_minor", "listed_balance_minor"),
    books_balance_minor=_listed,
    balance_minor=case((_listed > _paid_here, _listed - _paid_here), else_=0),
)

# For a line that tells no balance: amount and currency are as they were, and the balances stay.
UPDATE_INVOICE_FACTS = _update(invoices, "invoice_id", *_FACTS)

UPDATE_IMPRINT = _update(invoices, "invoice_id", "imprint")
