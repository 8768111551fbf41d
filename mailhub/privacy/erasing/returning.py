"""Who was erased and came back with a restored backup, known by tombstones alone: keyed hashes of addresses.

A backup holds what others quoted and copied of a person, and what the tables said of them, as it was before
the cut. Every address that stands in a contact, in a text column that may name somebody, or in a message, is
compared with the tombstones. What was redacted in messages is made again beside this (``mail.redo``), to the
byte.

Must not: change anything. A name that stands nowhere beside an address of the person is not known again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from mailhub.message import body
from mailhub.message.parse import parse
from mailhub.privacy.erasing.person import Person
from mailhub.privacy.erasing.scan import rows_of
from mailhub.privacy.erasing.steps import name_to_bury, who
from mailhub.privacy.erasing.work import Parts
from storage.mail import raws
from storage.privacy import contacts, personal, tombstones
from storage.privacy.contacts import Contact

CONTACTS_A_PAGE = 500
RAW_SLICES = 64  # of one read
PART_BYTES = 1024 * 1024  # decoded, of each text that is looked at
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"'@=]{1,64}@[^\s<>()\[\],;:\"'@/?&=]{1,255}")


def came_back(parts: Parts, account: int, *, since: int) -> Iterator[Person]:
    """Everybody whose erasure the restore of a backup made at ``since`` undid; reads all there is of the
    account, if anybody of it was erased after that.
    """
    with parts.database.read() as connection:
        erased = {each.digest for each in tombstones.list_people(connection, account) if each.cut_at > since}
    if not erased:
        return

    told: set[str] = set()
    for contact in _pages(parts, account):
        if any(_is_in(parts, erased, each) for each in contact.addresses):
            told.update(contact.addresses)
            yield Person(addresses=contact.addresses, contacts=())
    found: dict[str, dict[str, None]] = {}
    for beside in (*_in_rows(parts, account), *_in_mail(parts, account)):
        for address, names in beside.items():
            if address not in told and _is_in(parts, erased, address):
                found.setdefault(address, {}).update(names)
    for address, names in found.items():
        yield Person(addresses=(address,), contacts=(), names=tuple(names))


@dataclass(frozen=True, kw_only=True)
class Parted:
    """What was one person when the backup was made, and two when one of them was erased."""

    heads: frozenset[int]  # contacts that stand for several of which some were erased
    addresses: tuple[tuple[int, str], ...]  # contact and address, erased, while another address of it was not


def parted_since(parts: Parts, account: int, *, since: int) -> Parted:
    """Contacts and addresses that had been parted before some of them were erased.

    An erasure takes every contact and address of a person, so whatever it left was not the same person's any more.
    """
    with parts.database.read() as connection:
        erased = {each.digest for each in tombstones.list_people(connection, account) if each.cut_at > since}
    heads = set()
    addresses = []
    for contact in _pages(parts, account) if erased else ():
        merged = {address for each in contact.merged for address in each.addresses}
        several = {contact.id: set(contact.addresses) - merged}
        several |= {each.id: set(each.addresses) for each in contact.merged}
        gone = {of: {each for each in own if _is_in(parts, erased, each)} for of, own in several.items()}
        if len({bool(each) for each in gone.values()}) > 1:
            heads.add(contact.id)
        addresses += [
            (of, each) for of, own in several.items() for each in sorted(gone[of]) if own - gone[of]
        ]
    return Parted(heads=frozenset(heads), addresses=tuple(addresses))


def agreed_before(parts: Parts, account: int, person: Person) -> tuple[str, ...]:
    """Which names of somebody who came back were agreed to when they were erased."""
    with parts.database.read() as connection:
        buried = {each.digest for each in tombstones.list_people(connection, account)}
        seen = who(connection, account, person).names
    key = parts.secrets.tombstone
    return tuple(each for each in seen if tombstones.of_address(name_to_bury(each), key) in buried)


def _is_in(parts: Parts, erased: Collection[bytes], address: str) -> bool:
    return tombstones.of_address(address, parts.secrets.tombstone) in erased


def _pages(parts: Parts, account: int) -> Iterator[Contact]:
    after = 0
    while True:
        with parts.database.read() as connection:
            page = contacts.list_contacts(connection, account, after=after, limit=CONTACTS_A_PAGE)
        yield from page
        if len(page) < CONTACTS_A_PAGE:
            return
        after = page[-1].id


def _in_rows(parts: Parts, account: int) -> Iterator[Mapping[str, dict[str, None]]]:
    for table, columns in personal.spoken_of():
        for row in rows_of(parts.database, table, columns, account):
            for value in row.values.values():
                yield {address: {} for address in _spelled(value)}


def _in_mail(parts: Parts, account: int) -> Iterator[Mapping[str, dict[str, None]]]:
    after = 0
    while True:
        with parts.database.read() as connection:
            page = raws.list_raws(connection, account, after, RAW_SLICES)
        if not page:
            return
        for _, frame in page:
            yield _addresses(frame.read())
        after = page[-1][0]


def _addresses(raw: bytes) -> Mapping[str, dict[str, None]]:
    """Every address that stands in a message, in lower case, and the names beside it."""
    parsed = parse(raw)
    found: dict[str, dict[str, None]] = {}
    for each in (*parsed.from_, *parsed.reply_to, *parsed.to, *parsed.cc):
        found.setdefault(each.address.lower(), {}).update({each.name: None} if each.name else {})
    texts = [raw.decode("latin-1"), *(value for _, value in parsed.headers)]
    read = (part for part in parsed.parts if part.content_type.startswith(("text/", "message/")))
    texts += [body.part_text(raw, part, PART_BYTES) for part in read]

    for text in texts:
        for address in _spelled(text):
            found.setdefault(address, {})

    return found


def _spelled(text: str) -> set[str]:
    """Addresses in a text, also as they stand in links."""
    written = {*_ADDRESS.findall(text), *_ADDRESS.findall(unquote(text) if "%40" in text else "")}
    return {each.lower().rstrip(".") for each in written}
