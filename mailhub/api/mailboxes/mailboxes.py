"""/v1/mailboxes: the support addresses of an account. The doors know a change as soon as it is committed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from mailhub import clock
from mailhub.accounts.mailbox_domains import require_address
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import After, Limit, Page, made, page
from mailhub.api.mailboxes import imap_sources
from mailhub.api.people.users import Email
from mailhub.api.tickets.tickets import mailbox_id
from mailhub.callers.caller import Call, InAccount
from mailhub.errors import BadRequest, Conflict
from mailhub.health import watching
from mailhub.proof.journal import record
from storage.mail import mailboxes, watches
from storage.mail.watches import Watch
from storage.sources import imap_sources as sources
from storage.writer import Transaction

router = APIRouter(tags=["mailboxes"])

LONGEST_LIMIT_HOURS = 24 * 366
LOCAL_PART_OCTETS = 64 - 27  # RFC 5321 4.5.3.1.1, less "+" and the 26 characters of a reply token


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
    local = body.address.rpartition("@")[0]
    if "+" in local:
        raise BadRequest("an address with + cannot be served: what follows the + marks replies")
    if len(local.encode()) > LOCAL_PART_OCTETS:
        raise BadRequest(
            f"at most {LOCAL_PART_OCTETS} octets before the @: reply addresses add 27, the limit is 64"
        )

    def add(transaction: Transaction) -> mailboxes.Mailbox:
        connection = transaction.connection
        config = call.house.config
        address = require_address(connection, config, call.account, body.address, operator=call.actor.machine)
        if mailboxes.find_route(connection, address):
            raise Conflict("this address is served already")

        call.require_room(transaction, "mailboxes")
        row = mailboxes.Mailbox(
            account_id=call.account,
            id=transaction.new_id(),
            address=address,
            name=body.name,
            on_reply_to_closed=body.on_reply_to_closed,
            purpose=body.purpose,
            created_at=clock.now(),
        )
        mailboxes.add_mailbox(transaction.connection, row)
        _record(transaction, call, "add", row.id)
        transaction.after_commit(call.house.directory.refresh)

        return row

    return _shape(call.house.writer.run(add), {}, {})


@router.put("/mailboxes/{mailbox}/silence")
def set_silence_limit(call: InAccount, mailbox: str, body: SilenceLimit) -> Silence:
    """Tell of a mailbox's silence by its own rhythm (null), after so many hours, or never (0)."""
    call.require("mailbox.manage")

    def change(transaction: Transaction) -> Watch:
        connection = transaction.connection
        own = mailbox_id(connection, call.account, mailbox)
        known = watches.find_watch(connection, call.account, own) or Watch(
            account_id=call.account, mailbox_id=own
        )
        watch = watching.with_limit(known, body.limit_hours)
        watches.put_watch(connection, watch)
        _record(transaction, call, "silence", own)
        return watch

    return _silence(call.house.writer.run(change))


@router.delete("/mailboxes/{mailbox}", status_code=204, response_class=Response)
def delete_mailbox(call: InAccount, mailbox: str) -> None:
    """Serve an address no longer; one that tickets came in by stays, since they name it."""
    call.require("mailbox.manage")

    def delete(transaction: Transaction) -> None:
        found = mailbox_id(transaction.connection, call.account, mailbox)
        if mailboxes.is_used(transaction.connection, call.account, found):
            raise Conflict("tickets came in by this mailbox: it cannot be deleted while they exist")
        if source := sources.find_source_of_mailbox(transaction.connection, call.account, found):
            sources.delete_source(transaction.connection, call.account, source.id)
            transaction.after_commit(call.house.imap.wake)
        mailboxes.delete_mailbox(transaction.connection, call.account, found)
        _record(transaction, call, "delete", found)
        transaction.after_commit(call.house.directory.refresh)

    call.house.writer.run(delete)


def _record(transaction: Transaction, call: Call, act: str, mailbox: int) -> None:
    verb = f"mailbox.{act}"
    on = f"mailbox:{mailbox}"
    record(transaction, call.actor.name, call.account, verb=verb, on=on, now=clock.now())
