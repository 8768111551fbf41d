"""FLOW 5: an agent answers. Top to bottom in ``reply``:

    read whom and what it answers -> gate -> compose and read back, as a mail that comes in is read (outside the writer)
    -> gate again (cap) -> message, raw, reference, index and outbox rows in ONE transaction -> commit -> wake the relay
    (``outbound.relay``) -> what it answers is ham, if settings say so -> delivery status in the outbox rows; a bounce
    ends up here again (``bounced``)

Nothing is queued that the relay is not configured to send, and nothing is sent that is not stored as a
message first. Recipients are addresses of the ticket's contact, and of people it was copied to, never what a header
of the day says, but where From takes no answers (noreply@): then the one Reply-To. Where it differs otherwise whoever
answers chooses (``Answer.to``), and whom they choose takes part from then on. Errors:
``NotFound`` (ticket), ``BadRequest`` (text, copies), ``Conflict`` (state, gate, no relay); they leave nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from mailhub import clock
from mailhub.config import Relay
from mailhub.directory import Directory
from mailhub.envelope import Envelope, Source
from mailhub.errors import BadRequest, Conflict, NotFound
from mailhub.filter import answers
from mailhub.message.addresses import served_form
from mailhub.message.parse import parse
from mailhub.message.values import Bounce, Parsed
from mailhub.outbound import gate
from mailhub.outbound.compose import Draft, answer_index, compose, reference_chain, reply_subject, usable_id
from mailhub.proof.act import Act
from mailhub.reading import reply_token
from mailhub.reading.prepare import Prepared, Secrets, prepare
from mailhub.tickets.acts import locked, plain_text, workable
from storage.database import Database
from storage.engine.bulk import Row
from storage.mail import outbox, raws
from storage.mail.filing import Rows, write
from storage.mail.mailboxes import Mailbox, find_mailbox
from storage.mail.outbox import OutboxRow
from storage.mail.replying import Correspondent, find_correspondent
from storage.privacy.contacts import find_contact
from storage.tickets import participants
from storage.tickets.tickets import Ticket, find_ticket
from storage.words import ParticipantRole
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
    learning: answers.Learning | None = None  # None: an answer teaches the filter nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an agent wrote, and to whom besides the requester (addresses the ticket was copied to before)."""

    account: int
    ticket: int  # id or number
    actor: str
    user: int
    text: str
    copies: tuple[str, ...] = ()
    to: str = ""  # which of the requester's addresses, or of those their last mail asks to answer to; "" decides itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What the answer refers to: the ticket, its mailbox and requester, and the thread of their last mail."""

    ticket: Ticket
    mailbox: Mailbox
    correspondent: Correspondent
    in_reply_to: str
    references: tuple[str, ...]
    thread: tuple[str, str]  # Thread-Topic and Thread-Index of the requester's last mail
    asked: bool = False  # the answer goes to whom that mail asks, by the choice of who answers


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
    basis = read_basis(database, context.directory, answer.account, answer.ticket, to=answer.to)
    for recipient in _recipients(answer, basis):
        _pass_gate(context, answer.account, recipient, sent_lately=0, now=now)
    message = writer.run(Transaction.new_id)
    draft = _draft(context, answer, basis, message=message, now=now)
    envelope = Envelope(source=Source.PIPE, mail_from=draft.from_address, recipients=(), received_at=now)
    prepared = prepare(compose(draft), envelope, context.secrets, context.directory)
    work = partial(
        queue, context=context, answer=answer, basis=basis, draft=draft, prepared=prepared, message=message
    )
    replied = writer.run(work)

    if context.learning is not None:
        answers.learn(
            database,
            writer,
            context.learning,
            actor=answer.actor,
            account=answer.account,
            ticket=replied.ticket,
            user=answer.user,
            now=now,
        )
    return replied


