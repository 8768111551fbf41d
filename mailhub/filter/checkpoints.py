"""The models' checkpoint files: what saves a restart from folding the whole ledger.

Durable state: ``<directory>/<account>.model``, mode 0600, replaced as a whole (written beside, fsync, rename,
fsync of the directory), so that a crash leaves the old file or the new one. Never the truth: any file may be
deleted.

Layout: magic, one line of JSON (who, which format, where in the ledger), the counts as the classifier encodes
them, and BLAKE2b-256 over all of it. A damaged, older, newer or foreign file reads as None, and the model is
folded anew.

Must not: pickle, or know what the counts mean.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path

_MAGIC = b"mailhub model\n"
_FORMAT = 1
_DIGEST_BYTES = 32

log = logging.getLogger("mailhub.filter.checkpoints")


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Which rows of a ledger counts are the sum of (``storage.filter.ledger`` tells what stamps are for)."""

    stamp: int = 0  # of the last change that is in
    rewritten: int = 0  # of the last change in that was no append
    sequence: int = 0  # of the last row that is in
    row_stamp: int = 0  # of that row


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Counts as bytes and the rows they are the sum of."""

    position: Position
    features_version: int
    rows: int
    counts: bytes


def _path(directory: Path, account: int) -> Path:
    return directory / f"{account}.model"


def write(directory: Path, account: int, checkpoint: Checkpoint) -> None:
    """Replace the account's file; durable when this returns. OSError leaves the old one in place."""
    head = {"format": _FORMAT, "account": account, "features_version": checkpoint.features_version}
    head |= {"rows": checkpoint.rows, **asdict(checkpoint.position)}
    content = b"".join([_MAGIC, json.dumps(head).encode(), b"\n", checkpoint.counts])
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = _path(directory, account)
    beside = target.with_suffix(".new")

    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.write(_checksum(content))
        file.flush()
        os.fsync(file.fileno())

    beside.replace(target)
    _sync_directory(directory)


def read(directory: Path, account: int, *, features_version: int) -> Checkpoint | None:
    """The account's checkpoint; None when there is none that can be used (the reason is logged)."""
    try:
        content = _path(directory, account).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        _say_unusable(account, type(error).__name__)
        return None

    body = content[:-_DIGEST_BYTES]
    checksum = content[-_DIGEST_BYTES:]
    if not body.startswith(_MAGIC) or _checksum(body) != checksum:
        _say_unusable(account, "damaged")
        return None

    line, _, counts = body[len(_MAGIC) :].partition(b"\n")
    head = json.loads(line)  # what the checksum covers, we wrote
    if (
        head["format"] != _FORMAT
        or head["account"] != account
        or head["features_version"] != features_version
    ):
        _say_unusable(account, "of another version or account")
        return None

    position = Position(**{name: head[name] for name in Position.__slots__})
    return Checkpoint(position=position, features_version=features_version, rows=head["rows"], counts=counts)


def remove(directory: Path, account: int) -> None:
    """Delete the account's file, durably; nothing when there is none."""
    for path in (_path(directory, account), _path(directory, account).with_suffix(".new")):
        path.unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError):
        _sync_directory(directory)


def _checksum(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _say_unusable(account: int, reason: str) -> None:
    log.warning("checkpoint not used", extra={"account": account, "reason": reason})
