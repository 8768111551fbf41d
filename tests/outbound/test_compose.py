"""A mail becomes a mail that every reader understands, and nothing in it becomes a header of its own."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailhub.message.parse import parse
from mailhub.outbound import gate
from mailhub.outbound.compose import (
    REFERENCES,
    Composition,
    OutgoingFile,
    answer_index,
    clean,
    compose,
    reference_chain,
    reply_subject,
    usable_id,
    wire_address,
)

DRAFT = Composition(
    message_id="token.7@example.com",
    from_name="Example Support",
    from_address="support@example.com",
    reply_to="support+token@example.com",
    to=(("Kim", "kim@customer.example"),),
    subject="Re: Help [#1]",
    in_reply_to="parent@customer.example",
    references=("first@customer.example", "parent@customer.example"),
    date=1_800_000_000_000_000,
    text="Hello,\n\nplease try again.\n",
)
FIELDS = {
    "From", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Content-Type",
    "Content-Transfer-Encoding", "MIME-Version",
}  # fmt: skip
texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=120)


def read(raw: bytes) -> EmailMessage:
    """The mail as the standard library reads it."""
    made: Any = message_from_bytes(raw, policy=default)
    assert isinstance(made, EmailMessage)
    return made


def test_the_whole_mail() -> None:
    """The same mail gives the same bytes, known to the last one."""
    expected = (
        b"From: Example Support <support@example.com>\r\n"
        b"Reply-To: Example Support <support+token@example.com>\r\n"
        b"To: Kim <kim@customer.example>\r\n"
        b"Subject: Re: Help [#1]\r\n"
        b"Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"
        b"Message-ID: <token.7@example.com>\r\n"
        b"In-Reply-To: <parent@customer.example>\r\n"
        b"References: <first@customer.example>\r\n <parent@customer.example>\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: text/plain; charset="us-ascii"\r\n'
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"\r\n"
        b"Hello,\r\n\r\nplease try again.\r\n"
    )
    assert compose(DRAFT) == expected


@given(texts, texts, texts)
def test_nothing_gets_out_of_its_header(name: str, subject: str, person: str) -> None:
    """Whatever names and subjects hold, the mail has our header fields, each once, and our body."""
    raw = compose(replace(DRAFT, from_name=name, subject=subject, to=((person, "kim@customer.example"),)))
    head, _, body = raw.partition(b"\r\n\r\n")
    fields = [line.partition(b":")[0].decode() for line in head.split(b"\r\n") if not line.startswith(b" ")]
    assert len(fields) == len(set(fields))
    assert set(fields) <= FIELDS
    assert body == b"Hello,\r\n\r\nplease try again.\r\n"
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", raw)
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert raw.isascii()


@given(texts, texts)
def test_names_and_subjects_are_read_as_written(name: str, subject: str) -> None:
    """Both our reader and the standard library's give back the name and the subject, cleaned of controls."""
    raw = compose(replace(DRAFT, to=((name, "kim@customer.example"),), subject=subject))
    parsed = parse(raw)
    assert [person.address for person in parsed.to] == ["kim@customer.example"]
    assert " ".join(parsed.subject.split()) == clean(subject, 600)
    assert [address.addr_spec for address in read(raw)["To"].addresses] == ["kim@customer.example"]


@pytest.mark.parametrize(
    "name", ["Kim", "Kim Lee", "Lee, Kim", 'Kim "K" Lee', "K\\L", "Kim (home)", "金 さん", "=?utf-8?q?x?="]
)
def test_names_survive(name: str) -> None:
    """A name with specials, quotes, another script or what looks like an encoded word is read as it was written."""
    raw = compose(replace(DRAFT, to=((name, "kim@customer.example"),)))
    assert [(person.name, person.address) for person in parse(raw).to] == [(name, "kim@customer.example")]
    assert read(raw)["To"].addresses[0].display_name == name


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "ü\nñ",
        "日本語のテキスト\n" * 40,
        "x" * 5000,
        ".\n..\n.",
        "From here\n",
        "a\tb",
        "tail  \n\n\n",
    ],
)
def test_text_survives(text: str) -> None:
    """Text of any script and with lines of any length goes out in 7 bits and is read as it was written."""
    raw = compose(replace(DRAFT, text=text))
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert read(raw).get_content().replace("\r\n", "\n") == text.rstrip("\n") + "\n"


@pytest.mark.parametrize("address", ["a@b\r\nBcc: x@y.example", "a@b\nX: y", "a@b> <c@d"])
def test_an_address_that_would_break_the_header(address: str) -> None:
    """An address that got past everything else still cannot inject a header."""
    for mail in (replace(DRAFT, to=(("", address),)), replace(DRAFT, reply_to=address)):
        with pytest.raises(ValueError, match="cannot stand in a header"):
            compose(mail)


def test_addresses_in_other_scripts() -> None:
    """A host name in another script goes out in ASCII; a local part in another script stays, for SMTPUTF8."""
    assert wire_address("kim@例え.example") == "kim@xn--r8jz45g.example"
    assert wire_address("用户@例子.example") == "用户@例子.example"
    raw = compose(replace(DRAFT, to=(("", "用户@例子.example"),)))
    assert "To: 用户@例子.example\r\n".encode() in raw


def test_long_ids_are_never_encoded() -> None:
    """Ids longer than a line stay as they are: an encoded id threads nowhere."""
    long = "x" * 200 + "@customer.example"
    raw = compose(replace(DRAFT, in_reply_to=long, references=(long, "b@c")))
    assert f"In-Reply-To: <{long}>\r\nReferences: <{long}>\r\n <b@c>\r\n".encode() in raw
    assert parse(raw).references == (long, "b@c")


