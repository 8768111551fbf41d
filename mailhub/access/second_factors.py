"""TOTP (RFC 6238: SHA-1, 6 digits, 30 s, as every app reads it) and recovery codes. Values only; rows: storage.

A code counts within one step before and after ours, and only if its step is later than the last one used:
what keeps it from counting twice is the conditional update in ``storage.people.second_factors``. Only this
file imports pyotp.
"""

from __future__ import annotations

import hashlib
import re

import pyotp
from pyotp.exceptions import OTPVerificationError

from mailhub import clock
from mailhub.access import readable
from mailhub.access.actor import Role

WINDOW = 1  # steps of 30 s that a clock may be off, each way (RFC 6238 5.2)
RECOVERY_CODES = 10
RECOVERY_GROUPS = 4  # of four characters: 16 characters of 30, 78 bits, so SHA-256 is hash enough
_IGNORED = re.compile(r"[\s-]+")
_RANKS = (Role.OWNER, Role.ADMIN, Role.AGENT)


def is_required(role: str, needed_from: str) -> bool:
    """Whether a role needs a second factor, if ``needed_from`` is the lowest that does; ``nobody`` does by "nobody"."""
    return needed_from != "nobody" and _RANKS.index(Role(role)) <= _RANKS.index(Role(needed_from))


def new_secret() -> str:
    """A fresh secret, 160 bits in base32 (RFC 4226 4, R6)."""
    return pyotp.random_base32()


def provisioning_uri(secret: str, *, login: str, issuer: str) -> str:
    """The ``otpauth://`` text that an app reads from a QR code."""
    return pyotp.TOTP(secret, name=login, issuer=issuer).provisioning_uri()


def matching_timecode(secret: str, code: str, now: int) -> int | None:
    """The step whose code this is; None when it is none of those that count now. "123 456" is a code, too."""
    digits = _IGNORED.sub("", code)
    if not (digits.isascii() and digits.isdigit()):
        digits = ""  # the same work for what cannot be a code
    try:
        return pyotp.TOTP(secret).verify_and_get_timecode(
            digits, for_time=now // clock.SECOND, valid_window=WINDOW
        )
    except OTPVerificationError:
        return None


def new_recovery_codes() -> list[str]:
    """A set of recovery codes; show them once, store their hashes."""
    return ["-".join(readable.group() for _ in range(RECOVERY_GROUPS)) for _ in range(RECOVERY_CODES)]


def recovery_hash(code: str) -> bytes:
    """The 32 bytes a recovery code is found by; spaces, dashes and capitals do not matter."""
    return hashlib.sha256(_IGNORED.sub("", code).lower().encode("utf-8", "surrogatepass")).digest()
