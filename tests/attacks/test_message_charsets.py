"""Charsets nobody knows, and charsets that lie."""

from __future__ import annotations

import encodings
import re

from mailhub.message import parse
from scripts import hostile_mails
from tests.houses.counted_work import read_linearly


def test_unknown_charsets_lose_no_mail() -> None:
    """Parts in unknown charsets are read by detection, and flagged."""
    read = read_linearly(hostile_mails.charsets)
    assert "charset-unknown" in read.flags
    assert read.text.startswith("Grüße aus Köln")


def test_unknown_labels_are_not_remembered() -> None:
    """Labels nobody knows are not looked up on disk, where Python remembers each of them for ever."""
    parse.parse(hostile_mails.charsets(100_000))
    remembered = vars(encodings)["_cache"]
    assert [name for name in remembered if re.fullmatch(r"x.\d+", name)] == []


def test_shifts_are_read_once() -> None:
    """UTF-7 text of shifts costs one pass."""
    assert set(read_linearly(hostile_mails.utf7).text) == {"a"}


def test_a_shifted_surrogate_is_replaced() -> None:
    """Half a surrogate pair in UTF-7 becomes U+FFFD: PostgreSQL refuses it otherwise."""
    raw = b"Content-Type: text/plain; charset=utf-7\r\n\r\na+2AA-b"
    assert "\ud800" not in parse.parse(raw).text


def test_a_codec_that_is_no_charset_is_unknown() -> None:
    """Python codecs that are no charsets cannot be asked for by a stranger."""
    for label in (
        b"base64",
        b"zlib",
        b"rot13",
        b"idna",
        b"unicode_escape",
        b"punycode",
        b"undefined",
        b"hex",
    ):
        raw = b"Content-Type: text/plain; charset=" + label + b"\r\n\r\n\\u0041 \xe4 text"
        read = parse.parse(raw)
        assert read.flags[0] == "charset-unknown"
        assert read.text == "\\u0041 ä text"
