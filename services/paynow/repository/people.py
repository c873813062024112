"""Contacts in a database, as lists of them are read."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select
from sqlalchemy import text as sql

from services.paynow.domain.accounts import ListedContact
from services.paynow.domain.books import Address, Contact
from services.paynow.ports_accounts import ContactFilter
from services.paynow.repository.books_rows import CONTACT_COLUMNS
from services.paynow.tables import addresses, contacts, organizations

_OF_ORGANIZATION = (
    organizations.c.name.label("organization_name"),
    organizations.c.language,
    organizations.c.type.label("organization_type"),
    organizations.c.status.label("organization_status"),
)
"""The fields of a `ListedContact` behind the contact, in their order."""


def list_contacts(
    connection: Connection, wanted: ContactFilter, after: int, limit: int
) -> Sequence[ListedContact]:
    """Contacts by id, with their addresses."""
    ids = _ids(wanted).where(contacts.c.contact_id > after).order_by(contacts.c.contact_id).limit(limit)
    return _listed(connection, contacts.c.contact_id.in_(ids))


def count_contacts(connection: Connection, wanted: ContactFilter) -> int:
    """How many there are in all."""
    return int(connection.execute(select(func.count()).select_from(_ids(wanted).subquery())).scalar_one())


def count_by_profile(connection: Connection, wanted: ContactFilter) -> Sequence[tuple[str, int]]:
    """How many there are with each profile, empty for none; the largest number first."""
    number = func.count().label("number")
    query = _ids(wanted).with_only_columns(contacts.c.profile_id, number).group_by(contacts.c.profile_id)
    found = connection.execute(query.order_by(number.desc(), contacts.c.profile_id))
    return [(profile_id, int(of_it)) for profile_id, of_it in found]


def contacts_by_id(connection: Connection, contact_ids: Collection[int]) -> Sequence[ListedContact]:
    """The known ones, by id."""
    return _listed(connection, contacts.c.contact_id.in_(list(contact_ids)))


def contacts_at(connection: Connection, email_key: str, limit: int) -> Sequence[ListedContact]:
    """The first contacts that have the address, by id."""
    t = addresses.c
    ids = select(t.contact_id).where(t.email_key == email_key).order_by(t.contact_id).limit(limit)
    return _listed(connection, contacts.c.contact_id.in_(ids))


def _ids(wanted: ContactFilter) -> Select[Any]:
    o = organizations.c
    query = select(contacts.c.contact_id).join_from(contacts, organizations)
    if wanted.profile_id:
        # Spelled out, so that the index of contacts with a profile may serve.
        query = query.where(sql("contacts.profile_id <> ''"), contacts.c.profile_id == wanted.profile_id)
    if wanted.other_profile_than is not None:
        query = query.where(contacts.c.profile_id != wanted.other_profile_than)
    if wanted.without_types:
        query = query.where(o.type.not_in(sorted(wanted.without_types)))
    if wanted.without_statuses:
        query = query.where(o.status.not_in(sorted(wanted.without_statuses)))
    if wanted.only_default:
        query = query.where(contacts.c.is_default)
    if wanted.organization_type:
        query = query.where(o.type == wanted.organization_type)
    if wanted.organization_status:
        query = query.where(o.status == wanted.organization_status)
    return query


def _listed(connection: Connection, which: ColumnElement[bool]) -> Sequence[ListedContact]:
    """One statement: a contact must not be seen as it is now, with the addresses that it had before."""
    query = (
        select(*CONTACT_COLUMNS, *_OF_ORGANIZATION)
        .add_columns(addresses.c.email_key, addresses.c.email, addresses.c.position.label("place"))
        .join_from(contacts, organizations)
        .outerjoin(addresses, addresses.c.contact_id == contacts.c.contact_id)
        .where(which)
        .order_by(contacts.c.contact_id, addresses.c.position)
    )
    fields: dict[int, Any] = {}
    whose: dict[int, tuple[str, str, str, str]] = {}
    has: dict[int, list[Address]] = {}
    for *of_contact, name, language, type, status, email_key, email, position in connection.execute(query):
        contact_id = of_contact[0]
        fields[contact_id], whose[contact_id] = of_contact, (name, language, type, status)
        of_it = has.setdefault(contact_id, [])
        if email_key is not None:
            of_it.append(Address(email_key, email, position))
    return [
        ListedContact(Contact(*(*of_contact[:8], tuple(has[key]), *of_contact[8:])), *whose[key])
        for key, of_contact in fields.items()
    ]
