"""The whole reader: never raises, keeps its promises on any bytes, one boundary per stage."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailhub.message import addresses, attachments, html, parse, report, scan
from mailhub.message.values import Parsed

_PIECES = st.sampled_from(
    [
        b"From: a@b.example\r\n",
        b"Subject: =?utf-8?q?x?=\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n",
        b"Content-Type: multipart/alternative; boundary=c\r\n",
        b"Content-Type: text/html; charset=utf-7\r\n",
        b"Content-Type: message/rfc822\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Disposition: attachment; filename=x\r\n",
        b"\r\n",
        b"--b\r\n",
        b"--c\r\n",
        b"--b--\r\n",
        b"text\r\n",
        b"<b style=display:none>h</b>",
        b"begin 644 x\r\n",
        b"\xff\xfe\x00",
    ]
)


def _clean(read: Parsed) -> bool:
    lines = [
        read.subject,
        read.message_id,
        *read.references,
        *(text for pair in read.headers for text in pair),
    ]
    lines += [
        each for file in read.attachments for each in (file.filename, file.content_type, file.content_id)
    ]
    reply = parse.split_reply(read)
    texts = [read.text, read.html, read.hidden_text, reply.new, reply.folded]
    "".join(lines + texts).encode("utf-8")
    return not re.search("[\0\r\n\u202a-\u202e]", "".join(lines)) and "\0" not in "".join(texts)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=500))
def test_any_bytes_are_a_message(raw: bytes) -> None:
    """Any bytes are read without a fault, into clean strings."""
    read = parse.parse(raw)
    assert _clean(read)
    assert not [flag for flag in read.flags if flag.startswith("fault-")]


@settings(max_examples=300, deadline=None)
@example(
    [
        b"Content-Type: multipart/mixed; boundary=b\r\n",
        b"\r\n",
        b"--b\r\n",
        b"Content-Type: multipart/alternative; boundary=c\r\n",  # its header block runs into the delimiter
        b"--b\r\n",
    ]
)
@given(st.lists(_PIECES, max_size=40))
def test_any_structure_is_a_message(pieces: list[bytes]) -> None:
    """Any sequence of MIME pieces is read; parts lie inside of their parents; every file can be had."""
    raw = b"".join(pieces)
    read = parse.parse(raw)
    assert _clean(read)
    assert not [flag for flag in read.flags if flag.startswith("fault-")]
    for part in read.parts:
        assert 0 <= part.start <= part.body_start <= part.end <= len(raw)
        if part.parent >= 0:
            parent = read.parts[part.parent]
            assert parent.body_start <= part.start
            assert part.end <= parent.end
            assert part.depth == parent.depth + 1
    for file in read.attachments:
        assert isinstance(parse.attachment_bytes(raw, file.index), bytes)
    assert isinstance(report.report(raw), dict)


@settings(max_examples=100, deadline=None)
@given(st.lists(_PIECES, max_size=30))
def test_line_ends_do_not_matter(pieces: list[bytes]) -> None:
    """LF for CRLF gives the same structure and text."""
    raw = b"".join(pieces).replace(b"\xff\xfe\x00", b"")
    one, other = parse.parse(raw), parse.parse(raw.replace(b"\r\n", b"\n"))
    assert (one.subject, one.text, one.identity) == (other.subject, other.text, other.identity)
    assert [part.content_type for part in one.parts] == [part.content_type for part in other.parts]


@pytest.mark.parametrize(
    ("module", "function", "stage", "kept"),
    [
        (scan, "scan", "scan", lambda read: read.text == ""),
        (addresses, "parse", "headers", lambda read: read.text == "hello\n"),
        (html, "read", "body", lambda read: read.subject == "s"),
        (attachments, "listed", "attachments", lambda read: read.subject == "s"),
    ],
)
def test_a_fault_costs_only_its_stage(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    module: object,
    function: str,
    stage: str,
    kept: Callable[[Parsed], bool],
) -> None:
    """What fails inside a stage is flagged, logged without the mail, and the other stages still read."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret of the mail")

    kind = b"Content-Type: text/html\r\n" if stage == "body" else b""
    monkeypatch.setattr(module, function, fail)
    with caplog.at_level(logging.WARNING):
        read = parse.parse(b"From: a@b.example\r\nSubject: s\r\n" + kind + b"\r\nhello\r\n")
    assert f"fault-{stage}" in read.flags
    assert kept(read) or stage == "scan"
    assert "secret" not in caplog.text


def test_the_null_sender_is_passed_on() -> None:
    """A message from <> that looks like an answer of a program is one."""
    read = parse.parse(b"Subject: Auto: away\r\nAuto-Submitted: auto-replied\r\n\r\nx", mail_from_null=True)
    assert read.automatic


def test_a_guessed_boundary() -> None:
    """A multipart that names no boundary is read by the first line that looks like one, and flagged."""
    read = parse.parse(
        b"Content-Type: multipart/mixed\r\n\r\n--xyz\r\n\r\none\r\n--xyz\r\n\r\ntwo\r\n--xyz--\r\n"
    )
    assert read.text == "one\ntwo"
    assert "no-boundary" in read.flags


def test_the_outer_boundary_wins() -> None:
    """A part that uses its parent's boundary again loses no part behind it."""
    inner = b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    read = parse.parse(
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + inner + b"--b\r\n\r\nlast\r\n--b--\r\n"
    )
    assert read.text.strip() == "last"


def test_bare_cr_is_a_line_end() -> None:
    """A message of bare CR (classic Mac gateways) is read, and its offsets fit the message as received."""
    raw = b"Subject: s\rContent-Type: multipart/mixed; boundary=b\r\r--b\r\rone\r--b\rContent-Type: x/y\r\rdata\r--b--\r"
    read = parse.parse(raw)
    assert (read.subject, read.text) == ("s", "one")
    assert parse.attachment_bytes(raw, 0) == b"data"


def test_the_preamble_and_epilogue_are_no_text() -> None:
    """What stands outside of the parts is not shown (RFC 2046 5.1.1)."""
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n\r\none\r\n--b--\r\nepilogue\r\n"
    assert parse.parse(raw).text == "one"


def test_a_multipart_without_parts_is_text() -> None:
    """A message that promises parts and has none is shown as it is."""
    assert parse.parse(b"Content-Type: multipart/mixed; boundary=b\r\n\r\nhello\r\n").text == "hello\n"
