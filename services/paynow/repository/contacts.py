"""Contacts with their addresses, by organization."""

from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from services.paynow.domain.books import Address, Contact
from services.paynow.repository.books_rows import CONTACT_COLUMNS
from services.paynow.tables import addresses, contacts

_OF_ADDRESS = (addresses.c.email_key, addresses.c.email, addresses.c.position.label("address_position"))
_WITH_ADDRESSES = (
    select(*CONTACT_COLUMNS, *_OF_ADDRESS)
    .outerjoin_from(contacts, addresses)
    .order_by(contacts.c.organization_id, contacts.c.position, addresses.c.position)
)


def contacts_of(connection: Connection, wanted: ColumnElement[bool]) -> dict[str, list[Contact]]:
    """The contacts that match, by organization and in order, with their addresses.

    One statement: a contact must not be seen as it is now, with the addresses that it had before.
    """
    result: dict[str, list[Contact]] = {}
    found: Any = connection.execute(_WITH_ADDRESSES.where(wanted)).all()
    last = 0
    for *of_contact, email_key, email, position in found:
        address = () if email_key is None else (Address(email_key, email, position),)
        contact_id, organization_id, *_ = of_contact
        of_it = result.setdefault(organization_id, [])
        if contact_id != last:
            of_it.append(_contact(of_contact, address))
            last = contact_id
        else:
            of_it[-1] = replace(of_it[-1], addresses=of_it[-1].addresses + address)
    return result


def _contact(fields: Any, addresses: tuple[Address, ...]) -> Contact:
    return Contact(*(*fields[:8], addresses, *fields[8:]))
