"""What an export holds: everything about one person and nothing of anybody else, told by an oracle of its own."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from html import unescape
from typing import Any

import pytest
from sqlalchemy import select

from mailhub.config import Config, Privacy
from mailhub.errors import NotFound
from mailhub.privacy import export
from mailhub.privacy.record import Record, make_record
from mailhub.proof.act import Act
from mailhub.tickets import acts
from storage.privacy import exports
from storage.schema import contact_address, message, metadata, outbox, ticket
from tests.houses.desk import SUPPORT, Desk

KIM, LEE = "kim@customer.example", "lee@other.example"
NOW = 1_800_000_000_000_000


def contact_of(desk: Desk, address: str) -> int:
    with desk.database.read() as connection:
        query = select(contact_address.c.contact_id).where(contact_address.c.address == address)
        return int(connection.execute(query).scalar_one())


def opened(pieces: Iterator[bytes]) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(io.BytesIO(b"".join(pieces)))
    assert archive.testzip() is None
    return archive


def rows(archive: zipfile.ZipFile, table: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in archive.read(f"data/{table}.jsonl").splitlines()]


def of_person(desk: Desk, address: str) -> zipfile.ZipFile:
    return opened(export.of_person(desk.database, desk.account, contact_of(desk, address), now=NOW))


def record() -> Record:
    """The record of processing of a controller who says everything."""
    named = Privacy(
        controller="Example GmbH",
        data_protection_contact="dpo@example.com",
        subprocessors={"Host AG": "hosting, Germany"},
        transfers={"Mail Inc.": "USA, standard contractual clauses"},
    )
    return make_record(replace(Config(), privacy=named), ["imap.example"])


def everything(archive: zipfile.ZipFile) -> bytes:
    return b"\n".join(archive.read(name) for name in archive.namelist())


def with_file(sender: str, name: str, text: str) -> bytes:
    """A mail with one attachment."""
    return (
        f"From: {sender}\r\nTo: {SUPPORT}\r\nSubject: {text}\r\nMessage-ID: <{name}@x>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\n'
        f"{text}\r\n--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; "
        f'filename="../../{name}"\r\n\r\nbytes of {name}\r\n--b--\r\n'
    ).encode()


def test_a_person_gets_everything_of_his_own_and_nothing_of_others(desk: Desk) -> None:
    """Mail, tickets, notes on them, files and answers are there; another's words and the staff's names are not."""
    raw = with_file(f"Kim <{KIM}>", "oven.txt", "my oven is cold")
    first = desk.receive(raw)
    desk.receive(with_file(f"Lee <{LEE}>", "secret.txt", "lees secret"))
    number = desk.ticket_of(first)
    act = partial(Act, actor=desk.actor, account=desk.account, now=desk.now)
    desk.do(lambda tx: acts.note(act(tx), number, user=desk.ana, text="rings at noon"))
    answered = desk.answer(number, "heat it")
    archive = of_person(desk, KIM)
    assert [row["address"] for row in rows(archive, "contact_address")] == [KIM]
    assert [row["id"] for row in rows(archive, "ticket")] == [number]
    assert [row["text"] for row in rows(archive, "note")] == ["rings at noon"]
    assert archive.read(f"messages/{first.message}.eml") == raw
    assert f"messages/{answered.message}.eml" in archive.namelist()
    assert archive.read(f"attachments/{first.message}/0-oven.txt") == b"bytes of oven.txt"
    assert b"lees secret" not in everything(archive)
    assert LEE.encode() not in everything(archive)
    assert not any("user_id" in row for table in exports.OF_PERSON for row in rows(archive, table.name))


def test_what_others_wrote_into_his_ticket_is_theirs(desk: Desk) -> None:
    """A colleague in copy who answers in the same ticket has their own export; neither holds the other's words."""
    first = desk.mail(f"Kim <{KIM}>", Cc=LEE, Message_ID="<a@x>", Subject="oven")
    desk.mail(f"Lee <{LEE}>", In_Reply_To="<a@x>", Message_ID="<b@x>", Subject="lees view")
    kims, lees = of_person(desk, KIM), of_person(desk, LEE)
    assert [row["id"] for row in rows(kims, "message")] == [first.message]
    assert [row["subject"] for row in rows(lees, "message")] == ["lees view"]
    assert [row["ticket_id"] for row in rows(lees, "participant")] == [desk.ticket_of(first)]
    assert rows(lees, "ticket") == []


