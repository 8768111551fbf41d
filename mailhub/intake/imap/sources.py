"""Mailboxes at providers that the mail of a support address is fetched from: added, changed, paused, given up.

A password goes in and never comes out: it is sealed at once. Files, credentials, private networks and
endpoints belong to the machine: only its operator may name them. The door looks at its rows as soon as an act
is committed. Must not: talk to a server.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from mailhub.access.quotas import require_room
from mailhub.config import Imap, Quotas
from mailhub.errors import BadRequest, Conflict, Forbidden, NotFound
from mailhub.intake.imap import cursor, secrets
from mailhub.keys import Keys
from mailhub.proof.act import Act
from storage.accounts.quotas import count_sources_of_node
from storage.database import Connection, Database
from storage.mail.mailboxes import find_mailbox
from storage.sources import imap_sources, oauth_grants
from storage.sources.imap_sources import ImapFolder, ImapSource
from storage.sources.oauth_grants import OauthGrant
from storage.writer import Writer

PORTS = {"implicit": 993, "starttls": 143, "none": 143}
RETIRED = "this mailbox is retired: mailhub mailbox reinstate"
NOT_FETCHED = "no mail of this mailbox is fetched: mailhub mailbox add ADDRESS --imap-host HOST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourcing:
    """What these acts need of the house; ``wake`` has the door look at its rows."""

    keys: Keys
    node: int
    settings: Imap
    quotas: Quotas
    wake: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedBy:
    """What a mailbox is opened with: one of these, or none where a person authorises it."""

    password: str | None = field(default=None, repr=False)
    password_file: str | None = None
    password_credential: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceWanted:
    """Where to fetch from, and what happens there with filed mail. ``since``: mail from then on, microseconds."""

    host: str
    port: int | None  # None: the usual one
    tls: str
    login: str
    opened_by: OpenedBy
    grant: OauthGrant | None  # of a source that is opened by OAuth, without the source's id
    mechanism: str
    needs_password: bool
    folders: Collection[str]
    since: int | None
    after_filing: str
    keyword: str
    move_to: str | None
    poll_seconds: int
    idle: bool
    feedback_from_moves: bool
    junk_folder: str
    erase_there: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedSource:
    """A source, how far each of its folders was read, and how its authorisation is doing, if it has one."""

    source: ImapSource
    folders: Sequence[ImapFolder]
    grant: OauthGrant | None


def add(act: Act, sourcing: Sourcing, mailbox: int, wanted: SourceWanted, *, operator: bool) -> FetchedSource:
    """Fetch the mail of a mailbox from a provider from now on. What is there already is filed quietly."""
    secret, secret_from = _secret(wanted.opened_by, operator=operator, may_lack=not wanted.needs_password)
    argument = _argument(wanted)
    connection = act.transaction.connection
    served = find_mailbox(connection, act.account, mailbox)
    if served is None:
        raise NotFound(f"no such mailbox: {mailbox}")
    if served.retired_at is not None:
        raise Conflict(RETIRED)
    if imap_sources.find_source_of_mailbox(connection, act.account, mailbox):
        raise Conflict(
            "mail of this mailbox is fetched already: delete that first (mailhub mailbox delete --imap)"
        )

    # INBOX is one folder however it is written (RFC 9051 5.1)
    names = dict.fromkeys("INBOX" if name.upper() == "INBOX" else name for name in wanted.folders)
    _require_room(act, sourcing, names)
    id_ = act.transaction.new_id()
    source = ImapSource(
        account_id=act.account,
        id=id_,
        mailbox_id=mailbox,
        node=sourcing.node,
        host=wanted.host,
        port=wanted.port or PORTS[wanted.tls],
        tls=wanted.tls,
        login=wanted.login,
        auth=wanted.mechanism,
        secret=None if secret is None else secrets.seal(sourcing.keys, id_, secret),
        secret_from=secret_from,
        local=int(operator),
        after_filing=wanted.after_filing,
        after_argument=argument,
        since=wanted.since,
        poll_seconds=wanted.poll_seconds,
        idle=int(wanted.idle),
        feedback_from_moves=int(wanted.feedback_from_moves),
        junk_folder=wanted.junk_folder,
        erase_there=int(wanted.erase_there),
        created_at=act.now,
    )
    folders = [
        ImapFolder(account_id=act.account, id=act.transaction.new_id(), source_id=id_, name=name)
        for name in names
    ]
    imap_sources.add_source(connection, source, folders)
    if wanted.grant is not None:
        oauth_grants.add_grant(connection, replace(wanted.grant, source_id=id_))
    _changed(act, sourcing, "add", id_)

    return _with_folders(connection, source)


def _require_room(act: Act, sourcing: Sourcing, folders: Collection[str]) -> None:
    """Raise ``Conflict`` where the account, or this machine for all accounts, may fetch from no more."""
    require_room(act, sourcing.quotas, "imap_sources")
    require_room(act, sourcing.quotas, "imap_folders", more=len(folders))
    most = sourcing.settings.mailboxes
    if count_sources_of_node(act.transaction.connection, sourcing.node, limit=most) >= most:
        raise Conflict(
            f"this machine fetches from {most} mailboxes, and no more (imap.mailboxes): ask its operator"
        )


def set_password(
    act: Act, sourcing: Sourcing, mailbox: int, opened_by: OpenedBy, *, operator: bool
) -> FetchedSource:
    """Open the mailbox with another password from now on. Fetching goes on from where it was."""
    secret, secret_from = _secret(opened_by, operator=operator)
    connection = act.transaction.connection
    source = get(connection, act.account, mailbox)
    sealed = None if secret is None else secrets.seal(sourcing.keys, source.id, secret)
    imap_sources.set_secret(connection, act.account, source.id, secret=sealed, secret_from=secret_from)
    _changed(act, sourcing, "password", source.id)

    return _with_folders(connection, source)


def set_feedback(
    act: Act, sourcing: Sourcing, mailbox: int, *, from_moves: bool, junk_folder: str
) -> FetchedSource:
    """Let moves in the mailbox be marks from now on, or no longer. What was marked stays, and can be revoked."""
    connection = act.transaction.connection
    source = get(connection, act.account, mailbox)
    imap_sources.set_feedback(
        connection, act.account, source.id, from_moves=from_moves, junk_folder=junk_folder
    )
    _changed(act, sourcing, "feedback", source.id)

    return of_mailbox(connection, act.account, mailbox)


def set_erasing(act: Act, sourcing: Sourcing, mailbox: int, *, there: bool) -> FetchedSource:
    """Let mail of people who are erased be deleted there from now on, or no longer: then what is owed is dropped."""
    connection = act.transaction.connection
    source = get(connection, act.account, mailbox)
    imap_sources.set_erasing(connection, act.account, source.id, there=there)
    _changed(act, sourcing, "erasing", source.id)

    return of_mailbox(connection, act.account, mailbox)


def pause(act: Act, sourcing: Sourcing, mailbox: int) -> FetchedSource:
    """Fetch nothing until it is resumed. Mail stays at the provider."""
    return _set_paused(act, sourcing, mailbox, "pause", act.now)


def resume(act: Act, sourcing: Sourcing, mailbox: int) -> FetchedSource:
    """Fetch again, from where it was left. ``Conflict`` for a mailbox that is retired."""
    served = find_mailbox(act.transaction.connection, act.account, mailbox)
    if served is not None and served.retired_at is not None:
        raise Conflict(RETIRED)
    return _set_paused(act, sourcing, mailbox, "resume", None)


def _set_paused(act: Act, sourcing: Sourcing, mailbox: int, verb: str, at: int | None) -> FetchedSource:
    connection = act.transaction.connection
    source = get(connection, act.account, mailbox)
    imap_sources.set_paused(connection, act.account, source.id, at=at)
    _changed(act, sourcing, verb, source.id)
    return of_mailbox(connection, act.account, mailbox)


def forget_copies(database: Database, writer: Writer, account: int, mailbox: int) -> None:
    """Ahead of the turn that deletes a source: there may be a row for every mail that was ever fetched."""
    with database.read() as connection:
        source = imap_sources.find_source_of_mailbox(connection, account, mailbox)
        folders = imap_sources.list_folders(connection, account, source.id) if source is not None else []
    for folder in folders:
        cursor.forget_copies(writer, folder)


def delete(act: Act, sourcing: Sourcing, mailbox: int) -> None:
    """Fetch no more, and forget login, password and cursors. What was filed stays."""
    source = get(act.transaction.connection, act.account, mailbox)
    imap_sources.delete_source(act.transaction.connection, act.account, source.id)
    _changed(act, sourcing, "delete", source.id)


def get(connection: Connection, account: int, mailbox: int) -> ImapSource:
    """The source of a mailbox. Raises ``NotFound``."""
    source = imap_sources.find_source_of_mailbox(connection, account, mailbox)
    if source is None:
        raise NotFound(NOT_FETCHED)
    return source


def of_mailbox(connection: Connection, account: int, mailbox: int) -> FetchedSource:
    """The source of a mailbox, with all that is known of how it is doing. Raises ``NotFound``."""
    return _with_folders(connection, get(connection, account, mailbox))


def of_account(connection: Connection, account: int) -> Sequence[FetchedSource]:
    """Every source of an account."""
    folders = imap_sources.list_folders_of_account(connection, account)
    authorised = {row.source_id: row for row in oauth_grants.list_grants(connection, account)}
    return [
        FetchedSource(
            source=source,
            folders=[folder for folder in folders if folder.source_id == source.id],
            grant=authorised.get(source.id),
        )
        for source in imap_sources.list_sources(connection, account)
    ]


def _with_folders(connection: Connection, source: ImapSource) -> FetchedSource:
    folders = imap_sources.list_folders(connection, source.account_id, source.id)
    grant = oauth_grants.find_grant(connection, source.account_id, source.id)
    return FetchedSource(source=source, folders=folders, grant=grant)


def _secret(opened_by: OpenedBy, *, operator: bool, may_lack: bool = False) -> tuple[str | None, str]:
    """The password to seal, or None, and where it comes from."""
    ways = (opened_by.password, opened_by.password_file, opened_by.password_credential)
    given = [way for way in ways if way is not None]
    if not given and may_lack:
        return None, "none"
    if len(given) != 1:
        raise BadRequest("give one of password, password_file and password_credential")
    if opened_by.password is not None:
        return opened_by.password, "sealed"
    if not operator:
        raise Forbidden("files and credentials are the machine's: only its operator may name one")
    if opened_by.password_file is not None:
        return None, f"file:{opened_by.password_file}"

    return None, f"credential:{opened_by.password_credential}"


def _argument(wanted: SourceWanted) -> str:
    """The keyword to set, or the folder to move to."""
    if (wanted.after_filing == "flag") != bool(wanted.keyword):
        raise BadRequest("after_filing flag and keyword go together: the keyword is what is set")
    if (wanted.after_filing == "move") != bool(wanted.move_to):
        raise BadRequest("after_filing move and move_to go together: the folder is where to")
    if wanted.move_to is not None and wanted.move_to in wanted.folders:
        raise BadRequest(
            "mail cannot be moved to a folder that it is fetched from: it would come again and again"
        )
    return wanted.keyword or wanted.move_to or ""


def _changed(act: Act, sourcing: Sourcing, verb: str, source: int) -> None:
    """On record; and the door looks at its rows as soon as it is committed."""
    act.transaction.after_commit(sourcing.wake)
    act.record(f"imap.{verb}", f"imap:{source}")
