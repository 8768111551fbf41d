"""Which ticket a message belongs to. Pure: looks at values, touches nothing (docs/design.md, "Threading policy").

In order, and the reason is stored:
  1. ``reply-address``      our signed reply address; joins whoever sends, who is a guest if they are not its person
     ``reply-message-id``   the same proof in a Message-ID of ours that the mail answers (providers drop plus parts)
  2. ``in-reply-to``, ``references``    Message-IDs seen or sent in the account; References from the right (RFC 5322)
     ``thread-index``       the conversation Outlook names in Thread-Index, where no id helps
     ``bounce``             a bounce of a mail we sent
  3. ``subject-tag``        [#123]
2 and 3 join only a participant (requester, cc'd earlier, user) whose authentication did not fail; anybody else gets a
ticket of their own, with a link to where it may belong. Never by equal subjects, never by Re: prefixes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mailhub.reading.subject_tags import subject_tags
from storage.mail.filing import FiledTicket, View
from storage.words import ParticipantRole, TicketState


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """What threading needs to know of a message."""

    address: str  # of the sender, lower case
    contact: int | None  # who that is, when known
    user: int | None  # the user whose address it is
    tokens: tuple[tuple[int, int, str], ...]  # verified proofs: ticket, contact, reason
    references: tuple[tuple[bytes, str], ...]  # keyed hash of an id it answers, and the reason; nearest first
    bounced: bytes | None  # keyed hash of the id of the mail that bounced
    subject: str
    forged: bool = False  # authentication is known and DMARC failed under a policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Where a message goes. ``ticket`` None: a ticket of its own."""

    ticket: FiledTicket | None
    reason: str
    evidence: str = ""
    may_belong_to: int | None = None
    guest: bool = False


def decide(incoming: Incoming, view: View) -> Decision:
    """The ticket of a message, by the account's ``view``."""
    for ticket_id, contact, reason in incoming.tokens:
        ticket = view.live(ticket_id)
        if ticket is not None and ticket.state != TicketState.TRASH:
            evidence = _doubt(incoming, ticket, contact, view)
            return Decision(ticket=ticket, reason=reason, evidence=evidence, guest=bool(evidence))

    may_belong_to: int | None = None
    for ticket, reason, evidence in _candidates(incoming, view):
        if reason == "bounce" or (_may_write(incoming, ticket, view) and not incoming.forged):
            return Decision(ticket=ticket, reason=reason, evidence=evidence)
        may_belong_to = may_belong_to or ticket.id

    return Decision(ticket=None, reason=_reason_alone(incoming, may_belong_to), may_belong_to=may_belong_to)


def _doubt(incoming: Incoming, ticket: FiledTicket, contact: int, view: View) -> str:
    """Why the bearer of a proof is only a guest, "" when they are who it was given to, or a participant."""
    if incoming.forged:
        return "its sender could not be authenticated"
    if incoming.contact != contact and not _may_write(incoming, ticket, view):
        return "sent by someone else than the person it was given to"
    return ""


def _reason_alone(incoming: Incoming, may_belong_to: int | None) -> str:
    if may_belong_to is None:
        return "new"
    return "authentication-failed" if incoming.forged else "not-a-participant"


def _candidates(incoming: Incoming, view: View) -> Iterator[tuple[FiledTicket, str, str]]:
    if incoming.bounced is not None:
        for filed in view.references.get(incoming.bounced, ()):
            if filed.id in view.outgoing and (ticket := view.live(filed.ticket_id)):
                yield ticket, "bounce", "a mail of ours came back"

    for id_hash, reason in incoming.references:
        for filed in reversed(view.references.get(id_hash, ())):  # in two tickets: the younger one
            ticket = view.live(filed.ticket_id)
            if ticket is not None and ticket.state != TicketState.TRASH:
                yield ticket, reason, f"answers message {filed.id}"

    for number in subject_tags(incoming.subject):
        ticket = view.live(view.numbers.get(number, 0))
        if ticket is not None and ticket.state != TicketState.TRASH:
            yield ticket, "subject-tag", f"[#{number}]"


def _may_write(incoming: Incoming, ticket: FiledTicket, view: View) -> bool:
    """Whether the sender is a participant: requester by any address of theirs, cc'd earlier, or a user of the account."""
    if incoming.user is not None or view.asked_for(ticket, incoming.contact):
        return True
    role = ticket.participants.get(incoming.address, ParticipantRole.GUEST)
    return role != ParticipantRole.GUEST
