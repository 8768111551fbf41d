"""What is owed to IMAP servers: rows made in the transaction that owes it, removed when the server has done it.

Acts: ``settle`` (flag, move or delete a filed mail there), ``fetch`` (a mail that could not be got: tried again) and
``erase`` (delete a mail there whose writer is erased; it names the erasure, and nothing of the person).
Functions take a connection of the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, case, delete, func, select, update

from storage.engine.bulk import insert_rows
from storage.schema import imap_folder, imap_source, imap_todo
from storage.sources.imap_sources import ImapFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Todo:
    """One thing owed for one mail there."""

    uid: int
    tries: int
    erasure_id: int | None = None


def add_todo(connection: Connection, folder: ImapFolder, uid: int, act: str, *, next_at: int) -> None:
    """Owe an act for a UID of the folder's present epoch. Owing it already is the same."""
    same = (*_of(folder, act), imap_todo.c.uid == uid)
    if connection.execute(select(imap_todo.c.uid).where(*same)).one_or_none() is not None:
        return
    own = {"account_id": folder.account_id, "folder_id": folder.id, "uidvalidity": folder.uidvalidity}
    fresh = {"act": act, "tries": 0, "next_at": next_at, "erasure_id": None}
    insert_rows(connection, imap_todo, [{**own, "uid": uid, **fresh}])


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPlace:
    """Where a mail lies at a provider."""

    folder_id: int
    uidvalidity: int
    uid: int


def owe_erasing(
    connection: Connection, account_id: int, places: Collection[MailPlace], *, erasure: int, next_at: int
) -> None:
    """Owe the deletion of mails there. Their copies' rows go with their message in the same transaction, so
    that none is asked for twice.
    """
    same = {"account_id": account_id, "act": "erase", "tries": 0, "next_at": next_at, "erasure_id": erasure}
    rows = [
        {**same, "folder_id": each.folder_id, "uidvalidity": each.uidvalidity, "uid": each.uid}
        for each in places
    ]
    insert_rows(connection, imap_todo, rows)


def due_todos(
    connection: Connection, folder: ImapFolder, act: str, *, now: int, limit: int
) -> Sequence[Todo]:
    """What is due in the folder's present epoch, by UID."""
    columns = (imap_todo.c.uid, imap_todo.c.tries, imap_todo.c.erasure_id)
    query = select(*columns).where(*_of(folder, act), imap_todo.c.next_at <= now)
    return [Todo(**row._mapping) for row in connection.execute(query.order_by(imap_todo.c.uid).limit(limit))]


def count_todos(connection: Connection, folder: ImapFolder, act: str) -> int:
    """How much is owed in the folder's present epoch, due or not."""
    return connection.execute(select(func.count()).where(*_of(folder, act))).scalar_one()


def most_tried(connection: Connection, folder: ImapFolder, act: str) -> Todo | None:
    """Of what is owed in the folder's present epoch, that which failed most often; None when nothing is owed."""
    columns = (imap_todo.c.uid, imap_todo.c.tries, imap_todo.c.erasure_id)
    query = (
        select(*columns).where(*_of(folder, act)).order_by(imap_todo.c.tries.desc(), imap_todo.c.uid).limit(1)
    )
    row = connection.execute(query).one_or_none()
    return Todo(**row._mapping) if row else None


def next_due(connection: Connection, account_id: int, source_id: int) -> int | None:
    """When the first of all that is owed in the source's folders is due; None when nothing is."""
    query = select(func.min(imap_todo.c.next_at)).join(imap_folder, _PRESENT)
    own = query.where(imap_folder.c.account_id == account_id, imap_folder.c.source_id == source_id)
    found: int | None = connection.execute(own).scalar_one()
    return found


def sources_to_erase_in(connection: Connection, *, now: int) -> set[tuple[int, int]]:
    """Account and id of the sources, of any account, where the deletion of an erased person's mail is due."""
    query = select(imap_folder.c.account_id, imap_folder.c.source_id).join(imap_todo, _PRESENT).distinct()
    due = (imap_todo.c.erasure_id.is_not(None), imap_todo.c.next_at <= now)
    return {(row.account_id, row.source_id) for row in connection.execute(query.where(*due))}


@dataclass(frozen=True, slots=True)
class Owed:
    """Deletions that an erasure still waits for, and how many of them in mailboxes that are paused."""

    count: int
    paused: int


def owed_to_erasures(connection: Connection, account_id: int) -> Mapping[int, Owed]:
    """What is still owed of each erasure of an account, by its id; those to which nothing is are absent."""
    source = (imap_source.c.account_id == imap_folder.c.account_id) & (
        imap_source.c.id == imap_folder.c.source_id
    )
    paused = func.sum(case((imap_source.c.paused_at.is_not(None), 1), else_=0))
    query = (
        select(imap_todo.c.erasure_id, func.count(), paused)
        .join(imap_folder, _PRESENT)
        .join(imap_source, source)
        .where(imap_todo.c.account_id == account_id, imap_todo.c.erasure_id.is_not(None))
        .group_by(imap_todo.c.erasure_id)
    )

    return {erasure: Owed(count, int(waiting)) for erasure, count, waiting in connection.execute(query)}


def set_retry(
    connection: Connection, folder: ImapFolder, act: str, uids: Collection[int], *, next_at: int
) -> None:
    """Note a failed try."""
    values = {"tries": imap_todo.c.tries + 1, "next_at": next_at}
    connection.execute(update(imap_todo).where(*_of(folder, act), imap_todo.c.uid.in_(uids)).values(values))


def delete_todos(connection: Connection, folder: ImapFolder, act: str, uids: Collection[int]) -> None:
    """What was owed is done."""
    connection.execute(delete(imap_todo).where(*_of(folder, act), imap_todo.c.uid.in_(uids)))


_PRESENT = (
    (imap_folder.c.account_id == imap_todo.c.account_id)
    & (imap_folder.c.id == imap_todo.c.folder_id)
    & (imap_folder.c.uidvalidity == imap_todo.c.uidvalidity)
)


def _of(folder: ImapFolder, act: str) -> tuple[ColumnElement[bool], ...]:
    return (
        imap_todo.c.account_id == folder.account_id,
        imap_todo.c.folder_id == folder.id,
        imap_todo.c.uidvalidity == folder.uidvalidity,
        imap_todo.c.act == act,
    )
