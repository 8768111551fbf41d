"""Passwords: argon2id with the library's defaults (RFC 9106, low memory) and one-time passwords. Values only.

A verification costs about 50 ms of CPU and 64 MiB whether there is such a user or not: a name that nobody has
is compared with a hash of the same parameters that no password fits. At most ``AT_ONCE`` run at once and
``WAITING`` more wait for that, so that strangers who guess can neither fill the memory nor take all of the
API's threads. Must not: be called on the event loop.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from mailhub.access import readable
from mailhub.errors import BadRequest, Unavailable

MINIMUM_LENGTH = 12
MAXIMUM_LENGTH = 1024
AT_ONCE = 2
WAITING = 4  # with those who verify fewer than the API has threads (api.app.THREADS)
PATIENCE_SECONDS = 20.0


class Passwords:
    """Makes and compares hashes. Tests give it a cheap hasher; everything else is as in earnest."""

    def __init__(self, hasher: PasswordHasher | None = None, *, waiting: int = WAITING) -> None:
        self._hasher = hasher or PasswordHasher()
        self._nobodys = _unmatchable(self._hasher)
        self._places = BoundedSemaphore(AT_ONCE)
        self._strangers = BoundedSemaphore(AT_ONCE + waiting)

    def hash(self, password: str) -> str:
        """The encoded hash, for somebody who is known. Raises ``Unavailable`` when it does not come to its turn."""
        with self._place():
            return self._hasher.hash(password)

    def verify(self, encoded: str | None, password: str) -> bool:
        """Whether the password fits; None (no such user, or one without a password) takes as long and never fits.

        Raises ``Unavailable`` when too many are at it.
        """
        with self._place_in(self._strangers, 0.0), self._place():
            try:
                return self._hasher.verify(encoded or self._nobodys, password) and encoded is not None
            except (VerificationError, InvalidHashError):
                return False

    def is_outdated(self, encoded: str) -> bool:
        """Whether the hash was made with other parameters than those of today."""
        return self._hasher.check_needs_rehash(encoded)

    def _place(self) -> AbstractContextManager[None]:
        return self._place_in(self._places, PATIENCE_SECONDS)

    @staticmethod
    @contextmanager
    def _place_in(places: BoundedSemaphore, patience_seconds: float) -> Iterator[None]:
        if not places.acquire(timeout=patience_seconds):
            raise Unavailable("too many people log in at this moment: try again")
        try:
            yield
        finally:
            places.release()


def require_length(password: str) -> None:
    """Raise ``BadRequest`` for a new password that is too short to resist guessing, or too long to be one."""
    if not MINIMUM_LENGTH <= len(password) <= MAXIMUM_LENGTH:
        raise BadRequest(
            f"a password has {MINIMUM_LENGTH} to {MAXIMUM_LENGTH} characters; a sentence is a good one"
        )


def one_time_password() -> str:
    """20 characters in five groups, about 99 bits, easy to read aloud."""
    return "-".join(readable.group() for _ in range(5))


def _unmatchable(hasher: PasswordHasher) -> str:
    """An encoded hash of the hasher's parameters whose password nobody knows: its bytes are random."""
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    salt, digest = (
        b64encode(secrets.token_bytes(length)).decode().rstrip("=")
        for length in (hasher.salt_len, hasher.hash_len)
    )
    return f"$argon2id$v=19${cost}${salt}${digest}"
