"""How long somebody waits who tried to log in and failed. Pure: rows and the time in, rows and waits out.

Three counts, each by a keyed hash, the same for names that nobody has: of the name at the address, of the
name, of the address (IPv6 by /64). After some free failures each further one doubles the wait, up to a
quarter of an hour; a day without a try forgets. What keeps a guesser from locking out whom they guess: where
a name has logged in within the last 30 days, only its own failures at that address count. A guesser elsewhere
slows down themselves, and strangers with this name; the real user is let in from where they were before, or
sets a new password by a link and waits a quarter of an hour at most.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from mailhub import clock
from storage.people.login_attempts import Attempts

LONGEST = 15 * clock.MINUTE
FORGOTTEN = clock.DAY  # without a try
FAMILIAR = 30 * clock.DAY  # since the last success of a name at an address


@dataclass(frozen=True, slots=True)
class AttemptLimits:
    """Failures without a wait: of a name at an address, of a name, of an address. Tests and campaigns give others."""

    pair: int = 5
    name: int = 20
    address: int = 50


@dataclass(frozen=True, slots=True)
class Counted:
    """The digests one attempt counts under. ``address`` is None on this machine, where a proxy brings everybody."""

    pair: bytes
    name: bytes
    address: bytes | None

    @property
    def all(self) -> tuple[bytes, ...]:
        """Those there are."""
        return (self.pair, self.name) if self.address is None else (self.pair, self.name, self.address)


def counted_under(key: bytes, login: str, peer: str) -> Counted:
    """What an attempt with this login from this client counts under; ``peer`` "" for one on this machine."""
    who = login.strip().lower()
    where = peer

    def digest(*parts: str) -> bytes:
        return hmac.new(key, "\0".join(parts).encode("utf-8", "surrogatepass"), sha256).digest()

    return Counted(
        digest("pair", who, where), digest("name", who), digest("address", where) if where else None
    )


def is_familiar(rows: Mapping[bytes, Attempts], counted: Counted, now: int) -> bool:
    """Whether this name logged in at this address lately."""
    pair = rows.get(counted.pair)
    return pair is not None and pair.succeeded_at is not None and now - pair.succeeded_at < FAMILIAR


def wait(rows: Mapping[bytes, Attempts], counted: Counted, now: int) -> int:
    """Microseconds until the next try may be made; 0: now."""
    binding = (counted.pair,) if is_familiar(rows, counted, now) else counted.all
    return max(0, *(rows[each].next_at - now for each in binding if each in rows), 0)


def counted_failure(
    rows: Mapping[bytes, Attempts], counted: Counted, limits: AttemptLimits, now: int
) -> Mapping[bytes, Attempts]:
    """The rows after one more failure, which every try counts as until it has succeeded."""
    if is_familiar(rows, counted, now):
        return {counted.pair: _failed(rows[counted.pair], limits.pair, now)}
    free = {counted.pair: limits.pair, counted.name: limits.name}
    if counted.address is not None:
        free[counted.address] = limits.address
    return {
        each: _failed(rows.get(each, Attempts(digest=each)), number, now) for each, number in free.items()
    }


def counted_success(rows: Mapping[bytes, Attempts], counted: Counted, now: int) -> Mapping[bytes, Attempts]:
    """The rows after a try succeeded: the pair's begins anew, the others lose only what this try had added.

    They do not begin anew: with a login of their own a guesser could buy themselves tries at others.
    """
    fresh = replace(rows.get(counted.pair, Attempts(digest=counted.pair)), failures=0, last_at=now, next_at=0)
    changed = {counted.pair: replace(fresh, succeeded_at=now)}
    if not is_familiar(rows, counted, now):
        others = (rows[each] for each in counted.all if each in rows and each != counted.pair)
        changed |= {row.digest: replace(row, failures=max(0, row.failures - 1), next_at=0) for row in others}
    return changed


def _failed(row: Attempts, free: int, now: int) -> Attempts:
    failures = 1 if now - row.last_at > FORGOTTEN else row.failures + 1
    over = failures - free
    pause = 0 if over < 1 else min(LONGEST, clock.SECOND << min(over - 1, 20))
    return replace(row, failures=failures, last_at=now, next_at=now + pause)
