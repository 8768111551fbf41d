"""What is seen of mail in the folders of a watched mailbox at a provider, and which of it was moved.

A *move* is a copy of a message that is missed in one folder and another that appeared elsewhere about the same time
(``near``), one of the two folders being where spam goes. Mail in a folder that is only watched has a row without a
message, until it is recognised as one that we have. Functions take a connection of the caller's transaction.
Not here: what a move means (``mailhub.intake.imap.feedback``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from storage.schema import imap_copy, imap_folder, message, message_reference
from storage.sources.imap_copies import ALIKE, SEEN, Copy, present
from storage.sources.imap_sources import MAIL, ImapFolder

_COPY = tuple(imap_copy.c[name] for name in Copy.__slots__)
_INCOMING = message.c.direction == "in"


def newest_copies(connection: Connection, folder: ImapFolder, *, limit: int) -> Sequence[Copy]:
    """The newest copies that are there in the folder's present epoch, by UID."""
    query = select(*_COPY).where(*_in(folder), imap_copy.c.gone_at.is_(None)).order_by(imap_copy.c.uid.desc())
    return [Copy(**row._mapping) for row in connection.execute(query.limit(limit))][::-1]


def add_seen(connection: Connection, folder: ImapFolder, copies: Sequence[Copy]) -> None:
    """Mails that appeared in a watched folder. A UID that is known already is an IntegrityError."""
    if copies:
        rows = [{name: getattr(copy, name) for name in Copy.__slots__} for copy in copies]
        connection.execute(insert(imap_copy), [{"account_id": folder.account_id, **row} for row in rows])


_CHANGE = (
    update(imap_copy)
    .where(
        imap_copy.c.account_id == bindparam("account"),
        imap_copy.c.folder_id == bindparam("folder"),
        imap_copy.c.uidvalidity == bindparam("epoch"),
        imap_copy.c.uid == bindparam("which"),
    )
    .values(
        message_id=bindparam("new_message"),
        known_by=bindparam("new_known_by"),
        opened_at=bindparam("new_opened_at"),
        keyword=bindparam("new_keyword"),
        gone_at=bindparam("new_gone_at"),
        identity=bindparam("new_identity"),
    )
)


def change_copies(connection: Connection, folder: ImapFolder, copies: Sequence[Copy]) -> None:
    """Store what was seen of these copies since; rows that went meanwhile are passed over."""
    rows = [
        {
            "account": folder.account_id,
            "folder": copy.folder_id,
            "epoch": copy.uidvalidity,
            "which": copy.uid,
            "new_message": copy.message_id,
            "new_known_by": copy.known_by,
            "new_opened_at": copy.opened_at,
            "new_keyword": copy.keyword,
            "new_gone_at": copy.gone_at,
            "new_identity": copy.identity,
        }
        for copy in copies
    ]

    if rows:
        connection.execute(_CHANGE, rows)


@dataclass(frozen=True, slots=True)
class Bearer:
    """A message of ours that bears a Message-ID, as far as telling whether a mail there is it."""

    message_id: int
    identity: bytes
    size_bytes: int


def bearers(connection: Connection, account_id: int, hashes: Collection[bytes]) -> dict[bytes, list[Bearer]]:
    """The messages people sent us that bear these Message-IDs (some hundred keyed digests)."""
    own = (message_reference.c.account_id == account_id, message_reference.c.id_hash.in_(sorted(hashes)))
    columns = (message_reference.c.id_hash, message.c.id, message.c.identity, message.c.size_bytes)
    found: dict[bytes, list[Bearer]] = {}
    for row in connection.execute(
        select(*columns).join(message, _named(message_reference)).where(*own, _INCOMING)
    ):
        found.setdefault(row.id_hash, []).append(Bearer(row.id, row.identity, row.size_bytes))
    return found


def recognised(connection: Connection, folder: ImapFolder, *, limit: int) -> Sequence[Copy]:
    """Copies of the folder without a message that turn out to be one: by identity, or by Message-ID and size alone.

    Also of those that are missed: mail that was moved from here is filed when it is there no more.
    """
    unknown = (*_in(folder), imap_copy.c.message_id.is_(None), _INCOMING)
    columns = (
        *(imap_copy.c[name] for name in Copy.__slots__ if name != "message_id"),
        message.c.id.label("message_id"),
    )
    same = and_(message.c.account_id == imap_copy.c.account_id, message.c.identity == imap_copy.c.identity)
    exact = select(*columns).join_from(imap_copy, message, same).where(*unknown)
    reference = and_(
        message_reference.c.account_id == imap_copy.c.account_id,
        message_reference.c.id_hash == imap_copy.c.id_hash,
    )
    alike = (
        select(*columns)
        .join_from(imap_copy, message_reference, reference)
        .join(message, _named(message_reference))
        .where(*unknown, imap_copy.c.identity.is_(None), message.c.size_bytes == imap_copy.c.size_bytes)
    )
    found = [(SEEN, row) for row in connection.execute(exact.limit(limit))]
    found += [(ALIKE, row) for row in connection.execute(alike.limit(limit))]

    return [Copy(**{**row._mapping, "known_by": known_by}) for known_by, row in found]


