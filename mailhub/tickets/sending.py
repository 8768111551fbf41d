"""A draft on its way out: sent at once, in some seconds, or at an hour, and taken back until then.

    send      the draft, its version, what its writer saw last -> would it go now? (whom, gate, relay) -> ``send_at``
    undo      ``send_at`` is gone, the draft is as it was
    send_due  each draft whose time has come -> ``reply``: message, outbox rows and the end of the draft are one commit

Until that commit nothing of it is mail: an undone draft cannot go, and one that was to go survives any stop, for it is
a row. Whether it is still to be sent is asked in that transaction, by the row. What stops it: a message or note that
its writer had not seen (when they send it, unless they say so); of one that was scheduled, a mail of a customer; a
refusal of the gate when it is due. Then it is a draft again, and ``fault`` says why. Notes go to nobody, and at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from mailhub import clock
from mailhub.access.holds import READERS, restrictions
from mailhub.errors import BadRequest, Conflict, MailhubError, Stale
from mailhub.filter.verdict import Verdict
from mailhub.proof.act import Act, perform
from mailhub.system.queues import Queue
from mailhub.tickets.acts import close, locked, note, workable
from mailhub.tickets.drafts import DraftKind, audience_of, own_draft, require_version
from mailhub.tickets.reply import (
    Answer,
    Replied,
    ReplyContext,
    Sent,
    reply,
    require_audience,
    require_sendable,
)
from storage.database import Database
from storage.people.users import find_user
from storage.privacy import contacts
from storage.privacy.holds import find_holds_on_tickets
from storage.tickets import drafts, tickets
from storage.tickets.drafts import Draft
from storage.tickets.removal import delete_tickets
from storage.writer import Writer

LONGEST_UNDO_SECONDS = 60
SCHEDULED_DAYS = 365
DUE_AT_ONCE = 50


class Unseen(Stale):
    """Something came to the ticket that the writer had not seen: the ids of messages and notes."""

    def __init__(self, messages: tuple[int, ...], notes: tuple[int, ...]) -> None:
        super().__init__(
            "something came to the ticket that you have not seen: look at it, then send with it as `seen`, or `anyway`"
        )
        self.messages = messages
        self.notes = notes


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Send this draft. ``seen``: the newest message or note its writer saw; ``at``: not before (None: now)."""

    account: int
    actor: str
    user: int
    draft: int
    version: int
    seen: int | None = None
    anyway: bool = False
    at: int | None = None
    undo_seconds: float = 0.0
    closes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What became of an order: a draft that goes at ``draft.send_at``, a mail that is queued, or a note that stands."""

    draft: Draft | None = None
    message: int | None = None
    note: int | None = None
    ticket: int | None = None


def send(database: Database, writer: Writer, context: ReplyContext, order: Order, *, now: int) -> Sending:
    """Order a draft to be sent. Not to be called in the writer's own thread.

    Raises ``Changed``, ``Unseen``, and what ``reply`` raises: what could not go now is refused now.
    """
    if not 0 <= order.undo_seconds <= LONGEST_UNDO_SECONDS:
        raise BadRequest(f"an answer can be taken back for 0 to {LONGEST_UNDO_SECONDS} seconds")
    if order.at is not None and order.at > now + SCHEDULED_DAYS * clock.DAY:
        raise BadRequest(f"a mail can be scheduled for at most {SCHEDULED_DAYS} days ahead")

    with database.read() as connection:
        draft = drafts.find_draft(connection, order.account, order.draft)
    if draft is not None and draft.kind == DraftKind.NOTE:
        return writer.run(perform, _put_note, order.actor, order.account, now, order)
    if draft is not None and draft.user_id == order.user:
        if draft.kind == DraftKind.NEW:
            _require_whole(draft)
            require_audience(context, draft.account_id, audience_of(draft), now=now)
        else:
            require_sendable(database, context, _answer(draft, order.actor), now=now)

    ordered = writer.run(perform, _order, order.actor, order.account, now, order)
    if ordered.send_at is not None and ordered.send_at <= now:
        replied = _go(database, writer, context, ordered, order.actor, now=now)
        return Sending(message=replied.message, ticket=replied.ticket)

    return Sending(draft=ordered, ticket=ordered.ticket_id)


def _order(act: Act, order: Order) -> Draft:
    """Set when the draft goes, if it is what its writer thinks it is."""
    draft = _checked(act, order)
    scheduled = order.at is not None and order.at > act.now
    at = order.at if scheduled and order.at is not None else act.now + int(order.undo_seconds * clock.SECOND)
    seen = max(order.seen or 0, draft.seen_id)
    if draft.ticket_id is not None and order.anyway:
        seen = drafts.newest_in(act.transaction.connection, act.account, draft.ticket_id)
    values: dict[str, Any] = {"send_at": at, "scheduled": int(scheduled), "closes": int(order.closes)}
    values |= {"seen_id": seen, "fault": None}
    drafts.change_draft(act.transaction.connection, act.account, draft.id, **values)
    act.record("draft.send", f"draft:{draft.id}", ticket=draft.ticket_id, at=at)

    return replace(draft, **values)


def _checked(act: Act, order: Order) -> Draft:
    draft = own_draft(act.transaction, act.account, order.user, order.draft)
    require_version(draft, order.version)
    if draft.send_at is not None:
        raise Conflict("the draft is being sent already")
    if draft.ticket_id is None:
        return draft

    workable(locked(act.transaction, act.account, draft.ticket_id))
    seen = order.seen if order.seen is not None else draft.seen_id
    messages, notes = drafts.unseen_in(
        act.transaction.connection, act.account, draft.ticket_id, seen=seen, user_id=order.user
    )
    if (messages or notes) and not order.anyway:
        raise Unseen(tuple(messages), tuple(notes))
    return draft


def _put_note(act: Act, order: Order) -> Sending:
    """A note is written and its draft gone, in one transaction."""
    draft = _checked(act, order)
    assert draft.ticket_id is not None, "a note is about a ticket"
    row = note(act, draft.ticket_id, user=order.user, text=draft.text)
    drafts.delete_drafts(act.transaction.connection, act.account, [draft.id])
    if order.closes:
        close(act, draft.ticket_id)
    return Sending(note=row.id, ticket=draft.ticket_id)


def undo(act: Act, user: int, draft: int) -> Draft:
    """The draft is being written again, as it was. ``NotFound`` when it was sent."""
    found = own_draft(act.transaction, act.account, user, draft)
    if found.send_at is None:
        return found
    drafts.change_draft(
        act.transaction.connection, act.account, found.id, send_at=None, scheduled=0, closes=0
    )
    act.record("draft.undo", f"draft:{found.id}", ticket=found.ticket_id)

    return replace(found, send_at=None, scheduled=0, closes=0)


def send_due(database: Database, writer: Writer, context: ReplyContext, *, now: int) -> int:
    """Send the drafts whose time has come, each alone; how many went. For the background job."""
    with database.read() as connection:
        due = drafts.due_drafts(connection, now, limit=DUE_AT_ONCE)
    if not due:
        return 0

    queue = Queue(database, writer, "drafts", now=now)
    return sum(
        queue.run(draft.account_id, draft.id, _send_one, database, writer, context, draft, now=now) or 0
        for draft in due
    )


def _send_one(database: Database, writer: Writer, context: ReplyContext, draft: Draft, *, now: int) -> int:
    """Send a draft that is due; one that is refused for good is its writer's again, and says why."""
    actor = f"user:{draft.user_id}"
    try:
        fault = _why_not(database, draft, now=now)
        if not fault:
            _go(database, writer, context, draft, actor, now=now)
            return 1
    except Stale:  # undone, or another node sent it
        return 0
    except MailhubError as error:
        if error.temporary:
            raise
        fault = str(error)

    writer.run(perform, _give_back, "system", draft.account_id, now, draft, fault)
    return 0


