"""Address headers as RFC 5322 writes them and as clients do."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.message import addresses, headers, parse

_ONE = [
    ("a@b.example", "", "a@b.example"),
    ("<a@b.example>", "", "a@b.example"),
    ("A.B@B.Example", "", "A.B@b.example"),
    ("Kim Lee <kim@b.example>", "Kim Lee", "kim@b.example"),
    ('"Lee, Kim" <kim@b.example>', "Lee, Kim", "kim@b.example"),
    ("'Kim' <kim@b.example>", "Kim", "kim@b.example"),
    ('"Kim \\"K\\" Lee" <kim@b.example>', 'Kim "K" Lee', "kim@b.example"),
    ("kim@b.example (Kim Lee)", "Kim Lee", "kim@b.example"),
    ("=?utf-8?q?J=C3=BCrgen?= <j@b.example>", "Jürgen", "j@b.example"),
    ('"=?utf-8?q?J=C3=BCrgen?=" <j@b.example>', "Jürgen", "j@b.example"),
    ("=?utf-8?q?Lee=2C_Kim?= <kim@b.example>", "Lee, Kim", "kim@b.example"),
    ("=?utf-8?q?Kim_<kim=40b.example>?=", "Kim", "kim@b.example"),
    ("Jürgen <jürgen@bücher.example>", "Jürgen", "jürgen@bücher.example"),
    ("x@xn--bcher-kva.example", "", "x@xn--bcher-kva.example"),
    ("<@relay.example:a@b.example>", "", "a@b.example"),
    ("<mailto:a@b.example>", "", "a@b.example"),
    ("Kim Lee kim@b.example", "Kim Lee", "kim@b.example"),
    ("kim@b.example <kim@b.example>", "kim@b.example", "kim@b.example"),
    ('"a b"@c.example', "", '"a b"@c.example'),
    ("Kim <kim @ b.example>", "Kim", "kim@b.example"),
    ("Kim <<kim@b.example>>", "Kim", "kim@b.example"),
    ("Kim <kim@b.example", "Kim", "kim@b.example"),
    ("Kim [kim@b.example]", "Kim", "kim@b.example"),
    ("Mail Delivery System <>", "Mail Delivery System", ""),
    ("Undisclosed", "Undisclosed", ""),
]


@pytest.mark.parametrize(("written", "name", "address"), _ONE)
def test_one_mailbox(written: str, name: str, address: str) -> None:
    """A mailbox in the forms clients write it."""
    found = addresses.parse(written, [])
    assert [(name, address)] == [(each.name, each.address) for each in found]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("a@b.example, c@d.example", ["a@b.example", "c@d.example"]),
        ("a@b.example; c@d.example", ["a@b.example", "c@d.example"]),
        ("A <a@b.example>, , B <c@d.example>,", ["a@b.example", "c@d.example"]),
        ("Team: a@b.example, c@d.example;", ["a@b.example", "c@d.example"]),
        ("undisclosed-recipients:;", []),
        ("", []),
        ('"a, b" <a@b.example>, c@d.example', ["a@b.example", "c@d.example"]),
        ("a@b.example (x, y), c@d.example", ["a@b.example", "c@d.example"]),
    ],
)
def test_several_mailboxes(written: str, expected: list[str]) -> None:
    """Lists, groups and empty places."""
    assert expected == [each.address for each in addresses.parse(written, [])]


def test_repeated_headers_are_joined() -> None:
    """Several To and From fields count together, in order."""
    read = parse.parse(
        b"To: a@b.example\r\nFrom: x@y.example\r\nTo: c@d.example\r\nFrom: z@y.example\r\n\r\n"
    )
    assert [each.address for each in read.to] == ["a@b.example", "c@d.example"]
    assert [each.address for each in read.from_] == ["x@y.example", "z@y.example"]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"From: a@b.example\r\nSender: s@b.example\r\n\r\n", "a@b.example"),
        (b"Sender: s@b.example\r\nReply-To: r@b.example\r\n\r\n", "s@b.example"),
        (b"From: Nobody\r\nReply-To: r@b.example\r\n\r\n", "r@b.example"),
        (b"Return-Path: <p@b.example>\r\n\r\n", "p@b.example"),
        (b"Return-Path: <>\r\n\r\n", ""),
    ],
)
def test_the_author_is_who_can_be_answered(raw: bytes, expected: str) -> None:
    """Without a usable From the next header that names somebody stands in."""
    assert expected == parse.correspondent(parse.parse(raw)).address


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='ab@.<>()[]",;: \\=?\u00e9\u202e', max_size=80))
def test_any_text_is_read(text: str) -> None:
    """Any text gives mailboxes of clean strings, never an error."""
    for found in addresses.parse(text, []):
        assert headers.clean(found.name) == found.name
        assert headers.clean(found.address) == found.address


@pytest.mark.parametrize(
    ("typed", "forms"),
    [
        ("Jo@Bücher.example", ("jo@bücher.example", "jo@xn--bcher-kva.example")),
        ("jo@xn--bcher-kva.example", ("jo@xn--bcher-kva.example", "jo@bücher.example")),
        ("jo@b.example.", ("jo@b.example.", "jo@b.example")),
        ("jo@b.example", ("jo@b.example",)),
        ('"jo"@b.example', ('"jo"@b.example', "jo@b.example")),
    ],
)
def test_a_person_is_looked_for_in_every_form_of_their_address(typed: str, forms: tuple[str, ...]) -> None:
    """As typed first, and as tables and mails have it: an erasure misses none."""
    assert addresses.spellings(typed) == forms
