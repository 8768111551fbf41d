"""The words that columns hold, where code decides by them: one enum each, in the order the catalogue lists them.

A test holds the catalogue's lists to these (``tests/storage/test_words.py``). Not here: words of one flow,
which stand with it.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class TicketState(StrEnum):
    """Where a ticket is in its life (``ticket.state``)."""

    OPEN = "open"
    PENDING = "pending"  # we wait for the other side: mail of a person opens it
    SNOOZED = "snoozed"  # put off until a date: that opens it, and so does mail of a person
    CLOSED = "closed"
    SPAM = "spam"  # what came first is spam; not worked on until somebody says otherwise
    TRASH = "trash"  # everything stays, and can be restored as it was
    MERGED = "merged"  # a shell: its messages are in another ticket
    PURGING = "purging"  # going for good, a few messages a turn; nothing brings it back


class Priority(IntEnum):
    """How urgent a ticket is (``ticket.priority``)."""

    LOW = -1
    NORMAL = 0
    HIGH = 1
    URGENT = 2

    @property
    def word(self) -> str:
        """As people write it."""
        return self.name.lower()


class ParticipantRole(StrEnum):
    """What somebody besides the requester may do in a ticket (``participant.role``)."""

    CC = "cc"  # named in To or Cc, or accepted: may write into it
    MERGED = "merged"  # takes part in a ticket that was merged into this one: may write
    GUEST = "guest"  # came by a reply address of someone else: only shows up until an agent agrees