def test_reference_chain() -> None:
    """References continue the parent's, or its only In-Reply-To, and end with the parent (RFC 5322 3.6.4)."""
    assert reference_chain("p", ["a", "b"], ["b"]) == ("a", "b", "p")
    assert reference_chain("p", [], ["b"]) == ("b", "p")
    assert reference_chain("p", [], ["b", "c"]) == ("p",)
    assert reference_chain("", [], []) == ()
    assert reference_chain("p", ["p", "a"], []) == ("p", "a")


def test_a_long_chain_keeps_its_first_and_its_latest() -> None:
    """A chain is bounded, and the id that names the thread stays."""
    chain = reference_chain("p", [f"m{n}" for n in range(100)], [])
    assert len(chain) == REFERENCES
    assert (chain[0], chain[-2:]) == ("m0", ("m99", "p"))


@pytest.mark.parametrize("name", ["", "a b", "a\r\nX: y", "<a@b>", "ü@x", "x" * 501])
def test_ids_that_are_left_out(name: str) -> None:
    """An id that could not be repeated literally is left out of the chain."""
    assert not usable_id(name)
    assert reference_chain(name, [name, "a"], []) == ("a",)


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Help", "Re: Help [#7]"),
        ("Re: Help [#7]", "Re: Help [#7]"),
        ("RE: AW: Re[2]: Help [#7] [#7]", "Re: Help [#7]"),
        ("Re: [#7] Help", "Re: Help [#7]"),
        ("Help [#8]", "Re: Help [#8] [#7]"),
        ("", "Re: [#7]"),
        ("Regarding: x", "Re: Regarding: x [#7]"),
        ("a\r\nBcc: b", "Re: a Bcc: b [#7]"),
    ],
)
def test_reply_subject(subject: str, expected: str) -> None:
    """One prefix, one tag, whatever the subject had."""
    assert reply_subject(subject, 7) == expected


@pytest.mark.parametrize(
    ("address", "wire"),
    [
        ("yuki..m@docomo.example", '"yuki..m"@docomo.example'),
        (".kim@b.example", '".kim"@b.example'),
        ("kim.@b.example", '"kim."@b.example'),
        ("kim[1]@b.example", '"kim[1]"@b.example'),
        ('"tom reed"@b.example', '"tom reed"@b.example'),
        ("kim.lee@b.example", "kim.lee@b.example"),
    ],
)
def test_whoever_can_write_can_be_answered(address: str, wire: str) -> None:
    """A local part that is no dot-atom goes out in quotes, in the header and on the wire (RFC 5321 4.1.2)."""
    assert gate.reachable_address(address)
    assert wire_address(address) == wire
    mail = Composition(
        message_id="a@b.example", from_name="", from_address="s@e.example", to=(("Kim", address),), subject="x",
        date=0, text="x",
    )  # fmt: skip
    assert f"To: Kim <{wire}>\r\n".encode() in compose(mail)


@pytest.mark.parametrize(
    "address",
    ['"a\r\nBcc: x"@b.example', '"a"b"@b.example', "a b@b.example", "a@b@c.example", "a..b@", "<a>@b.example",
     '"a\\"@b.example', "a\0b@b.example"]
)  # fmt: skip
def test_what_would_need_escapes_is_no_address(address: str) -> None:
    """Line ends, quotes inside of quotes, brackets and blanks outside of quotes never reach a header or the relay."""
    assert not gate.reachable_address(address)


def test_an_answer_goes_on_with_outlooks_conversation() -> None:
    """Thread-Index grows by five bytes and keeps its beginning; what is none is left out (MS-OXOMSG 2.2.1.3)."""
    index = "AQHb9piJBsCGD1GVoU+wxkNV9ElnyQ=="
    longer = base64.b64decode(answer_index(index, 1_800_000_000_000_000))
    assert (longer[:22], len(longer)) == (base64.b64decode(index), 27)
    assert [answer_index(each, 0) for each in ("", "x", "AQHb", index[:-4], "A" * 5000)] == [""] * 5


@given(texts, texts)
def test_no_file_gets_out_of_its_part(name: str, kind: str) -> None:
    """Whatever a file is called and said to be, there is one file with its bytes, for our reader and another."""
    file = OutgoingFile(name=name, content_type=kind, content=b"\0\r\n--boundary\r\nX: y\r\n")
    raw = compose(replace(DRAFT, html="<p>Hello</p>", files=(file,)))
    theirs = message_from_bytes(raw, policy=default)
    assert isinstance(theirs, EmailMessage)
    (attached,) = theirs.iter_attachments()
    assert attached.get_payload(decode=True) == file.content
    assert sorted(key.lower() for key in attached) == [
        "content-disposition",
        "content-transfer-encoding",
        "content-type",
    ]
    assert [each.size_bytes > 0 for each in parse(raw).attachments] == [True]
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", raw)
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998


@pytest.mark.parametrize(
    "name", ["a\r\nX: y.pdf", "=?utf-8?q?x?=.pdf", "\u202egpj.exe", "x" * 65_536, "../../etc/passwd"]
)
def test_a_hostile_file_name_is_a_name(name: str) -> None:
    """Line ends, encoded words, direction overrides, 64 KiB and folders end up in no header and no path."""
    raw = compose(replace(DRAFT, files=(OutgoingFile(name=name, content_type="text/plain", content=b"x"),)))
    (file,) = parse(raw).attachments
    assert not re.search(r"[\r\n/\\\u202e]", file.filename)
    assert 0 < len(file.filename) <= 150
    assert b"\r\nX:" not in raw
