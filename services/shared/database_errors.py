"""What a database's errors mean to whoever asked: that it is away, or busy, or a bug of ours."""

import sqlite3

from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolEmpty

from services.shared.errors import Busy, Invalid

# PostgreSQL: by SQLSTATE, or its class of two letters.
_CONTENDED = {"40001", "40P01", "55P03"}
_AWAY = {
    "08",  # connection
    "53",  # out of connections, memory or disk
    "57",  # shut down, or a statement took too long
    "25006",  # a server that only reads, as during a switch to another one
    "25P03",  # a transaction stood idle for too long
    "58",  # its disk
}
_SQLITE_CONTENDED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SQLITE_AWAY = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}


class DatabaseAway(Busy):
    """The database cannot be reached or used at the moment."""

    reason = "DATABASE_AWAY"


class DatabaseBusy(Busy):
    """The transaction stood in another one's way and was undone."""

    reason = "DATABASE_BUSY"


def database_refusal(error: BaseException | None) -> Busy | None:
    """The refusal that the error of a database comes to; None for everything else, and for bugs.

    What was under way is undone, or, where the connection broke at its very end, perhaps done: the same
    request may be sent again in either case.
    """
    if isinstance(error, PoolEmpty):
        return _away()
    if not isinstance(error, DBAPIError):
        return None
    if isinstance(error.orig, sqlite3.Error):
        return _of_sqlite(error.orig)
    state = getattr(error.orig, "sqlstate", None)
    if state in _CONTENDED:
        return DatabaseBusy("Another change came in between; try again.")
    # What is wrong with a connection itself comes from the driver, without a state.
    lost = state is None and isinstance(error, OperationalError | InterfaceError)
    if error.connection_invalidated or lost or (state or "")[:2] in _AWAY or state in _AWAY:
        return _away()
    return None


class TextUnusable(Invalid):
    """A text holds the one character that PostgreSQL cannot take."""

    reason = "TEXT_UNUSABLE"


def text_refusal(error: BaseException | None) -> TextUnusable | None:
    """The refusal of a request whose text holds a NUL; None for every other error.

    Where a field has rules of its own they refuse such a text sooner, and name the field.
    """
    if isinstance(error, DataError) and "NUL (0x00)" in str(error.orig):
        return TextUnusable("A text in the request holds the character NUL (U+0000); send it without.")
    return None


def is_away(error: BaseException) -> bool:
    """Whether the error means that the database cannot be used at the moment."""
    return isinstance(database_refusal(error), DatabaseAway)


def words_of(error: BaseException) -> str:
    """What the database or its driver said, on one line, without the statement and its values."""
    said = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    return " ".join(said.split())[:300]


def _of_sqlite(error: sqlite3.Error) -> Busy | None:
    # Extended codes carry the plain one in their lowest byte.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _SQLITE_CONTENDED:
        return DatabaseBusy("Another change takes long; try again.")
    return _away() if code in _SQLITE_AWAY else None


def _away() -> DatabaseAway:
    return DatabaseAway("The database cannot be used at the moment; try again soon. Nothing is lost.")
