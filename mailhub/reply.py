"""FLOW 5: an agent answers. Top to bottom in ``reply``:

    read whom and what it answers -> gate -> compose -> message, raw, reference, index, outbox rows in ONE transaction
    -> commit -> wake the relay (``outbound.relay``) -> delivery status in the outbox rows; a bounce ends up here again

Nothing is queued that the relay is not configured to send, and nothing is sent that is not stored as a message first.
Recipients are addresses of the ticket's contact, and of people it was copied to, never what a header of the day says.
Errors: ``NotFound`` (ticket), ``BadRequest`` (text, copies), ``Conflict`` (state, gate, no relay); they leave nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from mailhub import clock, reply_token
from mailhub.config import Relay
from mailhub.directory import Directory
from mailhub.envelope import Envelope, Source
from mailhub.errors import BadRequest, Conflict, NotFound
from mailhub.message.parse import parse
from mailhub.message.values import Bounce
from mailhub.outbound import gate
from mailhub.outbound.compose import Draft, compose, reference_chain, reply_subject, usable_id
from mailhub.prepare import Prepared, Secrets, prepare
from mailhub.tickets import locked, plain_text, record, workable
from storage import outbox, raws
from storage.database import Database
from storage.filing import Row, Rows, write
from storage.mailboxes import find_mailbox
from storage.outbox import OutboxRow
from storage.replying import Correspondent, find_correspondent
from storage.tickets import Ticket, find_ticket
from storage.writer import Transaction, Writer

TEXT_CHARACTERS = 64 * 1024
COPIES = 40  # people a single mail can be copied to

NO_RELAY = (
    "no relay is configured, so nothing was queued: set [relay] host (and port, tls, user, password_file) in the"
    " configuration and reload"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyContext:
    """What answering needs besides the answer; one per process. ``wake`` is called after the commit."""

    relay: Relay
    secrets: Secrets
    directory: Directory
    wake: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an agent wrote, and to whom besides the requester (addresses the ticket was copied to before)."""

    account: int
    ticket: int  # id or number
    actor: str
    user: int
    text: str
    copies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What the answer refers to, read before the transaction: the requester, and the thread of their last mail."""

    ticket: int
    correspondent: Correspondent
    in_reply_to: str
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replied:
    """A queued answer."""

    message: int
    message_id: str  # without < >
    ticket: int
    queued: tuple[OutboxRow, ...]


def reply(database: Database, writer: Writer, context: ReplyContext, answer: Answer, *, now: int) -> Replied:
    """Store and queue an answer; returns after the commit. Not to be called in the writer's own thread."""
    if not context.relay.host:
        raise Conflict(NO_RELAY)
    basis = read_basis(database, answer.account, answer.ticket)
    return writer.run(partial(queue, context=context, answer=answer, basis=basis, now=now))


def read_basis(database: Database, account: int, ticket: int) -> Basis:
    """Whom the ticket's answer goes to and which ids it names. Reads a raw message: keep it out of the writer."""
    with database.read() as connection:
        found = find_ticket(connection, account, ticket)
        if found is None:
            raise NotFound(f"there is no ticket {ticket}")
        person = find_correspondent(connection, found)
        if person is None:
            raise Conflict(f"ticket {found.number} has no requester whom an answer could go to")
        raw = raws.read(connection, account, person.last_message) if person.last_message else None
    parent = parse(raw) if raw is not None else None
    if parent is None:
        return Basis(ticket=found.id, correspondent=person, in_reply_to="", references=())
    return Basis(
        ticket=found.id,
        correspondent=person,
        in_reply_to=parent.message_id if usable_id(parent.message_id) else "",
        references=reference_chain(parent.message_id, parent.references, parent.in_reply_to),
    )


def queue(transaction: Transaction, *, context: ReplyContext, answer: Answer, basis: Basis, now: int) -> Replied:
    """The part of the flow that writes: everything or nothing, and the relay is woken if it is committed."""
    ticket = workable(locked(transaction, answer.account, basis.ticket))
    recipients = (basis.correspondent.address, *_copies(answer, basis))
    not_after = now + int(context.relay.retry_hours * clock.HOUR)
    for recipient in recipients:
        _pass_gate(transaction, context, answer.account, recipient, now=now, not_after=not_after)
    message = transaction.new_id()
    draft = _draft(transaction, context, answer, basis, ticket=ticket, message=message, now=now)
    prepared = _store(transaction, context, draft, answer, ticket=ticket, message=message, now=now)
    queued = tuple(
        OutboxRow(
            account_id=answer.account,
            id=transaction.new_id(),
            message_id=message,
            ticket_id=ticket.id,
            kind="reply",
            mail_from=draft.reply_to,
            recipient=recipient,
            state="queued",
            reason="allowed",
            attempts=0,
            created_at=now,
            next_attempt_at=now,
            not_after=not_after,
        )
        for recipient in recipients
    )
    outbox.add_to_outbox(transaction.connection, queued)
    rows = [row.id for row in queued]
    on = f"message:{message}"
    record(
        transaction, answer.actor, answer.account, verb="ticket.reply", on=on, now=now, ticket=ticket.id, outbox=rows
    )
    transaction.after_commit(context.wake)
    return Replied(message=message, message_id=prepared.parsed.message_id, ticket=ticket.id, queued=queued)


