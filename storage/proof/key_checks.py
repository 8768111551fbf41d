"""By what a wrong root key is recognised: one digest derived from the right one (the operator's own table)."""

from __future__ import annotations

from sqlalchemy import Connection, select, text

from storage.schema import key_check

_ADD = text("INSERT INTO key_check(name, digest) VALUES ('root', :digest) ON CONFLICT (name) DO NOTHING")


def find_key_check(connection: Connection) -> bytes | None:
    """The digest of the key this database was written with; None before a key was used."""
    return connection.execute(select(key_check.c.digest)).scalar_one_or_none()


def add_key_check(connection: Connection, digest: bytes) -> None:
    """Keep the digest, unless there is one: the first stays. Needs a write transaction."""
    connection.execute(_ADD, {"digest": digest})
