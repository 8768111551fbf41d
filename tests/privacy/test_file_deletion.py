"""One file of a message is deleted alone: its bytes and its name go, all else of the message stays."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from mailhub.errors import Conflict, NotFound
from mailhub.message import parse
from mailhub.privacy import file_deletion
from mailhub.privacy.erasing import mail
from storage.mail import raws, search
from storage.privacy.holds import Hold, add_hold
from storage.proof import journal
from tests.houses.desk import Desk
from tests.privacy.erasing.scene import parts_of


def with_files() -> bytes:
    """A mail with three files, the middle one to go."""
    made = EmailMessage(policy=SMTP)
    made["From"] = "Kim <kim@customer.example>"
    made["To"] = "support@example.com"
    made["Subject"] = "Three files"
    made["Message-ID"] = "<three@customer.example>"
    made.set_content("Kestrel words stay.\n")
    for name in ("first", "zanzibarname", "third"):
        made.add_attachment(
            f"bytes of {name}".encode(), maintype="application", subtype="x-thing", filename=f"{name}.bin"
        )
    return made.as_bytes()


@pytest.mark.parametrize("index", [0, 1, 2])
def test_only_the_file_goes_out_of_the_bytes(index: int) -> None:
    """Text, head and the other files are as before, under the numbers they had."""
    raw = with_files()
    files = [parse.attachment_bytes(raw, each) for each in range(3)]
    made = parse.without_attachment(raw, index)
    left = [parse.attachment_bytes(made, each) for each in range(3)]
    assert left == [b"This file was deleted." if each == index else files[each] for each in range(3)]
    assert parse.parse(made).text == parse.parse(raw).text
    assert made.partition(b"\r\n\r\n")[0] == raw.partition(b"\r\n\r\n")[0]
    assert parse.list_attachments(made)[index].filename == "deleted.txt"
    with pytest.raises(IndexError):
        parse.without_attachment(raw, 3)


def test_a_mail_that_is_a_file_keeps_its_head() -> None:
    """Where the message itself is the file its fields stay but those about the content."""
    raw = (
        b"From: kim@customer.example\r\nSubject: a scan\r\nContent-Type: application/pdf; name=zanzibar.pdf\r\n"
        b"Content-Description: zanzibar\r\n of kim\r\nContent-Transfer-Encoding: base64\r\nX-After: kept\r\n\r\nYWJj\r\n"
    )
    made = parse.without_attachment(raw, 0)
    assert b"zanzibar" not in made
    assert made.startswith(b"From: kim@customer.example\r\nSubject: a scan\r\nX-After: kept\r\n")
    assert parse.attachment_bytes(made, 0).startswith(b"This file was deleted.")


def test_a_file_is_deleted_from_what_is_stored(desk: Desk, tmp_path: Path) -> None:
    """Its name is found no more, the act is on record, and what an older backup brings back is mended again."""
    raw = with_files()
    message = desk.message_of(desk.receive(raw))
    parts = parts_of(desk, tmp_path)
    assert _found(desk, "zanzibarname") == _found(desk, "kestrel") == [message]

    revision = file_deletion.prepare(parts, desk.account, message, 1)
    desk.act(file_deletion.delete_file, parts, revision, 1)
    with desk.database.read() as connection:
        stored = raws.read(connection, desk.account, message)
        (act,) = journal.list_acts(connection, desk.account, verb="attachment.delete", limit=5)
    assert stored == parse.without_attachment(raw, 1)
    assert (_found(desk, "zanzibarname"), _found(desk, "kestrel")) == ([], [message])
    assert (act.object, act.detail["index"]) == (f"message:{message}", 1)
    assert desk.faults() == []

    desk.do(lambda tx: raws.replace_raw(tx.connection, desk.account, message, raws.compress(raw)))
    assert mail.redo(parts, since=0) == 1
    with desk.database.read() as connection:
        assert raws.read(connection, desk.account, message) == stored


def test_a_hold_keeps_the_file_and_a_change_meanwhile_is_told(desk: Desk, tmp_path: Path) -> None:
    """Neither stores anything; a number that no file has is not found."""
    raw = with_files()
    outcome = desk.receive(raw)
    message = desk.message_of(outcome)
    parts = parts_of(desk, tmp_path)
    with pytest.raises(NotFound, match="it has 3"):
        file_deletion.prepare(parts, desk.account, message, 3)
    first = file_deletion.prepare(parts, desk.account, message, 0)
    second = file_deletion.prepare(parts, desk.account, message, 2)
    desk.act(file_deletion.delete_file, parts, first, 0)
    with pytest.raises(Conflict, match="try again"):
        desk.act(file_deletion.delete_file, parts, second, 2)

    hold = Hold(
        account_id=desk.account,
        id=5,
        kind="ticket",
        object_id=desk.ticket_of(outcome),
        reason="claim",
        actor="user:1",
        created_at=0,
    )
    desk.do(lambda tx: add_hold(tx.connection, hold))
    third = file_deletion.prepare(parts, desk.account, message, 2)
    with pytest.raises(Conflict):
        desk.act(file_deletion.delete_file, parts, third, 2)
    with desk.database.read() as connection:
        assert raws.read(connection, desk.account, message) == first.raw


def _found(desk: Desk, word: str) -> list[int]:
    with desk.database.read() as connection:
        return search.find_messages(connection, desk.account, word, before=2**62, limit=9)