def _named(reference: Table) -> ColumnElement[bool]:
    return and_(message.c.account_id == reference.c.account_id, message.c.id == reference.c.message_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A message that left one folder and appeared in another; ``to_junk``, or out of it."""

    origin: Copy
    target: Copy
    to_junk: bool


def find_moves(
    connection: Connection, account_id: int, source_id: int, *, near: int, limit: int
) -> Sequence[Move]:
    """Moves between the mail of a source and where spam goes there, in the order they were missed."""
    origin = imap_copy.alias("origin")
    target = imap_copy.alias("target")
    left = imap_folder.alias("left")
    reached = imap_folder.alias("reached")
    was = [origin.c[name].label(f"o_{name}") for name in Copy.__slots__]
    now = [target.c[name].label(f"t_{name}") for name in Copy.__slots__]
    query = (
        select(*was, *now, (left.c.role == MAIL).label("to_junk"))
        .join_from(left, origin, present(origin, left))
        .join(
            target,
            and_(target.c.account_id == origin.c.account_id, target.c.message_id == origin.c.message_id),
        )
        .join(reached, present(target, reached))
        .where(
            left.c.account_id == account_id,
            left.c.source_id == source_id,
            reached.c.source_id == source_id,
            or_(
                and_(left.c.role == MAIL, reached.c.role != MAIL),
                and_(left.c.role != MAIL, reached.c.role == MAIL),
            ),
            origin.c.gone_at.is_not(None),
            target.c.gone_at.is_(None),
            target.c.first_seen_at > origin.c.first_seen_at,
            func.abs(target.c.first_seen_at - origin.c.gone_at) <= near,
        )
        .order_by(origin.c.gone_at, origin.c.uid, target.c.first_seen_at)
        .limit(limit)
    )
    rows = [row._mapping for row in connection.execute(query)]

    return [
        Move(
            origin=Copy(**{name: row[f"o_{name}"] for name in Copy.__slots__}),
            target=Copy(**{name: row[f"t_{name}"] for name in Copy.__slots__}),
            to_junk=bool(row["to_junk"]),
        )
        for row in rows
    ]


def lain_beside(
    connection: Connection, folder: ImapFolder, messages: Collection[int], *, before: int
) -> set[int]:
    """Which of these messages (some hundred) lay on the other side of a move from here before an instant, and do."""
    role = imap_folder.c.role
    query = (
        select(imap_copy.c.message_id)
        .join(imap_folder, present(imap_copy, imap_folder))
        .where(
            imap_copy.c.account_id == folder.account_id,
            imap_copy.c.message_id.in_(sorted(messages)),
            imap_copy.c.gone_at.is_(None),
            imap_copy.c.first_seen_at < before,
            imap_folder.c.source_id == folder.source_id,
            role != MAIL if folder.role == MAIL else role == MAIL,
        )
    )

    return {*connection.execute(query).scalars()}


def forget_copy(connection: Connection, account_id: int, copy: Copy) -> None:
    """What was to be told by this copy is told."""
    own = (imap_copy.c.account_id == account_id, imap_copy.c.folder_id == copy.folder_id)
    connection.execute(
        delete(imap_copy).where(
            *own, imap_copy.c.uidvalidity == copy.uidvalidity, imap_copy.c.uid == copy.uid
        )
    )


def forget_older(connection: Connection, folder: ImapFolder, *, keep: int) -> None:
    """Of a folder that is only watched the newest are enough."""
    newest = (
        select(imap_copy.c.uid).where(*_in(folder)).order_by(imap_copy.c.uid.desc()).limit(1).offset(keep)
    )
    oldest = connection.execute(newest).scalar_one_or_none()
    if oldest is not None:
        connection.execute(delete(imap_copy).where(*_in(folder), imap_copy.c.uid <= oldest))


def forget_gone(connection: Connection, folder: ImapFolder, *, before: int) -> None:
    """Forget copies of the folder that were missed before an instant: nothing will be told by them any more."""
    own = (imap_copy.c.account_id == folder.account_id, imap_copy.c.folder_id == folder.id)
    connection.execute(
        delete(imap_copy).where(*own, imap_copy.c.gone_at.is_not(None), imap_copy.c.gone_at < before)
    )


def _in(folder: ImapFolder) -> tuple[ColumnElement[bool], ...]:
    return (
        imap_copy.c.account_id == folder.account_id,
        imap_copy.c.folder_id == folder.id,
        imap_copy.c.uidvalidity == folder.uidvalidity,
    )
