"""Where messages lie at their providers: one row for each mail in a folder there that was taken in, and what it is.

A row is made in the transaction that files the mail, for duplicates as well (then it names the message that
was there before), and goes when the mail is gone there, with its message, its folder's epoch or its source.
Mail that we filed before there were such rows, or whose fate was not to be kept (rejected, erased), has none.
Functions take a connection of the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    case,
    delete,
    func,
    insert,
    select,
    text,
    tuple_,
)

from storage.schema import imap_copy, imap_folder, imap_source, message
from storage.sources.imap_sources import ImapFolder
from storage.sources.imap_todos import MailPlace
from storage.tickets.removal import keyed

# How a copy came to be known: filed from there; fetched, and known before; seen in a folder that is only
# watched, and read there; there as well, and only alike by Message-ID and size; missed there when another had
# lain beside before.
FILED = "filed"
DUPLICATE = "duplicate"
SEEN = "seen"
ALIKE = "alike"
DOUBLED = "doubled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One mail in a folder at a provider. Instants in microseconds since the epoch, UTC."""

    folder_id: int
    uidvalidity: int
    uid: int
    message_id: int | None  # None: not one that we have
    known_by: str
    first_seen_at: int
    opened_at: int | None = None  # when somebody was first seen to have read it there
    keyword: str = ""  # junk, notjunk or none, as a client or server says; "" when nobody looked yet
    gone_at: int | None = None  # when it was missed; the row stays a while, for a move to be told by
    id_hash: bytes | None = None
    identity: bytes | None = None
    size_bytes: int | None = None


_COPY = tuple(imap_copy.c[name] for name in Copy.__slots__)
_ADD = text(
    "INSERT INTO imap_copy(account_id, folder_id, uidvalidity, uid, message_id, known_by, first_seen_at, keyword)"
    " VALUES (:account, :folder, :uidvalidity, :uid, :message, :known_by, :at, '')"
    " ON CONFLICT (account_id, folder_id, uidvalidity, uid) DO UPDATE SET message_id = excluded.message_id"
)


def add_copy(
    connection: Connection, folder: ImapFolder, uid: int, *, message: int | None, known_by: str, at: int
) -> None:
    """Remember what a UID of the folder's present epoch is. One that is read again keeps when it was first seen."""
    place = {"account": folder.account_id, "folder": folder.id, "uidvalidity": folder.uidvalidity, "uid": uid}
    connection.execute(_ADD, {**place, "message": message, "known_by": known_by, "at": at})


def copies_of(connection: Connection, account_id: int, messages: Collection[int]) -> Sequence[Copy]:
    """Where these messages (some hundred) lie, as far as is known, in the present epoch of each folder."""
    own = (imap_copy.c.account_id == account_id, imap_copy.c.message_id.in_(sorted(messages)))
    query = (
        select(*_COPY)
        .join(imap_folder, present(imap_copy, imap_folder))
        .where(*own, imap_copy.c.gone_at.is_(None))
    )
    rows = connection.execute(query.order_by(imap_copy.c.message_id, imap_copy.c.folder_id, imap_copy.c.uid))
    return [Copy(**row._mapping) for row in rows]


# A copy that may be deleted there when its writer is erased: surely theirs, where the mailbox's owner wants
# it.
_ERASED_THERE = and_(imap_source.c.erase_there == 1, imap_copy.c.known_by != ALIKE)


def places_to_erase(
    connection: Connection, account_id: int, messages: Collection[int]
) -> tuple[Sequence[MailPlace], int]:
    """Of these messages (some hundred): the places at providers they are to be deleted from when they are
    erased, and how many other copies are left where they are.
    """
    columns = (imap_copy.c.folder_id, imap_copy.c.uidvalidity, imap_copy.c.uid, _ERASED_THERE.label("erased"))
    query = _lying(select(*columns)).where(keyed(imap_copy, "message_id", account_id, messages))
    rows = connection.execute(query).all()
    places = [
        MailPlace(folder_id=row.folder_id, uidvalidity=row.uidvalidity, uid=row.uid)
        for row in rows
        if row.erased
    ]
    return places, len(rows) - len(places)


def count_copies(connection: Connection, account_id: int, contacts: Collection[int]) -> tuple[int, int]:
    """How many copies of what these contacts wrote lie at providers, and how many of them an erasure deletes there."""
    wrote = select(message.c.id).where(message.c.account_id == account_id, message.c.contact_id.in_(contacts))
    query = _lying(select(func.count(), func.coalesce(func.sum(case((_ERASED_THERE, 1), else_=0)), 0)))
    own = (imap_copy.c.account_id == account_id, imap_copy.c.message_id.in_(wrote))
    row = connection.execute(query.where(*own)).one()
    return row[0], int(row[1])


def _lying(query: Select[Any]) -> Select[Any]:
    """Copies that are there, with the folder and the mailbox they are in."""
    source = and_(
        imap_source.c.account_id == imap_folder.c.account_id, imap_source.c.id == imap_folder.c.source_id
    )
    found = (
        query.select_from(imap_copy)
        .join(imap_folder, present(imap_copy, imap_folder))
        .join(imap_source, source)
    )
    return found.where(imap_copy.c.gone_at.is_(None))


def delete_copies(connection: Connection, folder: ImapFolder, uids: Collection[int]) -> None:
    """These UIDs (some hundred) of the folder's present epoch are there no more."""
    own = (imap_copy.c.account_id == folder.account_id, imap_copy.c.folder_id == folder.id)
    which = (imap_copy.c.uidvalidity == folder.uidvalidity, imap_copy.c.uid.in_(sorted(uids)))
    connection.execute(delete(imap_copy).where(*own, *which))


def delete_some(connection: Connection, account_id: int, folder_id: int, *, limit: int) -> int:
    """Forget some of a folder's copies, of any epoch; how many."""
    key = tuple(imap_copy.primary_key.columns)
    own = (imap_copy.c.account_id == account_id, imap_copy.c.folder_id == folder_id)
    some = select(*key).where(*own).limit(limit)
    return connection.execute(delete(imap_copy).where(tuple_(*key).in_(some))).rowcount


def refile(connection: Connection, account_id: int, copies: Collection[Copy], message: int) -> None:
    """Copies of a message that was removed and filed anew are copies of the new one."""
    rows = [{name: getattr(copy, name) for name in Copy.__slots__} for copy in copies]
    if rows:
        connection.execute(
            insert(imap_copy), [{**row, "account_id": account_id, "message_id": message} for row in rows]
        )


def present(copy: FromClause, folder: FromClause) -> ColumnElement[bool]:
    """The folder of a copy, in its present epoch."""
    return and_(
        folder.c.account_id == copy.c.account_id,
        folder.c.id == copy.c.folder_id,
        folder.c.uidvalidity == copy.c.uidvalidity,
    )
