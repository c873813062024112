"""Contacts with their addresses, by organization."""

from dataclasses import replace

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
    last = 0
    for *of_contact, email_key, email, position in connection.execute(_WITH_ADDRESSES.where(wanted)).all():
        address = () if email_key is None else (Address(email_key, email, position),)
        contact_id, organization_id = of_contact[0], of_contact[1]
        if contact_id != last:
            result.setdefault(organization_id, []).append(Contact(*of_contact, addresses=address))
            last = contact_id
        else:
            so_far = result[organization_id]
            so_far[-1] = replace(so_far[-1], addresses=so_far[-1].addresses + address)
    return result
