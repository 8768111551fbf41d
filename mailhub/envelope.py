"""What a door hands to the pipeline and what it gets back. Values only; knows no protocol and no database.

A *delivery in* is message x recipient x door (docs/design.md, principle 2): one ``Envelope`` with N recipients gives N
``Outcome``s.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Source(StrEnum):
    """The door a message came in by; stored with every delivery."""

    SMTP = "smtp"
    LMTP = "lmtp"
    IMAP = "imap"
    PIPE = "pipe"
    IMPORT = "import"


def is_from_elsewhere(source: Source, peer: str) -> bool:
    """Whether no host of ours was before us: SMTP that is not from this machine (a Unix socket has no
    address), or a user of the API, who is named as the peer where the operator's own pipe has none.

    Such mail is authenticated by us and by nobody else: whatever it says about itself its sender may have written.
    """
    if source in (Source.PIPE, Source.IMPORT):
        return peer != ""
    if source is not Source.SMTP:
        return False
    try:
        return not ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False


class Fate(StrEnum):
    """What became of one delivery. Every delivery has exactly one."""

    FILED = "filed"
    DUPLICATE = "duplicate"
    ERASED = "erased"
    QUARANTINED = "quarantined"
    REJECTED = "rejected"
    FEEDBACK = "feedback"  # read for the mails attached to it, and not kept
    REQUEST = "request"  # answered by a letter, and not kept: mail to the deletion address
    DEFERRED = "deferred"  # our fault: nothing is stored, the peer keeps the message and tries again


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Who brought a message, how, and for whom (RFC 5321 2.3.1). Addresses are personal data: never logged."""

    source: Source
    mail_from: str | None  # None is the null sender <>
    recipients: tuple[str, ...]  # as given in RCPT TO, in order
    received_at: int  # microseconds since the epoch, UTC
    peer: str = ""  # IP address of the client, or "user:12" of the API; "" where there is none
    helo: str = ""
    tls: bool = False
    smtputf8: bool = False
    quiet: bool = False  # import: no automation of any kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of the delivery to one recipient, after the commit."""

    recipient: str
    fate: Fate
    reason: str = ""  # machine word, e.g. "same-message", "hop-count"
    message: int | None = None  # id of the stored message (of the first copy, for a duplicate)
    ticket: int | None = None
    no_space: bool = False  # DEFERRED because storage is full: 452 instead of 451


class Refusal(StrEnum):
    """Why a recipient is refused before DATA."""

    UNKNOWN = "unknown-recipient"  # 550 5.1.1
    SUSPENDED = "account-suspended"  # 450 4.2.1
    RETIRED = "mailbox-retired"  # 550 5.2.1
    NOBODY_SERVED = "no-mailbox"  # 450 4.3.5: no mailbox at all is our fault, not the sender's


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where an accepted recipient address leads: one mailbox of one account."""

    account: int
    mailbox: int
    address: str  # canonical: lower case, without the plus part
    detail: str = field(default="")  # the plus part, "" without one


class Check(Protocol):
    """The question, under way, whether a message is from whom it says. Handed to ``deliver``, or abandoned."""

    def abandon(self) -> None:
        """The message is not coming: refused, reset, or the client is gone."""


class Pipeline(Protocol):
    """What every door needs from the house. One implementation: ``mailhub.intake.reception``."""

    def begin(self, source: Source, peer: str, helo: str, mail_from: str | None) -> Check | None:
        """Start to authenticate a message that is about to come; None where that is off (LMTP, loopback)."""

    def resolve(self, recipient: str) -> Recipient | Refusal:
        """Where a recipient address leads. In-memory, never blocks, never raises on strange input."""

    async def deliver(self, envelope: Envelope, raw: bytes, check: Check | None = None) -> Sequence[Outcome]:
        """File one message: one ``Outcome`` per recipient, in order, after the commit. Never raises on bad mail."""

    def refused(self, peer: str, reason: str) -> None:
        """Count a refusal before the end of DATA (aggregated by peer, hour and reason)."""
