"""`dunlin migrate` where the databases are named by the environment, as they are in a stack of containers."""

import time
from collections.abc import Callable, Mapping

from sqlalchemy.exc import OperationalError

from embedded.migrate import Migration, MigrationFailed, migrate_all
from services.shared.database import Database
from services.shared.server_urls import server_url

PATIENCE_SECONDS = 60.0
"""How long a server that is still starting is waited for."""

_PAUSE_SECONDS = 0.5

_MODULES = {
    "scheduler": "services.scheduler",
    "mailer": "services.mailer",
    "paynow": "services.paynow",
    "gateway": "gateway",
}
_DATABASES = ("scheduler", "mailer", "paynow", "sandbox", "identity")

Tell = Callable[[str], None]


def are_named(env: Mapping[str, str]) -> bool:
    """Whether the environment names databases; those of a home are then left alone."""
    return any(env.get(_variable(name)) for name in _DATABASES)


def named_databases(env: Mapping[str, str]) -> dict[str, str]:
    """The URL of each database by its name. `SettingError` names the first that is missing or wrong."""
    return {name: server_url(env, _variable(name)) for name in _DATABASES}


def migrate_named(env: Mapping[str, str], tell: Tell, *, patience: float = PATIENCE_SECONDS) -> None:
    """Brings all of them up to date; servers that are starting are waited for.

    Raises `SettingError`, or `MigrationFailed` whose message says which database and why. A repeat is safe.
    """
    wait_for(named_databases(env), tell, patience=patience)
    tell("Bringing the databases up to date")
    migrate_all([Migration(name, ("-m", module, "migrate"), env) for name, module in _MODULES.items()], tell)


def wait_for(databases: Mapping[str, str], tell: Tell, *, patience: float = PATIENCE_SECONDS) -> None:
    """Returns once every database lets us in. Raises `MigrationFailed` when one does not in time."""
    give_up = time.monotonic() + patience
    for name, url in databases.items():
        told = ""
        while trouble := _trouble(url):
            if time.monotonic() > give_up:
                raise MigrationFailed(
                    f"The database {name} could not be used within {patience:g} s: {trouble}"
                )
            if trouble != told:
                tell(f"  waiting for the database {name}: {trouble}")
                told = trouble
            time.sleep(_PAUSE_SECONDS)


def _trouble(url: str) -> str:
    database = Database(url)
    try:
        with database.read() as connection:
            connection.exec_driver_sql("SELECT 1")
    except OperationalError as error:
        # The driver's own words, which hold no password; SQLAlchemy would add a link to its manual.
        return " ".join(str(error.orig).split())
    finally:
        database.dispose()
    return ""


def _variable(name: str) -> str:
    return f"DUNLIN_{name.upper()}_DATABASE_URL"
