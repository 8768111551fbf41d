"""A person in text that stands inside a wrapping: opaque S/MIME, winmail.dat. Both are read, so both are redacted."""

from __future__ import annotations

import base64
import struct

from mailhub.message import parse
from mailhub.privacy.erasing.needles import Needles
from mailhub.privacy.erasing.person import Person
from mailhub.privacy.erasing.quotes import Quotes
from mailhub.privacy.erasing.redaction import redacted

NEEDLES = Needles(Person(addresses=("kim.ode@b.example",), contacts=(1,)))
HEAD = b"From: a@b.example\r\nContent-Transfer-Encoding: base64\r\n"


def _opaque(text: bytes) -> bytes:
    inner = b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(
        text
    )
    pieces = b"\x04" + bytes((len(inner),)) + inner
    content = b"\x30\x80" + bytes.fromhex("06092a864886f70d010701") + b"\xa0\x80\x24\x80" + pieces
    data = (
        b"\x30\x80"
        + bytes.fromhex("06092a864886f70d010702")
        + b"\xa0\x80\x30\x80\x02\x01\x01\x31\x00"
        + content
    )
    return HEAD + b"Content-Type: application/pkcs7-mime\r\n\r\n" + base64.encodebytes(data)


def _winmail(text: bytes) -> bytes:
    rich = struct.pack("<IIII", 0, len(text), 0x414C454D, 0) + text
    value = struct.pack("<IHHII", 1, 0x0102, 0x1009, 1, len(rich)) + rich + bytes(-len(rich) % 4)
    data = (
        struct.pack("<IH", 0x223E9F78, 1) + struct.pack("<BHHI", 1, 0x9003, 6, len(value)) + value + b"\0\0"
    )
    return HEAD + b"Content-Type: application/ms-tnef; name=winmail.dat\r\n\r\n" + base64.encodebytes(data)


def test_a_person_in_an_opaque_signature_is_gone() -> None:
    """What was signed is stored open, without the person."""
    raw = _opaque(b"please write to kim.ode@b.example today")
    assert "kim.ode" in parse.parse(raw).text
    made = redacted(raw, NEEDLES, Quotes())
    assert "kim.ode" not in parse.parse(made).text
    assert "today" in parse.parse(made).text


def test_a_signature_that_names_nobody_stays_as_signed() -> None:
    """Byte for byte, so that it can still be verified."""
    raw = _opaque(b"please write today")
    assert redacted(raw, NEEDLES, Quotes()) == raw


def test_a_person_in_rich_text_is_gone() -> None:
    """Whatever the RTF spells the address with, a winmail.dat whose text names the person goes as a whole."""
    raw = _winmail(rb"{\rtf1 write to kim.\'6fde@b.example}")
    assert "kim.ode" in parse.parse(raw).text
    assert "kim.ode" not in parse.parse(redacted(raw, NEEDLES, Quotes())).text
