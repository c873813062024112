"""Contacts with their addresses, by organization."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from services.paynow.domain.books import Address, Contact
from services.paynow.repository.books_rows import contact_of
from services.paynow.tables import addresses, contacts


def contacts_of(connection: Connection, wanted: ColumnElement[bool]) -> dict[str, list[Contact]]:
    """The contacts that match, by organization and in order, with their addresses; two statements."""
    of_contact: dict[int, list[Address]] = {}
    query: Any = select(addresses).join(contacts).where(wanted)
    for row in connection.execute(query.order_by(addresses.c.contact_id, addresses.c.position)).all():
        address = Address(row.email_key, row.email, row.position)
        of_contact.setdefault(row.contact_id, []).append(address)
    result: dict[str, list[Contact]] = {}
    query = select(contacts).where(wanted)
    for row in connection.execute(query.order_by(contacts.c.organization_id, contacts.c.position)).all():
        contact = contact_of(row, tuple(of_contact.get(row.contact_id, ())))
        result.setdefault(row.organization_id, []).append(contact)
    return result
