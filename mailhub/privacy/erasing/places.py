"""Where the names of a person stand in other people's words: what somebody looks at before they agree to a name.

Mail is found by the index and looked at as far as ``LOOKED_AT`` for each name; notes and subjects are walked.
A place in what a hold restricts says so, and the caller decides who may read its sentence. Must not: change
anything, decide who may see it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mailhub.access.holds import restrictions
from mailhub.message.parse import parse
from mailhub.privacy.erasing.names import WIDELY, folded, pattern_of, why_refused
from mailhub.privacy.erasing.person import Person
from mailhub.privacy.erasing.work import Parts
from storage.mail import raws
from storage.mail.search import find_messages
from storage.privacy import contacts, holds, speaking
from storage.privacy.speaking import Speaker

LOOKED_AT = 500  # messages that are read for one name; beyond that its counts are lower bounds
NOTES_AT_ONCE = 1_000
SHOWN = 20  # places of one name
AROUND_CHARACTERS = 80  # of the sentence, on each side


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPlace:
    """One place: a message or note, the ticket it is in, who wrote it, and the sentence around the name."""

    kind: str  # message or note
    id: int
    ticket: int
    author: str
    sentence: str
    restricted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A name, why it cannot be replaced wherever it stands ("" when it can), and where that is in others' words."""

    name: str
    refused: str
    occurrences: int
    messages: int
    notes: int
    places: Sequence[NamedPlace]


def names_of(parts: Parts, account: int, person: Person, *, now: int) -> Sequence[Name]:
    """Every name the person was seen with, or that is asked about (``person.agreed``), once in each spelling."""
    spelled = {folded(name): name for name in (*person.names, *person.agreed) if ", " not in name}
    with parts.database.read() as connection:
        others = list(contacts.names_of_others(connection, account, person.contacts))
        theirs = set(contacts.tickets_of(connection, account, person.contacts))
        near = set(contacts.tickets_written_in(connection, account, person.contacts, person.addresses))

    found = []
    for name in spelled.values():
        refused = why_refused(name, others)
        mail = [each for each in _in_mail(parts, account, person, name) if each.ticket not in theirs]
        notes = [each for each in _in_notes(parts, account, name) if each.ticket not in theirs]
        far = {each.author for each in mail if each.ticket not in near}
        if not refused and len(far) >= WIDELY:
            refused = "widely-used"
        found.append(_name(parts, account, name, refused, [*mail, *notes], now=now))

    return found


def _name(
    parts: Parts, account: int, name: str, refused: str, places: Sequence[NamedPlace], *, now: int
) -> Name:
    shown = []
    for each in places[:SHOWN]:
        with parts.database.read() as connection:
            held = holds.find_holds_on_tickets(connection, account, [each.ticket], now)
        shown.append(replace(each, restricted=bool(restrictions(held))))

    return Name(
        name=name,
        refused=refused,
        occurrences=len(places),
        messages=len({each.id for each in places if each.kind == "message"}),
        notes=len({each.id for each in places if each.kind == "note"}),
        places=shown,
    )


def _in_mail(parts: Parts, account: int, person: Person, name: str) -> Iterator[NamedPlace]:
    """Places in mail that others wrote, the newest first."""
    pattern = pattern_of([name])
    if pattern is None:
        return
    with parts.database.read() as connection:
        found = find_messages(connection, account, name, before=2**62, limit=LOOKED_AT)
        speakers = speaking.of_messages(connection, account, found)

    for speaker in speakers:
        if speaker.contact in person.contacts:
            continue
        with parts.database.read() as connection:
            raw = raws.read(connection, account, speaker.id)
        if raw is not None:
            parsed = parse(raw)
            yield from _places("message", speaker, f"{parsed.subject}\n{parsed.text}", pattern)


def _in_notes(parts: Parts, account: int, name: str) -> Iterator[NamedPlace]:
    pattern = pattern_of([name])
    after = 0
    while pattern is not None:
        with parts.database.read() as connection:
            page = speaking.notes_after(connection, account, after, limit=NOTES_AT_ONCE)
        for speaker, text in page:
            yield from _places("note", speaker, text, pattern)
        if len(page) < NOTES_AT_ONCE:
            return
        after = page[-1][0].id


def _places(kind: str, speaker: Speaker, text: str, pattern: re.Pattern[str]) -> Iterator[NamedPlace]:
    for match in pattern.finditer(text):
        yield NamedPlace(
            kind=kind,
            id=speaker.id,
            ticket=speaker.ticket,
            author=speaker.author,
            sentence=_sentence(text, match.start(), match.end()),
            restricted=False,
        )


def _sentence(text: str, start: int, end: int) -> str:
    """The line around a place, cut where it is long."""
    first = max(text.rfind("\n", 0, start) + 1, start - AROUND_CHARACTERS)
    line_end = text.find("\n", end)
    last = min(line_end if line_end >= 0 else len(text), end + AROUND_CHARACTERS)
    return text[first:last].strip()
