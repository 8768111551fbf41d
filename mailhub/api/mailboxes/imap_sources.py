"""/v1/mailboxes/{mailbox}/imap: the mailbox at a provider that a support address's mail is fetched from.

A password goes in and never comes out. What may be named by whom is ``intake.imap.sources``. Must not: talk
to a server, but for `test`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Annotated, Concatenate, Literal, ParamSpec

from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints

from mailhub import clock
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import made
from mailhub.api.mailboxes import imap_oauth
from mailhub.callers.caller import Call, InAccount
from mailhub.callers.named import mailbox_id
from mailhub.intake.imap import sources
from mailhub.intake.imap.sources import FetchedSource, Sourcing
from mailhub.intake.imap.trial import try_out
from mailhub.oauth.providers import CLIENT
from mailhub.proof.act import Act
from storage.database import Connection

router = APIRouter(tags=["mailboxes"])

P = ParamSpec("P")

FOLDERS = 100

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


def shape(fetched: FetchedSource) -> Source:
    """A source as the API shows it: without its secret."""
    source = fetched.source
    state = "paused" if source.paused_at is not None else source.state
    shown = [made(FolderState, each) for each in fetched.folders]
    moves = bool(source.feedback_from_moves)

    return made(
        Source,
        source,
        state=state,
        feedback_from_moves=moves,
        erase_there=bool(source.erase_there),
        folders=shown,
        authorisation=imap_oauth.shape(fetched.grant),
    )


def states(connection: Connection, account: int) -> dict[int, Source]:
    """The sources of an account by the mailbox that they fetch for."""
    return {fetched.source.mailbox_id: shape(fetched) for fetched in sources.of_account(connection, account)}


@router.post("/mailboxes/{mailbox}/imap", status_code=201)
def add_source(call: InAccount, mailbox: str, body: NewSource) -> Source:
    """Fetch the mail of a mailbox from a provider from now on. What is there already is filed quietly."""
    call.require("mailbox.manage")
    house = call.house
    with house.database.read() as connection:
        whose = mailbox_id(connection, call.account, mailbox)
    wanted = _wanted(call, body)

    return shape(call.act(sources.add, house.sourcing(), whose, wanted, operator=call.actor.machine))


def _wanted(call: Call, body: NewSource) -> sources.SourceWanted:
    oauth = body.oauth
    return sources.SourceWanted(
        host=body.host,
        port=body.port,
        tls=body.tls,
        login=body.login,
        opened_by=_opened_by(body),
        grant=None if oauth is None else imap_oauth.new_grant(call, oauth),
        mechanism="password" if oauth is None else oauth.mechanism,
        needs_password=oauth is None or oauth.flow == CLIENT,
        folders=body.folders,
        since=None if body.since is None else clock.from_datetime(datetime.combine(body.since, time(), UTC)),
        after_filing=body.after_filing,
        keyword=body.keyword,
        move_to=body.move_to,
        poll_seconds=body.poll_seconds,
        idle=body.idle,
        feedback_from_moves=body.feedback_from_moves,
        junk_folder=body.junk_folder or "",
        erase_there=body.erase_there,
    )


def _opened_by(body: Secret) -> sources.OpenedBy:
    return sources.OpenedBy(
        password=body.password,
        password_file=body.password_file,
        password_credential=body.password_credential,
    )


@router.get("/mailboxes/{mailbox}/imap")
def get_source(call: InAccount, mailbox: str) -> Source:
    """How fetching is doing, folder by folder."""
    call.require("mailbox.read")
    with call.house.database.read() as connection:
        whose = mailbox_id(connection, call.account, mailbox)
        return shape(sources.of_mailbox(connection, call.account, whose))


@router.post("/mailboxes/{mailbox}/imap/test")
def test_source(call: InAccount, mailbox: str) -> Tested:
    """Go the way to the provider step by step, on a connection of its own, and say what to do about what fails."""
    call.require("mailbox.manage")
    with call.house.database.read() as connection:
        whose = mailbox_id(connection, call.account, mailbox)
        fetched = sources.of_mailbox(connection, call.account, whose)
    trial = try_out(fetched.source, fetched.folders, call.house.config.imap, call.house.imap.logins)
    steps = [made(Step, step) for step in trial]
    return Tested(ok=all(step.ok for step in steps), steps=steps)


@router.put("/mailboxes/{mailbox}/imap/password")
def set_password(call: InAccount, mailbox: str, body: Secret) -> Source:
    """Open the mailbox with another password from now on. Fetching goes on from where it was."""
    call.require("mailbox.manage")
    return _changed(call, mailbox, sources.set_password, _opened_by(body), operator=call.actor.machine)


@router.put("/mailboxes/{mailbox}/imap/feedback")
def set_feedback(call: InAccount, mailbox: str, body: FeedbackSetting) -> Source:
    """Let moves in the mailbox be marks from now on, or no longer. What was marked stays, and can be revoked."""
    call.require("mailbox.manage")
    return _changed(
        call,
        mailbox,
        sources.set_feedback,
        from_moves=body.feedback_from_moves,
        junk_folder=body.junk_folder or "",
    )


@router.put("/mailboxes/{mailbox}/imap/erasing")
def set_erasing(call: InAccount, mailbox: str, body: ErasingSetting) -> Source:
    """Let mail of people who are erased be deleted there from now on, or no longer: then what is owed is dropped."""
    call.require("mailbox.manage")
    return _changed(call, mailbox, sources.set_erasing, there=body.erase_there)


@router.post("/mailboxes/{mailbox}/imap/pause")
def pause_source(call: InAccount, mailbox: str) -> Source:
    """Fetch nothing until it is resumed. Mail stays at the provider."""
    call.require("mailbox.manage")
    return _changed(call, mailbox, sources.pause)


@router.post("/mailboxes/{mailbox}/imap/resume")
def resume_source(call: InAccount, mailbox: str) -> Source:
    """Fetch again, from where it was left."""
    call.require("mailbox.manage")
    return _changed(call, mailbox, sources.resume)


@router.delete("/mailboxes/{mailbox}/imap", status_code=204, response_class=Response)
def delete_source(call: InAccount, mailbox: str) -> None:
    """Fetch no more, and forget login, password and cursors. What was filed stays."""
    call.require("mailbox.manage")
    house = call.house
    with house.database.read() as connection:
        whose = mailbox_id(connection, call.account, mailbox)
    sources.forget_copies(house.database, house.writer, call.account, whose)
    call.act(sources.delete, house.sourcing(), whose)


def _changed(
    call: Call,
    mailbox: str,
    function: Callable[Concatenate[Act, Sourcing, int, P], FetchedSource],
    /,
    *args: P.args,
    **named: P.kwargs,
) -> Source:
    """Do one of the acts on the source of a mailbox; the source afterwards."""
    with call.house.database.read() as connection:
        whose = mailbox_id(connection, call.account, mailbox)
    return shape(call.act(function, call.house.sourcing(), whose, *args, **named))
