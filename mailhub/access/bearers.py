"""What a caller shows to be let in: an ApiToken, a session or a link. Made here, stored only as SHA-256. Values only.

    mh_  ApiToken     mhs_  session     mhl_  link         then 43 characters at random (256 bits), then 6 of a checksum

The prefix lets secret scanners find one that leaked (``mh[sl]?_[0-9A-Za-z]{49}``), the checksum (CRC-32, RFC
1952 8) tells a mistyped one from one that was ended, without asking the database. 256 random bits need no
slow hash.
"""

from __future__ import annotations

import hashlib
import secrets
import string
import zlib
from dataclasses import dataclass, field
from enum import StrEnum

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
RANDOM_CHARACTERS = 43  # 43 * log2(62) = 256 bits
CHECK_CHARACTERS = 6  # 62**6 > 2**32


class Kind(StrEnum):
    """What it opens, by its prefix."""

    API_TOKEN = "mh_"  # noqa: S105 a prefix, not a secret
    SESSION = "mhs_"
    LINK = "mhl_"


@dataclass(frozen=True, slots=True)
class NewBearer:
    """One at the only moment its text is known."""

    text: str = field(repr=False)
    hash: bytes = field(repr=False)


def new_bearer(kind: Kind) -> NewBearer:
    """A fresh one; show ``text`` once, store ``hash``."""
    body = kind + "".join(secrets.choice(_ALPHABET) for _ in range(RANDOM_CHARACTERS))
    text = body + _checksum(body)
    return NewBearer(text, bearer_hash(text))


def kind_of(text: str) -> Kind | None:
    """What the text claims to open; None when it was mistyped, cut, or is something else."""
    kind = next((kind for kind in Kind if text.startswith(kind)), None)
    if kind is None or not text.isascii() or len(text) != len(kind) + RANDOM_CHARACTERS + CHECK_CHARACTERS:
        return None
    return kind if _checksum(text[:-CHECK_CHARACTERS]) == text[-CHECK_CHARACTERS:] else None


def bearer_hash(text: str) -> bytes:
    """The 32 bytes it is found by."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _checksum(body: str) -> str:
    rest = zlib.crc32(body.encode("ascii"))
    characters = ""
    for _ in range(CHECK_CHARACTERS):
        rest, digit = divmod(rest, len(_ALPHABET))
        characters = _ALPHABET[digit] + characters
    return characters
