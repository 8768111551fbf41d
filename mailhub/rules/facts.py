"""What the conditions of rules look at: a mail as it is filed, or as it is stored, and the ticket it is in. Values only.

What costs a statement (the ticket) or a reading (the words) is asked for by the first condition that wants it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from mailhub.message.values import Parsed
from storage.database import Connection
from storage.tickets.ticket_lists import TicketRow, tickets_by_id
from storage.words import Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFacts:
    """The ticket, as it is now."""

    state: str
    priority: str
    assignee: str  # a login in lower case; "none"
    tags: tuple[str, ...]
    waiting: bool

    @staticmethod
    def of(row: TicketRow) -> TicketFacts:
        """As its row says."""
        return TicketFacts(
            state=row.state,
            priority=Priority(row.priority).word,
            assignee=(row.assignee or "none").casefold(),
            tags=row.tags,
            waiting=row.waiting_since is not None,
        )


class Later:
    """A value that is asked for once, by who needs it first; ``forget`` makes the next one ask anew."""

    def __init__(self, ask: Callable[[], TicketFacts]) -> None:
        self._ask = ask
        self._known: TicketFacts | None = None

    def __call__(self) -> TicketFacts:
        if self._known is None:
            self._known = self._ask()
        return self._known

    def forget(self) -> None:
        """Something was done to the ticket."""
        self._known = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What happened. Texts are folded (without case)."""

    at: int
    mailbox: str
    sender: str  # address of who wrote, or of the requester
    subject: str
    verdict: str
    files: bool
    ticket: Later
    recipients: Callable[[], Collection[str]] = tuple  # addresses in To and Cc
    words: Callable[[], frozenset[str]] = frozenset  # of the index
    dmarc: str = "none"
    kind: str = "person"
    new: bool = False  # whether the mail began the ticket
    done: frozenset[str] = field(default_factory=frozenset)  # what was done to the ticket


def folded(facts: Facts) -> Facts:
    """The same with its texts without case; recipients come so."""
    return replace(
        facts,
        mailbox=facts.mailbox.casefold(),
        sender=facts.sender.casefold(),
        subject=facts.subject.casefold(),
    )


def recipients_of(parsed: Parsed) -> tuple[str, ...]:
    """Whom a mail names in To and Cc."""
    return tuple(each.address.casefold() for each in (*parsed.to, *parsed.cc))


def ticket_facts(connection: Connection, account: int, ticket: int) -> TicketFacts:
    """The ticket as this transaction sees it. The ticket is there: whoever asks has just filed or changed it."""
    return TicketFacts.of(tickets_by_id(connection, account, [ticket])[ticket])


def facts_of_ticket(row: TicketRow, *, at: int, ticket: Later, done: Collection[str] = ()) -> Facts:
    """What is known where no mail is at hand."""
    return folded(
        Facts(
            at=at,
            mailbox=row.mailbox,
            sender=row.contact or "",
            subject=row.subject,
            verdict=row.verdict,
            files=row.has_attachments,
            ticket=ticket,
            done=frozenset(done),
        )
    )
