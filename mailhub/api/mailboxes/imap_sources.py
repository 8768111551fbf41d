"""/v1/mailboxes/{mailbox}/imap: the mailbox at a provider that a support address's mail is fetched from.

A password goes in and never comes out: it is sealed at once. Files, credentials and private networks belong
to the machine: only its operator may name them. Must not: talk to a server, but for `test`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints

from mailhub import clock
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import made
from mailhub.api.mailboxes import imap_oauth
from mailhub.api.tickets.tickets import mailbox_id
from mailhub.callers.caller import Call, InAccount
from mailhub.errors import BadRequest, Conflict, Forbidden, NotFound
from mailhub.intake.imap import cursor, secrets
from mailhub.intake.imap.trial import try_out
from mailhub.oauth.providers import CLIENT
from storage.accounts.quotas import count_sources_of_node
from storage.database import Connection
from storage.proof import journal
from storage.sources import imap_sources, oauth_grants
from storage.sources.imap_sources import ImapFolder, ImapSource
from storage.sources.oauth_grants import OauthGrant
from storage.writer import Transaction

router = APIRouter(tags=["mailboxes"])

FOLDERS = 100
_PORTS = {"implicit": 993, "starttls": 143, "none": 143}

Line = Annotated[
    str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$")
]
Folder = Line
Keyword = Annotated[str, StringConstraints(pattern=r"^(\$?[A-Za-z0-9_-]{1,60})?$")]
Host = Annotated[str, StringConstraints(max_length=253, pattern=r"^[A-Za-z0-9_.:-]+$")]


class Secret(shapes.Shape):
    """What the mailbox is opened with: one of these."""

    password: Annotated[str, StringConstraints(max_length=1024)] | None = None
    password_file: Line | None = None
    password_credential: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,200}$")] | None = None


class NewSource(Secret):
    """Where to fetch from, and what happens there with filed mail. With oauth the password is the client's secret."""

    host: Host
    port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    login: Line
    oauth: imap_oauth.NewOauth | None = None
    folders: list[Folder] = Field(["INBOX"], min_length=1, max_length=FOLDERS)
    since: date | None = None
    after_filing: Literal["nothing", "seen", "flag", "move", "delete"] = "nothing"
    keyword: Keyword = ""
    move_to: Folder | None = None
    poll_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    idle: bool = True
    feedback_from_moves: bool = False
    junk_folder: Folder | None = None
    erase_there: bool = False


class FeedbackSetting(shapes.Shape):
    """Whether what its owner moves into Junk or out of it is a mark; null: the folder that the server calls Junk."""

    feedback_from_moves: bool
    junk_folder: Folder | None = None


class ErasingSetting(shapes.Shape):
    """Whether mail of people who are erased is deleted there as well."""

    erase_there: bool


class FolderState(shapes.Shape):
    """How far a folder was read, and what became of its mails."""

    name: str
    role: str
    state: str
    fault: str
    seen: int
    filed: int
    duplicate: int
    quarantined: int
    rejected: int
    newest_at: str | None
    success_at: str | None


class Source(shapes.Shape):
    """The mailbox at a provider, and how it is doing."""

    id: int
    host: str
    port: int
    tls: str
    login: str
    auth: str
    after_filing: str
    after_argument: str
    poll_seconds: int
    feedback_from_moves: bool
    junk_folder: str
    erase_there: bool
    state: str
    fault: str
    fault_at: str | None
    paused_at: str | None
    connected_at: str | None
    created_at: str
    authorisation: imap_oauth.Authorisation | None
    folders: list[FolderState]

    def in_words(self) -> str:
        """The state, and the fault behind it."""
        faults = [self.fault, *(f"{folder.name}: {folder.fault}" for folder in self.folders if folder.fault)]
        if self.authorisation is not None and self.authorisation.ends_soon:
            faults.append(
                f"the authorisation ends at {self.authorisation.ends_at}: mailhub mailbox authorize"
            )
        return ": ".join([self.state, *(["; ".join(filter(None, faults))] if any(faults) else [])])


class Step(shapes.Shape):
    """One step of a test."""

    name: str
    ok: bool
    text: str


class Tested(shapes.Shape):
    """The steps, up to the first that failed."""

    ok: bool
    steps: list[Step]


def shape(source: ImapSource, folders: Sequence[ImapFolder], grant: OauthGrant | None) -> Source:
    """A source as the API shows it: without its secret."""
    state = "paused" if source.paused_at is not None else source.state
    shown = [made(FolderState, each) for each in folders]
    moves = bool(source.feedback_from_moves)

    return made(
        Source,
        source,
        state=state,
        feedback_from_moves=moves,
        erase_there=bool(source.erase_there),
        folders=shown,
        authorisation=imap_oauth.shape(grant),
    )


def _found(connection: Connection, source: ImapSource) -> Source:
    folders = imap_sources.list_folders(connection, source.account_id, source.id)
    return shape(source, folders, oauth_grants.find_grant(connection, source.account_id, source.id))


