"""Whether what a server gave is the mail it announced. Asked of every answer before anything is filed or deleted.

Nothing is no mail, whatever the size: some servers answer ``BODY[] ""`` or ``{0}`` while their store is away.
As many bytes as RFC822.SIZE said is the mail. Any other number is doubtful, and neither side of the doubt may
win at once:

- servers cut mails off, or give a stub, and are well again later: filing that would end the real mail;
- servers announce sizes that are never true. Exchange estimates them unless it is told otherwise ("exact RFC822 size"
  is off by default), others count line ends as one byte that they send as two, or the reverse. Waiting for the truth
  there would be for ever, and RFC 9051 2.3.4 leaves the client nothing else to compare with.

So a doubtful answer is asked for again, by another command, and counts when the same bytes come time and
again. What is longer than announced, or lacks no more than its line ends or a few bytes, misses nothing that
anybody knows of: twice. What is shorter: six times, which is three looks over six minutes; twice from the
fourth such mail of a folder on, whose sizes are known not to be true by then. It is filed then, and never
deleted there: nobody proved that it was the whole mail.

Pure but for what it remembers, which is lost with the process: then the answers are asked for anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from hashlib import blake2b

CONFIRMED = 2  # same answers in a row, for what lacks nothing that was announced
PROVEN = 6  # for what is shorter than announced
FEW_BYTES = 16  # less than a sentence
LEARNED = 3  # mails of a folder after which its sizes are known not to be true
REMEMBERED = 10_000  # doubtful mails of a folder; of more than that the oldest doubts begin again


class WholenessVerdict(Enum):
    """What to do with an answer."""

    WHOLE = "whole"  # file it
    ODD = "odd"  # file it, and leave the original where it is
    DOUBTFUL = "doubtful"  # ask again
    NOTHING = "nothing"  # ask again, later

    @property
    def is_filed(self) -> bool:
        return self in (WholenessVerdict.WHOLE, WholenessVerdict.ODD)


@dataclass(slots=True)
class GivenMail:
    """What a server gave of one mail, as far as judging it; made piece by piece."""

    size_bytes: int = 0
    lines: int = 0
    _hash: blake2b = field(default_factory=lambda: blake2b(digest_size=16))

    def add(self, piece: bytes) -> GivenMail:
        """The next bytes."""
        self.size_bytes += len(piece)
        self.lines += piece.count(b"\n")
        self._hash.update(piece)
        return self

    @property
    def digest(self) -> bytes:
        return self._hash.digest()


@dataclass(slots=True)
class Doubts:
    """What is remembered of one folder's doubtful answers while the process lives."""

    odd: int = 0  # filed, and never deleted there
    _answers: dict[int, tuple[bytes, int]] = field(default_factory=dict)  # by UID: digest, how often in a row
    _untrue: int = 0

    def judge(self, uid: int, announced: int, answer: GivenMail) -> WholenessVerdict:
        """One more answer. ``announced`` is 0 where the server names no size."""
        if not answer.size_bytes:
            return WholenessVerdict.NOTHING

        known, times = self._answers.pop(uid, (b"", 0))
        if answer.size_bytes == announced:
            return WholenessVerdict.WHOLE

        times = times + 1 if answer.digest == known else 1
        lacks = announced - answer.size_bytes > max(answer.lines, FEW_BYTES)
        needed = PROVEN if lacks and self._untrue < LEARNED else CONFIRMED
        if times < needed:
            self._answers[uid] = answer.digest, times
            if len(self._answers) > REMEMBERED:
                del self._answers[next(iter(self._answers))]
            return WholenessVerdict.DOUBTFUL

        self._untrue += lacks
        self.odd += 1

        return WholenessVerdict.ODD
