"""The proof that an answer belongs to a ticket: in our reply address, and again in our Message-IDs.

128 bits: ticket id (36), contact id (36), HMAC-SHA256 over both cut to 56 bits. In base32 (RFC 4648, lower
case, without padding) that is 26 characters of letters and digits, which survives hosts that change the case
of a local part and leaves room in the 64 octets of one (RFC 5321 4.5.3.1.1). Guessing a proof for a known
ticket and contact takes 2^55 mails on average; a wrong one drops nothing, it merely joins nothing. The key is
passed in (``keys``, purpose "reply-token"). Must not: look anything up.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from hashlib import sha256

CHARACTERS = 26
_ID_BITS = 36
_MAC_BYTES = 7
_PAYLOAD_BYTES = 2 * _ID_BITS // 8
_PURPOSE = b"reply\0"


def make(ticket: int, contact: int, key: bytes) -> str:
    """The token of a ticket and the person it is given to. ValueError for an id that does not fit 36 bits."""
    if not (0 <= ticket < 1 << _ID_BITS and 0 <= contact < 1 << _ID_BITS):
        raise ValueError("an id is too large for a reply token")
    payload = (ticket << _ID_BITS | contact).to_bytes(_PAYLOAD_BYTES, "big")
    return base64.b32encode(payload + _mac(payload, key)).decode("ascii").rstrip("=").lower()


def read(token: str, key: bytes) -> tuple[int, int] | None:
    """Ticket and contact of a genuine token, in upper or lower case; None for any other string."""
    if len(token) != CHARACTERS or not token.isascii():
        return None

    try:
        data = base64.b32decode(token.upper() + "======")
    except binascii.Error:
        return None

    payload = data[:_PAYLOAD_BYTES]
    mac = data[_PAYLOAD_BYTES:]
    if not hmac.compare_digest(mac, _mac(payload, key)):
        return None

    both = int.from_bytes(payload, "big")
    return both >> _ID_BITS, both & ((1 << _ID_BITS) - 1)


def _mac(payload: bytes, key: bytes) -> bytes:
    return hmac.new(key, _PURPOSE + payload, sha256).digest()[:_MAC_BYTES]


def make_message_id(ticket: int, contact: int, *, message: int, domain: str, key: bytes) -> str:
    """Our Message-ID, without < >: the proof, and the id of the message, which makes it unique (RFC 5322 3.6.4)."""
    return f"{make(ticket, contact, key)}.{message}@{domain}"


def read_message_id(message_id: str, key: bytes) -> tuple[int, int] | None:
    """Ticket and contact of a Message-ID of ours, given without < >; None for anybody else's."""
    return read(message_id[: CHARACTERS + 1].removesuffix("."), key)


def reply_address(mailbox: str, token: str) -> str:
    """The mailbox's address with the token as its plus part (RFC 5233)."""
    local, _, domain = mailbox.rpartition("@")
    return f"{local}+{token}@{domain}"
