"""Header blocks with the faults of the wild, encoded words, and clean values."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.message import headers, parse, words


def _read(raw: bytes) -> dict[str, str]:
    return dict(parse.parse(raw).headers)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Subject: a\r\n\r\nbody", "a"),
        (b"Subject: a\n\nbody", "a"),
        (b"Subject: a\r\rbody", "a"),
        (b"Subject:a\r\n\r\n", "a"),
        (b"Subject : a\r\n\r\n", "a"),
        (b"subject:\ta  \r\n\r\n", "a"),
        (b"From x@y Mon Jan  1 00:00:00 2024\nSubject: a\n\n", "a"),
        (b">From x@y Mon Jan  1 00:00:00 2024\nSubject: a\n\n", "a"),
        (b"\xef\xbb\xbfSubject: a\n\n", "a"),
        (b"\r\n\r\nSubject: a\r\n\r\nbody", "a"),
        (b"---- Original message ----\r\nSubject: a\r\n\r\n", "a"),
        (b"X-A: 1\r\nno field here\r\nSubject: a\r\n\r\n", "a"),
        (b"Subject: a\r\n b\r\n\tc\r\n\r\n", "a b c"),
        (b"Subject: a\r\nSubject: b\r\n\r\n", "a"),
        (b"Subject: a", "a"),
        (b"Subject:\r\n\r\n", ""),
        (b"Subject: a\x00b\x08c\x7fd\r\n\r\n", "abcd"),
        ("Subject: Grüße\r\n\r\n".encode(), "Grüße"),
        ("Subject: Grüße aus Köln\r\n\r\n".encode("latin-1"), "Grüße aus Köln"),
        ("Subject: a\u202egpj.exe\r\n\r\n".encode(), "agpj.exe"),
        ("Subject: a\u2028b\r\n\r\n".encode(), "a b"),
    ],
)
def test_a_subject_is_read(raw: bytes, expected: str) -> None:
    """The first Subject is read, whatever stands around it."""
    assert expected == parse.parse(raw).subject


def test_a_body_without_a_blank_line_is_a_body() -> None:
    """Text that follows the fields without an empty line is the body."""
    read = parse.parse(b"Subject: a\r\nHello there,\r\nthis is text.\r\n")
    assert (read.subject, read.text) == ("a", "Hello there,\nthis is text.\n")
    assert "no-blank-line" in read.flags


def test_a_message_without_a_header_is_all_body() -> None:
    """Text that begins at once is the body."""
    assert parse.parse(b"Hello there,\n\nbye\n").text == "Hello there,\n\nbye\n"


def test_fields_keep_their_order_and_spelling() -> None:
    """Names are as written, repeated fields stay apart."""
    read = parse.parse(b"Received: b\r\nX-Foo: 1\r\nreceived: a\r\n\r\n")
    assert read.headers == (("Received", "b"), ("X-Foo", "1"), ("received", "a"))
    assert read.hops == 2
    assert read.header("RECEIVED") == "b"
    assert read.header("x-absent") == ""


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?UTF-8?B?R3LDvMOfZQ==?=", "Grüße"),
        ("=?iso-8859-1?q?a_b=5Fc?=", "a b_c"),
        ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"),
        ("=?utf-8?q?a?=\t=?iso-8859-1?q?b?=", "ab"),
        ("Re: =?utf-8?q?a?=: b", "Re: a: b"),
        ("x=?utf-8?q?a?=y", "xay"),
        ("=?utf-8?q?Gr=C3?= =?utf-8?q?=BC=C3=9Fe?=", "Grüße"),
        ("=?utf-8*de?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?utf-8?Q?a b c?=", "a b c"),
        ("=?utf-8?B?R3LDvM OfZQ?=", "Grüße"),
        ("=?utf-8?q?100%=2525?=", "100%%25"),
        ("=?utf-8?q?a=zz=4?=", "a=zz=4"),
        ("=?x-none?q?abc?=", "abc"),
        ("=?utf-8?x?abc?=", "=?utf-8?x?abc?="),
        ("=?utf-8?q?never ends", "=?utf-8?q?never ends"),
        ("=?iso-2022-jp?b?GyRCJDMkcyRLJEEkTxsoQg==?=", "こんにちは"),
        ("=?utf-8?q??=", ""),
        ("=??q?abc?=", "=??q?abc?="),
    ],
)
def test_encoded_words_are_decoded(written: str, meant: str) -> None:
    """Encoded words in the forms clients send them."""
    assert meant == words.decode(written, [])


def test_a_word_cannot_break_a_line() -> None:
    """CR, LF, NUL and bidi controls inside an encoded word do not survive."""
    raw = b"Subject: =?utf-8?q?a=0D=0ABcc:=20x=00=E2=80=AEy?=\r\n\r\n"
    assert parse.parse(raw).subject == "a Bcc: xy"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_header_is_read_clean(value: bytes) -> None:
    """Any bytes as a header give values of one clean line."""
    for name, text in parse.parse(b"Subject: " + value + b"\r\nFrom: " + value + b"\r\n\r\n").headers:
        assert headers.clean(text) == text
        assert headers.clean(name) == name
        assert not set("\r\n\0") & set(text)


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ("<a@b>", ("a@b",)),
        (" <a@b> (comment)", ("a@b",)),
        ("a@b", ("a@b",)),
        ("<a@b><c@d>", ("a@b", "c@d")),
        ("<a@b>\t<c@d> <a@b>", ("a@b", "c@d")),
        ("a@b c@d", ("a@b", "c@d")),
        ("<a\n@b>", ("a@b",)),
        ("Your message of Monday", ()),
        ("oneword", ("oneword",)),
        ("<>", ()),
        ("", ()),
    ],
)
def test_message_ids_are_read(value: str, ids: tuple[str, ...]) -> None:
    """Ids with and without brackets, in order, each once."""
    assert ids == parse.message_ids(value)
