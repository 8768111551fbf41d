"""Passwords: argon2id (RFC 9106, the library's low-memory profile) and one-time passwords. Values only."""

from __future__ import annotations

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MINIMUM_LENGTH = 12
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is misread: no i, l, o, 0, 1


def hash_password(password: str) -> str:
    """The encoded argon2id hash. About 50 ms of CPU and 64 MiB: never on the event loop."""
    return PasswordHasher().hash(password)


def verify_password(encoded: str | None, password: str) -> bool:
    """Whether the password fits; a user without one takes the same time and never fits."""
    hasher = PasswordHasher()
    try:
        return hasher.verify(encoded or _unmatchable(), password) and encoded is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _unmatchable() -> str:
    return hash_password(secrets.token_hex(16))


def one_time_password() -> str:
    """20 characters in five groups, about 99 bits, easy to read aloud."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(5))
