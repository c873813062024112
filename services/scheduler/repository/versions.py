"""Numbers that grow in the transaction that changes something, so that two states of it differ for sure."""

from sqlalchemy import Connection, select

from services.scheduler.tables import versions
from services.shared.upserts import upsert


def version_of(connection: Connection, name: str) -> int:
    """The number; 0 before the first change."""
    number = connection.execute(select(versions.c.number).where(versions.c.name == name)).scalar()
    return 0 if number is None else int(number)


def change_version(connection: Connection, name: str) -> None:
    """Makes it the next one; others who change the same wait for this transaction."""
    first = upsert(connection, versions).values({"name": name, "number": 1})
    following = {"number": versions.c.number + 1}
    connection.execute(first.on_conflict_do_update(index_elements=["name"], set_=following))
