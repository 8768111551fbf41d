"""What an erasure of this person would take: numbers, the addresses it would mean, and where names stand in
others' words.

Mentions in others' messages are found by the index, by the words of each address, and looked at one by one as far as
``LOOKED_AT``; the erasure itself looks at every byte of every message. Must not: change anything, show more of what others
wrote than the sentence around a name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mailhub import clock
from mailhub.message.parse import parse
from mailhub.privacy.erasing.names import folded
from mailhub.privacy.erasing.needles import Needles
from mailhub.privacy.erasing.person import Person
from mailhub.privacy.erasing.places import Name, names_of
from mailhub.privacy.erasing.steps import holds_on, who
from mailhub.privacy.erasing.work import Parts
from storage.database import Connection
from storage.mail import raws
from storage.mail.search import find_messages
from storage.privacy import contacts
from storage.privacy.holds import Hold
from storage.sources import imap_copies
from storage.tickets import removal as rows

LOOKED_AT = 500  # messages of each kind that a plan reads; beyond that a count is a lower bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Whom it would mean and what it would take. ``bounded``: more was there than a plan looks at."""

    addresses: tuple[str, ...]
    contacts: tuple[int, ...]
    names: Sequence[Name]  # replaced wherever they stand only if somebody agrees to it
    namesakes: Sequence[int]  # other contacts of the same name: one person perhaps, to be merged first
    counts: Mapping[str, int]
    holds: Sequence[Hold]
    bounded: bool


def make_plan(parts: Parts, account: int, addresses: Sequence[str], *, names: Sequence[str] = ()) -> Plan:
    """The plan for whoever has these exact addresses (as ``erasure.checked`` gives them).

    ``names``: asked about besides those the person was seen with.
    """
    now = clock.now()
    with parts.database.read() as connection:
        person = who(connection, account, Person(addresses=tuple(addresses), contacts=()))
        counts = dict(contacts.count_traces(connection, account, person.contacts, person.addresses))
        lying, asked = imap_copies.count_copies(connection, account, person.contacts)
        own = contacts.messages_of(connection, account, person.contacts, limit=LOOKED_AT)
        tickets = contacts.tickets_written_in(connection, account, person.contacts, person.addresses)
        his = contacts.tickets_of(connection, account, person.contacts)
        shared = rows.messages_of_tickets(connection, account, set(tickets) - set(his))
        named = {found for each in person.addresses for found in _indexed(connection, account, each)}
        holds = holds_on(connection, account, person, now)
        namesakes = contacts.namesakes_of(connection, account, person.contacts, folded)

    others = sorted((named | set(shared)) - set(own) - set(rows_of_tickets(parts, account, his)))
    counts["attachments"] = sum(len(parse(raw).attachments) for raw in _raws(parts, account, own))
    counts["mentions"] = _mentions(parts, account, others, Needles(person))
    counts |= {"imap_copies_asked": asked, "imap_copies_left": lying - asked}
    counts["may_quote"] = len(set(shared) - set(own))

    return Plan(
        addresses=person.addresses,
        contacts=person.contacts,
        names=names_of(parts, account, replace(person, agreed=tuple(names)), now=now),
        namesakes=namesakes,
        counts=counts,
        holds=holds,
        bounded=max(len(own), len(others)) >= LOOKED_AT,
    )


def rows_of_tickets(parts: Parts, account: int, tickets: Sequence[int]) -> Sequence[int]:
    """Messages of these tickets, which go as a whole."""
    with parts.database.read() as connection:
        return rows.messages_of_tickets(connection, account, tickets)


def _indexed(connection: Connection, account: int, address: str) -> Sequence[int]:
    return find_messages(connection, account, address, before=2**62, limit=LOOKED_AT)


def _raws(parts: Parts, account: int, messages: Sequence[int]) -> Iterator[bytes]:
    """One at a time: together they may be 25 GB."""
    for message in messages[:LOOKED_AT]:
        with parts.database.read() as connection:
            raw = raws.read(connection, account, message)
        if raw is not None:
            yield raw


def _mentions(parts: Parts, account: int, messages: Sequence[int], needles: Needles) -> int:
    return sum(needles.in_message(raw) for raw in _raws(parts, account, messages))
