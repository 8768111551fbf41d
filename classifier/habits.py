"""How people in an office label, played over a stream whose labels are known: what the filter gets to hear, and when.

Nobody labels everything. They mark spam that lies in the inbox, find some of the ham in spam, answer or close
what they handled, and sometimes close spam without a word. A habit is a few shares; the rest follows from
what the filter itself decided, as in life. Whether a close is a word about the mail at all is the caller's to say.

    score -> verdict -> what an agent sees and does (by the habit, with a seed) -> train -> next

Must not: read files, know mail, print. docs/filter.md has the table (``HabitShares``).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from classifier import model
from classifier.evaluation import Example
from classifier.model import HAM, SPAM

SETTLED: Final = 10  # the first tenth of a stream is not judged: every filter begins with nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """Shares, 0 to 1, of what is done with what is seen."""

    marked: float  # of spam that lies in the inbox, marked as spam
    rescued: float  # of ham that lies in spam, found and marked as ham
    answered: float  # of ham in the inbox
    closed: float  # of ham in the inbox that is not answered, closed without a mark
    overlooked: float = (
        0.0  # of spam in the inbox, closed without a mark: wrong, where it is taken for a word
    )
    reviewed: float = 0.0  # of what lies in spam and was not rescued, seen and said to be spam


HABITS: Final = {
    "mistakes": Habit(marked=1.0, rescued=0.5, answered=0.0, closed=0.7),
    "answers": Habit(marked=1.0, rescued=0.5, answered=0.6, closed=0.0),
    "reviewed": Habit(marked=1.0, rescued=0.5, answered=0.0, closed=0.7, reviewed=0.5),
    "rare": Habit(marked=1 / 3, rescued=1 / 3, answered=0.2, closed=0.7),
    "lazy": Habit(marked=0.8, rescued=0.5, answered=0.2, closed=0.7, overlooked=0.2),
    "lazy-reviewed": Habit(marked=0.8, rescued=0.5, answered=0.2, closed=0.7, overlooked=0.2, reviewed=0.5),
}
ALL: Final = "all"  # every mail is labelled as soon as it was judged


class Decide(Protocol):
    """From a score, and how many spam and ham it rests on, to a verdict: spam, ham or unsure."""

    def __call__(self, score: model.Score, *, spam: int, ham: int) -> str: ...


class Believe(Protocol):
    """Whether closing a mail with this score says that it is ham."""

    def __call__(self, score: model.Score, *, spam: int, ham: int) -> bool: ...


@dataclass(frozen=True, slots=True)
class _Act:
    """What somebody did with a mail, and the label that says of it."""

    label: str
    closing: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """One mail as it was judged when it came."""

    name: str
    label: str
    verdict: str
    log_odds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HabitShares:
    """Shares in percent of what was judged after the first tenth."""

    ham_in_spam: float
    ham_unsure: float
    spam_called_ham: float
    spam_unsure: float


def play(
    examples: Iterable[Example], habit: str, decide: Decide, believe: Believe, *, seed: int = 0
) -> Iterator[Seen]:
    """Judge a stream in order with a model that hears only what the habit lets it. ``ValueError`` for no such habit."""
    if habit != ALL and habit not in HABITS:
        raise ValueError(f"a habit is one of {', '.join([ALL, *HABITS])}")
    chance = random.Random(seed)  # noqa: S311 a simulation, repeatable by its seed
    return _play(examples, HABITS.get(habit), decide, believe, chance)


def _play(
    examples: Iterable[Example],
    habit: Habit | None,
    decide: Decide,
    believe: Believe,
    chance: random.Random,
) -> Iterator[Seen]:
    counts = model.Counts()
    for name, label, features in examples:
        score = model.score(counts, features)
        verdict = decide(score, spam=counts.spam, ham=counts.ham)
        yield Seen(name, label, verdict, score.log_odds)

        done = _Act(label) if habit is None else _done(habit, label, verdict, chance)
        if done is not None and (not done.closing or believe(score, spam=counts.spam, ham=counts.ham)):
            model.train(counts, features, done.label)


def _done(habit: Habit, label: str, verdict: str, chance: random.Random) -> _Act | None:
    """What an agent does with the mail, None when nothing: they see in the inbox what is not called spam."""
    if verdict == SPAM:
        if label == HAM and chance.random() < habit.rescued:
            return _Act(HAM)
        return _Act(SPAM) if chance.random() < habit.reviewed else None
    if label == HAM:
        if chance.random() < habit.answered:
            return _Act(HAM)
        return _Act(HAM, closing=True) if chance.random() < habit.closed else None
    if chance.random() < habit.overlooked:
        return _Act(HAM, closing=True)
    return _Act(SPAM) if chance.random() < habit.marked else None


def outcome(seen: Sequence[Seen]) -> HabitShares:
    """The table's row; the first tenth is left out."""
    judged = seen[len(seen) // SETTLED :]
    ham = [each.verdict for each in judged if each.label == HAM]
    spam = [each.verdict for each in judged if each.label == SPAM]
    return HabitShares(
        ham_in_spam=_share(ham, SPAM),
        ham_unsure=_share(ham, "unsure"),
        spam_called_ham=_share(spam, HAM),
        spam_unsure=_share(spam, "unsure"),
    )


def _share(verdicts: Sequence[str], wanted: str) -> float:
    return 100.0 * verdicts.count(wanted) / len(verdicts) if verdicts else 0.0
