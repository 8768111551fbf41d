"""Everything about one person (GDPR art. 15, 20), or of one account, as a zip that is made while it is read.

    about.html               a person's: what art. 15(1) asks to be told, and what the copy holds
    README.txt               what this is, whose, as of when
    schema.json              every file's fields: what they mean, their unit, what null means (JSON Schema, 2020-12)
    data/TABLE.jsonl         one JSON object a line
    messages/ID.eml          each message exactly as it was received or sent
    attachments/ID/N-NAME    its files, decoded, under safe names

A person's export holds what they wrote, what was sent to them, their tickets with the notes on them (not who
wrote these), and their deliveries. What others wrote into their tickets is theirs and left out. Nothing is
held in memory but one message. Pages are read one by one: what changes meanwhile may be in it or not.

A user's holds their login and what they did when, and no word of anybody's mail.

Must not: decide who may ask. Changes nothing but the journal (``begin``).
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mailhub import clock
from mailhub.errors import NotFound
from mailhub.message import filenames, parse
from mailhub.privacy.copy_page import Mentions, copy_page
from mailhub.privacy.erasing.needles import Needles
from mailhub.privacy.erasing.person import Person
from mailhub.privacy.record import Record
from mailhub.proof.act import Act
from storage.database import Connection, Database
from storage.mail import raws
from storage.mail.search import find_messages
from storage.privacy import contacts, exports, persons
from storage.privacy.exports import ExportedPerson, ExportedUser
from storage.privacy.persons import WholePerson

PAGE = 500  # rows of one read
LOOKED_AT = 500  # messages of others that are read to tell how many name the person
PIECE_BYTES = 256 * 1024  # of a file, written and sent at a time
_INSTANT = "microseconds since the epoch, UTC"
_JSON_TYPES = {int: "integer", float: "number", str: "string"}

Page = Callable[[Connection, Sequence[Any] | None], Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """One data file: its columns, and how a page of its rows is read."""

    table: Any  # of storage.schema
    columns: Sequence[Any]
    page: Page


@dataclass(frozen=True, slots=True, kw_only=True)
class _PageOf:
    """Whose page of art. 15(1) goes with the data, and what it is made of."""

    record: Record
    whole: WholePerson


def begin(act: Act, kind: str, number: int) -> None:
    """Put on record whose data is handed out, a contact's, a user's or the account's: before the first piece is."""
    act.record(f"{kind}.export", f"{kind}:{number}")


def of_person(
    database: Database, account: int, contact: int, *, now: int, record: Record | None = None
) -> Iterator[bytes]:
    """The zip about the person who is this contact, in pieces; with a page from the ``record`` of processing.

    The same contacts and addresses as an erasure means. ``NotFound`` before the first piece.
    """
    with database.read() as connection:
        if contacts.find_contact(connection, account, contact) is None:
            raise NotFound(f"there is no contact {contact}")
        whole = persons.whole_person(connection, account, contacts=[contact])
    return _of_whole(database, account, whole, f"contact {contact}", now, record)


def of_address(
    database: Database, account: int, address: str, *, now: int, record: Record | None = None
) -> Iterator[bytes]:
    """The zip about whoever has this address (as it is stored), also where they never wrote and are only named."""
    with database.read() as connection:
        whole = persons.whole_person(connection, account, addresses=[address])
    return _of_whole(database, account, whole, "whoever has this address", now, record)


def _of_whole(
    database: Database, account: int, whole: WholePerson, whose: str, now: int, record: Record | None
) -> Iterator[bytes]:
    person = ExportedPerson(account_id=account, contact_ids=whole.contacts, addresses=whole.addresses)

    def file(table: Any) -> _File:
        def page(connection: Connection, after: Sequence[Any] | None) -> Sequence[Mapping[str, Any]]:
            return exports.page_of_person(connection, table, person, after=after, limit=PAGE)

        return _File(table=table, columns=exports.columns_of(table, person=True), page=page)

    about = f"everything mailhub stores about {whose}"
    files = [file(table) for table in exports.OF_PERSON]
    ask = record.data_protection_contact if record else ""
    page = _PageOf(record=record, whole=whole) if record else None
    return _archive(database, account, files, about, now, ask, page)


def of_account(database: Database, account: int, *, now: int, ask: str = "") -> Iterator[bytes]:
    """The zip of a whole account, in pieces; ``ask`` is the data-protection contact."""

    def file(table: Any) -> _File:
        def page(connection: Connection, after: Sequence[Any] | None) -> Sequence[Mapping[str, Any]]:
            return exports.page_of_account(connection, table, account, after=after, limit=PAGE)

        return _File(table=table, columns=exports.columns_of(table, person=False), page=page)

    about = f"everything mailhub stores in account {account}, without passwords and keys"
    return _archive(
        database, account, [file(table) for table in exports.tables_of_account()], about, now, ask
    )


def of_user(database: Database, account: int, user: int, *, now: int, ask: str = "") -> Iterator[bytes]:
    """The zip about a user of the account: their login, and when they did what; others' words are left out."""
    who = ExportedUser(account_id=account, user_id=user)

    def file(table: Any) -> _File:
        def page(connection: Connection, after: Sequence[Any] | None) -> Sequence[Mapping[str, Any]]:
            return exports.page_of_user(connection, table, who, after=after, limit=PAGE)

        return _File(table=table, columns=exports.columns_of_user(table), page=page)

    files = [file(table) for table in exports.OF_USER]
    about = f"everything mailhub stores about user {user}: their login, and what they did when"
    return _archive(database, account, files, about, now, ask, with_mail=False)


