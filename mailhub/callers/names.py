"""How things are named in a request: by id, or in words."""

from __future__ import annotations


def is_id(text: str) -> bool:
    """Whether this can be an id: digits, and what both engines can hold (64 bits)."""
    return text.isascii() and text.isdecimal() and len(text) < 19
