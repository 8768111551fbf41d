"""ApiTokens: made here, stored only as SHA-256 (256 random bits need no slow hash). Values only; rows: storage."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field

PREFIX = "mailhub_"  # lets secret scanners recognise one


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token at the only moment its text is known."""

    text: str = field(repr=False)
    hash: bytes = field(repr=False)


def new_token() -> NewToken:
    """A fresh ApiToken; show ``text`` once, store ``hash``."""
    text = PREFIX + secrets.token_urlsafe(32)
    return NewToken(text, token_hash(text))


def token_hash(text: str) -> bytes:
    """The 32 bytes a token is found by."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
