"""By whom a mail was sent that came without an envelope."""

from __future__ import annotations

import pytest

from mailhub.message.return_path import return_path


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"Return-Path: <bounces+7@lists.example>\nFrom: kim@customer.example\n", "bounces+7@lists.example"),
        (b"Return-Path: <>\nFrom: kim@customer.example\n", None),
        (b"return-path:\n <a@b.example>\r\nFrom: kim@customer.example\n", "a@b.example"),
        (b"From: kim@customer.example\nReturn-Path: <a@b.example>\nReturn-Path: <>\n", "a@b.example"),
        (b"Return-Path: <" + b"x" * 400 + b"@b.example>\n", ""),
        (b"Return-Path: \xff\xfe\nFrom: kim@customer.example\n", ""),
        (b"From: kim@customer.example\n", ""),
        (b"", ""),
    ],
)
def test_the_topmost_return_path(head: bytes, expected: str | None) -> None:
    """RFC 5321 4.4: of the header alone; unknown ("") is not the null sender (None)."""
    assert return_path(head + b"\nReturn-Path: <in@the.body>\n") == expected