def states(connection: Connection, account: int) -> dict[int, Source]:
    """The sources of an account by the mailbox that they fetch for."""
    folders = imap_sources.list_folders_of_account(connection, account)
    found = imap_sources.list_sources(connection, account)
    grants = {grant.source_id: grant for grant in oauth_grants.list_grants(connection, account)}
    return {
        row.mailbox_id: shape(row, [each for each in folders if each.source_id == row.id], grants.get(row.id))
        for row in found
    }


@router.post("/mailboxes/{mailbox}/imap", status_code=201)
def add_source(call: InAccount, mailbox: str, body: NewSource) -> Source:
    """Fetch the mail of a mailbox from a provider from now on. What is there already is filed quietly."""
    call.require("mailbox.manage")
    needs_none = body.oauth is not None and body.oauth.flow != CLIENT
    secret, secret_from = _secret(call, body, may_lack=needs_none)
    argument = _argument(body)
    names = dict.fromkeys("INBOX" if name.upper() == "INBOX" else name for name in body.folders)

    def add(transaction: Transaction) -> Source:
        connection = transaction.connection
        own = mailbox_id(connection, call.account, mailbox)
        if imap_sources.find_source_of_mailbox(connection, call.account, own):
            raise Conflict(
                "mail of this mailbox is fetched already: delete that first (mailhub mailbox delete --imap)"
            )

        _require_room(transaction, call, names)
        id_ = transaction.new_id()
        row = ImapSource(
            account_id=call.account,
            id=id_,
            mailbox_id=own,
            node=call.house.config.storage.node,
            host=body.host,
            port=body.port or _PORTS[body.tls],
            tls=body.tls,
            login=body.login,
            auth=body.oauth.mechanism if body.oauth is not None else "password",
            secret=None if secret is None else secrets.seal(call.house.keys, id_, secret),
            secret_from=secret_from,
            local=int(call.actor.machine),
            after_filing=body.after_filing,
            after_argument=argument,
            since=None
            if body.since is None
            else clock.from_datetime(datetime.combine(body.since, time(), UTC)),
            poll_seconds=body.poll_seconds,
            idle=int(body.idle),
            feedback_from_moves=int(body.feedback_from_moves),
            junk_folder=body.junk_folder or "",
            erase_there=int(body.erase_there),
            created_at=clock.now(),
        )
        folders = [
            ImapFolder(account_id=call.account, id=transaction.new_id(), source_id=id_, name=name)
            for name in names
        ]
        imap_sources.add_source(connection, row, folders)
        if body.oauth is not None:
            oauth_grants.add_grant(connection, imap_oauth.new_grant(call, body.oauth, id_))
        _record(transaction, call, "add", id_)

        return _found(connection, row)

    return call.house.writer.run(add)


def _require_room(transaction: Transaction, call: Call, folders: Collection[str]) -> None:
    """Raise ``Conflict`` where the account, or this machine for all accounts, may fetch from no more."""
    call.require_room(transaction, "imap_sources")
    call.require_room(transaction, "imap_folders", more=len(folders))
    config = call.house.config
    most = config.imap.mailboxes
    if count_sources_of_node(transaction.connection, config.storage.node, limit=most) >= most:
        raise Conflict(
            f"this machine fetches from {most} mailboxes, and no more (imap.mailboxes): ask its operator"
        )


@router.get("/mailboxes/{mailbox}/imap")
def get_source(call: InAccount, mailbox: str) -> Source:
    """How fetching is doing, folder by folder."""
    call.require("mailbox.read")
    with call.house.database.read() as connection:
        row = _source(connection, call, mailbox)
        return _found(connection, row)


@router.post("/mailboxes/{mailbox}/imap/test")
def test_source(call: InAccount, mailbox: str) -> Tested:
    """Go the way to the provider step by step, on a connection of its own, and say what to do about what fails."""
    call.require("mailbox.manage")
    with call.house.database.read() as connection:
        row = _source(connection, call, mailbox)
        folders = imap_sources.list_folders(connection, call.account, row.id)
    steps = [
        made(Step, step) for step in try_out(row, folders, call.house.config.imap, call.house.imap.logins)
    ]
    return Tested(ok=all(step.ok for step in steps), steps=steps)


@router.put("/mailboxes/{mailbox}/imap/password")
def set_password(call: InAccount, mailbox: str, body: Secret) -> Source:
    """Open the mailbox with another password from now on. Fetching goes on from where it was."""
    call.require("mailbox.manage")
    secret, secret_from = _secret(call, body)

    def change(transaction: Transaction) -> Source:
        row = _source(transaction.connection, call, mailbox)
        sealed = None if secret is None else secrets.seal(call.house.keys, row.id, secret)
        imap_sources.set_secret(
            transaction.connection, call.account, row.id, secret=sealed, secret_from=secret_from
        )
        _record(transaction, call, "password", row.id)
        return _found(transaction.connection, row)

    return call.house.writer.run(change)


