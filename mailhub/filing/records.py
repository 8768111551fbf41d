"""The rows that a filed message leaves: values in, plain rows out. Column meanings are in ``storage.schema``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from mailhub.envelope import Envelope, Fate, Recipient
from mailhub.filing.thread import Decision
from mailhub.filter import senders
from mailhub.filter.senders import Ruling
from mailhub.filter.verdict import Verdict
from mailhub.message.addresses import served_form
from mailhub.message.parse import split_reply
from mailhub.message.values import Parsed
from mailhub.reading.authenticated import to_words
from mailhub.reading.derived import derived_columns, short
from mailhub.reading.prepare import Prepared, storable
from storage.engine.bulk import Row
from storage.mail.filing import Filed, FiledTicket, Wanted
from storage.words import Priority

TRACE_CHARACTERS = 16 * 1024
_PROOFS = frozenset({"reply-address", "reply-message-id", "in-reply-to", "references"})
SIZE_SHOWN = 2**31 - 1  # what the column holds; a server may say more of a mail that we refuse
_TRACE = frozenset({"received", "return-path", "delivered-to", "x-original-to", "authentication-results"})


@dataclass(slots=True, frozen=True, kw_only=True)
class TicketAuthor:
    """Who wrote a message, and whose ticket it is. A user's mail to a customer belongs to the customer."""

    address: str  # lower case, "" when the mail names nobody
    contact: int | None
    user: int | None
    own: bool  # one of our own mailboxes: starts nothing
    claimed: bool = (
        False  # named by Reply-To of a form's mail, whose From is ours: proves nothing, joins nothing
    )


@dataclass(slots=True, frozen=True, kw_only=True)
class Case:
    """One message of one account with everything decided about it."""

    message: Prepared
    message_id: int
    author: TicketAuthor
    decision: Decision
    verdict: str
    probability: float
    log_odds: float
    ruling: Ruling | None
    mailbox: int


def is_answer(case: Case) -> bool:
    """Whether somebody who takes part answers with words, for all that a weak header says: it stays automatic
    on record, so it earns no mail of ours, but a person is not left behind a closed ticket.
    """
    if not case.message.parsed.automatic.is_weak or case.decision.guest:
        return False
    return case.decision.reason in _PROOFS and bool(split_reply(case.message.parsed).new)


def awaits(case: Case) -> bool:
    """Whether it is a person's mail that waits for an answer; spam, automatic mail and our own people's do not."""
    person = case.author.contact is not None and case.author.user is None and not case.author.own
    if not person or case.verdict == Verdict.SPAM:
        return False
    return not case.message.parsed.automatic.kind or is_answer(case)


def ticket_row(account: int, case: Case, ticket: FiledTicket, *, related: int | None, flood: bool) -> Row:
    """A new ticket; its number is given when the batch is written."""
    at = case.message.envelope.received_at
    return {
        "account_id": account,
        "id": ticket.id,
        "number": 0,
        "mailbox_id": case.mailbox,
        "contact_id": case.author.contact,
        "subject": short(case.message.parsed.subject),
        "state": ticket.state,
        "state_before": None,
        "assignee_id": case.author.user,
        "merged_into": None,
        "may_belong_to": related,
        "flood": int(flood),
        "message_count": 1,
        "verdict": case.verdict,
        "probability": case.probability,
        "created_at": at,
        "updated_at": at,
        "waiting_since": at if awaits(case) else None,
        "last_activity_at": at,
        "last_incoming_at": at,
        "last_message_id": case.message_id,
        "attachments": int(bool(case.message.parsed.attachments)),
        "priority": int(Priority.NORMAL),
        "responsible_id": None,
        "snoozed_until": None,
    }


def message_row(account: int, case: Case, ticket: FiledTicket, *, flags: list[str]) -> Row:
    """The message itself; its raw bytes and index words are rows of their own."""
    message = case.message
    author = case.author
    envelope = message.envelope

    return {
        "account_id": account,
        "id": case.message_id,
        "ticket_id": ticket.id,
        "mailbox_id": case.mailbox,
        "contact_id": None if author.user is not None else author.contact,
        "user_id": author.user,
        "direction": "in",
        "source": envelope.source.value,
        "identity": message.identity,
        "received_at": envelope.received_at,
        "size_bytes": message.raw_bytes,
        "verdict": case.verdict,
        "probability": case.probability,
        "log_odds": case.log_odds,
        "verdict_reason": case.ruling.reason if case.ruling else None,
        "verdict_evidence": case.ruling.pattern if case.ruling else None,
        "thread_reason": "own-address"
        if author.own and case.decision.ticket is None
        else case.decision.reason,
        "thread_evidence": case.decision.evidence,
        "authentication": to_words(message.authentication),
        "unreadable": int(message.unreadable),
        "redacted_at": None,
        "awaits": int(awaits(case)),
        **derived_columns(message.parsed, flags=flags),
    }


def intake_row(
    account: int,
    envelope: Envelope,
    recipient: tuple[str, Recipient],
    *,
    id: int,
    fate: Fate,
    reason: str,
    size_bytes: int,
    filed: Filed | None = None,
    trace: str | None = None,
) -> Row:
    """What became of the delivery to one recipient."""
    erased = fate is Fate.ERASED  # whoever sends it again was to be forgotten
    return {
        "account_id": account,
        "id": id,
        "source": envelope.source.value,
        "received_at": envelope.received_at,
        "mail_from": None if envelope.mail_from is None else "" if erased else storable(envelope.mail_from),
        "recipient": storable(recipient[0]),
        "mailbox_id": recipient[1].mailbox,
        "peer": "" if erased else envelope.peer,
        "helo": "" if erased else short(storable(envelope.helo), 255),
        "tls": int(envelope.tls),
        "fate": fate.value,
        "reason": reason,
        "message_id": filed.id if filed else None,
        "ticket_id": filed.ticket_id if filed else None,
        "size_bytes": min(size_bytes, SIZE_SHOWN),
        "trace": trace,
    }


def wanted(messages: Sequence[Prepared]) -> Wanted:
    """What filing these messages of one account may touch."""
    hashes = {
        h
        for m in messages
        for h in chain((m.own_id, m.bounced, m.conversation), (h for h, _ in m.references))
        if h is not None
    }
    people = {m.sender for m in messages}
    people.update(served_form(a.address) for m in messages for a in chain(m.parsed.to, m.parsed.cc))
    people.update(each.address for m in messages for each in (m.claimed, m.forwarded) if each is not None)
    patterns = {each for m in messages for address in m.from_whom for each in senders.candidates(address)}

    return Wanted(
        identities={each for m in messages for each in (m.identity, *m.attached)},
        tombstones={m.tombstone for m in messages},
        id_hashes=hashes,
        addresses=people - {""},
        tickets={ticket for m in messages for ticket, _, _ in m.tokens},
        numbers={number for m in messages for number in m.numbers},
        senders=patterns,
    )


def trace(parsed: Parsed) -> str:
    """The trace headers (RFC 5321 4.4) of a copy whose body is not kept."""
    lines = [f"{name}: {value}" for name, value in parsed.headers if name.lower() in _TRACE]
    return "\n".join(lines)[:TRACE_CHARACTERS]
