"""Conditions that several questions share."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, exists, true
from sqlalchemy import text as sql

from services.paynow.tables import addresses, contacts, invoices, organizations

IS_OPEN = and_(invoices.c.status == "open", invoices.c.balance_minor > 0)


def is_reachable(
    organization_id: ColumnElement[str], profile_ids: Collection[str] = ()
) -> ColumnElement[bool]:
    """Whether a default contact of the organization, or one with such a client profile, has an address."""
    return exists().where(
        contacts.c.organization_id == organization_id,
        is_told(profile_ids),
        addresses.c.contact_id == contacts.c.contact_id,
    )


def is_told(profile_ids: Collection[str] = ()) -> ColumnElement[bool]:
    """Whether a contact is told: a default one, or, where client profiles are named, one with such."""
    if not profile_ids:
        return contacts.c.is_default
    # Spelled out, so that the index of contacts with a profile may serve.
    return and_(sql("contacts.profile_id <> ''"), contacts.c.profile_id.in_(list(profile_ids)))


def is_in_zone(time_zones: Collection[str]) -> ColumnElement[bool]:
    """Whether an organization has one of these time zones, "" meaning none of its own; without any all do."""
    return organizations.c.time_zone.in_(list(time_zones)) if time_zones else true()
