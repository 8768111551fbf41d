"""/v1/mailboxes: the support addresses of an account. The doors know a change as soon as it is committed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from mailhub import clock
from mailhub.accounts import mailboxes as flow
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import After, Limit, Page, made, page
from mailhub.api.mailboxes import imap_sources
from mailhub.api.people.users import Email
from mailhub.callers.caller import Call, InAccount
from mailhub.callers.named import mailbox_id
from mailhub.health import watching
from storage.mail import mailboxes, watches
from storage.mail.watches import Watch

router = APIRouter(tags=["mailboxes"])

LONGEST_LIMIT_HOURS = 24 * 366


class Silence(shapes.Shape):
    """When mail came last, and when none is too long: by the mailbox's own rhythm, or after ``limit_hours`` (0 off)."""

    limit_hours: int | None
    newest_at: str | None
    alarm_at: str | None
    silent_at: str | None
    words: str


class SilenceLimit(shapes.Shape):
    """After how many hours without mail a mailbox is silent: 0 never, null by its own rhythm."""

    limit_hours: Annotated[int, Field(ge=0, le=LONGEST_LIMIT_HOURS)] | None


class Mailbox(shapes.Shape):
    """One support address."""

    id: int
    address: str
    name: str
    on_reply_to_closed: str
    purpose: str
    created_at: str
    retired_at: str | None
    imap: imap_sources.Source | None = None
    silence: Silence | None = None  # None: no mail came yet, and no limit was set


class NewMailbox(shapes.Shape):
    """A support address to serve. ``name`` is shown in From of replies.

    ``purpose``: mail that users send as attachments to an address for feedback is marked, and no ticket comes of it.
    """

    address: Email
    name: shapes.Name = ""
    on_reply_to_closed: Literal["reopen", "new-ticket"] = "reopen"
    purpose: Literal["support", "spam-feedback", "ham-feedback"] = "support"


class ChangedMailbox(shapes.Shape):
    """What is to be different from now on; null leaves it as it is."""

    name: shapes.Name | None = None
    on_reply_to_closed: Literal["reopen", "new-ticket"] | None = None


def _shape(
    row: mailboxes.Mailbox, fetched: Mapping[int, imap_sources.Source], watched: Mapping[int, Watch]
) -> Mailbox:
    watch = watched.get(row.id)
    return made(Mailbox, row, imap=fetched.get(row.id), silence=None if watch is None else _silence(watch))


def _silence(watch: Watch) -> Silence:
    return made(Silence, watch, words=watching.in_words(watch, now=clock.now()))


@router.get("/mailboxes")
def list_mailboxes(call: InAccount, limit: Limit = 50, after: After = None) -> Page[Mailbox]:
    """Mailboxes of the account, and how fetching is doing for those whose mail is fetched."""
    call.require("mailbox.read")
    with call.house.database.read() as connection:
        rows = mailboxes.list_mailboxes(connection, call.account, after=after or 0, limit=limit)
        fetched = imap_sources.states(connection, call.account)
        watched = {watch.mailbox_id: watch for watch in watches.list_watches(connection, call.account)}
    return page(rows, partial(_shape, fetched=fetched, watched=watched), limit)


@router.post("/mailboxes", status_code=201)
def add_mailbox(call: InAccount, body: NewMailbox) -> Mailbox:
    """Serve an address from now on. Among several accounts its domain is proven first (`/v1/mailbox-domains`)."""
    call.require("mailbox.manage")
    mailbox = call.act(
        flow.add,
        call.house.config,
        call.house.directory,
        address=body.address,
        name=body.name,
        on_reply_to_closed=body.on_reply_to_closed,
        purpose=body.purpose,
        operator=call.actor.machine,
    )
    return _shape(mailbox, {}, {})


@router.patch("/mailboxes/{mailbox}")
def change_mailbox(call: InAccount, mailbox: str, body: ChangedMailbox) -> Mailbox:
    """Change what stands in From of replies, or what a reply to a closed ticket does."""
    call.require("mailbox.manage")
    wanted = {"name": body.name, "on_reply_to_closed": body.on_reply_to_closed}
    return _now(call, call.act(flow.change, call.house.directory, _named(call, mailbox), **wanted))


@router.post("/mailboxes/{mailbox}/retire")
def retire_mailbox(call: InAccount, mailbox: str) -> Mailbox:
    """Take no new mail (550) for an address that tickets came in by; `reinstate` undoes it.

    Its tickets are read and answered as before, and what comes to the reply address of an answer is taken. Fetching it
    from a provider is paused.
    """
    call.require("mailbox.manage")
    whose = _named(call, mailbox)
    wake = call.house.imap.wake
    return _now(call, call.act(flow.retire, call.house.directory, whose, fetched_no_more=wake))


@router.post("/mailboxes/{mailbox}/reinstate")
def reinstate_mailbox(call: InAccount, mailbox: str) -> Mailbox:
    """Take new mail again for an address that was retired; fetching stays paused until it is resumed."""
    call.require("mailbox.manage")
    return _now(call, call.act(flow.reinstate, call.house.directory, _named(call, mailbox)))


@router.put("/mailboxes/{mailbox}/silence")
def set_silence_limit(call: InAccount, mailbox: str, body: SilenceLimit) -> Silence:
    """Tell of a mailbox's silence by its own rhythm (null), after so many hours, or never (0)."""
    call.require("mailbox.manage")
    return _silence(call.act(watching.set_limit, _named(call, mailbox), body.limit_hours))


@router.delete("/mailboxes/{mailbox}", status_code=204, response_class=Response)
def delete_mailbox(call: InAccount, mailbox: str) -> None:
    """Serve an address no longer; one that tickets came in by stays, since they name it."""
    call.require("mailbox.manage")
    whose = _named(call, mailbox)
    call.act(flow.delete, call.house.directory, whose, fetched_no_more=call.house.imap.wake)


def _now(call: Call, row: mailboxes.Mailbox) -> Mailbox:
    """A mailbox that was changed, with how fetching is doing."""
    with call.house.database.read() as connection:
        fetched = imap_sources.states(connection, call.account)
        watch = watches.find_watch(connection, call.account, row.id)
    return _shape(row, fetched, {} if watch is None else {row.id: watch})


def _named(call: Call, mailbox: str) -> int:
    with call.house.database.read() as connection:
        return mailbox_id(connection, call.account, mailbox)
