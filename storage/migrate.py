"""Bring a database to this version's schema, in one transaction, or refuse one that a newer mailhub wrote.

Durable state: the revision row of alembic. Left behind after a failure: what was there before.
alembic takes 0.7 s to import, so it is imported only when there is something to migrate.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from storage.database import Database
from storage.engine.planning import tell_planner
from storage.errors import SchemaTooNew, opening

HEAD = "0010"  # the newest revision in migrations/versions; held true by test
_SCRIPTS = Path(__file__).parent / "migrations"


def revision(connection: Connection) -> str | None:
    """The database's schema revision; None when it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def is_empty(database: Database) -> bool:
    """Whether there is nothing to open: no file (none is made by asking), or no schema in it or on the server."""
    path = database.url.database
    if database.is_sqlite and path and path != ":memory:" and not Path(path).exists():
        return True
    with database.read() as connection:
        return revision(connection) is None


def known_revisions() -> set[str]:
    """Revisions this version can come from."""
    return {path.name.split("_")[0] for path in (_SCRIPTS / "versions").glob("[0-9]*.py")}


def migrate(database: Database) -> bool:
    """Bring the schema to ``HEAD``; True when something was changed.

    Raises ``SchemaTooNew``, and changes nothing, when the database's revision is not one this version knows.
    """
    with opening(), database.writing.begin() as connection:
        present = revision(connection)
        if present == HEAD:
            return False
        if present is not None and present not in known_revisions():
            raise SchemaTooNew(
                f"the database has schema revision {present}, newer than {HEAD}: install the mailhub that wrote it"
            )
        _upgrade(connection, HEAD)
        return True


def build(connection: Connection, target: str) -> None:
    """The schema of a revision in an empty database, in the caller's transaction; raises ``SchemaTooNew``."""
    if target not in known_revisions():
        raise SchemaTooNew(
            f"schema revision {target} is not known here: use the mailhub that wrote it, or a newer one"
        )
    _upgrade(connection, target)


def upgrade(connection: Connection) -> None:
    """Bring what ``build`` made to ``HEAD``, in the same transaction."""
    if revision(connection) != HEAD:
        _upgrade(connection, HEAD)


def _upgrade(connection: Connection, target: str) -> None:
    from alembic import command
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", str(_SCRIPTS))
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, target)
    if target == HEAD:
        tell_planner(connection)
