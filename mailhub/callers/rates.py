"""How often one client may ask: token buckets in memory. Durable states: none; a restart begins with full ones.

A bucket holds as much as a minute brings, so that a burst is let through and a steady stream is not faster
than told. Memory is bounded: of more clients than ``CLIENTS`` the one that asked longest ago is forgotten.
"""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict

CLIENTS = 20_000
PROOF_SECONDS = 3600.0  # how long what a request showed is believed without another look, for counting alone
MINUTE = 60.0  # seconds


class Rates:
    """One kind of bucket, by client. Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # client -> (left, at)

    def wait_seconds(self, client: str, per_minute: int, now: float) -> int:
        """0 and one request is counted, or in how many seconds it may be asked again."""
        left, at = self._buckets.pop(client, (float(per_minute), now))
        left = min(float(per_minute), left + (now - at) * per_minute / MINUTE)
        granted = left >= 1
        self._buckets[client] = (left - granted, now)
        if len(self._buckets) > CLIENTS:
            self._buckets.popitem(last=False)
        return 0 if granted else math.ceil((1 - left) * MINUTE / per_minute)


class Proven:
    """Whose the sessions and ApiTokens are that were found good: their requests are counted by user, not by address.

    What is kept is a hash of the header that shows them. One that ends meanwhile opens nothing, and counts to its
    user until it is forgotten. However many headers show one user, they have one count.
    """

    def __init__(self) -> None:
        self._users: OrderedDict[bytes, tuple[str, float]] = OrderedDict()  # hash -> (user, until)

    def user_of(self, shown: bytes, now: float) -> str:
        """Whose requests these are; "" for what was not found good lately."""
        user, until = self._users.get(hashlib.sha256(shown).digest(), ("", now))
        return user if until > now else ""

    def add(self, shown: bytes, user: str, now: float) -> None:
        """It was found good, and this user's."""
        key = hashlib.sha256(shown).digest()
        self._users[key] = (user, now + PROOF_SECONDS)
        self._users.move_to_end(key)
        if len(self._users) > CLIENTS:
            self._users.popitem(last=False)
