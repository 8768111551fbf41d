"""Rows of mailboxes at IMAP providers, and of their folders. Functions take a connection of the caller's transaction.

States of a source: new -> connecting -> fetching <-> waiting, or failing (with the fault in words); pausing is beside
them. Not here: what is owed to the server after filing (``imap_todos``), how mail is fetched (``mailhub.intake``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, Select, Update, case, delete, insert, select, update

from storage.schema import account, imap_copy, imap_folder, imap_source, imap_todo, mailbox, oauth_grant


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapSource:
    """One mailbox at a provider. Instants are microseconds since the epoch, UTC."""

    account_id: int
    id: int
    mailbox_id: int
    node: int
    host: str
    port: int
    tls: str  # implicit, starttls or none
    login: str
    auth: str  # password, xoauth2 or oauthbearer
    secret: bytes | None = field(repr=False)
    secret_from: str  # sealed, file:PATH, credential:NAME or none
    local: int  # 1: an operator let it lead into private networks
    after_filing: str  # nothing, seen, flag, move or delete
    after_argument: str
    since: int | None
    poll_seconds: int
    idle: int
    created_at: int
    paused_at: int | None = None
    state: str = "new"
    fault: str = ""
    fault_at: int | None = None
    connected_at: int | None = None
    feedback_from_moves: int = 0
    junk_folder: str = ""
    erase_there: int = 0  # 1: mail of people who are erased is deleted there


# what a folder is to us
MAIL = "mail"
JUNK = "junk"
WATCHED = "watched"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapFolder:
    """One folder there, and the cursor in it: every UID up to ``last_uid`` has its fate, or a todo to get it."""

    account_id: int
    id: int
    source_id: int
    name: str
    role: str = MAIL
    uidvalidity: int | None = None
    last_uid: int = 0
    quiet_uid: int = 0
    state: str = "new"
    fault: str = ""
    seen: int = 0
    filed: int = 0
    duplicate: int = 0
    quarantined: int = 0
    rejected: int = 0
    newest_at: int | None = None
    success_at: int | None = None


COUNTS = ("filed", "duplicate", "quarantined", "rejected")

_SOURCE = tuple(imap_source.c[name] for name in ImapSource.__slots__)
_FOLDER = tuple(imap_folder.c[name] for name in ImapFolder.__slots__)


def add_source(connection: Connection, row: ImapSource, folders: Iterable[ImapFolder]) -> None:
    """Insert a source with its folders; IntegrityError when its mailbox has one already."""
    connection.execute(
        insert(imap_source).values({name: getattr(row, name) for name in ImapSource.__slots__})
    )
    values = [{name: getattr(folder, name) for name in ImapFolder.__slots__} for folder in folders]
    connection.execute(insert(imap_folder), values)


def find_source(connection: Connection, account_id: int, source_id: int) -> ImapSource | None:
    """The source with this id."""
    query = select(*_SOURCE).where(imap_source.c.account_id == account_id, imap_source.c.id == source_id)
    row = connection.execute(query).one_or_none()
    return ImapSource(**row._mapping) if row else None


def find_source_of_mailbox(connection: Connection, account_id: int, mailbox_id: int) -> ImapSource | None:
    """The source that fetches for a mailbox of ours."""
    query = select(*_SOURCE).where(
        imap_source.c.account_id == account_id, imap_source.c.mailbox_id == mailbox_id
    )
    row = connection.execute(query).one_or_none()
    return ImapSource(**row._mapping) if row else None


def list_sources(connection: Connection, account_id: int) -> Sequence[ImapSource]:
    """The sources of an account by id."""
    query = select(*_SOURCE).where(imap_source.c.account_id == account_id)
    return [ImapSource(**row._mapping) for row in connection.execute(query.order_by(imap_source.c.id))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetching:
    """A source as the fetching node needs it: with the address it files to, and the stage of its account."""

    source: ImapSource
    address: str
    stage: str


def sources_of_node(connection: Connection, node: int) -> Sequence[Fetching]:
    """Every source of any account that this node fetches, paused or not."""
    query = (
        select(*_SOURCE, mailbox.c.address, account.c.stage)
        .join(
            mailbox,
            (mailbox.c.account_id == imap_source.c.account_id) & (mailbox.c.id == imap_source.c.mailbox_id),
        )
        .join(account, account.c.id == imap_source.c.account_id)
        .where(imap_source.c.node == node)
        .order_by(imap_source.c.account_id, imap_source.c.id)
    )
    found = []

    for row in connection.execute(query):
        values = dict(row._mapping)
        address = values.pop("address")
        stage = values.pop("stage")
        found.append(Fetching(source=ImapSource(**values), address=address, stage=stage))

    return found


def list_folders(connection: Connection, account_id: int, source_id: int) -> Sequence[ImapFolder]:
    """The folders of a source, in the order they were given; one that is only watched comes last."""
    query = _folders(account_id).where(imap_folder.c.source_id == source_id).order_by(imap_folder.c.id)
    return [ImapFolder(**row._mapping) for row in connection.execute(query)]


def list_folders_of_account(connection: Connection, account_id: int) -> Sequence[ImapFolder]:
    """The folders of every source of an account."""
    query = _folders(account_id).order_by(imap_folder.c.source_id, imap_folder.c.id)
    return [ImapFolder(**row._mapping) for row in connection.execute(query)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One folder of any account, for metrics: ids and numbers only."""

    source_id: int
    id: int
    state: str  # of the mailbox there: paused, or what it does
    filed: int
    duplicate: int
    quarantined: int
    rejected: int
    newest_at: int | None
    success_at: int | None