def read_basis(database: Database, directory: Directory, account: int, ticket: int, *, to: str = "") -> Basis:
    """Whom the ticket's answer goes to, and which ids it names. BadRequest for a ``to`` that is neither theirs nor
    asked for.
    """
    with database.read() as connection:
        found = find_ticket(connection, account, ticket)
        if found is None:
            raise NotFound(f"there is no ticket {ticket}")
        person = find_correspondent(connection, workable(found))
        if person is None:
            raise Conflict(f"ticket {found.number} has no requester whom an answer could go to")
        mailbox = find_mailbox(connection, account, found.mailbox_id)
        if mailbox is None:
            raise Conflict(
                f"the mailbox of ticket {found.number} is gone, so there is no address to answer from"
            )
        raw = raws.read(connection, account, person.last_message) if person.last_message else None
        theirs = find_contact(connection, account, person.contact_id)

    parent = parse(raw) if raw is not None else None
    person = _named_by(parent, person, directory, account) if parent else person
    wanted = served_form(to.strip())
    if wanted and wanted != person.address:
        person = _chosen(wanted, person, theirs.addresses if theirs else (), parent)
    name = parent.message_id if parent else ""

    return Basis(
        asked=bool(theirs and person.address not in theirs.addresses),
        ticket=found,
        mailbox=mailbox,
        correspondent=person,
        in_reply_to=name if usable_id(name) else "",
        thread=(parent.header("thread-topic"), parent.header("thread-index")) if parent else ("", ""),
        references=reference_chain(name, parent.references, parent.in_reply_to) if parent else (),
    )


def _named_by(parent: Parsed, person: Correspondent, directory: Directory, account: int) -> Correspondent:
    """The requester as their last mail names them: several people can share an address, and a sender that
    takes no answers (noreply@) says in Reply-To who does.
    """
    author = parent.from_[0] if parent.from_ else None
    asked = [each for each in parent.reply_to if "@" in each.address]
    if author is not None and served_form(author.address) == person.address:
        if gate.takes_no_answer(person.address) and len(asked) == 1:
            address = served_form(asked[0].address)
            if gate.reachable_address(address) and not directory.is_own(account, address):
                return replace(person, name=asked[0].name, address=address)
        return replace(person, name=author.name or person.name)

    same = next((each for each in asked if served_form(each.address) == person.address), None)
    return replace(person, name=same.name or person.name) if same else person


def _chosen(
    wanted: str, person: Correspondent, theirs: Sequence[str], parent: Parsed | None
) -> Correspondent:
    """The requester at the address that whoever answers chose."""
    asked = {served_form(each.address): each.name for each in (parent.reply_to if parent else ())}
    if wanted not in theirs and wanted not in asked:
        raise BadRequest(
            "an answer goes to an address of the requester, or to one that their last mail asks for"
        )
    return replace(person, address=wanted, name=asked.get(wanted) or person.name)


def queue(
    transaction: Transaction,
    *,
    context: ReplyContext,
    answer: Answer,
    basis: Basis,
    draft: Draft,
    prepared: Prepared,
    message: int,
) -> Replied:
    """The part of the flow that writes: everything or nothing, and the relay is woken if it is committed."""
    ticket = workable(locked(transaction, answer.account, basis.ticket.id))
    now = draft.date

    recipients = _recipients(answer, basis)
    for recipient in recipients:
        since = now - clock.HOUR
        lately = outbox.sent_to_since(transaction.connection, answer.account, recipient, since, kind="reply")
        _pass_gate(context, answer.account, recipient, sent_lately=lately, now=now)

    if answer.to and basis.asked:
        named = (transaction.connection, answer.account, ticket.id, basis.correspondent.address)
        participants.add(*named, ParticipantRole.CC)
    _store(transaction, draft, answer, prepared, ticket=ticket, message=message)
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
            not_after=_not_after(context, now),
        )
        for recipient in recipients
    )
    outbox.add_to_outbox(transaction.connection, queued)
    detail = {"ticket": ticket.id, "outbox": [row.id for row in queued]}
    act = Act(transaction, answer.actor, answer.account, now)
    act.record("ticket.reply", f"message:{message}", **detail)
    transaction.after_commit(context.wake)

    return Replied(message=message, message_id=draft.message_id, ticket=ticket.id, queued=queued)


