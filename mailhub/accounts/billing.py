"""What billing says, believed only with its signature: HMAC-SHA256 (RFC 2104) over the instant and the body.

    Mailhub-Signature: t=1764000000,v1=5f2c...    v1 = hex HMAC of "<t>." + body, under the secret both sides have

An event is refused when it is older than the tolerance, or from the future, and taken once (``take_event``):
who sends one again makes nothing happen twice.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from mailhub import clock
from mailhub.accounts.lifecycle import LifecycleContext, payment_failed, payment_ok, perform_now
from mailhub.errors import ConfigurationError, Conflict, Forbidden
from storage.accounts.accounts import Account
from storage.accounts.stages import take_event
from storage.writer import Transaction

ACTOR = "billing"  # as the journal names it
FAILED = "payment-failed"
KEPT_TIMES = 3  # the tolerance: so long an event is remembered, and longer it is refused as too old
_SIGNATURE = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")
SECRET_BYTES = 16  # at least; 32 at random are right


def read_secret(path: str) -> bytes:
    """The secret in this file, without white space around it. ``Forbidden`` where none is configured."""
    if not path:
        raise Forbidden("no billing is configured here: set lifecycle.billing_secret_file")
    try:
        secret = Path(path).read_bytes().strip()
    except OSError as error:
        raise ConfigurationError(f"lifecycle.billing_secret_file cannot be read: {error.strerror}") from None
    if len(secret) < SECRET_BYTES:
        raise ConfigurationError(f"lifecycle.billing_secret_file holds fewer than {SECRET_BYTES} bytes")
    return secret


def sign(secret: bytes, body: bytes, seconds: int) -> str:
    """The header's value for a body sent at this instant (seconds since the epoch)."""
    return f"t={seconds},v1={_mac(secret, body, seconds)}"


def require_signed(secret: bytes, body: bytes, header: str, *, now: int, tolerance: int) -> bytes:
    """The event's digest, if billing signed it within ``tolerance`` (microseconds) of now; raises ``Forbidden``."""
    found = _SIGNATURE.fullmatch(header.strip())
    if found is None or not hmac.compare_digest(_mac(secret, body, int(found[1])), found[2]):
        raise Forbidden("the event is not signed with the secret both sides have")
    if abs(now - int(found[1]) * clock.SECOND) > tolerance:
        raise Forbidden(
            "the event is too old or from the future: compare the clocks, and sign it when it is sent"
        )
    return sha256(found[2].encode("ascii")).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingEvent:
    """A payment of an account, made or failed, with the digest of what was signed."""

    account: int
    kind: str
    digest: bytes


def take(
    transaction: Transaction,
    context: LifecycleContext,
    event: BillingEvent,
    *,
    now: int,
    tolerance: int,
    boot: int,
) -> Account:
    """Take an event whose signature was believed, once; the account afterwards. ``Conflict`` for one taken before."""
    known_since = now - KEPT_TIMES * tolerance
    if not take_event(transaction.connection, event.account, event.digest, now=now, keep_since=known_since):
        raise Conflict("this event was taken already")

    function = payment_failed if event.kind == FAILED else payment_ok
    return perform_now(transaction, function, context, actor=ACTOR, account=event.account, now=now, boot=boot)


def _mac(secret: bytes, body: bytes, seconds: int) -> str:
    return hmac.digest(secret, b"%d." % seconds + body, "sha256").hex()
