"""Receipts: signed statements of what went for good, that anybody can check without us and that name nobody.

    issue    a body -> one canonical JSON text (sorted keys, no blanks, ASCII) with an Ed25519 signature (RFC 8032)
    verify   the text and the public key -> the body, or ``BadRequest``; needs no daemon, no database, no private key

The person is a *commitment*: HMAC-SHA256 (RFC 2104) of the address under a random key that is handed out
once, to whoever asked for the erasure, and kept nowhere. Who has key and address can prove whom the receipt
is about; nobody else can find out. Kinds: erasure, account-deleted, account-purged, backups-gone. Must not:
hold personal data. What goes into a body are counts, opaque ids, instants, digests and words.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mailhub.errors import BadRequest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from mailhub.keys import Keys

KINDS = frozenset({"erasure", "account-deleted", "account-purged", "backups-gone"})
FORMAT = "mailhub-receipt/1"
PURPOSE = "receipts"
COMMITMENT_KEY_BYTES = 32
RECEIPT_BYTES = 1024 * 1024  # nobody hands in a longer one


def issue(keys: Keys, body: Mapping[str, Any]) -> str:
    """The receipt of this body as text. ``body`` has a ``kind`` of ``KINDS``, and nothing but JSON values.

    The same body under the same root key is the same text, byte for byte. Raises ``ValueError`` for another kind.
    """
    if body.get("kind") not in KINDS:
        raise ValueError(f"a receipt is one of {', '.join(sorted(KINDS))}")
    signer = keys.signer(PURPOSE)
    public = public_key_text(signer.public_key())
    plain = {**body, "format": FORMAT, "public_key": public}
    signature = signer.sign(canonical(plain)).hex()
    return canonical({**plain, "signature": signature}).decode("ascii")


def verify(text: str, public_key: str) -> Mapping[str, Any]:
    """The body of a receipt that was signed by the owner of this public key (64 hex digits), and not changed since.

    ``BadRequest`` says why it proves nothing: no receipt, another's key, changed.
    """
    from cryptography.exceptions import InvalidSignature

    receipt = _read(text)
    signature = receipt.pop("signature")
    try:
        _public_key(public_key).verify(bytes.fromhex(signature), canonical(receipt))
    except (InvalidSignature, ValueError):
        theirs = receipt["public_key"] != public_key.lower()
        why = "it was signed with another key" if theirs else "it was changed after it was signed"
        raise BadRequest(f"the receipt proves nothing: {why}") from None
    return {name: value for name, value in receipt.items() if name not in ("format", "public_key")}


def public_key_of(keys: Keys) -> str:
    """The public key that verifies this installation's receipts, as 64 hex digits: give it to whoever may ask."""
    return public_key_text(keys.signer(PURPOSE).public_key())


def public_key_text(key: Ed25519PublicKey) -> str:
    """A public key as 64 hex digits."""
    return key.public_bytes_raw().hex()


def new_commitment_key() -> bytes:
    """A fresh key for one commitment."""
    return secrets.token_bytes(COMMITMENT_KEY_BYTES)


def commitment(address: str, key: bytes) -> str:
    """What a receipt says instead of an address: 64 hex digits."""
    return hmac.digest(key, address.strip().lower().encode("utf-8", "replace"), "sha256").hex()


def is_about(body: Mapping[str, Any], address: str, key: bytes) -> bool:
    """Whether a (verified) receipt is about this address, for who was handed the commitment's key.

    ``person`` stands for the address that was named first, ``also`` for each further one of the same person.
    """
    told = [body.get("person", ""), *body.get("also", ())]
    meant = commitment(address, key)
    return any(hmac.compare_digest(str(each), meant) for each in told)


def digest_of(text: str) -> str:
    """By what another receipt names this one: SHA-256 of its canonical text, 64 hex digits. However it is printed."""
    return hashlib.sha256(canonical(json.loads(text))).hexdigest()


def canonical(value: Mapping[str, Any]) -> bytes:
    """The one spelling of a JSON object that is signed. ``ValueError`` for numbers that JSON has no word for."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.encode("ascii")


def _read(text: str) -> dict[str, Any]:
    try:
        receipt = json.loads(text, object_pairs_hook=_once) if len(text) <= RECEIPT_BYTES else None
    except (ValueError, RecursionError):
        receipt = None
    named = isinstance(receipt, dict) and all(
        isinstance(receipt.get(n), str) for n in ("signature", "public_key")
    )
    if not named or not isinstance(receipt, dict) or receipt.get("format") != FORMAT:
        raise BadRequest("this is no receipt of mailhub, or not all of it")
    return receipt


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object each of whose names stands once: of two values one reader shows the first, another the last."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a name stands twice")
    return made


def _public_key(text: str) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(text))
    except ValueError:
        raise BadRequest("a public key is 64 hex digits; `mailhub erasure key` prints ours") from None
