"""What is owed to IMAP servers: rows made in the transaction that files a mail, removed when the server has done it.

Acts: ``settle`` (flag, move or delete a filed mail there) and ``fetch`` (a mail that could not be got: tried again).
Functions take a connection of the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from .bulk import insert_rows
from .imap_sources import ImapFolder
from .schema import imap_folder, imap_todo


@dataclass(frozen=True, slots=True, kw_only=True)
class Todo:
    """One thing owed for one mail there."""

    uid: int
    tries: int


def add_todo(connection: Connection, folder: ImapFolder, uid: int, act: str, *, next_at: int) -> None:
    """Owe an act for a UID of the folder's present epoch. Owing it already is the same."""
    same = (*_of(folder, act), imap_todo.c.uid == uid)
    if connection.execute(select(imap_todo.c.uid).where(*same)).one_or_none() is not None:
        return
    own = {"account_id": folder.account_id, "folder_id": folder.id, "uidvalidity": folder.uidvalidity}
    insert_rows(connection, imap_todo, [{**own, "uid": uid, "act": act, "tries": 0, "next_at": next_at}])


def due_todos(connection: Connection, folder: ImapFolder, act: str, *, now: int, limit: int) -> Sequence[Todo]:
    """What is due in the folder's present epoch, by UID."""
    query = select(imap_todo.c.uid, imap_todo.c.tries).where(*_of(folder, act), imap_todo.c.next_at <= now)
    return [Todo(**row._mapping) for row in connection.execute(query.order_by(imap_todo.c.uid).limit(limit))]


def count_todos(connection: Connection, folder: ImapFolder, act: str) -> int:
    """How much is owed in the folder's present epoch, due or not."""
    return connection.execute(select(func.count()).where(*_of(folder, act))).scalar_one()


def next_due(connection: Connection, account_id: int, source_id: int) -> int | None:
    """When the first of all that is owed in the source's folders is due; None when nothing is."""
    place = (imap_folder.c.account_id == imap_todo.c.account_id) & (imap_folder.c.id == imap_todo.c.folder_id)
    query = select(func.min(imap_todo.c.next_at)).join(imap_folder, place)
    own = query.where(imap_folder.c.account_id == account_id, imap_folder.c.source_id == source_id)
    found: int | None = connection.execute(own.where(imap_todo.c.uidvalidity == imap_folder.c.uidvalidity)).scalar_one()
    return found


def set_retry(connection: Connection, folder: ImapFolder, act: str, uids: Collection[int], *, next_at: int) -> None:
    """Note a failed try."""
    values = {"tries": imap_todo.c.tries + 1, "next_at": next_at}
    connection.execute(update(imap_todo).where(*_of(folder, act), imap_todo.c.uid.in_(uids)).values(values))


def delete_todos(connection: Connection, folder: ImapFolder, act: str, uids: Collection[int]) -> None:
    """What was owed is done."""
    connection.execute(delete(imap_todo).where(*_of(folder, act), imap_todo.c.uid.in_(uids)))


def _of(folder: ImapFolder, act: str) -> tuple[ColumnElement[bool], ...]:
    return (
        imap_todo.c.account_id == folder.account_id,
        imap_todo.c.folder_id == folder.id,
        imap_todo.c.uidvalidity == folder.uidvalidity,
        imap_todo.c.act == act,
    )
