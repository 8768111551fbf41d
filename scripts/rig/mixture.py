"""The corpus as a stream of deliveries: each mail once, some sent again, some with a known id and another body."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.rig.client import load_corpus, with_crlf

_OTHER = b"\r\nThis body differs from the first that bore this id: %d.\r\n"


@dataclass(frozen=True)
class Mixture:
    """``stream`` in sending order; ``distinct`` raw messages that must be stored, in order of first sending."""

    stream: list[bytes]
    distinct: list[bytes]
    resends: int
    same_id: int


def mixture(index: Path, *, limit: int, resends: int, same_id: int, seed: int) -> Mixture:
    """The first ``limit`` mails of the index, with exact resends and same-id-other-body mails put in at random."""
    chance = random.Random(seed)
    mails = list(dict.fromkeys(with_crlf(mail) for mail in load_corpus(index, limit)))
    with_id = [
        i for i, mail in enumerate(mails) if b"\r\nmessage-id:" in mail.lower().partition(b"\r\n\r\n")[0]
    ]
    after: dict[int, list[bytes]] = {}
    for i in chance.sample(range(len(mails)), resends):
        after.setdefault(chance.randrange(i, len(mails)), []).append(mails[i])
    others = [other_body(mails[i], number) for number, i in enumerate(chance.sample(with_id, same_id))]
    for other in others:
        after.setdefault(chance.randrange(len(mails)), []).append(other)
    stream = [sent for i, mail in enumerate(mails) for sent in (mail, *after.get(i, ()))]
    return Mixture(stream, [*mails, *others], resends, same_id)


def other_body(mail: bytes, number: int) -> bytes:
    """The mail's headers, so its Message-ID too, with a plain body of its own."""
    head = mail.partition(b"\r\n\r\n")[0]
    kept = b"\r\n".join(
        line for line in _fields(head) if not line.lower().startswith((b"content-", b"mime-version"))
    )
    return kept + b"\r\n" + _OTHER % number


def _fields(head: bytes) -> Iterator[bytes]:
    field = b""
    for line in head.split(b"\r\n"):
        if line[:1] in (b" ", b"\t") and field:
            field += b"\r\n" + line
        else:
            if field:
                yield field
            field = line
    if field:
        yield field
