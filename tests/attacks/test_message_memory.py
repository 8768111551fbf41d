"""Mails that cost many times their size in memory; each opening of a stored one would cost it again."""

from __future__ import annotations

import pytest

from scripts import fuzz_parse, hostile_mails

SIZE = 2_000_000


@pytest.mark.parametrize("name", sorted(hostile_mails.ATTACKS))
def test_reading_a_mail_costs_at_most_twice_its_size_and_a_fixed_sum(name: str) -> None:
    """What reading, scoring and showing needs in memory is bounded by the mail's size, whatever stands in it."""
    raw = hostile_mails.ATTACKS[name](SIZE)
    peak = fuzz_parse.peak_bytes(raw)
    assert peak < fuzz_parse.FIXED_BYTES + fuzz_parse.TIMES_SIZE * len(raw), (
        f"{peak / len(raw):.1f} times the mail"
    )


def test_a_style_padded_with_blanks_is_read_once() -> None:
    """A style of 64 KiB of blanks that nearly hides its text costs no more than its length."""
    for name in ("font-size:", "opacity:", "height:", "display:"):
        raw = hostile_mails.HEAD + b"Content-Type: text/html\r\n\r\n"
        page = raw + b'<p style="' + name.encode() + b" " * 60_000 + b'x">text</p>'
        assert fuzz_parse.fault(page) == ""