class _Outlet(io.RawIOBase):
    """A file that cannot be rewound: what was written to it is taken away piece by piece."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(self._pieces[-1])

    def take(self) -> bytes:
        """What came since the last time."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def _archive(
    database: Database,
    account: int,
    files: Sequence[_File],
    about: str,
    now: int,
    ask: str,
    page: _PageOf | None = None,
    *,
    with_mail: bool = True,
) -> Iterator[bytes]:
    outlet = _Outlet()
    counts: dict[str, int] = {}
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", _readme(about, now, ask))
        archive.writestr("schema.json", json.dumps(_schema(files), indent=2, ensure_ascii=False))
        yield outlet.take()
        for file in files:
            messages: list[int] = []
            named = zipfile.ZipInfo(
                f"data/{file.table.name}.jsonl", date_time=datetime.now(UTC).timetuple()[:6]
            )
            named.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(named, "w", force_zip64=True) as entry:
                for rows in _pages(database, file):
                    entry.write("".join(_line(file, row) for row in rows).encode("utf-8"))
                    counts[file.table.name] = counts.get(file.table.name, 0) + len(rows)
                    if with_mail and file.table.name == "message":
                        messages += [row["id"] for row in rows]
                    yield outlet.take()
            for message in messages:
                for _ in _add_message(archive, database, account, message):
                    yield outlet.take()
        if page is not None:
            archive.writestr("about.html", _about(database, account, page, counts, now))

    yield outlet.take()


def _about(database: Database, account: int, page: _PageOf, counts: Mapping[str, int], now: int) -> str:
    return copy_page(
        page.record,
        addresses=page.whole.addresses,
        counts=counts,
        mentions=_mentions(database, account, page.whole),
        now=now,
    )


def _mentions(database: Database, account: int, whole: WholePerson) -> Mentions:
    """Messages of others in which an address of theirs stands, found by the index and looked at one by one."""
    with database.read() as connection:
        found = {
            each
            for address in whole.addresses
            for each in find_messages(connection, account, address, before=2**62, limit=LOOKED_AT)
        }
        found -= set(contacts.of_contacts(connection, account, found, whole.contacts))
    needles = Needles(Person(addresses=whole.addresses, contacts=whole.contacts))
    named = 0
    for message in sorted(found)[:LOOKED_AT]:
        with database.read() as connection:
            raw = raws.read(connection, account, message)
        named += raw is not None and needles.in_message(raw)
    return Mentions(messages=named, bounded=len(found) >= LOOKED_AT)


def _pages(database: Database, file: _File) -> Iterator[Sequence[Mapping[str, Any]]]:
    after: Sequence[Any] | None = None
    while True:
        with database.read() as connection:
            rows = file.page(connection, after)
        if rows:
            yield rows
        if len(rows) < PAGE:
            return
        after = exports.key_of(file.table, rows[-1])


def _line(file: _File, row: Mapping[str, Any]) -> str:
    values = {}
    for column in file.columns:
        value = row[column.name]
        instant = value is not None and column.info["unit"] == _INSTANT
        values[column.name] = clock.to_iso(value) if instant else value
    return json.dumps(values, ensure_ascii=False) + "\n"


def _add_message(archive: zipfile.ZipFile, database: Database, account: int, message: int) -> Iterator[None]:
    """The message as it is, and its files; one that was removed meanwhile, or has no raw, is passed over.

    Yields whenever a piece was written: the client reads no faster than it reads, and what is made waits in memory.
    """
    with database.read() as connection:
        raw = raws.read(connection, account, message)
    if raw is None:
        return
    yield from _add_file(archive, f"messages/{message}.eml", raw)
    for file in parse.list_attachments(raw):
        name = filenames.safe(file.filename) or filenames.default(file.content_type)
        content = parse.attachment_bytes(raw, file.index)
        yield from _add_file(archive, f"attachments/{message}/{file.index}-{name}", content)


def _add_file(archive: zipfile.ZipFile, name: str, content: bytes) -> Iterator[None]:
    named = zipfile.ZipInfo(name, date_time=datetime.now(UTC).timetuple()[:6])
    named.compress_type = zipfile.ZIP_DEFLATED
    named.external_attr = 0o600 << 16
    with archive.open(named, "w", force_zip64=True) as entry:
        for start in range(0, len(content), PIECE_BYTES):
            entry.write(content[start : start + PIECE_BYTES])
            yield
    yield


def _schema(files: Sequence[_File]) -> Mapping[str, Any]:
    """What the fields of every file mean, from the catalogue of columns."""
    tables = {}
    for file in files:
        fields = {}
        for column in file.columns:
            info = column.info
            kind = "string" if info["unit"] == _INSTANT else _JSON_TYPES[column.type.python_type]
            fields[column.name] = {
                "description": info["meaning"],
                "type": [kind, "null"] if column.nullable else kind,
            }
            if info["unit"] == _INSTANT:
                fields[column.name]["format"] = "date-time"
            elif info["unit"]:
                fields[column.name]["$comment"] = f"unit: {info['unit']}"
            if info["null"]:
                fields[column.name]["description"] += f" (null: {info['null']})"
        tables[f"data/{file.table.name}.jsonl"] = {
            "type": "object",
            "properties": fields,
            "required": list(fields),
        }

    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": tables}


def _readme(about: str, now: int, ask: str) -> str:
    contact = f"Questions about it, and about your rights: {ask}\n" if ask else ""
    return (
        f"This is {about}, as of {clock.to_iso(now)}.\n\n"
        "data/TABLE.jsonl holds one JSON object a line; schema.json says what each field means.\n"
        "messages/ID.eml is each message exactly as it was received or sent; attachments/ID/ holds its files.\n"
        "What other people wrote, and who of the staff did what, is theirs and not in a person's export.\n"
        f"{contact}"
    )