def _why_not(database: Database, draft: Draft, *, now: int) -> str:
    """Why a draft that is due is not sent; "" when it is."""
    with database.read() as connection:
        writer_of = find_user(connection, draft.account_id, draft.user_id)
        if writer_of is None:
            return "whoever wrote it is no user any more"
        if draft.ticket_id is None:
            return ""
        held = find_holds_on_tickets(connection, draft.account_id, [draft.ticket_id], now)
        if restrictions(held) and writer_of.role not in READERS:
            return "a hold restricts this ticket to owners and admins"
        if draft.scheduled:
            came, _ = drafts.unseen_in(
                connection,
                draft.account_id,
                draft.ticket_id,
                seen=draft.seen_id,
                user_id=draft.user_id,
                from_customers=True,
            )
            if came:
                return "the customer wrote before it was sent: read that, then send it anew"
    return ""


def _give_back(act: Act, draft: Draft, fault: str) -> None:
    """The draft is being written again, with the reason; unless it was changed meanwhile."""
    connection = act.transaction.connection
    found = drafts.find_draft(connection, act.account, draft.id, locked=True)
    if found is None or found.version != draft.version or found.send_at != draft.send_at:
        return
    values: dict[str, object] = {"send_at": None, "scheduled": 0, "closes": 0, "fault": fault}
    if found.kind == DraftKind.NEW and found.ticket_id is not None:  # opened for a mail that does not go
        values["ticket_id"] = None
    drafts.change_draft(connection, act.account, draft.id, **values)
    if found.ticket_id is not None and "ticket_id" in values:
        delete_tickets(connection, act.account, [found.ticket_id])
    act.record("draft.stopped", f"draft:{draft.id}", ticket=draft.ticket_id)


