"""What follows from a score: a verdict, by the account's settings. Pure: no clock, no storage, no network.

Must not: learn (the ledger does), know an address list (``filter.senders`` does). What is scored is
``reading.document``, why a score is what it is says ``filter.explaining``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from classifier import model
from mailhub.config import Config

LEANING: Final = 0.7  # probability from which a close is no word of ham (docs/filter.md has the figures)


class Verdict(StrEnum):
    """What the filter thinks of a message. Only spam moves a ticket; unsure is shown to the agents as such."""

    SPAM = "spam"
    HAM = "ham"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterSettings:
    """When a score is a verdict. Below either minimum of trained messages every verdict is unsure."""

    spam_probability: float = 0.9
    ham_probability: float = 0.3
    minimum_spam: int = 5
    minimum_ham: int = 5
    trusts_hosts: bool = (
        False  # somebody ahead of us authenticates senders: mail without their word is unproven
    )

    @classmethod
    def of(cls, config: Config) -> FilterSettings:
        """As the configuration has them."""
        return cls(
            spam_probability=config.spam.spam_threshold,
            ham_probability=config.spam.ham_threshold,
            minimum_spam=config.spam.minimum_trained,
            minimum_ham=config.spam.minimum_trained,
            trusts_hosts=bool(config.authentication.trusted_hosts.split()),
        )


def is_deciding(*, spam: int, ham: int, settings: FilterSettings) -> bool:
    """Whether a model of ``spam`` and ``ham`` trained messages has verdicts at all."""
    return spam >= settings.minimum_spam and ham >= settings.minimum_ham


def closing_speaks(score: model.Score, *, spam: int, ham: int, settings: FilterSettings) -> bool:
    """Whether closing a mail says that it is ham: not where a filter that decides leans to spam.

    People close spam without a word, too: one lazy agent in five, and the filter would call it ham. An answer or a
    mark says it whatever the score.
    """
    return not is_deciding(spam=spam, ham=ham, settings=settings) or score.probability < LEANING


def decide(score: model.Score, *, spam: int, ham: int, settings: FilterSettings) -> Verdict:
    """The verdict that follows from a score by a model of ``spam`` and ``ham`` trained messages."""
    if not is_deciding(spam=spam, ham=ham, settings=settings):
        return Verdict.UNSURE
    if score.probability >= settings.spam_probability:
        return Verdict.SPAM
    return Verdict.HAM if score.probability < settings.ham_probability else Verdict.UNSURE
