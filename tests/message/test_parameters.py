"""Content-Type, Content-Disposition and file names."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.message import filenames, headers, limits, parameters, parse


@pytest.mark.parametrize(
    ("written", "kind", "values"),
    [
        (b"text/plain", "text/plain", {}),
        (b"Text/Plain; Charset=UTF-8", "text/plain", {"charset": "UTF-8"}),
        (
            b'text/plain; charset="utf-8"; format=flowed',
            "text/plain",
            {"charset": "utf-8", "format": "flowed"},
        ),
        (b"text/plain (a comment); charset=x", "text/plain", {"charset": "x"}),
        (b"text / plain;charset = x", "text/plain", {"charset": "x"}),
        (b"text", "text/plain", {}),
        (b"", "", {}),
        (b"charset=utf-8", "", {"charset": "utf-8"}),
        (b'multipart/mixed; boundary="a;b"', "multipart/mixed", {"boundary": "a;b"}),
        (b"multipart/mixed; boundary=a=b", "multipart/mixed", {"boundary": "a=b"}),
        (b"multipart/mixed;\r\n\tboundary=a", "multipart/mixed", {"boundary": "a"}),
        (b"text/plain charset=x", "text/plain", {"charset": "x"}),
        (b'text/plain; charset="x', "text/plain", {"charset": "x"}),
        (b"text/plain; a=1; a=2", "text/plain", {"a": "1"}),
        (b"text/plain;;; a=1;", "text/plain", {"a": "1"}),
        (b'x/y; name="a\\"b"', "x/y", {"name": 'a"b'}),
        (b"x/y; name=my file.pdf", "x/y", {"name": "my file.pdf"}),
        (b'x/y; name="=?utf-8?q?=C3=A4?= =?utf-8?q?b?="', "x/y", {"name": "äb"}),
        (b"x/y; name*=utf-8''%C3%A4", "x/y", {"name": "ä"}),
        (b"x/y; name*=utf-8'de'%C3%A4", "x/y", {"name": "ä"}),
        (b"x/y; name*0*=utf-8''%C3%A4; name*1=b; name*2*=%20c", "x/y", {"name": "äb c"}),
        (b"x/y; name*1=b; name*0=a", "x/y", {"name": "ab"}),
        (b"x/y; name=a; name*=utf-8''b", "x/y", {"name": "b"}),
    ],
)
def test_parameters_are_read(written: bytes, kind: str, values: dict[str, str]) -> None:
    """Types and parameters in the forms clients write them."""
    assert (kind, values) == parameters.content_type(written, [])


@pytest.mark.parametrize(
    ("written", "kind", "name"),
    [
        (b'attachment; filename="a.pdf"', "attachment", "a.pdf"),
        (b"INLINE", "inline", None),
        (b"form-data; name=x", "attachment", None),
        (b"filename=a.pdf", "attachment", "a.pdf"),
        (b"", "", None),
        ('attachment; filename="Grüße.pdf"'.encode(), "attachment", "Grüße.pdf"),
    ],
)
def test_dispositions_are_read(written: bytes, kind: str, name: str | None) -> None:
    """An unknown disposition is an attachment (RFC 2183 2.8)."""
    found, values = parameters.disposition(written, [])
    assert (kind, name) == (found, values.get("filename"))


@pytest.mark.parametrize(
    ("written", "safe"),
    [
        ("a.pdf", "a.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\kim\\a.pdf", "a.pdf"),
        ("/etc/passwd", "passwd"),
        ("1/2 page.pdf", "1_2 page.pdf"),
        ("a\u202efdp.exe", "afdp.exe"),
        ("a\r\nb\x00.txt", "a b.txt"),
        (".htaccess", "htaccess"),
        ("CON.txt", "_CON.txt"),
        ("a:b|c?.txt", "a_b_c_.txt"),
        ("..", ""),
        ("  ", ""),
    ],
)
def test_file_names_are_made_safe(written: str, safe: str) -> None:
    """A name is one component that every system can store."""
    assert safe == filenames.safe(written)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=400))
def test_any_file_name_is_safe(name: str) -> None:
    """Any text becomes a name without separators, controls and leading dots, of bounded length, and stays so."""
    safe = filenames.safe(name)
    assert not set(safe) & set('/\\\0\r\n:"<>|?*')
    assert not safe.startswith(".")
    assert len(safe.encode()) <= limits.FILENAME_BYTES
    assert headers.clean(safe) == safe
    assert filenames.safe(safe) == safe


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_parameters(value: bytes) -> None:
    """Any bytes as Content-Type and Content-Disposition are read without a fault."""
    raw = b"Content-Type: " + value + b"\r\nContent-Disposition: " + value + b"\r\n\r\nx"
    assert not [flag for flag in parse.parse(raw).flags if flag.startswith("fault-")]


def test_the_better_of_two_names_is_taken() -> None:
    """A file name whose letters a client lost gives way to the Content-Type's name."""
    raw = b'Content-Type: x/y; name="=?utf-8?q?=D0=B4=D0=B0.pdf?="\r\n'
    raw += b'Content-Disposition: attachment; filename="??.pdf"\r\n\r\n'
    assert parse.parse(raw).attachments[0].filename == "да.pdf"
