"""One Alembic environment for all schemas: `services/<name>/migrations/versions/NNNN_subject.py`."""

from pathlib import Path

from sqlalchemy import func, select, text

from services.shared.database import Database

_LOCK = 6_148_914
"""Any number; the same in every program that migrates."""


def migrate(url: str, scripts: Path) -> None:
    """Brings the database at `url` to the newest revision found in `scripts`; a repeat changes nothing.

    Each call is one transaction, so a migration that fails leaves the schema as it was. Of two calls at
    once the second waits for the first.
    """
    # Here, since every program knows this function, and serving or working none calls it: each would start
    # a fifth later for these.
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    directory = ScriptDirectory.from_config(config)

    def to_head(revision: object, _context: object) -> object:
        return directory._upgrade_revs("head", revision)  # type: ignore[arg-type]

    database = Database(url)
    with (
        EnvironmentContext(config, directory, fn=to_head) as environment,
        database.write() as connection,
    ):
        if connection.dialect.name == "postgresql":
            # A migration may take its time; and this lock is waited for as long as the other one needs.
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SET LOCAL lock_timeout = 0"))
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        environment.configure(connection=connection, transactional_ddl=True)
        with environment.begin_transaction():
            environment.run_migrations()
    database.dispose()
