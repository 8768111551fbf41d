"""Why a message has its score, in the API's shapes: by the account's filter, or by counts read without a daemon."""

from __future__ import annotations

from collections.abc import Sequence

from classifier.model import Counts
from classifier.tokens import Document
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import made
from mailhub.filter.verdict import Explanation, FilterSettings, Reason, explain
from mailhub.reading.prepare import read_document
from storage.mail.derived import Received


class Evidence(shapes.Shape):
    """One feature that weighed; a positive weight speaks for spam."""

    group: str
    field: str
    words: str
    weight: float
    spam: int
    ham: int


class NearestChange(shapes.Shape):
    """The nearest change of verdict: more labels, or without some features."""

    verdict: str
    missing_spam: int
    missing_ham: int
    features: int
    without: list[Evidence]


class Explained(shapes.Shape):
    """Why a message has its score, by the filter as it is now."""

    verdict: str
    probability: float
    log_odds: float
    trained_spam: int
    trained_ham: int
    evidence: list[Evidence]
    nearest: NearestChange | None
    in_force: str | None = None  # the verdict that a stored message has, whatever the score says now
    verdict_reason: str = ""  # why it has it
    verdict_evidence: str = ""


def document_of(received: Received) -> Document:
    """The document the filter sees: as at the intake, by what is stored of the delivery."""
    return read_document(received.raw, received.authentication, mail_from_null=received.mail_from_null)


def unknown(raw: bytes) -> Received:
    """A message of which nothing is known but its bytes."""
    return Received(raw=raw, authentication="", mail_from_null=False)


def explained_by(
    counts: Counts, raw: bytes, settings: FilterSettings, reasons: int, secret: int, prior: Counts | None
) -> Explained:
    """The explanation of raw bytes by these counts."""
    return explanation(counts, unknown(raw), settings, reasons, secret, prior)


def explanation(
    counts: Counts, received: Received, settings: FilterSettings, reasons: int, secret: int, prior: Counts | None
) -> Explained:
    return _shape(explain(counts, document_of(received), settings, reasons=reasons, secret=secret, prior=prior))


def _shape(found: Explanation) -> Explained:
    nearest = None
    if found.nearest is not None:
        nearest = made(NearestChange, found.nearest, without=_evidence(found.nearest.without))
    return Explained(
        verdict=found.verdict,
        probability=found.probability,
        log_odds=found.log_odds,
        trained_spam=found.spam,
        trained_ham=found.ham,
        evidence=_evidence(found.reasons),
        nearest=nearest,
    )


def _evidence(reasons: Sequence[Reason]) -> list[Evidence]:
    return [made(Evidence, each) for each in reasons]
