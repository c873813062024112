"""Staff: rows <-> values."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import Connection, Row, delete, func, select, update

from gateway.identity import passwords
from gateway.identity.tables import ended_sessions, staff
from services.shared.database import Database
from services.shared.errors import Conflict, Invalid, invalid_field
from services.shared.upserts import insert_ignoring


class StaffExists(Conflict):
    """There is an account with this address."""

    reason = "STAFF_EXISTS"


class PasswordWrong(Invalid):
    """The password given as the present one is not."""

    reason = "PASSWORD_WRONG"


@dataclass(frozen=True)
class Staff:
    """One person of the company."""

    staff_id: int
    email: str
    name: str
    session_epoch: int


def add_staff(database: Database, email: str, password: str, name: str = "") -> Staff:
    """Adds an account. Raises `Invalid` naming the field, or `StaffExists`."""
    address = _address(email)
    shown = " ".join(name.split()) or address.partition("@")[0]
    if len(shown) > 200:
        raise invalid_field("name", "NAME_TOO_LONG", "A name has at most 200 characters.")
    row = {
        "email": address,
        "name": shown,
        "password_hash": passwords.hash_password(password),
        "created_at": datetime.now(UTC),
    }
    with database.write() as connection:
        if not insert_ignoring(connection, staff, [row], conflict=["email"]):
            raise StaffExists(f"There is a staff account for {address} already.")
        return _staff(connection.execute(select(staff).where(staff.c.email == address)).one())


def count_staff(database: Database) -> int:
    """How many accounts there are."""
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(staff)).scalar_one()


def check_password(database: Database, email: str, password: str) -> Staff | None:
    """The account if the password is right; None otherwise, after the same work for an unknown address."""
    # No address holds a null byte, and PostgreSQL would not even look for one.
    address = email.strip().lower().replace("\0", "\ufffd")
    with database.read() as connection:
        row = connection.execute(select(staff).where(staff.c.email == address)).one_or_none()
    if not passwords.matches(row.password_hash if row else None, password) or row is None:
        return None
    if passwords.is_outdated(row.password_hash):
        hashed = passwords.hash_password(password)
        with database.write() as connection:
            # Only in the place of the hash that was checked: the password may have been changed meanwhile.
            _store_if(connection, row, password_hash=hashed)
    return _staff(row)


def find_staff(database: Database, staff_id: int) -> Staff | None:
    """The account with that id."""
    with database.read() as connection:
        row = connection.execute(select(staff).where(staff.c.staff_id == staff_id)).one_or_none()
    return _staff(row) if row else None


def change_password(database: Database, staff_id: int, present: str, new: str) -> Staff:
    """Sets a new password and ends all sessions of the account. Raises `PasswordWrong` or `PasswordUnfit`."""
    with database.read() as connection:
        row = connection.execute(select(staff).where(staff.c.staff_id == staff_id)).one()
    if not passwords.matches(row.password_hash, present):
        raise invalid_field("present", PasswordWrong.reason, "This is not your current password.")
    hashed = passwords.hash_password(new)
    with database.write() as connection:
        if not _store_if(connection, row, password_hash=hashed, session_epoch=staff.c.session_epoch + 1):
            raise invalid_field(
                "present", PasswordWrong.reason, "Your password has been changed elsewhere just now."
            )
        return _present(connection, staff_id)


def end_sessions(database: Database, staff_id: int) -> Staff:
    """Signs the account out everywhere."""
    with database.write() as connection:
        of_account = staff.c.staff_id == staff_id
        connection.execute(update(staff).where(of_account).values(session_epoch=staff.c.session_epoch + 1))
        return _present(connection, staff_id)


def end_session(database: Database, session_id: str, keep: timedelta) -> None:
    """Signs one session out for good; those that ended longer than `keep` ago are forgotten."""
    now = datetime.now(UTC)
    with database.write() as connection:
        connection.execute(delete(ended_sessions).where(ended_sessions.c.ended_at < now - keep))
        row = {"session_id": session_id, "ended_at": now}
        insert_ignoring(connection, ended_sessions, [row], conflict=["session_id"])


def has_ended(database: Database, session_id: str) -> bool:
    """Whether the session was signed out."""
    with database.read() as connection:
        query = select(ended_sessions.c.session_id).where(ended_sessions.c.session_id == session_id)
        return connection.execute(query).one_or_none() is not None


def _store_if(connection: Connection, seen: Row[tuple[object, ...]], **values: object) -> bool:
    """Changes the account if its password is still the one that was seen; whether it was."""
    is_same = (staff.c.staff_id == seen.staff_id) & (staff.c.password_hash == seen.password_hash)
    return connection.execute(update(staff).where(is_same).values(**values)).rowcount == 1


def _present(connection: Connection, staff_id: int) -> Staff:
    return _staff(connection.execute(select(staff).where(staff.c.staff_id == staff_id)).one())


def _staff(row: Row[tuple[object, ...]]) -> Staff:
    return Staff(row.staff_id, row.email, row.name, row.session_epoch)


def _address(email: str) -> str:
    try:
        # Special-use names such as example.test are fine for a company's own staff.
        parsed = validate_email(email.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise invalid_field("email", "EMAIL_MALFORMED", f"This is not an email address: {error}") from None
    return parsed.normalized.lower()