def every_folder(connection: Connection) -> Sequence[Figures]:
    """The figures of every folder of every account."""
    state = case((imap_source.c.paused_at.is_not(None), "paused"), else_=imap_source.c.state).label("state")
    numbers = tuple(imap_folder.c[name] for name in Figures.__slots__ if name != "state")
    both = (imap_source.c.account_id == imap_folder.c.account_id) & (
        imap_source.c.id == imap_folder.c.source_id
    )
    query = (
        select(*numbers, state).join(imap_source, both).order_by(imap_folder.c.source_id, imap_folder.c.id)
    )
    return [Figures(**row._mapping) for row in connection.execute(query)]


def find_folder(connection: Connection, account_id: int, folder_id: int) -> ImapFolder | None:
    """The folder with this id."""
    row = connection.execute(_folders(account_id).where(imap_folder.c.id == folder_id)).one_or_none()
    return ImapFolder(**row._mapping) if row else None


def set_source_state(connection: Connection, source: ImapSource, *, state: str, fault: str, at: int) -> None:
    """What a source is doing now; a fault stays shown until the next login succeeds (state fetching or waiting)."""
    values: dict[str, object] = {"state": state}
    if fault:
        values.update(fault=fault, fault_at=at)
    elif state != "connecting":
        values.update(fault="", connected_at=at)
    connection.execute(_same_source(source.account_id, source.id).values(values))


def set_secret(
    connection: Connection, account_id: int, source_id: int, *, secret: bytes | None, secret_from: str
) -> None:
    """Another secret from now on; cursors and all else stay."""
    values = {"secret": secret, "secret_from": secret_from}
    connection.execute(_same_source(account_id, source_id).values(values))


def set_feedback(
    connection: Connection, account_id: int, source_id: int, *, from_moves: bool, junk_folder: str
) -> None:
    """Whether moves in a mailbox are marks from now on. A folder that was only watched is forgotten, with
    what is owed in it, and found anew.
    """
    values = {"feedback_from_moves": int(from_moves), "junk_folder": junk_folder}
    connection.execute(_same_source(account_id, source_id).values(values))
    own = (imap_folder.c.account_id == account_id, imap_folder.c.source_id == source_id)
    watched = select(imap_folder.c.id).where(*own, imap_folder.c.role == WATCHED)
    for table in (imap_todo, imap_copy):
        connection.execute(
            delete(table).where(table.c.account_id == account_id, table.c.folder_id.in_(watched))
        )
    connection.execute(delete(imap_folder).where(*own, imap_folder.c.role == WATCHED))
    connection.execute(update(imap_folder).where(*own).values(role=MAIL))


def set_erasing(connection: Connection, account_id: int, source_id: int, *, there: bool) -> None:
    """Whether mail of people who are erased is deleted there from now on. Switched off, what is owed is dropped."""
    connection.execute(_same_source(account_id, source_id).values(erase_there=int(there)))
    if not there:
        own = (imap_folder.c.account_id == account_id, imap_folder.c.source_id == source_id)
        folders = select(imap_folder.c.id).where(*own)
        owed = (imap_todo.c.account_id == account_id, imap_todo.c.erasure_id.is_not(None))
        connection.execute(delete(imap_todo).where(*owed, imap_todo.c.folder_id.in_(folders)))