@router.put("/mailboxes/{mailbox}/imap/feedback")
def set_feedback(call: InAccount, mailbox: str, body: FeedbackSetting) -> Source:
    """Let moves in the mailbox be marks from now on, or no longer. What was marked stays, and can be revoked."""
    call.require("mailbox.manage")

    def change(transaction: Transaction) -> Source:
        row = _source(transaction.connection, call, mailbox)
        imap_sources.set_feedback(
            transaction.connection,
            call.account,
            row.id,
            from_moves=body.feedback_from_moves,
            junk_folder=body.junk_folder or "",
        )
        _record(transaction, call, "feedback", row.id)

        return _found(transaction.connection, _source(transaction.connection, call, mailbox))

    return call.house.writer.run(change)


@router.put("/mailboxes/{mailbox}/imap/erasing")
def set_erasing(call: InAccount, mailbox: str, body: ErasingSetting) -> Source:
    """Let mail of people who are erased be deleted there from now on, or no longer: then what is owed is dropped."""
    call.require("mailbox.manage")

    def change(transaction: Transaction) -> Source:
        row = _source(transaction.connection, call, mailbox)
        imap_sources.set_erasing(transaction.connection, call.account, row.id, there=body.erase_there)
        _record(transaction, call, "erasing", row.id)
        return _found(transaction.connection, _source(transaction.connection, call, mailbox))

    return call.house.writer.run(change)


@router.post("/mailboxes/{mailbox}/imap/pause")
def pause_source(call: InAccount, mailbox: str) -> Source:
    """Fetch nothing until it is resumed. Mail stays at the provider."""
    return _pause(call, mailbox, "pause", clock.now())


@router.post("/mailboxes/{mailbox}/imap/resume")
def resume_source(call: InAccount, mailbox: str) -> Source:
    """Fetch again, from where it was left."""
    return _pause(call, mailbox, "resume", None)


@router.delete("/mailboxes/{mailbox}/imap", status_code=204, response_class=Response)
def delete_source(call: InAccount, mailbox: str) -> None:
    """Fetch no more, and forget login, password and cursors. What was filed stays."""
    call.require("mailbox.manage")

    forget_copies(call, mailbox)

    def delete(transaction: Transaction) -> None:
        row = _source(transaction.connection, call, mailbox)
        imap_sources.delete_source(transaction.connection, call.account, row.id)
        _record(transaction, call, "delete", row.id)

    call.house.writer.run(delete)


def forget_copies(call: Call, mailbox: str) -> None:
    """Ahead of the turn that deletes a source: there may be a row for every mail that was ever fetched."""
    with call.house.database.read() as connection:
        own = mailbox_id(connection, call.account, mailbox)
        source = imap_sources.find_source_of_mailbox(connection, call.account, own)
        folders = imap_sources.list_folders(connection, call.account, source.id) if source is not None else []
    for folder in folders:
        cursor.forget_copies(call.house.writer, folder)


def _pause(call: Call, mailbox: str, verb: str, at: int | None) -> Source:
    call.require("mailbox.manage")

    def change(transaction: Transaction) -> Source:
        row = _source(transaction.connection, call, mailbox)
        imap_sources.set_paused(transaction.connection, call.account, row.id, at=at)
        _record(transaction, call, verb, row.id)
        return _found(transaction.connection, _source(transaction.connection, call, mailbox))

    return call.house.writer.run(change)


def _source(connection: Connection, call: Call, mailbox: str) -> ImapSource:
    own = mailbox_id(connection, call.account, mailbox)
    found = imap_sources.find_source_of_mailbox(connection, call.account, own)
    if found is None:
        raise NotFound("no mail of this mailbox is fetched: mailhub mailbox add ADDRESS --imap-host HOST")
    return found


def _secret(call: Call, body: Secret, *, may_lack: bool = False) -> tuple[str | None, str]:
    """The password to seal, or None, and where it comes from."""
    given = [
        each for each in (body.password, body.password_file, body.password_credential) if each is not None
    ]
    if not given and may_lack:
        return None, "none"
    if len(given) != 1:
        raise BadRequest("give one of password, password_file and password_credential")
    if body.password is not None:
        return body.password, "sealed"
    if not call.actor.machine:
        raise Forbidden("files and credentials are the machine's: only its operator may name one")
    if body.password_file is not None:
        return None, f"file:{body.password_file}"

    return None, f"credential:{body.password_credential}"


def _argument(body: NewSource) -> str:
    """The keyword to set, or the folder to move to."""
    if (body.after_filing == "flag") != bool(body.keyword):
        raise BadRequest("after_filing flag and keyword go together: the keyword is what is set")
    if (body.after_filing == "move") != bool(body.move_to):
        raise BadRequest("after_filing move and move_to go together: the folder is where to")
    if body.move_to is not None and body.move_to in body.folders:
        raise BadRequest(
            "mail cannot be moved to a folder that it is fetched from: it would come again and again"
        )
    return body.keyword or body.move_to or ""


def _record(transaction: Transaction, call: Call, act: str, source: int) -> None:
    """On record; and the door looks at its rows as soon as it is committed."""
    transaction.after_commit(call.house.imap.wake)
    journal.append(
        transaction.connection,
        call.account,
        transaction.node,
        at=clock.now(),
        actor=call.actor.name,
        verb=f"imap.{act}",
        object_=f"imap:{source}",
        detail={},
    )
