"""Archives are taken apart exactly: what comes out is what went in."""

from __future__ import annotations

import mailbox
from email.message import EmailMessage
from pathlib import Path

from mailhub.cli.tickets.importing import messages

FIRST = b"From: ana@customer.example\nSubject: one\n\nFrom here on\nall is well.\n"
SECOND = b"From: ben@customer.example\nSubject: two\n\n>From the past\n\nlast line"


def taken(*paths: Path) -> list[bytes]:
    """The raw messages of these archives, in order."""
    return [raw for _, raw in messages(paths)]


def test_mbox_comes_apart(tmp_path: Path) -> None:
    """From_ lines divide, quoted ones are restored, the blank line of the format is not part of a message."""
    archive = tmp_path / "archive"
    archive.write_bytes(
        b"From ana@customer.example Mon Nov 23 10:00:00 2026\n"
        + FIRST.replace(b"\nFrom here", b"\n>From here")
        + b"\nFrom ben@customer.example Mon Nov 23 11:00:00 2026\n"
        + SECOND.replace(b"\n>From", b"\n>>From")
        + b"\n\n"
    )
    assert taken(archive) == [FIRST, SECOND + b"\n"]


def test_from_line_within_a_paragraph_divides_nothing(tmp_path: Path) -> None:
    """A line that begins with "From " but follows text is text (RFC 4155)."""
    archive = tmp_path / "archive"
    archive.write_bytes(
        b"From a Mon Nov 23 10:00:00 2026\nSubject: x\n\ntext\nFrom b Mon Nov 23 10:00:00 2026\n"
    )
    assert taken(archive) == [b"Subject: x\n\ntext\nFrom b Mon Nov 23 10:00:00 2026\n"]


def test_python_mbox_comes_apart(tmp_path: Path) -> None:
    """An mbox written by the standard library gives the same number of messages."""
    box = mailbox.mbox(tmp_path / "archive")
    for number in range(5):
        message = EmailMessage()
        message["Subject"] = f"number {number}"
        message.set_content("From the top\n\nFrom the middle\n")
        box.add(message)
    box.flush()
    box.close()
    found = taken(tmp_path / "archive")
    assert [b"Subject: number %d" % number in raw for number, raw in enumerate(found)] == [True] * 5


def test_maildir_and_files(tmp_path: Path) -> None:
    """A Maildir gives its messages in the order of their names, a directory its .eml files, a file itself."""
    for part in ("cur", "new", "tmp"):
        (tmp_path / "Maildir" / part).mkdir(parents=True)
    (tmp_path / "Maildir/cur/2.x:2,S").write_bytes(SECOND)
    (tmp_path / "Maildir/new/1.x").write_bytes(FIRST)
    (tmp_path / "Maildir/tmp/3.x").write_bytes(b"unfinished")
    (tmp_path / "letters/deep").mkdir(parents=True)
    (tmp_path / "letters/deep/a.eml").write_bytes(FIRST)
    (tmp_path / "letters/readme.txt").write_bytes(b"not a mail")
    single = tmp_path / "single"
    single.write_bytes(SECOND)
    assert taken(tmp_path / "Maildir", tmp_path / "letters", single) == [FIRST, SECOND, FIRST, SECOND]


def test_empty_file_is_one_empty_message(tmp_path: Path) -> None:
    """An empty file is handed on, so that somebody says it is empty."""
    (tmp_path / "x.eml").write_bytes(b"")
    assert taken(tmp_path / "x.eml") == [b""]
