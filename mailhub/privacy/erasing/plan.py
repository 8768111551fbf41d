"""What an erasure of this person would take: numbers, the addresses it would mean, and where names stand in
others' words.

Mentions in others' messages are found by the index, by the words of each address, and looked at one by one as far as
``LOOKED_AT``; the erasure itself looks at every byte of every message. Must not: change anything, show more of what others
wrote than the sentence around a name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mailhub import clock
from mailhub.message.parse import parse
from mailhub.privacy.erasing.names import folded, is_common
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
    shared: Mapping[str, Sequence[str]]  # addresses several people wrote from, with their names
    strings: Mapping[str, int]  # what would be replaced in others' mail, and how often
    counts: Mapping[str, int]
    holds: Sequence[Hold]
    bounded: bool


def make_plan(
    parts: Parts,
    account: int,
    addresses: Sequence[str],
    *,
    names: Sequence[str] = (),
    looked_at: int = LOOKED_AT,
) -> Plan:
    """The plan for whoever has these exact addresses (as ``erasure.checked`` gives them).

    ``names``: asked about besides those the person was seen with. ``looked_at``: how many messages of each kind are.
    """
    now = clock.now()
    with parts.database.read() as connection:
        person = who(connection, account, Person(addresses=tuple(addresses), contacts=()))
        counts = dict(contacts.count_traces(connection, account, person.contacts, person.addresses))
        lying, asked = imap_copies.count_copies(connection, account, person.contacts)
        own = contacts.messages_of(connection, account, person.contacts, limit=looked_at)
        tickets = contacts.tickets_written_in(connection, account, person.contacts, person.addresses)
        his = contacts.tickets_of(connection, account, person.contacts)
        shared = rows.messages_of_tickets(connection, account, set(tickets) - set(his))
        named = {found for each in person.addresses for found in _indexed(connection, account, each)}
        holds = holds_on(connection, account, person, now)
        namesakes = contacts.namesakes_of(connection, account, person.contacts, folded)
        several = shared_addresses(contacts.names_by_address(connection, account, person.contacts))

    others = sorted((named | set(shared)) - set(own) - set(rows_of_tickets(parts, account, his)))
    counts["attachments"] = sum(len(parse(raw).attachments) for raw in _raws(parts, account, own))
    counts["mentions"], strings = _mentions(
        parts, account, others[:looked_at], replace(person, agreed=tuple(names))
    )
    counts |= {"imap_copies_asked": asked, "imap_copies_left": lying - asked}
    counts["may_quote"] = len(set(shared) - set(own))

    return Plan(
        addresses=person.addresses,
        contacts=person.contacts,
        names=names_of(parts, account, replace(person, agreed=tuple(names)), now=now),
        namesakes=namesakes,
        shared=several,
        strings=strings,
        counts=counts,
        holds=holds,
        bounded=max(len(own), len(others)) >= looked_at,
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


def _mentions(
    parts: Parts, account: int, messages: Sequence[int], person: Person
) -> tuple[int, Mapping[str, int]]:
    """How many of these messages name the person, and the strings that would be replaced in their texts."""
    needles = Needles(replace(person, agreed=()))
    named = 0
    strings: Counter[str] = Counter()
    for raw in _raws(parts, account, messages):
        if needles.in_message(raw):
            named += 1
            parsed = parse(raw)
            strings.update(person.strings_replaced(f"{parsed.subject}\n{parsed.text}"))
    return named, strings


def shared_addresses(seen: Mapping[str, Collection[str]]) -> Mapping[str, Sequence[str]]:
    """Addresses that several named people wrote from; ``seen``: the names each was written with.

    A name that is part of another's, in whatever order, and one made of common words, is nobody else's.
    """
    found = {}
    for address, names in seen.items():
        words = {
            name: frozenset(folded(name).split()) for name in names if not is_common(name) and "@" not in name
        }
        people: dict[frozenset[str], str] = {}
        for name in sorted(words, key=lambda each: (-len(words[each]), each)):
            if not any(words[name] <= other for other in people):
                people[words[name]] = name
        if len(people) > 1:
            found[address] = sorted(people.values())
    return found
