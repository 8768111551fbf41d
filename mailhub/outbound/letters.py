"""Mail that mailhub itself writes: warnings and notices to owners, links to users and to contacts.

    queue   may it be sent (configured, gate, cap; one an hour of what anybody can ask for) -> text and bytes -> sealed
            -> a row of the outbox, in the transaction of what it tells of: both are committed or neither; then the
            relay sends it

What a stranger can have us write (links to contacts, a forgotten password) goes once an hour to an address
and kind, over all accounts and doors; what owners are told, an admin's links and an agent's decisions are not
counted so. A letter comes from ``letters.sender`` with the null sender as its return path, says that no
person wrote it (RFC 3834), asks for no answer and ends with the data-protection contact. Its bytes go when it
has left or was given up, its row a month later. Whether it was queued is an answer, never an error: what it
tells of is done all the same. Must not: decide whom to tell what; put more into a letter than its reader
knows already, or what a contact wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from mailhub import clock
from mailhub.config import Letters, Relay
from mailhub.directory import Directory
from mailhub.keys import Keys
from mailhub.outbound import gate
from mailhub.outbound.compose import Composition, compose
from mailhub.outbound.letter_texts import Value, written
from mailhub.outbound.sealing import seal_letter
from storage.mail import letter_rates, outbox
from storage.mail.outbox import OutboxRow
from storage.writer import Transaction

QUEUED = "queued"
PERIOD = clock.DAY  # of the cap
ASKED_BY_ANYBODY = frozenset(
    {"erasure-link", "export-link", "withdrawal-link", "forgotten"}
)  # kinds, by form or mail
HOUR = clock.HOUR  # one letter of such a kind to an address, over all accounts and doors


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What writing letters needs of the house. ``contact``: for data protection; ``wake`` is called after commits."""

    letters: Letters
    relay: Relay
    contact: str
    keys: Keys
    directory: Directory
    wake: Callable[[], None] = lambda: None
    deletion_address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One letter to one address. ``values`` fill the text of its kind; ``not_after``: it says nothing any more then."""

    account: int
    kind: str  # of letter_texts.TEXTS
    recipient: str
    values: Mapping[str, Value] = field(default_factory=dict, repr=False)
    not_after: int
    to_user: bool = False  # one of our own people, and no answer to a mail
    answers_null_sender: bool = False
    answers_automatic: str = ""


def why_none(post: Post, *, with_link: bool = False) -> str:
    """Why no letter can be written, in words for the operator; "" when one can."""
    if not post.letters.sender:
        return "letters.sender is not set: mailhub writes no mail itself"
    if not post.relay.host:
        return "relay.host is not set: mailhub sends no mail"
    if with_link and not post.letters.site:
        return "letters.site is not set: a letter can hold no link"
    return ""


def queue(transaction: Transaction, post: Post, letter: Letter, *, now: int) -> str:
    """Queue a letter; ``queued``, or the machine word of why not. Commits nothing."""
    if why_none(post):
        return "not-configured"

    lately = outbox.sent_to_since(
        transaction.connection, letter.account, letter.recipient, now - PERIOD, kind=letter.kind
    )
    decision = gate.decide(_outgoing(post, letter, lately, now))
    if not decision.allowed:
        return decision.reason
    if letter.kind in ASKED_BY_ANYBODY and not _takes_turn(transaction, post, letter, now):
        return "cap"

    row = transaction.new_id()
    sealed = seal_letter(
        post.keys, compose(_composition(post, letter, row, now)), account=letter.account, row=row
    )
    outbox.add_to_outbox(transaction.connection, [_row(letter, row, sealed, now)])
    transaction.after_commit(post.wake)

    return QUEUED


def _takes_turn(transaction: Transaction, post: Post, letter: Letter, now: int) -> bool:
    """Whether a letter that anybody can ask for may go to this address now, whichever account's it is.

    Addresses that differ by their plus part alone (RFC 5233) are one mailbox, which somebody has to read.
    """
    local, _, domain = letter.recipient.lower().rpartition("@")
    text = f"{letter.kind}\0{local.partition('+')[0]}@{domain}".encode()
    digest = blake2b(text, key=post.keys.derive("letter-rate"), digest_size=32).digest()
    return letter_rates.take_turn(transaction.connection, digest, at=now, none_since=now - HOUR)


def link(post: Post, path: str) -> str:
    """The address of a page of ours, for a letter."""
    return post.letters.site.rstrip("/") + path


def _outgoing(post: Post, letter: Letter, lately: int, now: int) -> gate.Outgoing:
    ours = letter.recipient in (post.letters.sender, post.deletion_address)
    return gate.Outgoing(
        recipient=letter.recipient,
        by_person=False,
        to_user=letter.to_user,
        own_address=ours or post.directory.is_own(letter.account, letter.recipient),
        sent_lately=lately,
        cap=post.letters.per_recipient,
        now=now,
        not_after=letter.not_after,
        answers_null_sender=letter.answers_null_sender,
        answers_automatic=letter.answers_automatic,
    )


def _composition(post: Post, letter: Letter, row: int, now: int) -> Composition:
    subject, text = written(letter.kind, letter.values, contact=post.contact)
    sender = post.letters.sender

    return Composition(
        message_id=f"letter.{row}@{sender.rpartition('@')[2]}",
        from_name=post.letters.name,
        from_address=sender,
        to=(("", letter.recipient),),
        subject=subject,
        date=now,
        text=text,
        by_machine=True,
    )


def _row(letter: Letter, row: int, sealed: bytes, now: int) -> OutboxRow:
    return OutboxRow(
        account_id=letter.account,
        id=row,
        message_id=None,
        ticket_id=None,
        kind=letter.kind,
        mail_from=None,
        recipient=letter.recipient,
        state="queued",
        reason="allowed",
        attempts=0,
        created_at=now,
        next_attempt_at=now,
        not_after=letter.not_after,
        letter=sealed,
    )
