"""What billing says, believed only with its signature: HMAC-SHA256 (RFC 2104) over the instant and the body.

    Mailhub-Signature: t=1764000000,v1=5f2c...    v1 = hex HMAC of "<t>." + body, under the secret both sides have

An event is refused when it is older than the tolerance, or from the future, and taken once (``take_event``):
who sends one again makes nothing happen twice. Pure but for reading the secret's file.
"""

from __future__ import annotations

import hmac
import re
from hashlib import sha256
from pathlib import Path

from mailhub import clock
from mailhub.errors import ConfigurationError, Forbidden

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


def _mac(secret: bytes, body: bytes, seconds: int) -> str:
    return hmac.digest(secret, b"%d." % seconds + body, "sha256").hex()
