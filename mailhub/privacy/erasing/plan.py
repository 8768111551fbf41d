"""What an erasure of this person would take: numbers, the addresses it would mean, and where names stand in
others' words.

A dry run: the same decisions (``taking``) and the same redaction, without storing. In an account of more messages than a
plan reads, those are looked at that the index finds by the words of each address, and the plan is ``bounded``; the erasure
itself looks at every byte of every message. Must not: change anything, show more of what others wrote than the
sentence around a name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mailhub import clock
from mailhub.message.parse import parse
from mailhub.privacy.erasing import redaction
from mailhub.privacy.erasing.mail import quotes_of
from mailhub.privacy.erasing.names import folded, is_common
from mailhub.privacy.erasing.needles import Needles
from mailhub.privacy.erasing.person import Person
from mailhub.privacy.erasing.places import Name, names_of
from mailhub.privacy.erasing.quotes import Quotes
from mailhub.privacy.erasing.steps import holds_on, who
from mailhub.privacy.erasing.taking import OthersMail, tickets_that_go
from mailhub.privacy.erasing.work import Parts
from storage.database import Connection
from storage.mail import derived, message_lists, raws
from storage.mail.raws import Frame
from storage.mail.search import find_messages
from storage.privacy import contacts
from storage.privacy.holds import Hold
from storage.sources import imap_copies
from storage.tickets import removal as rows
from storage.tickets.tickets import merged_tickets

LOOKED_AT = 500  # messages of each kind that a plan reads; beyond that a count is a lower bound
READ_WHOLE = 4  # so many times that are read as the erasure reads them, where the account has no more
RAWS_A_PAGE = 64
REDACTED_BYTES = 4 * 1024 * 1024  # redacting a text takes five times its size, and plans are made by requests
EVERY = 100_000  # rows that are counted


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
        person = who(
            connection, account, Person(addresses=tuple(addresses), contacts=(), agreed=tuple(names))
        )
        counts = dict(contacts.count_traces(connection, account, person.contacts, person.addresses))
        lying, asked = imap_copies.count_copies(connection, account, person.contacts)
        own = contacts.messages_of(connection, account, person.contacts, limit=looked_at)
        tickets = contacts.tickets_written_in(connection, account, person.contacts, person.addresses)
        his = contacts.tickets_of(connection, account, person.contacts)
        shared = rows.messages_of_tickets(connection, account, set(tickets) - set(his))
        named = {found for each in person.addresses for found in _indexed(connection, account, each)}
        holds = holds_on(connection, account, person, now)
        counts |= _going(connection, account, person)
        namesakes = contacts.namesakes_of(connection, account, person.contacts, folded)
        several = shared_addresses(contacts.names_by_address(connection, account, person.contacts))

    others = sorted((named | set(shared)) - set(own) - set(rows_of_tickets(parts, account, his)))
    counts["attachments"] = sum(len(parse(raw).attachments) for raw in _raws(parts, account, own))
    looked = _DryRedaction(parts, account, person)
    whole = looked.read(None if _are_few(parts, account, looked_at) else others[:looked_at])
    counts["messages"] += looked.removed
    counts["mentions"] = looked.redacted
    counts |= {"imap_copies_asked": asked, "imap_copies_left": lying - asked}
    counts["may_quote"] = len(set(shared) - set(own))

    return Plan(
        addresses=person.addresses,
        contacts=person.contacts,
        names=names_of(parts, account, replace(person, agreed=tuple(names)), now=now),
        namesakes=namesakes,
        shared=several,
        strings=looked.strings,
        counts=counts,
        holds=holds,
        bounded=not whole or len(own) >= looked_at,
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


def _going(connection: Connection, account: int, person: Person) -> dict[str, int]:
    """What goes with tickets as a whole, and what of the person stands in others' tickets: as the steps take it."""
    going = tickets_that_go(connection, account, person.contacts)
    shells = {each.id for each in merged_tickets(connection, account, going)} if going else set()
    every = going | shells
    messages = set(rows.messages_of_tickets(connection, account, every))
    messages |= set(contacts.messages_of(connection, account, person.contacts, limit=EVERY))
    taking_part = contacts.participations_of(connection, account, person.addresses, limit=EVERY)
    return {
        "tickets": len(every),
        "messages": len(messages),
        "notes": rows.count_notes(connection, account, every),
        "participations": sum(ticket not in every for ticket, _ in taking_part),
    }


def _are_few(parts: Parts, account: int, looked_at: int) -> bool:
    """Whether every message of the account can be looked at, as the erasure does."""
    with parts.database.read() as connection:
        return not message_lists.has_more_messages(connection, account, READ_WHOLE * looked_at)


@dataclass
class _DryRedaction:
    """The redaction without storing anything: what it would do to others' mail."""

    parts: Parts
    account: int
    person: Person
    redacted: int = 0
    removed: int = 0  # what cannot be read, and names them
    guessed: int = 0  # too large to be redacted for a plan: by whether they name the person
    strings: Counter[str] = field(default_factory=Counter)

    def read(self, messages: Sequence[int] | None) -> bool:
        """Look at these messages, or with None at every one; whether that is what the erasure will look at."""
        parts, account, person = self.parts, self.account, self.person
        needles = Needles(person)
        quotes = quotes_of(parts, account, person)
        with parts.database.read() as connection:
            others = OthersMail.of(connection, account, person, needles)

        for page in self._pages(messages):
            with parts.database.read() as connection:
                places = others.places(connection, page)
            for message, raw, near in others.chosen(page, places):
                self._look(message, raw, needles, quotes.in_message(message, near=near))
        return messages is None and not self.guessed

    def _pages(self, messages: Sequence[int] | None) -> Iterator[Sequence[tuple[int, Frame]]]:
        after = 0
        while messages is None:
            with self.parts.database.read() as connection:
                page = raws.list_raws(connection, self.account, after, RAWS_A_PAGE)
            if not page:
                return
            yield page
            after = page[-1][0]
        for message in messages or ():
            with self.parts.database.read() as connection:
                yield list(raws.frames_of(connection, self.account, [message]).items())

    def _look(self, message: int, raw: bytes, needles: Needles, quotes: Quotes) -> None:
        with self.parts.database.read() as connection:
            readable = derived.is_readable(connection, self.account, message)
        large = len(raw) > REDACTED_BYTES
        self.guessed += large
        goes = needles.in_message(raw) if large else redaction.redacted(raw, needles, quotes) != raw
        if readable and goes:
            self.redacted += 1
            parsed = parse(raw)
            self.strings.update(self.person.strings_replaced(f"{parsed.subject}\n{parsed.text}"))
        elif needles.in_message(raw):
            self.removed += 1


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