def _copies(answer: Answer, basis: Basis) -> Sequence[str]:
    wanted = list(dict.fromkeys(address.lower() for address in answer.copies))
    if len(wanted) > COPIES:
        raise BadRequest(f"an answer can be copied to at most {COPIES} people")
    known = {*basis.correspondent.others, basis.correspondent.address}
    if not known.issuperset(wanted):
        raise BadRequest("an answer can be copied only to people whom the ticket was copied to before")
    return [address for address in wanted if address != basis.correspondent.address]


def _pass_gate(
    transaction: Transaction, context: ReplyContext, account: int, recipient: str, *, now: int, not_after: int
) -> None:
    lately = outbox.sent_to_since(transaction.connection, account, recipient, now - clock.HOUR, kind="reply")
    mail = gate.Outgoing(
        recipient=recipient,
        by_person=True,
        own_address=context.directory.is_own(account, recipient),
        sent_lately=lately,
        cap=context.relay.per_recipient,
        now=now,
        not_after=not_after,
    )
    decision = gate.decide(mail)
    if not decision.allowed:
        raise Conflict(f"the answer may not be sent ({decision.reason}): {decision.evidence}")


def _draft(
    transaction: Transaction,
    context: ReplyContext,
    answer: Answer,
    basis: Basis,
    *,
    ticket: Ticket,
    message: int,
    now: int,
) -> Draft:
    mailbox = find_mailbox(transaction.connection, answer.account, ticket.mailbox_id)
    if mailbox is None:
        raise Conflict(f"the mailbox of ticket {ticket.number} is gone, so there is no address to answer from")
    person, key = basis.correspondent, context.secrets.reply_token
    domain = mailbox.address.rpartition("@")[2]
    token = reply_token.make(ticket.id, person.contact_id, key)
    return Draft(
        message_id=reply_token.make_message_id(ticket.id, person.contact_id, message=message, domain=domain, key=key),
        from_name=mailbox.name,
        from_address=mailbox.address,
        reply_to=reply_token.reply_address(mailbox.address, token),
        to=((person.name, person.address),),
        cc=tuple(("", address) for address in _copies(answer, basis)),
        subject=reply_subject(ticket.subject, ticket.number),
        in_reply_to=basis.in_reply_to,
        references=basis.references,
        date=now,
        text=plain_text(answer.text, TEXT_CHARACTERS, "answer"),
    )


def _store(
    transaction: Transaction,
    context: ReplyContext,
    draft: Draft,
    answer: Answer,
    *,
    ticket: Ticket,
    message: int,
    now: int,
) -> Prepared:
    """The message with its raw bytes, reference and index words, read as if it had come in: so a copy of it that
    comes back to us is known as the same message."""
    raw = compose(draft)
    envelope = Envelope(source=Source.PIPE, mail_from=draft.from_address, recipients=(), received_at=now)
    prepared = prepare(raw, envelope, context.secrets, context.directory)
    assert prepared.own_id is not None, "our own mail has an id and can be read"
    account = answer.account
    reference = {"id_hash": prepared.own_id, "message_id": message, "ticket_id": ticket.id}
    rows = Rows(
        messages=[_message_row(draft, answer, prepared, ticket=ticket, message=message, now=now)],
        references=[{"account_id": account, **reference}],
        raws=raws.slice_rows(account, message, prepared.slices),
        index=[(account, message, prepared.words)],
        touched={ticket.id: {"added": 1, "at": now, "new_state": ticket.state}},
    )
    write(transaction.connection, account, rows)
    return prepared


def _message_row(draft: Draft, answer: Answer, prepared: Prepared, *, ticket: Ticket, message: int, now: int) -> Row:
    return {
        "account_id": answer.account,
        "id": message,
        "ticket_id": ticket.id,
        "mailbox_id": ticket.mailbox_id,
        "contact_id": None,
        "user_id": answer.user,
        "direction": "out",
        "source": "reply",
        "identity": prepared.identity,
        "message_id": draft.message_id,
        "from_address": draft.from_address,
        "from_name": draft.from_name,
        "subject": draft.subject,
        "sent_at": now,
        "received_at": now,
        "size_bytes": prepared.raw_bytes,
        "verdict": "unsure",  # the filter looks at what comes in, not at what we write
        "probability": None,
        "log_odds": None,
        "thread_reason": "reply",
        "thread_evidence": "",
        "automatic": "",
        "authentication": "",
        "flags": "",
        "unreadable": 0,
        "redacted_at": None,
    }


def bounced(transaction: Transaction, account: int, ticket: int, bounce: Bounce, *, now: int) -> int:
    """A bounce was filed in this ticket: note on the outbox rows it is about that they failed; how many did.

    Only recipients it calls permanently failed count. It names the mail by its Message-ID, which nobody knows but those
    who got it; a mail that went to one person alone failed for them, whatever address the bounce names (forwarding).
    """
    if bounce.complaint or not bounce.original_message_id:
        return 0
    connection = transaction.connection
    rows = outbox.rows_of_bounced(connection, account, ticket, bounce.original_message_id)
    failed = {entry.address.lower(): entry.status for entry in bounce.recipients if entry.permanent}
    marked = 0
    for row in rows:
        status = next(iter(failed.values()), None) if len(rows) == 1 else failed.get(row.recipient)
        if status is not None:
            marked += outbox.set_bounced(connection, account, row.id, reply=status or None, at=now)
    return marked
