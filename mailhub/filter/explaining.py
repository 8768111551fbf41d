"""Why a message has its verdict, in words: what weighed, and the nearest change. Pure; knows no address list.

The words of a feature are found by making the document's features again, with their names (``classifier.naming``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from classifier import model, naming, tokens
from mailhub.filter.verdict import FilterSettings, Verdict, decide

_STEPS = (
    40  # scorings of an explanation; each leaves out a quarter more, so the last would leave out thousands
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One feature that weighed, in words."""

    group: str  # one of tokens.GROUPS
    field: str  # header name, "subject", "link", ...
    words: str
    weight: float  # positive speaks for spam
    spam: int  # trained spam messages that have it
    ham: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NearestChange:
    """The nearest change of verdict: more labels, or this message without its ``features`` heaviest features."""

    verdict: Verdict
    missing_spam: int = 0
    missing_ham: int = 0
    features: int = 0
    without: tuple[Reason, ...] = ()  # the heaviest of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a message has its verdict."""

    verdict: Verdict
    probability: float
    log_odds: float
    spam: int  # messages the model was trained on
    ham: int
    reasons: tuple[Reason, ...]  # heaviest first
    nearest: NearestChange | None  # None when nothing within reach changes the verdict


def explain(
    counts: model.Counts,
    shown: tokens.Document,
    settings: FilterSettings,
    *,
    reasons: int = 20,
    secret: int = 0,
    prior: model.Counts | None = None,
) -> Explanation:
    """Score a document and say in words what decided. Costs some tens of scorings: for one message at a time."""
    features = tokens.features(shown, secret=secret)
    score = model.score(counts, features, evidence=features.size, prior=prior)
    spam, ham = model.documents(counts, prior)
    verdict = decide(score, spam=spam, ham=ham, settings=settings)
    removed, changed = _nearest(counts, prior, features, score, verdict, settings)
    wanted = [*score.evidence[:reasons], *removed[:reasons]]
    named = naming.name_features(shown, [each.feature for each in wanted], secret=secret)
    nearest = None

    if changed is not None:
        nearest = NearestChange(
            verdict=changed,
            missing_spam=max(0, settings.minimum_spam - spam),
            missing_ham=max(0, settings.minimum_ham - ham),
            features=len(removed),
            without=tuple(_reason(each, named) for each in removed[:reasons]),
        )

    return Explanation(
        verdict=verdict,
        probability=score.probability,
        log_odds=score.log_odds,
        spam=counts.spam,
        ham=counts.ham,
        reasons=tuple(_reason(each, named) for each in score.evidence[:reasons]),
        nearest=nearest,
    )


def _reason(evidence: model.Evidence, named: Mapping[int, naming.Named]) -> Reason:
    name = named[evidence.feature]
    return Reason(
        group=name.group,
        field=name.field,
        words=name.words,
        weight=evidence.weight,
        spam=evidence.spam,
        ham=evidence.ham,
    )


def _nearest(
    counts: model.Counts,
    prior: model.Counts | None,
    features: tokens.Features,
    score: model.Score,
    verdict: Verdict,
    settings: FilterSettings,
) -> tuple[list[model.Evidence], Verdict | None]:
    """Features to leave out, heaviest first, until the verdict is another one; scored anew at every step.

    Others of the group take the place of those left out, so the sum falls slowly: each step leaves out a quarter more.
    """
    enough = replace(settings, minimum_spam=0, minimum_ham=0)
    spam, ham = model.documents(counts, prior)
    if spam < settings.minimum_spam or ham < settings.minimum_ham:
        return [], decide(score, spam=spam, ham=ham, settings=enough)

    sign = 1.0 if score.log_odds > 0 else -1.0
    removed: list[model.Evidence] = []

    for _ in range(_STEPS):
        against = [each for each in score.evidence if each.weight * sign > 0][: 1 + len(removed) // 4]
        if not against:
            break
        removed += against
        features = tokens.without(features, [each.feature for each in against])
        score = model.score(counts, features, evidence=features.size, prior=prior)
        changed = decide(score, spam=spam, ham=ham, settings=enough)
        if changed != verdict:
            return removed, changed

    return [], None


def in_words(explanation: Explanation) -> dict[str, Any]:
    """An explanation as the API and commands without a daemon show it: plain values."""
    nearest = explanation.nearest
    return {
        "verdict": explanation.verdict.value,
        "probability": explanation.probability,
        "log_odds": explanation.log_odds,
        "trained_spam": explanation.spam,
        "trained_ham": explanation.ham,
        "evidence": _evidence(explanation.reasons),
        "nearest": None if nearest is None else asdict(nearest) | {"without": _evidence(nearest.without)},
    }


def _evidence(reasons: Sequence[Reason]) -> list[dict[str, Any]]:
    return [asdict(reason) for reason in reasons]