def _not_after(context: ReplyContext, now: int) -> int:
    return now + int(context.relay.retry_hours * clock.HOUR)


def _recipients(answer: Answer, basis: Basis) -> Sequence[str]:
    return basis.correspondent.address, *_copies(answer, basis)


def _copies(answer: Answer, basis: Basis) -> Sequence[str]:
    wanted = list(dict.fromkeys(served_form(address.strip()) for address in answer.copies))
    if len(wanted) > COPIES:
        raise BadRequest(f"an answer can be copied to at most {COPIES} people")
    known = {*basis.correspondent.others, basis.correspondent.address}
    if not known.issuperset(wanted):
        raise BadRequest("an answer can be copied only to people whom the ticket was copied to before")
    return [address for address in wanted if address != basis.correspondent.address]


def _pass_gate(context: ReplyContext, account: int, recipient: str, *, sent_lately: int, now: int) -> None:
    mail = gate.Outgoing(
        recipient=recipient,
        by_person=True,
        own_address=context.directory.is_own(account, recipient),
        sent_lately=sent_lately,
        cap=context.relay.per_recipient,
        now=now,
        not_after=_not_after(context, now),
    )

    decision = gate.decide(mail)
    if not decision.allowed:
        raise Conflict(f"the answer may not be sent ({decision.reason}): {decision.evidence}")


def _draft(context: ReplyContext, answer: Answer, basis: Basis, *, message: int, now: int) -> Draft:
    ticket = basis.ticket
    mailbox = basis.mailbox
    person = basis.correspondent
    key = context.secrets.reply_token
    domain = mailbox.address.rpartition("@")[2]
    token = reply_token.make(ticket.id, person.contact_id, key)

    return Draft(
        message_id=reply_token.make_message_id(
            ticket.id, person.contact_id, message=message, domain=domain, key=key
        ),
        from_name=mailbox.name,
        from_address=mailbox.address,
        reply_to=reply_token.reply_address(mailbox.address, token),
        to=((person.name, person.address),),
        cc=tuple(("", address) for address in _copies(answer, basis)),
        subject=reply_subject(ticket.subject, ticket.number),
        in_reply_to=basis.in_reply_to,
        references=basis.references,
        thread=(basis.thread[0], answer_index(basis.thread[1], now)),
        date=now,
        text=plain_text(answer.text, TEXT_CHARACTERS, "answer"),
    )


def _store(
    transaction: Transaction,
    draft: Draft,
    answer: Answer,
    prepared: Prepared,
    *,
    ticket: Ticket,
    message: int,
) -> None:
    """The message with its raw bytes, reference and index words. Its identity is that of mail that comes in,
    so a copy of it that comes back to us is known as the same message.
    """
    assert prepared.own_id is not None, "our own mail has an id and can be read"
    account = answer.account
    reference = {"id_hash": prepared.own_id, "message_id": message, "ticket_id": ticket.id}
    rows = Rows(
        messages=[_message_row(draft, answer, prepared, ticket=ticket, message=message)],
        references=[{"account_id": account, **reference}],
        raws=raws.slice_rows(account, message, prepared.slices),
        index=[(account, message, prepared.words)],
        touched={ticket.id: {"added": 1, "at": draft.date, "new_state": ticket.state}},
    )

    write(transaction.connection, account, rows)


def _message_row(draft: Draft, answer: Answer, prepared: Prepared, *, ticket: Ticket, message: int) -> Row:
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
        "sent_at": draft.date,
        "received_at": draft.date,
        "size_bytes": prepared.raw_bytes,
        "verdict": "unsure",  # the filter looks at what comes in, not at what we write
        "probability": None,
        "log_odds": None,
        "verdict_reason": None,
        "verdict_evidence": None,
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

    Only recipients it calls permanently failed count. It names the mail by its Message-ID, which nobody knows
    but those who got it; a mail that went to one person alone failed for them, whatever address the bounce
    names (forwarding).
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
