"""FLOW 5: an agent answers. Top to bottom in ``reply``:

    read whom and what it answers -> gate -> compose and read back, as a mail that comes in is read (outside the writer)
    -> gate again (cap) -> message, raw, reference, index and outbox rows in ONE transaction -> commit -> wake the relay
    (``outbound.relay``) -> what it answers is ham, if settings say so -> delivery status in the outbox rows; a bounce
    ends up here again (``bounced``)

What a draft asks for (``tickets.sending``) goes the same way, with an audience of its own; it is gone in the
transaction that queues it. Nothing is queued that the relay is not configured to send, and nothing is sent that is
not stored as a message first. Without an audience recipients are addresses of the ticket's contact, and of people it
was copied to, never what a header of the day says, but where From takes no answers (noreply@): then the one Reply-To.
Where it differs otherwise whoever answers chooses (``Answer.to``), and whom they choose takes part from then on.
Errors: ``NotFound`` (ticket), ``BadRequest`` (text, people), ``Conflict`` (state, gate, no relay), ``Stale`` (the
draft); they leave nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from mailhub import clock
from mailhub.config import Relay
from mailhub.directory import Directory
from mailhub.envelope import Envelope, Source
from mailhub.errors import BadRequest, Conflict, NotFound, Stale
from mailhub.filter import answers
from mailhub.message.addresses import served_form
from mailhub.message.parse import attachment_bytes, parse
from mailhub.message.values import Address, Bounce, Parsed
from mailhub.outbound import gate
from mailhub.outbound.compose import (
    NAME_CHARACTERS,
    SUBJECT_CHARACTERS,
    Composition,
    OutgoingFile,
    answer_index,
    clean,
    compose,
    forward_subject,
    opening_subject,
    reference_chain,
    reply_subject,
    usable_id,
)
from mailhub.outbound.writing import Quoted, Words, words
from mailhub.proof.act import Act
from mailhub.reading import reply_token
from mailhub.reading.derived import snippet
from mailhub.reading.prepare import Prepared, Secrets, prepare
from mailhub.tickets.acts import close, locked, plain_text, workable
from storage.database import Database
from storage.engine.bulk import Row
from storage.mail import message_lists, outbox, raws
from storage.mail.filing import Rows, touch, write
from storage.mail.mailboxes import Mailbox, find_mailbox
from storage.mail.outbox import OutboxRow
from storage.mail.replying import Correspondent, find_correspondent
from storage.privacy.contacts import find_contact
from storage.tickets import drafts, participants
from storage.tickets.ticket_mail import settle
from storage.tickets.tickets import Ticket, find_ticket
from storage.words import ParticipantRole
from storage.writer import Transaction, Writer

TEXT_CHARACTERS = 64 * 1024
QUOTED_ADDRESSES = 20
FILES_BYTES = 18 * 2**20  # in base64 they fit the 25 MB that large providers take
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
class Audience:
    """Whom a mail goes to, as its writer named them: addresses, each once."""

    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()

    @property
    def everybody(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.to, *self.cc, *self.bcc)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The draft that this answer is: gone with it, unless it was changed or is not to be sent any more."""

    draft: int
    version: int
    closes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an agent wrote, and to whom: an audience, or the requester and ``copies`` (people who were copied before)."""

    account: int
    ticket: int  # id or number
    actor: str
    user: int
    text: str
    copies: tuple[str, ...] = ()
    to: str = ""  # which of the requester's addresses, or of those their last mail asks to answer to; "" decides itself
    audience: Audience | None = None
    subject: str = ""  # "" for the ticket's
    quoted: int | None = None  # id of a message of the ticket
    forward: bool = False  # the quoted message is passed on: a mail of its own, in nobody's thread
    opens: bool = False  # the first mail of its ticket, which answers none
    sent: Sent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What the answer refers to: the ticket, its mailbox and requester, and the thread of their last mail."""

    ticket: Ticket
    mailbox: Mailbox
    correspondent: Correspondent
    in_reply_to: str
    references: tuple[str, ...]
    thread: tuple[str, str]  # Thread-Topic and Thread-Index of the requester's last mail
    names: Mapping[str, str]  # of those the last mail names, by address
    written_to: Audience  # the requester, and everybody else whom their last mail went to but ourselves
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
    basis, said, files = require_sendable(database, context, answer, now=now)
    message = writer.run(Transaction.new_id)
    composed = _composition(context, answer, basis, said, files, message=message, now=now)
    envelope = Envelope(source=Source.PIPE, mail_from=composed.from_address, recipients=(), received_at=now)
    prepared = prepare(compose(composed), envelope, context.secrets, context.directory)
    work = partial(
        queue,
        context=context,
        answer=answer,
        basis=basis,
        composed=composed,
        prepared=prepared,
        message=message,
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


def require_sendable(
    database: Database, context: ReplyContext, answer: Answer, *, now: int
) -> tuple[Basis, Words, tuple[OutgoingFile, ...]]:
    """What the answer refers to, what it says, and the files with it; raises as ``reply`` where it could not go now."""
    if not context.relay.host:
        raise Conflict(NO_RELAY)
    basis = read_basis(database, context.directory, answer.account, answer.ticket, to=answer.to)
    for recipient in _recipients(answer, basis):
        _pass_gate(context, answer.account, recipient, sent_lately=0, now=now)
    if answer.quoted is None:
        return basis, words(plain_text(answer.text, TEXT_CHARACTERS, "answer")), ()
    return basis, *_with_quote(database, answer, answer.quoted, basis)


def require_audience(context: ReplyContext, account: int, audience: Audience, *, now: int) -> None:
    """Raise as ``reply`` does where a mail of no ticket could not go to these people now."""
    if not context.relay.host:
        raise Conflict(NO_RELAY)
    for recipient in _audience(audience):
        _pass_gate(context, account, recipient, sent_lately=0, now=now)


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
    others = [*parent.to, *parent.cc] if parent else []
    names = {served_form(each.address): each.name for each in others} | {person.address: person.name}

    return Basis(
        asked=bool(theirs and person.address not in theirs.addresses),
        ticket=found,
        mailbox=mailbox,
        correspondent=person,
        in_reply_to=name if usable_id(name) else "",
        thread=(parent.header("thread-topic"), parent.header("thread-index")) if parent else ("", ""),
        references=reference_chain(name, parent.references, parent.in_reply_to) if parent else (),
        names=names,
        written_to=_written_to(person, parent, directory, account),
    )


def proposed_audience(database: Database, directory: Directory, account: int, ticket: int) -> Audience:
    """Whom an answer to all would go to now; nobody where the ticket has no requester."""
    try:
        return read_basis(database, directory, account, ticket).written_to
    except Conflict:
        return Audience(to=())


def _written_to(person: Correspondent, parent: Parsed | None, directory: Directory, account: int) -> Audience:
    """Reply to all: the requester, and whom else their last mail was addressed to; never an address of our own."""

    def others(named: Sequence[Address]) -> Iterator[str]:
        for each in named:
            address = served_form(each.address)
            if gate.reachable_address(address) and not directory.is_own(account, address):
                yield address

    to = dict.fromkeys([person.address, *(others(parent.to) if parent else ())])
    cc = dict.fromkeys(each for each in (others(parent.cc) if parent else ()) if each not in to)
    return Audience(to=tuple(to)[:COPIES], cc=tuple(cc)[: COPIES - len(to)])


def _with_quote(
    database: Database, answer: Answer, quoted: int, basis: Basis
) -> tuple[Words, tuple[OutgoingFile, ...]]:
    """What the mail says with what it quotes, and the files it passes on. Reads in the caller's thread."""
    text = plain_text(answer.text, TEXT_CHARACTERS, "answer")
    with database.read() as connection:
        row = message_lists.find_message(connection, answer.account, quoted)
        raw = raws.read(connection, answer.account, quoted) if row else None
    if row is None or row.ticket_id != basis.ticket.id or raw is None:
        raise Conflict("the message that is quoted is not in this ticket any more: save the draft without it")

    parsed = parse(raw)
    passage = Quoted(
        author=clean(row.from_name or row.from_address, NAME_CHARACTERS),
        at=row.sent_at or row.received_at,
        text=_quotable(parsed.text),
        subject=clean(parsed.subject, SUBJECT_CHARACTERS),
        to=", ".join(clean(each.address, NAME_CHARACTERS) for each in parsed.to[:QUOTED_ADDRESSES]),
    )
    files = _files_of(raw, parsed) if answer.forward else ()
    return words(text, quoted=passage, forward=answer.forward), files


def _quotable(text: str) -> str:
    """What somebody wrote, as text that any mail can hold: whole lines, no NUL and no half of a surrogate pair."""
    whole = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", " ")
    return whole.encode("utf-8", "replace").decode("utf-8")


def _files_of(raw: bytes, parsed: Parsed) -> tuple[OutgoingFile, ...]:
    """The files of a message that is passed on; ``Conflict`` where they are more than a mail can carry."""
    if sum(each.size_bytes for each in parsed.attachments) > FILES_BYTES:
        raise Conflict(
            f"its files are more than {FILES_BYTES // 2**20} MiB, which few servers take: answer without"
        )
    return tuple(
        OutgoingFile(
            name=each.filename, content_type=each.content_type, content=attachment_bytes(raw, each.index)
        )
        for each in parsed.attachments
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
    composed: Composition,
    prepared: Prepared,
    message: int,
) -> Replied:
    """The part of the flow that writes: everything or nothing, and the relay is woken if it is committed."""
    ticket = workable(locked(transaction, answer.account, basis.ticket.id))
    now = composed.date

    act = Act(transaction, answer.actor, answer.account, now)
    if answer.sent is not None:
        _take_draft(act, answer.sent)
    recipients = _recipients(answer, basis)
    for recipient in recipients:
        since = now - clock.HOUR
        lately = outbox.sent_to_since(transaction.connection, answer.account, recipient, since, kind="reply")
        _pass_gate(context, answer.account, recipient, sent_lately=lately, now=now)

    if answer.to and basis.asked:
        named = (transaction.connection, answer.account, ticket.id, basis.correspondent.address)
        participants.add(*named, ParticipantRole.CC)
    _store(transaction, composed, answer, prepared, ticket=ticket, message=message)
    queued = tuple(
        OutboxRow(
            account_id=answer.account,
            id=transaction.new_id(),
            message_id=message,
            ticket_id=ticket.id,
            kind="reply",
            mail_from=composed.reply_to,
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
    act.record("ticket.forward" if answer.forward else "ticket.reply", f"message:{message}", **detail)
    if answer.audience is not None and not answer.forward:
        known = {basis.correspondent.address, *basis.correspondent.others}
        joining = [each for each in (*answer.audience.to, *answer.audience.cc) if each not in known]
        for each in dict.fromkeys(joining):
            participants.add(transaction.connection, answer.account, ticket.id, each, ParticipantRole.CC)
    if answer.sent is not None and answer.sent.closes:
        close(act, ticket.id)
    transaction.after_commit(context.wake)

    return Replied(message=message, message_id=composed.message_id, ticket=ticket.id, queued=queued)


def _not_after(context: ReplyContext, now: int) -> int:
    return now + int(context.relay.retry_hours * clock.HOUR)


def _take_draft(act: Act, sent: Sent) -> None:
    """The draft goes in the transaction that queues it; ``Stale`` where it was undone, changed or sent meanwhile."""
    connection = act.transaction.connection
    draft = drafts.find_draft(connection, act.account, sent.draft, locked=True)
    if draft is None or draft.version != sent.version or draft.send_at is None or draft.send_at > act.now:
        raise Stale("the draft was undone, changed or sent meanwhile: nothing was sent now")
    drafts.delete_drafts(connection, act.account, [sent.draft])


def _recipients(answer: Answer, basis: Basis) -> Sequence[str]:
    if answer.audience is not None:
        return _audience(answer.audience)
    return basis.correspondent.address, *_copies(answer, basis)


def _audience(audience: Audience) -> Sequence[str]:
    everybody = audience.everybody
    if not audience.to:
        raise BadRequest("nobody is named in To")
    if len(everybody) > COPIES:
        raise BadRequest(f"a mail can go to at most {COPIES} people")
    return everybody


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


def _composition(
    context: ReplyContext,
    answer: Answer,
    basis: Basis,
    said: Words,
    files: tuple[OutgoingFile, ...],
    *,
    message: int,
    now: int,
) -> Composition:
    ticket = basis.ticket
    mailbox = basis.mailbox
    person = basis.correspondent
    key = context.secrets.reply_token
    domain = mailbox.address.rpartition("@")[2]
    token = reply_token.make(ticket.id, person.contact_id, key)
    audience = answer.audience or Audience(to=(person.address,), cc=tuple(_copies(answer, basis)))
    subject = answer.subject or ticket.subject

    return Composition(
        message_id=reply_token.make_message_id(
            ticket.id, person.contact_id, message=message, domain=domain, key=key
        ),
        from_name=mailbox.name,
        from_address=mailbox.address,
        reply_to=reply_token.reply_address(mailbox.address, token),
        to=tuple((basis.names.get(address, ""), address) for address in audience.to),
        cc=tuple(
            (basis.names.get(address, "") if answer.audience else "", address) for address in audience.cc
        ),
        subject=_subject(answer, subject, ticket.number),
        in_reply_to="" if answer.forward else basis.in_reply_to,
        references=() if answer.forward else basis.references,
        thread=("", "") if answer.forward else (basis.thread[0], answer_index(basis.thread[1], now)),
        date=now,
        text=said.text,
        html=said.html,
        files=files,
    )


def _subject(answer: Answer, subject: str, number: int) -> str:
    if answer.opens:
        return opening_subject(subject, number)
    return forward_subject(subject, number) if answer.forward else reply_subject(subject, number)


def _store(
    transaction: Transaction,
    composed: Composition,
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
        messages=[_message_row(composed, answer, prepared, ticket=ticket, message=message)],
        references=[{"account_id": account, **reference}],
        raws=raws.slice_rows(account, message, prepared.slices),
        index=[(account, message, prepared.words)],
    )
    touch(
        rows,
        ticket.id,
        state=ticket.state,
        message=message,
        at=composed.date,
        waits=False,
        incoming=False,
        files=bool(prepared.parsed.attachments),
    )

    write(transaction.connection, account, rows)
    if not answer.forward:  # it goes to somebody else: who wrote to us still waits
        settle(transaction.connection, account, [ticket.id])


def _message_row(
    composed: Composition, answer: Answer, prepared: Prepared, *, ticket: Ticket, message: int
) -> Row:
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
        "message_id": composed.message_id,
        "from_address": composed.from_address,
        "from_name": composed.from_name,
        "subject": composed.subject,
        "sent_at": composed.date,
        "received_at": composed.date,
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
        "snippet": snippet(prepared.parsed.text),
        "attachments": len(prepared.parsed.attachments),
        "awaits": 0,
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
