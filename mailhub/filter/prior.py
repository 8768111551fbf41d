"""A shared prior: counts of a corpus that the operator names, for accounts that have few marks of their own.

    spam prior build INDEX --out FILE --build, write--> file --of_config (at the start)--> counts beside every account's

Layout of the file: magic, a mark of this site's secret (16 bytes), the counts as the classifier encodes them,
which end in their own checksum. Features carry the site's secret, so the file of another site means nothing
here, and says so. Durable state: that one file. Tenants never feed it, the package holds none;
``classifier.model`` tells how it fades.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from pathlib import Path

from classifier.checkpoint import from_bytes, to_bytes
from classifier.errors import DamagedCheckpoint, OtherFeatures
from classifier.model import Counts, train
from mailhub.config import Config
from mailhub.errors import BadRequest, ConfigurationError
from mailhub.filter.evaluate import Sample, features_of

_MAGIC = b"mailhub prior\n"
_MARK_BYTES = 16

log = logging.getLogger("mailhub.filter.prior")


def build(samples: Iterable[Sample], *, secret: int) -> Counts:
    """Counts of labelled messages on disk. Raises ``BadRequest`` for a file that cannot be read."""
    counts = Counts()
    for each in samples:
        train(counts, features_of(each.path, secret=secret), each.label)
    return counts


def write(path: Path, counts: Counts, *, secret: int) -> None:
    """Store a prior for this site. Raises ``BadRequest`` where it cannot be written."""
    try:
        path.write_bytes(_MAGIC + _mark(secret) + to_bytes(counts))
    except OSError as error:
        raise BadRequest(f"{path}: {error.strerror}") from error


def of_config(config: Config, secret: int) -> Counts | None:
    """The configured prior. None: there is none, or another version's tokeniser made it (mail is more important).

    Raises ``ConfigurationError`` for a file that is missing, damaged, or of another site.
    """
    if not config.spam.prior:
        return None

    try:
        content = Path(config.spam.prior).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"spam.prior: {config.spam.prior}: {error.strerror}") from error

    mark = content[len(_MAGIC) :][:_MARK_BYTES]
    counts = content[len(_MAGIC) + _MARK_BYTES :]
    if not content.startswith(_MAGIC):
        raise ConfigurationError(
            f"spam.prior: {config.spam.prior} is no prior: `mailhub spam prior build` makes one"
        )
    if mark != _mark(secret):
        raise ConfigurationError(
            f"spam.prior: {config.spam.prior} was built with another site's root key: build it here"
        )

    try:
        return from_bytes(counts)
    except DamagedCheckpoint as error:
        raise ConfigurationError(f"spam.prior: {config.spam.prior} is damaged: build it anew") from error
    except OtherFeatures:
        log.warning("prior not used: another version made it; build it anew with `mailhub spam prior build`")
        return None


def _mark(secret: int) -> bytes:
    return hashlib.blake2b(_MAGIC, key=secret.to_bytes(8, "big"), digest_size=_MARK_BYTES).digest()
