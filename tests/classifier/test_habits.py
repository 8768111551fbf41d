"""What a filter hears in an office: only what somebody would have seen and done."""

from __future__ import annotations

import random

import numpy as np
import pytest

from classifier import evaluation, habits, model
from classifier.evaluation import Example
from classifier.tokens import Features

IDS = 400


def stream(mails: int, *, seed: int = 1) -> list[Example]:
    """Mails of two kinds that share some of their features."""
    chance = random.Random(seed)
    made = []
    for number in range(mails):
        label = model.SPAM if chance.random() < 0.4 else model.HAM
        begin = 0 if label == model.SPAM else IDS // 2
        own = [chance.randrange(begin, begin + IDS // 2) for _ in range(30)]
        common = [chance.randrange(IDS) for _ in range(10)]
        made.append((str(number), label, np.unique(np.array(own + common, dtype=np.uint32))))
    return made


def decide(score: model.Score, *, spam: int, ham: int) -> str:
    """As the filter does with five of each."""
    if spam < 5 or ham < 5:
        return "unsure"
    return "spam" if score.probability >= 0.9 else "ham" if score.probability < 0.3 else "unsure"


def believe(score: model.Score, *, spam: int, ham: int) -> bool:
    """As the filter does: a close is no word of ham about what it takes rather for spam."""
    return spam < 5 or ham < 5 or score.probability < 0.7


def test_labelling_everything_is_immediate_feedback() -> None:
    """The habit ``all`` gives the scores of the track's immediate protocol, to the bit."""
    mails = stream(300)
    played = [each.log_odds for each in habits.play(mails, habits.ALL, decide, believe)]
    assert played == [each.log_odds for each in evaluation.run(mails, "immediate")]


@pytest.mark.parametrize("habit", sorted(habits.HABITS))
def test_the_same_seed_gives_the_same_life(habit: str) -> None:
    """A run can be repeated, and another seed is another life."""
    mails = stream(200)
    first, again, other = (
        [each.log_odds for each in habits.play(mails, habit, decide, believe, seed=seed)]
        for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other


def test_nothing_that_nobody_saw_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spam that was caught and ham that lies unread teach nothing; spam in the inbox is marked by who marks all."""
    heard: list[tuple[str, str]] = []
    trained = model.train
    mails = stream(300)
    names = {id(features): name for name, _, features in mails}

    def train(counts: model.Counts, features: Features, label: str) -> None:
        heard.append((names[id(features)], label))
        trained(counts, features, label)

    monkeypatch.setattr(model, "train", train)
    seen = {each.name: each for each in habits.play(mails, "mistakes", decide, believe)}
    assert {name for name, said in heard if said == model.SPAM} == {
        each.name for each in seen.values() if each.label == model.SPAM and each.verdict != "spam"
    }
    assert all(seen[name].label == said for name, said in heard)
    assert any(each.verdict == "spam" for each in seen.values())


def test_what_is_closed_without_a_look_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who closes a fifth of the spam teaches the filter less of it as ham than if every close were a word."""
    mails = stream(400)
    labels = {id(features): label for _, label, features in mails}
    trained = model.train
    heard: list[bool] = []

    def train(counts: model.Counts, features: Features, label: str) -> None:
        heard.append(labels[id(features)] != label)
        trained(counts, features, label)

    def believe_all(score: model.Score, *, spam: int, ham: int) -> bool:
        return True

    monkeypatch.setattr(model, "train", train)
    list(habits.play(mails, "lazy", decide, believe_all))
    credulous = sum(heard)
    heard.clear()
    list(habits.play(mails, "lazy", decide, believe))
    assert sum(heard) < credulous


def test_what_was_caught_is_learnt_by_who_looks_through_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reviewing gives spam labels to what was called spam; ham that nobody rescued is among it, and that is wrong."""
    mails = stream(400)
    names = {id(features): name for name, _, features in mails}
    trained = model.train
    heard: dict[str, str] = {}

    def train(counts: model.Counts, features: Features, label: str) -> None:
        heard[names[id(features)]] = label
        trained(counts, features, label)

    monkeypatch.setattr(model, "train", train)
    seen = list(habits.play(mails, "reviewed", decide, believe))
    caught = [each.name for each in seen if each.verdict == "spam"]
    assert {heard[name] for name in caught if name in heard} == {model.SPAM}
    assert 0 < sum(name in heard for name in caught) < len(caught)


def test_the_first_tenth_is_not_judged() -> None:
    """Shares are of the rest, each of its own kind."""
    seen = [habits.Seen(str(n), model.HAM, "spam", 1.0) for n in range(10)]
    seen += [habits.Seen(str(n), model.HAM, "ham", -1.0) for n in range(45)]
    seen += [habits.Seen(str(n), model.SPAM, "unsure", 0.0) for n in range(45)]
    found = habits.outcome(seen)
    assert (found.ham_in_spam, found.ham_unsure) == (0.0, 0.0)
    assert (found.spam_called_ham, found.spam_unsure) == (0.0, 100.0)


def test_an_unknown_habit_is_named() -> None:
    """The error lists those there are."""
    with pytest.raises(ValueError, match="mistakes"):
        habits.play([], "never", decide, believe)