def _go(
    database: Database, writer: Writer, context: ReplyContext, draft: Draft, actor: str, *, now: int
) -> Replied:
    """A new mail has its ticket opened first, in a turn of its own: cut off after it, the next try finds it there."""
    if draft.kind == DraftKind.NEW:
        draft = writer.run(perform, _open_ticket, actor, draft.account_id, now, draft)
    return reply(database, writer, context, _answer(draft, actor), now=now)


def _require_whole(draft: Draft) -> None:
    if not draft.subject:
        raise BadRequest("a new mail needs a subject")
    if not draft.text.strip():
        raise BadRequest("the mail is empty")


def _open_ticket(act: Act, draft: Draft) -> Draft:
    """The ticket of a new mail: whoever To names first asked for it, so to speak; it is its writer's."""
    connection = act.transaction.connection
    found = drafts.find_draft(connection, act.account, draft.id, locked=True)
    if found is None or found.version != draft.version or found.send_at != draft.send_at:
        raise Stale("the draft was undone, changed or sent meanwhile: nothing was sent now")
    if found.ticket_id is not None:
        return found

    assert found.mailbox_id is not None, "a new mail has a mailbox"
    address = audience_of(found).to[0]
    contact = contacts.find_contact_of(connection, act.account, address)
    if contact is None:
        contact = act.transaction.new_id()
        contacts.add_contact(connection, act.account, contact, address, at=act.now)
    ticket = tickets.add_ticket(
        connection,
        act.account,
        act.transaction.new_id(),
        mailbox_id=found.mailbox_id,
        contact_id=contact,
        subject=found.subject,
        verdict=Verdict.UNSURE,
        probability=None,
        created_at=act.now,
        at=act.now,
    )
    tickets.change_ticket(connection, act.account, ticket.id, at=act.now, assignee_id=found.user_id)
    drafts.change_draft(connection, act.account, found.id, ticket_id=ticket.id)
    act.record("ticket.open", f"ticket:{ticket.id}", draft=found.id)

    return replace(found, ticket_id=ticket.id)


def _sent(draft: Draft) -> Sent:
    return Sent(draft=draft.id, version=draft.version, closes=bool(draft.closes))


def _answer(draft: Draft, actor: str) -> Answer:
    assert draft.ticket_id is not None, "what is about no ticket opens one"
    return Answer(
        account=draft.account_id,
        ticket=draft.ticket_id,
        actor=actor,
        user=draft.user_id,
        text=draft.text,
        audience=audience_of(draft),
        subject=draft.subject,
        quoted=draft.quoted_id,
        forward=draft.kind == DraftKind.FORWARD,
        opens=draft.kind == DraftKind.NEW,
        sent=_sent(draft),
    )
