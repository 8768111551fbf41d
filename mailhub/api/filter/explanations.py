"""Why a message has its score, in the API's shapes."""

from __future__ import annotations

from mailhub.api.frame import shapes
from mailhub.filter.explaining import explain, in_words
from mailhub.filter.verdict import FilterSettings
from mailhub.house import House
from mailhub.reading.stored import document_of
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


class Explained(shapes.Named):
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
    objected: bool = False  # who wrote it objected: it teaches nothing, whatever label it is given


def explained(house: House, account: int, received: Received, reasons: int) -> Explained:
    """The explanation of a message by the account's filter as it is now."""
    counts = house.models.snapshot(house.writer, account)
    found = explain(
        counts,
        document_of(received),
        FilterSettings.of(house.config),
        reasons=reasons,
        secret=house.secrets.features,
        prior=house.models.prior,
    )

    return Explained.model_validate(in_words(found))
