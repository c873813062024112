"""Connections for single statements that read, past SQLAlchemy's pool.

Taking a connection from that pool and giving it back costs more than a short statement does: its locks, its
events, and on PostgreSQL a transaction that is undone each time.
"""

import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, PoolProxiedConnection
from sqlalchemy.exc import DBAPIError

REST_SECONDS = 1.0
"""How long a connection to a server may be unused before it is asked whether it still is one."""

LIFE_SECONDS = 1800.0
"""A failover moves the name to another server; connections do not stay with the old one for ever."""


@dataclass
class _Reader:
    pooled: PoolProxiedConnection
    opened_at: float
    used_at: float = 0.0


class Readers:
    """As many connections as are in use at the same time; safe from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._has_server = engine.dialect.name == "postgresql"
        self._drivers: Any = engine.dialect.loaded_dbapi
        # The newest is taken first; a list does that in one step, without a lock.
        self._free: list[_Reader] = []
        # They are closed also where nobody says so, as those in a pool are.
        weakref.finalize(self, _close, self._free)

    @contextmanager
    def one(self) -> Iterator[Any]:
        """The driver's own connection, outside of any transaction, to read one statement.

        An error of the driver comes as `DBAPIError`, also where no connection can be had; one that was in
        use is then used no more.
        """
        reader = self._taken() or self._opened()
        try:
            yield reader.pooled.dbapi_connection
        except BaseException as error:
            reader.pooled.close()
            if isinstance(error, self._drivers.Error):
                raise self._told(error) from error
            raise
        reader.used_at = time.monotonic()
        self._free.append(reader)

    def close(self) -> None:
        """Closes those that are not in use."""
        _close(self._free)

    def _taken(self) -> _Reader | None:
        while self._free:
            try:
                reader = self._free.pop()
            except IndexError:  # another thread was quicker
                return None
            if self._is_good(reader):
                return reader
            reader.pooled.close()
        return None

    def _is_good(self, reader: _Reader) -> bool:
        now = time.monotonic()
        if self._has_server and now - reader.opened_at > LIFE_SECONDS:
            return False
        if not self._has_server or now - reader.used_at < REST_SECONDS:
            return True
        connection: Any = reader.pooled.dbapi_connection
        try:
            return self._engine.dialect.do_ping(connection)
        except self._drivers.Error:
            return False

    def _opened(self) -> _Reader:
        try:
            pooled = self._engine.raw_connection()
        except self._drivers.Error as error:
            raise self._told(error) from error
        pooled.detach()
        if self._has_server:
            connection: Any = pooled.dbapi_connection
            connection.autocommit = True
        return _Reader(pooled, opened_at=time.monotonic())

    def _told(self, error: Exception) -> Exception:
        """The driver's error as SQLAlchemy tells it."""
        return DBAPIError.instance(None, None, error, self._drivers.Error)


def _close(readers: list[_Reader]) -> None:
    while readers:
        readers.pop().pooled.close()
