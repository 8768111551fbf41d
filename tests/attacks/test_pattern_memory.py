"""Text that makes a regular expression remember every step, so that it could go back."""

from __future__ import annotations

import re

import pytest

from scripts import hostile_patterns

SIZE = 10_000
MOST = (
    4.0  # bytes for each character; a group that remembers its rounds needs 70 to 210, others less than one
)

PATTERNS = hostile_patterns.every_pattern()


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_matching_remembers_nothing_that_grows_with_the_text(name: str) -> None:
    """No pattern of the product needs memory for each character it reads, whatever the text."""
    peak, attack = hostile_patterns.worst(PATTERNS[name], SIZE)
    assert peak < MOST, f"{name} ({PATTERNS[name].pattern!r:.80}): {peak:.0f} bytes a character for {attack}"


def test_the_walk_finds_patterns_wherever_they_are_written() -> None:
    """Names, tables and calls with a literal are all walked."""
    names = " ".join(PATTERNS)
    assert "mailhub.message.scan:_LEADING" in names
    assert "mailhub.message.html_tokens:_CLOSING[" in names
    assert "mailhub.privacy.erasing.needles:" in names


@pytest.mark.parametrize("pattern", [r"(?:[ \t]*\r?\n)+", r"(\.a+)*", r"([aA0])\1+"])
def test_the_measure_sees_a_group_that_remembers_its_rounds(pattern: str) -> None:
    """What this file is about is found where it is."""
    compiled = re.compile(pattern)
    assert hostile_patterns.worst(compiled, SIZE)[0] > MOST
