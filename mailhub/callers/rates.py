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
PROOFS = 16  # of one user that are known at once: browsers and programs, at their addresses
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


class ProvenCallers:
    """Sessions and ApiTokens that were found good, each at the address it came from: they have counts of their own there.

    What is kept is a hash of that address and of the header that shows them. One that ends meanwhile opens nothing, and
    uses up nobody's count but its own; from another address it is a stranger's. Of one user at most ``PROOFS`` are known,
    of whom the oldest is forgotten first: other headers beside the same token buy no more.
    """

    def __init__(self) -> None:
        self._until: OrderedDict[str, float] = OrderedDict()
        self._of_user: dict[str, OrderedDict[str, None]] = {}
        self._users: dict[str, str] = {}

    @staticmethod
    def of(client: str, shown: bytes) -> str:
        """The name of what was shown at an address."""
        return hashlib.sha256(client.encode() + b"\0" + shown).hexdigest()

    def holds(self, proof: str, now: float) -> bool:
        """Whether it was found good lately."""
        return self._until.get(proof, now) > now

    def add(self, proof: str, user: str, now: float) -> None:
        """It was found good, and this user's."""
        self._until[proof] = now + PROOF_SECONDS
        self._until.move_to_end(proof)
        self._users[proof] = user
        own = self._of_user.setdefault(user, OrderedDict())
        own[proof] = None
        own.move_to_end(proof)
        if len(own) > PROOFS:
            self._forget(next(iter(own)))
        if len(self._until) > CLIENTS:
            self._forget(next(iter(self._until)))

    def _forget(self, proof: str) -> None:
        del self._until[proof]
        user = self._users.pop(proof)
        del self._of_user[user][proof]
        if not self._of_user[user]:
            del self._of_user[user]