def test_an_export_equals_an_oracle(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many mails by several people, page by page, each export has just the messages an independent query names."""
    monkeypatch.setattr(export, "PAGE", 7)
    for number in range(40):
        desk.mail(f"P <p{number % 3}@customer.example>", Message_ID=f"<{number}@x>", Subject=f"s{number}")
    for person in range(3):
        address = f"p{person}@customer.example"
        with desk.database.read() as connection:
            every = connection.execute(select(message.c.id, message.c.from_address)).all()
            sent = (
                connection.execute(select(outbox.c.message_id).where(outbox.c.recipient == address))
                .scalars()
                .all()
            )
            numbers = connection.execute(select(ticket.c.id, ticket.c.contact_id)).all()
        wanted = {row.id for row in every if row.from_address == address} | set(sent)
        archive = of_person(desk, address)
        assert {row["id"] for row in rows(archive, "message")} == wanted
        assert len(rows(archive, "message")) == len(wanted) >= 13
        mine = {row.id for row in numbers if row.contact_id == contact_of(desk, address)}
        assert {row["id"] for row in rows(archive, "ticket")} == mine


def test_an_account_goes_out_whole_and_without_credentials(desk: Desk) -> None:
    """The account's export has every person's mail and the users, and no hash, secret or key."""
    for sender in (KIM, LEE):
        desk.receive(with_file(sender, f"{sender}.txt", f"of {sender}"))
    archive = opened(export.of_account(desk.database, desk.account, now=NOW))
    assert len(rows(archive, "message")) == 2
    assert len(rows(archive, "user")) == 2
    assert len([name for name in archive.namelist() if name.endswith(".eml")]) == 2
    schema = json.loads(archive.read("schema.json"))["$defs"]
    fields = {field for table in schema.values() for field in table["properties"]}
    assert not fields & {"password_hash", "secret", "hash", "identity", "features"}


def test_the_schema_describes_every_row(desk: Desk) -> None:
    """Each line of each file has exactly the fields its schema requires; instants are RFC 3339."""
    desk.mail(f"Kim <{KIM}>", Message_ID="<a@x>")
    archive = of_person(desk, KIM)
    schema = json.loads(archive.read("schema.json"))["$defs"]
    for table in exports.OF_PERSON:
        described = schema[f"data/{table.name}.jsonl"]
        for row in rows(archive, table.name):
            assert list(row) == described["required"] == list(described["properties"])
    assert rows(archive, "contact")[0]["created_at"].endswith("Z")


def test_nobody_is_exported_who_is_not_there(desk: Desk) -> None:
    """An unknown contact, or another account's, is not found before a byte is sent."""
    desk.mail(f"Kim <{KIM}>")
    with pytest.raises(NotFound):
        export.of_person(desk.database, desk.account + 1, contact_of(desk, KIM), now=NOW)


def test_every_table_is_decided_upon() -> None:
    """A table with personal data is in a person's export or left out with a reason; so is every one of an account's."""
    person = {table.name for table in exports.OF_PERSON}
    personal = {
        name for name, table in metadata.tables.items() if any(c.info["personal"] for c in table.columns)
    }
    assert personal <= person | exports.NOT_OF_PERSON.keys()
    assert not person & exports.NOT_OF_PERSON.keys()
    assert exports.NOT_OF_PERSON.keys() | exports.NOT_OF_ACCOUNT.keys() <= metadata.tables.keys()


def test_a_copy_says_whom_to_ask(desk: Desk) -> None:
    """Where a data-protection contact is configured, the export names it."""
    desk.mail(f"Kim <{KIM}>")
    contact = contact_of(desk, KIM)
    asked = opened(export.of_person(desk.database, desk.account, contact, now=NOW, record=record()))
    whole = opened(export.of_account(desk.database, desk.account, now=NOW, ask="dpo@example.com"))
    for archive in (asked, whole):
        assert "your rights: dpo@example.com" in archive.read("README.txt").decode()


def about(archive: zipfile.ZipFile) -> str:
    """The page of a copy as it is read."""
    return unescape(archive.read("about.html").decode())


def test_a_page_tells_what_article_15_asks(desk: Desk) -> None:
    """Purposes, categories, recipients, transfers, terms, rights, source, decisions; how much, and who names them."""
    desk.mail(f"Kim <{KIM}>", Message_ID="<a@x>")
    desk.receive(desk.written(f"Lee <{LEE}>", text=f"Ask {KIM}, canarylee."))
    contact = contact_of(desk, KIM)
    page = about(opened(export.of_person(desk.database, desk.account, contact, now=NOW, record=record())))
    for told in (
        "messages you wrote, or that were sent to you: 1",
        "1 messages of others name your address",
        "answering support mail",
        "e-mail addresses",
        "Host AG: hosting, Germany",
        "Mail Inc.: USA, standard contractual clauses",
        "imap.example",
        "after 30 days",
        "to complain to a supervisory authority",
        "Example GmbH",
        "no decision with legal effect",
    ):
        assert told in page, told
    assert not any(word in page for word in ("canarylee", LEE, "letting the staff in"))


def test_who_is_only_mentioned_gets_a_true_answer(desk: Desk) -> None:
    """Nobody's contact: their place in a ticket and what names them, counted; whom nobody names is told that, too."""
    desk.receive(desk.written(f"Lee <{LEE}>", text="canarylee", Cc="max@third.example"))
    archive = opened(
        export.of_address(desk.database, desk.account, "max@third.example", now=NOW, record=record())
    )
    assert [row["address"] for row in rows(archive, "participant")] == ["max@third.example"]
    assert rows(archive, "message") == rows(archive, "contact") == []
    assert "tickets you take part in: 1" in about(archive)
    assert "1 messages of others name your address" in about(archive)
    assert b"canarylee" not in everything(archive)

    nobody = opened(
        export.of_address(desk.database, desk.account, "no@body.example", now=NOW, record=record())
    )
    assert "nothing is stored under this address itself" in about(nobody)
    assert "No message of anybody else that was looked at names your address." in about(nobody)


def test_a_user_gets_their_own_data_and_no_word_of_others(desk: Desk) -> None:
    """Login and acts of ana, nothing of ben; of her notes and answers that they are hers and when, not what they say."""
    mail = desk.mail(f"Kim <{KIM}>", Subject="canarysubject")
    ticket_id = desk.ticket_of(mail)
    desk.answer(ticket_id, "canaryanswer")
    desk.act(partial(acts.note, user=desk.ana, text="canarynote"), ticket_id)
    desk.act(partial(acts.note, user=desk.ben, text="canaryben"), ticket_id)

    archive = opened(export.of_user(desk.database, desk.account, desk.ana, now=NOW, ask="dpo@example.com"))

    assert [row["id"] for row in rows(archive, "user")] == [desk.ana]
    assert [row["user_id"] for row in rows(archive, "note")] == [desk.ana]
    assert len(rows(archive, "message")) == 1
    assert {row["actor"] for row in rows(archive, "journal")} == {desk.actor}
    assert not any(name.endswith(".eml") for name in archive.namelist())
    for wanted in (b"canary", KIM.encode(), b"password_hash"):
        assert wanted not in everything(archive), wanted
