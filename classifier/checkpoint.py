"""A model as bytes, the checkpoint: checksum, version of the features, never a pickle.

Canonical: equal counts give equal bytes, whatever their order, capacity and history, so the digest says
whether two models are equal. Must not: read or write files.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Final

import numpy as np

from classifier.errors import DamagedCheckpoint, OtherFeatures
from classifier.model import Counts
from classifier.tokens import FEATURES_VERSION, features_from_bytes, features_to_bytes

_MAGIC: Final = b"mailhub-counts\x01"
_HEADER: Final = struct.Struct("<15sIQQQQ")  # magic, features version, spam, ham, entries, bytes of ids
_CHECKSUM_BYTES: Final = 16


def to_bytes(counts: Counts) -> bytes:
    """The checkpoint: canonical, so equal folds give equal bytes. Little-endian; ends in a BLAKE2b checksum."""
    ids, spam, ham = counts.table.entries()
    packed = features_to_bytes(ids)
    header = _HEADER.pack(_MAGIC, FEATURES_VERSION, counts.spam, counts.ham, ids.size, len(packed))
    width = _width(max(counts.spam, counts.ham))
    body = b"".join([header, packed, spam.astype(width).tobytes(), ham.astype(width).tobytes()])
    return body + _checksum(body)


def from_bytes(checkpoint: bytes) -> Counts:
    """Inverse of ``to_bytes``. Raises ``DamagedCheckpoint``, or ``OtherFeatures`` if it was written by
    another tokeniser.
    """
    body = checkpoint[:-_CHECKSUM_BYTES]
    if len(body) < _HEADER.size or _checksum(body) != checkpoint[-_CHECKSUM_BYTES:]:
        raise DamagedCheckpoint("the checkpoint's checksum does not match")

    magic, version, spam, ham, entries, id_bytes = _HEADER.unpack_from(body)
    if magic != _MAGIC:
        raise DamagedCheckpoint("not a checkpoint of this model")
    if version != FEATURES_VERSION:
        raise OtherFeatures(f"checkpoint of features version {version}, this program has {FEATURES_VERSION}")

    counts = Counts(room=entries)
    counts.spam = spam
    counts.ham = ham
    width = _width(max(spam, ham))
    if len(body) != _HEADER.size + id_bytes + 2 * entries * width.itemsize:
        raise DamagedCheckpoint("the checkpoint's length does not match")

    ids = features_from_bytes(body[_HEADER.size : _HEADER.size + id_bytes])
    amounts = np.frombuffer(body, dtype=width, offset=_HEADER.size + id_bytes).astype(np.int64)
    counts.fill(ids, (amounts[:entries], amounts[entries:]))

    return counts


def digest(counts: Counts) -> bytes:
    """Sixteen bytes that are equal exactly when the counts are."""
    return to_bytes(counts)[-_CHECKSUM_BYTES:]


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_CHECKSUM_BYTES).digest()


def _width(largest: int) -> np.dtype[np.unsignedinteger]:
    return np.dtype(next(f"<u{size}" for size in (1, 2, 4, 8) if largest < 1 << (8 * size)))
