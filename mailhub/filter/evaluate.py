"""Judge the filter by a labelled corpus on disk: an empty model, fed in the order of an index (``spam evaluate``).

    index file --read_index--> samples --judge (lazily)--> one ``Line`` a message --summary--> the track's numbers

Reading and features are the intake's own; protocols and measures are ``classifier.evaluation``'s. Needs no
daemon, no database and no key: features carry no secret here. Must not: print, write, or learn anything that
lasts. Source: Cormack, Lynam, "TREC 2005 Spam Track Overview" (index format, protocols).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from classifier import evaluation, habits, model
from classifier.tokens import Document, Features, features
from mailhub.errors import BadRequest
from mailhub.filter.verdict import FilterSettings, closing_speaks, decide
from mailhub.message.parse import parse
from mailhub.reading.document import document


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of an index."""

    label: str  # spam or ham
    name: str  # the path as the index has it
    path: Path


@dataclass(frozen=True, slots=True)
class Line:
    """One judged message, as the results file has it."""

    name: str
    label: str
    verdict: str
    log_odds: float

    def __str__(self) -> str:
        return f"{self.name}\t{self.label}\t{self.verdict}\t{self.log_odds!r}"


def read_index(index: Path) -> list[Sample]:
    """Samples in time order. Raises ``BadRequest`` naming the line that is not ``spam|ham path``."""
    try:
        lines = index.read_text("utf-8", "surrogateescape").splitlines()
    except OSError as error:
        raise BadRequest(f"{index}: {error.strerror}") from error

    samples = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        label, _, name = line.strip().partition(" ")
        if label not in (model.SPAM, model.HAM) or not name.strip():
            raise BadRequest(f'{index}:{number}: a line is "spam PATH" or "ham PATH"')
        samples.append(Sample(label, name.strip(), index.parent / name.strip()))

    if not samples:
        raise BadRequest(f"{index}: the index is empty")

    return samples


def judge(samples: Sequence[Sample], feedback: str, settings: FilterSettings) -> Iterator[Line]:
    """Score the samples in order, learning as ``feedback`` says; with ``half`` only the second half is judged.

    Raises ``BadRequest`` for an unknown protocol (at once) and for a file that cannot be read (when its turn comes).
    """
    try:
        judged = evaluation.run(
            ((each.name, each.label, features_of(each.path)) for each in samples), feedback
        )
    except ValueError as error:
        raise BadRequest(str(error)) from error
    return _lines(judged, settings)


def judge_habit(
    samples: Sequence[Sample], habit: str, settings: FilterSettings, *, seed: int
) -> Iterator[habits.Seen]:
    """Score the samples in order, learning only what people with this habit would have said. Raises as ``judge``."""

    def verdict(score: model.Score, *, spam: int, ham: int) -> str:
        return decide(score, spam=spam, ham=ham, settings=settings).value

    def believe(score: model.Score, *, spam: int, ham: int) -> bool:
        return closing_speaks(score, spam=spam, ham=ham, settings=settings)

    examples = ((each.name, each.label, features_of(each.path)) for each in samples)
    try:
        return habits.play(examples, habit, verdict, believe, seed=seed)
    except ValueError as error:
        raise BadRequest(str(error)) from error


def _lines(judged: Iterable[evaluation.Judged], settings: FilterSettings) -> Iterator[Line]:
    for each in judged:
        score = model.Score(model.probability(each.log_odds), each.log_odds)
        verdict = decide(score, spam=each.trained_spam, ham=each.trained_ham, settings=settings)
        yield Line(each.name, each.label, verdict.value, each.log_odds)


def features_of(path: Path, *, secret: int = 0) -> Features:
    """As the intake would have them: a message that cannot be read has those of an empty one."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadRequest(f"{path}: {error.strerror}") from error
    try:
        return features(document(raw, parse(raw)), secret=secret)
    except Exception:  # noqa: BLE001 boundary: strangers' mail, filed unread by the intake too
        return features(Document())


def summary(lines: Sequence[Line]) -> evaluation.Report:
    """The track's numbers; called spam is what has log-odds above 0, so that no threshold of ours flatters them."""
    return evaluation.report(
        [evaluation.Judged(each.name, each.label, each.log_odds, 0, 0) for each in lines]
    )
