"""Accounts of contacts: who may open the portal, as far as a password can say. What a contact may do there,
and whether it still may, the books know.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, select, update

from gateway.identity import passwords
from gateway.identity.tables_portal import portal_accounts, portal_contacts, used_links
from services.shared.database import Database
from services.shared.errors import WrongState
from services.shared.portal_links import CLOCKS_APART, LIFETIME, PortalLink
from services.shared.upserts import insert_ignoring


class LinkUsed(WrongState):
    """A link opens once, and this one has."""

    reason = "LINK_USED"


class AccountExists(WrongState):
    """The address has an account, whose password is not to be replaced unasked."""

    reason = "ACCOUNT_EXISTS"


@dataclass(frozen=True)
class PortalContact:
    """Whom an account stands for at one organization."""

    contact_id: int
    """The ledger's id."""
    organization_id: str


@dataclass(frozen=True)
class PortalAccount:
    """One address with one password."""

    account_id: int
    email: str
    """In the form that `normal_address` gives."""
    session_epoch: int
    contacts: tuple[PortalContact, ...]
    """In the order in which they were added."""


def normal_address(email: str) -> str:
    """The form in which accounts know an address."""
    # No address holds a null byte, and PostgreSQL would not even look for one.
    return email.strip().casefold().replace("\0", "\ufffd")


def find_account(database: Database, account_id: int) -> PortalAccount | None:
    """The account with that id."""
    with database.read() as connection:
        return _account(connection, portal_accounts.c.account_id == account_id)


def find_by_address(database: Database, email: str) -> PortalAccount | None:
    """The account with that address."""
    with database.read() as connection:
        return _account(connection, portal_accounts.c.email == normal_address(email))


def check_password(database: Database, email: str, password: str) -> PortalAccount | None:
    """The account if the password is right; None otherwise, after the same work for an unknown address."""
    known_by = portal_accounts.c.email == normal_address(email)
    with database.read() as connection:
        row = connection.execute(select(portal_accounts).where(known_by)).one_or_none()
        account = _account(connection, known_by)
    if not passwords.matches(row.password_hash if row else None, password):
        return None
    return account


def is_used(database: Database, link: PortalLink, email: str, contact: PortalContact) -> bool:
    """Whether the link has been used, or was outdone: the address got a newer password after it was made.

    An older invitation of another organization still opens, so that the account may stand for that one too.
    """
    with database.read() as connection:
        query = select(used_links.c.notice_id).where(used_links.c.notice_id == link.notice_id)
        is_used = connection.execute(query).one_or_none() is not None
        return is_used or _is_outdone(connection, link, normal_address(email), contact)


def choose_password(
    database: Database,
    link: PortalLink,
    email: str,
    contact: PortalContact,
    password: str,
    *,
    replaces: bool,
) -> PortalAccount:
    """Uses up the link: the address has this password from now on, and its account stands for the contact.

    Makes the account if there is none. One that is there gets the new password only if that `replaces` the
    present one: then all its sessions end, and links that it was sent before for the same contact open no
    more. Else this raises `AccountExists`, and the link stays as good as it was.

    Raises `PasswordUnfit`, and `LinkUsed` if the link was used up before or in the same moment elsewhere.
    """
    hashed, now, address = passwords.hash_password(password), datetime.now(UTC), normal_address(email)
    with database.write() as connection:
        _use_up(connection, link.notice_id, now)
        is_it = portal_accounts.c.email == address
        fresh = {"email": address, "password_hash": hashed, "password_set_at": now, "created_at": now}
        if not insert_ignoring(connection, portal_accounts, [fresh], conflict=["email"]):
            if not replaces:
                raise AccountExists(f"There is an account for {address} already.")
            connection.execute(select(portal_accounts.c.account_id).where(is_it).with_for_update())
            if _is_outdone(connection, link, address, contact):
                raise LinkUsed("A newer password was chosen after this link was sent.")
            newer = {
                "password_hash": hashed,
                "password_set_at": now,
                "session_epoch": portal_accounts.c.session_epoch + 1,
            }
            connection.execute(update(portal_accounts).where(is_it).values(**newer))
        account_id = connection.execute(select(portal_accounts.c.account_id).where(is_it)).scalar_one()
        return _stand_for(connection, account_id, contact, now)


def add_contact(
    database: Database, link: PortalLink, account: PortalAccount, contact: PortalContact
) -> PortalAccount:
    """Uses up the link: the account stands for the contact too. Its password and its sessions stay.

    That it is the account of who opened the link is for the caller to know. Raises `LinkUsed`.
    """
    now = datetime.now(UTC)
    with database.write() as connection:
        _use_up(connection, link.notice_id, now)
        return _stand_for(connection, account.account_id, contact, now)


def note_sign_in(database: Database, account_id: int) -> datetime:
    """Notes that the account has signed in now; returns the instant."""
    now = datetime.now(UTC)
    with database.write() as connection:
        of_account = portal_accounts.c.account_id == account_id
        connection.execute(update(portal_accounts).where(of_account).values(last_sign_in_at=now))
    return now


def _is_outdone(connection: Connection, link: PortalLink, address: str, contact: PortalContact) -> bool:
    """Whether the account stands for the contact and has a newer password; a link tells its second only."""
    a = portal_accounts.c
    newer = select(a.account_id).join(portal_contacts, portal_contacts.c.account_id == a.account_id)
    newer = newer.where(a.email == address, portal_contacts.c.contact_id == contact.contact_id)
    newer = newer.where(a.password_set_at >= link.issued_at + timedelta(seconds=1))
    return connection.execute(newer).first() is not None


def _use_up(connection: Connection, notice_id: str, now: datetime) -> None:
    # What is older is refused for its age, and need not be remembered.
    forgotten = now - LIFETIME - CLOCKS_APART - timedelta(hours=1)
    connection.execute(delete(used_links).where(used_links.c.used_at < forgotten))
    row = {"notice_id": notice_id, "used_at": now}
    if not insert_ignoring(connection, used_links, [row], conflict=["notice_id"]):
        raise LinkUsed("This link has been used already.")


def _stand_for(
    connection: Connection, account_id: int, contact: PortalContact, now: datetime
) -> PortalAccount:
    row = {
        "account_id": account_id,
        "contact_id": contact.contact_id,
        "organization_id": contact.organization_id,
        "added_at": now,
    }
    insert_ignoring(connection, portal_contacts, [row], conflict=["account_id", "contact_id"])
    account = _account(connection, portal_accounts.c.account_id == account_id)
    if account is None:
        raise AssertionError("an account is never taken away")
    return account


def _account(connection: Connection, which: ColumnElement[bool]) -> PortalAccount | None:
    row = connection.execute(select(portal_accounts).where(which)).one_or_none()
    if row is None:
        return None
    contacts = connection.execute(
        select(portal_contacts.c.contact_id, portal_contacts.c.organization_id)
        .where(portal_contacts.c.account_id == row.account_id)
        .order_by(portal_contacts.c.added_at, portal_contacts.c.contact_id)
    )
    known = tuple(PortalContact(contact_id, key) for contact_id, key in contacts)
    return PortalAccount(row.account_id, row.email, row.session_epoch, known)
