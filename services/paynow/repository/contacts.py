"""Contacts with their addresses, by organization."""

from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from services.paynow.domain.books import Address, Contact
from services.paynow.repository.books_rows import contact_of
from services.paynow.tables import addresses, contacts

_WITH_ADDRESSES = (
    select(contacts, addresses.c.email_key, addresses.c.email, addresses.c.position.label("address_position"))
    .outerjoin_from(contacts, addresses)
    .order_by(contacts.c.organization_id, contacts.c.position, addresses.c.position)
)


def contacts_of(connection: Connection, wanted: ColumnElement[bool]) -> dict[str, list[Contact]]:
    """The contacts that match, by organization and in order, with their addresses.

    One statement: a contact must not be seen as it is now, with the addresses that it had before.
    """
    result: dict[str, list[Contact]] = {}
    rows: Any = connection.execute(_WITH_ADDRESSES.where(wanted))
    for _, of_contact in groupby(rows, attrgetter("contact_id")):
        found = list(of_contact)
        with_address = [row for row in found if row.email_key is not None]
        addresses_of_it = tuple(
            Address(row.email_key, row.email, row.address_position) for row in with_address
        )
        contact = contact_of(found[0], addresses_of_it)
        result.setdefault(contact.organization_id, []).append(contact)
    return result