def set_junk(connection: Connection, source: ImapSource, name: str, *, id_: int) -> None:
    """Where spam goes in a source: one of the folders whose mail is filed, or one that is watched from now on."""
    for folder in list_folders(connection, source.account_id, source.id):
        if folder.name == name:
            if folder.role == MAIL:
                connection.execute(_same_folder(folder).values(role=JUNK))
            return
    row = ImapFolder(account_id=source.account_id, id=id_, source_id=source.id, name=name, role=WATCHED)
    connection.execute(insert(imap_folder).values({key: getattr(row, key) for key in ImapFolder.__slots__}))


def set_paused(connection: Connection, account_id: int, source_id: int, *, at: int | None) -> None:
    """Pause a source, or with None let it run again."""
    connection.execute(_same_source(account_id, source_id).values(paused_at=at))


def set_folder_state(
    connection: Connection, folder: ImapFolder, *, state: str, fault: str = "", at: int
) -> None:
    """What became of the last look into a folder; current means that it was read to its end."""
    values: dict[str, object] = {"state": state, "fault": fault}
    if state == "current":
        values["success_at"] = at
    connection.execute(_same_folder(folder).values(values))


def begin_epoch(
    connection: Connection, folder: ImapFolder, *, uidvalidity: int, quiet_uid: int
) -> ImapFolder:
    """Begin a folder again under another UIDVALIDITY; the folder as it is then. What was owed for the old UIDs goes.

    From its first mail on, or where it is only watched from what comes after ``quiet_uid``.
    """
    own = (imap_todo.c.account_id == folder.account_id, imap_todo.c.folder_id == folder.id)
    connection.execute(delete(imap_todo).where(*own))
    last_uid = quiet_uid if folder.role == WATCHED else 0
    begun = replace(
        folder, uidvalidity=uidvalidity, last_uid=last_uid, quiet_uid=quiet_uid, state="reading", fault=""
    )
    values = {
        name: getattr(begun, name) for name in ("uidvalidity", "last_uid", "quiet_uid", "state", "fault")
    }
    connection.execute(_same_folder(folder).values(values))
    return begun


def move_cursor(
    connection: Connection,
    folder: ImapFolder,
    *,
    before: int,
    to: int,
    fate: str | None = None,
    at: int | None = None,
) -> bool:
    """Move the cursor from exactly ``before``, and count one mail of a fate; False when it is not there.

    False leaves everything as it was: a mail before this one has no fate yet, so this one will be read again.
    ``folder`` must be of the epoch that is stored: another UIDVALIDITY is another place.
    """
    values: dict[str, object] = {"last_uid": to}
    if fate is not None:
        values.update({"seen": imap_folder.c.seen + 1, fate: imap_folder.c[fate] + 1})
    if at is not None:
        values["newest_at"] = at
    place = _same_folder(folder).where(
        imap_folder.c.uidvalidity == folder.uidvalidity, imap_folder.c.last_uid == before
    )
    return connection.execute(place.values(values)).rowcount == 1


def count_fate(connection: Connection, folder: ImapFolder, fate: str) -> None:
    """Count one mail that was got apart from the cursor."""
    values = {"seen": imap_folder.c.seen + 1, fate: imap_folder.c[fate] + 1}
    connection.execute(_same_folder(folder).values(values))


def delete_source(connection: Connection, account_id: int, source_id: int) -> None:
    """Remove a source with its folders, its authorisation, what was owed there and where mail lay.

    The last may be a row for every mail: most of them are removed before, some at a time (``imap_copies.delete_some``).
    """
    folders = select(imap_folder.c.id).where(
        imap_folder.c.account_id == account_id, imap_folder.c.source_id == source_id
    )
    for table in (imap_todo, imap_copy):
        connection.execute(
            delete(table).where(table.c.account_id == account_id, table.c.folder_id.in_(folders))
        )
    connection.execute(
        delete(imap_folder).where(
            imap_folder.c.account_id == account_id, imap_folder.c.source_id == source_id
        )
    )
    grant = (oauth_grant.c.account_id == account_id, oauth_grant.c.source_id == source_id)
    connection.execute(delete(oauth_grant).where(*grant))
    connection.execute(
        delete(imap_source).where(imap_source.c.account_id == account_id, imap_source.c.id == source_id)
    )


def _folders(account_id: int) -> Select[tuple[object, ...]]:
    return select(*_FOLDER).where(imap_folder.c.account_id == account_id)


def _same_source(account_id: int, source_id: int) -> Update:
    return update(imap_source).where(imap_source.c.account_id == account_id, imap_source.c.id == source_id)


def _same_folder(folder: ImapFolder) -> Update:
    return update(imap_folder).where(
        imap_folder.c.account_id == folder.account_id, imap_folder.c.id == folder.id
    )
