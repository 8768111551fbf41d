"""What can go wrong in storage. Owned by this room: it knows nothing of mailhub (the flows' base class maps these).

StorageError            temporary: the transaction left nothing behind, the same call may work later
|- Full                 no room: disk or quota
|- Locked               the database is held by someone else for longer than we wait
|- Gone                 the database is not the one that was opened any more: nothing works until a restart
|- TookTooLong          a question was cut off at its deadline: it reads too much, or the database is busy
|- SchemaTooNew         permanent: written by a newer mailhub; this one must not touch it
`- Stopped              the writer has been closed
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError


class StorageError(Exception):
    """Base of all. ``str(error)`` holds no row content."""

    temporary: bool = True


class Full(StorageError):
    """No room for the write."""


class Locked(StorageError):
    """Somebody else holds the database."""


class Gone(StorageError):
    """What was opened was renamed, deleted or replaced: what is committed now, nobody would find."""


class TookTooLong(StorageError):
    """A question was cut off at the deadline its asker has."""


class SchemaTooNew(StorageError):
    """The database was migrated by a newer version."""

    temporary = False


class Stopped(StorageError):
    """The writer no longer takes work."""


class SlicesGone(Exception):
    """Slices written ahead were swept before their message came: it fails alone, and its peer sends it again."""


def translate(error: BaseException) -> StorageError | None:
    """The storage-wide fault behind a driver's error, or None when the error is about one statement's data.

    SQLite rolls the whole transaction back on FULL, IOERR and BUSY, so a savepoint cannot contain these
    (sqlite.org/lang_transaction.html, "Response To Errors Within A Transaction"). What then arrives is the failed way
    back to a savepoint that is gone: the fault is what that error was raised upon.
    """
    reason: BaseException | None = error
    while reason is not None:
        if found := _translate_one(reason):
            return found
        reason = reason.__context__
    return None


def _translate_one(error: BaseException) -> StorageError | None:
    if isinstance(error, StorageError):
        return error
    if not isinstance(error, DBAPIError):
        return None

    text = str(error.orig).lower()
    if "disk is full" in text or "no space left" in text or _state(error) == "53100":
        return Full("no space left for the database")
    if "database is locked" in text or "database table is locked" in text or _state(error) == "55P03":
        return Locked("the database is locked by another process")
    if text == "interrupted" or _state(error) == "57014":
        return TookTooLong("the question took too long and was cut off: ask for less at once, or again later")
    if "disk i/o error" in text or "readonly database" in text or error.connection_invalidated:
        return StorageError("the database cannot be written")

    return None


@contextmanager
def opening() -> Iterator[None]:
    """Whatever keeps a database from being opened or migrated, as a ``StorageError`` that says it in one line."""
    try:
        yield
    except SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error).strip().splitlines()
        raise StorageError(said[0] if said else type(error).__name__) from error


@contextmanager
def answering() -> Iterator[None]:
    """A database that does not answer or has no room, as a ``StorageError``; an error about one statement stays one."""
    try:
        yield
    except DBAPIError as error:
        found = translate(error)
        if found is None and isinstance(error, OperationalError):
            found = StorageError("the database does not answer")
        if found is None:
            raise
        raise found from error


def _state(error: DBAPIError) -> str:
    """PostgreSQL's error code (its manual, appendix A), "" from SQLite."""
    return getattr(error.orig, "sqlstate", None) or ""
