"""Who was erased and came back with a restored backup, known by tombstones alone: keyed hashes of addresses.

    contacts   each address of a contact from before the cut
    mail       each address that stands in a message from before the cut, in headers, texts and enclosed mails: a backup
               holds what others quoted and copied as it was (their key is in force), and the erasure redacts it again

Must not: change anything. A name that stands nowhere beside an address of the person is not known again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from mailhub.erasing.person import Person
from mailhub.erasing.work import Parts
from mailhub.message import body
from mailhub.message.parse import parse
from storage import contacts, raws, tombstones

CONTACTS_A_PAGE = 500
RAW_SLICES = 64  # of one read
PART_BYTES = 1024 * 1024  # decoded, of each text that is looked at
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"'@=]{1,64}@[^\s<>()\[\],;:\"'@/?&=]{1,255}")


def came_back(parts: Parts, account: int) -> Iterator[Person]:
    """Everybody whose erasure a restore undid; reads the account's whole mail if anybody of it was erased."""
    with parts.database.read() as connection:
        cuts = {each.digest: each.cut_at for each in tombstones.list_people(connection, account)}
    if not cuts:
        return
    yield from _contacts(parts, account, cuts)
    for address, names in _spoken_of(parts, account, cuts).items():
        yield Person(addresses=(address,), contacts=(), shared_names=tuple(names))


def _contacts(parts: Parts, account: int, cuts: Mapping[bytes, int]) -> Iterator[Person]:
    after = 0
    while True:
        with parts.database.read() as connection:
            page = contacts.list_contacts(connection, account, after=after, limit=CONTACTS_A_PAGE)
        for contact in page:
            if any(contact.created_at <= _cut(parts, cuts, each) for each in contact.addresses):
                yield Person(addresses=contact.addresses, contacts=())
        if len(page) < CONTACTS_A_PAGE:
            return
        after = page[-1].id


def _spoken_of(parts: Parts, account: int, cuts: Mapping[bytes, int]) -> Mapping[str, dict[str, None]]:
    """Addresses of the erased in messages from before their cut, with the names that stand beside them."""
    found: dict[str, dict[str, None]] = {}
    after = 0
    while True:
        with parts.database.read() as connection:
            page = raws.list_raws(connection, account, after, RAW_SLICES)
            received = contacts.received_of(connection, account, [message for message, _ in page])
        if not page:
            return found
        for message, raw in page:
            for address, names in _addresses(raw).items():
                if received.get(message, 0) <= _cut(parts, cuts, address):
                    found.setdefault(address, {}).update(names)
        after = page[-1][0]


def _cut(parts: Parts, cuts: Mapping[bytes, int], address: str) -> int:
    """What came before is erased; -1 for whom nobody erased."""
    return cuts.get(tombstones.of_address(address, parts.secrets.tombstone), -1)


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
        for spelled in {*_ADDRESS.findall(text), *_ADDRESS.findall(unquote(text) if "%40" in text else "")}:
            found.setdefault(spelled.lower().rstrip("."), {})
    return found
