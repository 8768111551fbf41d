"""A shared prior: it speaks first, fades as own marks come, changes no account, and is refused where it is foreign."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from classifier.checkpoint import digest, to_bytes
from classifier.model import Counts, documents, prior_shares, score, train
from mailhub.config import Config, Spam
from mailhub.errors import ConfigurationError
from mailhub.filter import prior
from mailhub.filter.evaluate import Sample

SPAMMY, HAMMY = (np.arange(start, start + 40, dtype=np.uint32) for start in (0, 1000))


def made(number: int) -> Counts:
    """A prior of that many documents of each kind."""
    counts = Counts()
    for _ in range(number):
        train(counts, SPAMMY, "spam")
        train(counts, HAMMY, "ham")
    return counts


def configured(path: Path) -> Config:
    return replace(Config(), spam=Spam(prior=str(path)))


def test_a_prior_decides_for_an_empty_account_and_is_not_changed() -> None:
    """An empty model with a prior tells spam from ham, rests on 200 documents of each at most; neither is changed."""
    own, shared = Counts(), made(300)
    before = digest(shared)
    assert (
        score(own, SPAMMY, prior=shared).probability > 0.9 > 0.1 > score(own, HAMMY, prior=shared).probability
    )
    assert documents(own, shared) == (200, 200)
    assert score(own, SPAMMY).log_odds == 0
    assert (digest(shared), digest(own)) == (before, digest(Counts()))


def test_a_prior_fades_until_nothing_of_it_is_left() -> None:
    """Its share falls with the own documents of the smaller class, and in the end a score is the own model's alone."""
    shared, shares = made(10), []
    for number in (0, 100, 5_000):
        own = made(1)
        own.spam = own.ham = number
        shares.append(prior_shares(own, shared)[0])
    assert shares == [1.0, 0.5, 0.0]
    assert score(own, SPAMMY, prior=shared) == score(own, SPAMMY)


def test_own_marks_win_over_a_prior_that_is_wrong() -> None:
    """Where the account says the opposite of the prior, the account is believed."""
    own = Counts()
    for _ in range(150):
        train(own, HAMMY, "spam")
        train(own, SPAMMY, "ham")
    assert (
        score(own, SPAMMY, prior=made(20)).probability < 0.5 < score(own, HAMMY, prior=made(20)).probability
    )


def test_a_prior_is_built_written_and_read_with_the_secret(tmp_path: Path) -> None:
    """What was counted comes back; the secret decides what is counted."""
    (tmp_path / "mail").write_bytes(b"Subject: cheap pills\r\n\r\noffer\r\n")
    sample = Sample("spam", "mail", tmp_path / "mail")
    built = prior.build([sample], secret=5)
    assert (built.spam, built.ham) == (1, 0)
    assert digest(built) != digest(prior.build([sample], secret=6))
    prior.write(tmp_path / "prior", built, secret=5)
    found = prior.of_config(configured(tmp_path / "prior"), 5)
    assert found is not None
    assert digest(found) == digest(built)
    assert prior.of_config(Config(), 5) is None


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda content: b"x" + content, "no prior"),
        (lambda content: content[:-1] + bytes([content[-1] ^ 1]), "damaged"),
        (lambda content: content[:40], "damaged"),
    ],
)
def test_a_file_that_is_not_whole_is_a_configuration_error(tmp_path: Path, spoil: object, says: str) -> None:
    """A start with a damaged prior ends with the file's name and what to do."""
    prior.write(tmp_path / "prior", made(3), secret=5)
    content = (tmp_path / "prior").read_bytes()
    (tmp_path / "prior").write_bytes(spoil(content))  # type: ignore[operator]
    with pytest.raises(ConfigurationError, match=says):
        prior.of_config(configured(tmp_path / "prior"), 5)


def test_another_sites_prior_and_a_missing_one_are_configuration_errors(tmp_path: Path) -> None:
    """Features carry the site's secret: a file built elsewhere would be noise."""
    prior.write(tmp_path / "prior", made(3), secret=6)
    with pytest.raises(ConfigurationError, match="another site's root key"):
        prior.of_config(configured(tmp_path / "prior"), 5)
    with pytest.raises(ConfigurationError, match="nowhere"):
        prior.of_config(configured(tmp_path / "nowhere"), 5)


def test_another_versions_prior_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an upgrade mail comes in all the same, without the prior."""
    prior.write(tmp_path / "prior", made(3), secret=5)
    monkeypatch.setattr("classifier.checkpoint.FEATURES_VERSION", 2**31)
    assert prior.of_config(configured(tmp_path / "prior"), 5) is None


def test_the_package_holds_no_counts() -> None:
    """No file of the packages is a prior or a checkpoint."""
    root = Path(__file__).parents[2]
    heads = (prior._MAGIC, to_bytes(Counts())[:15])
    rooms = (root / room for room in ("mailhub", "classifier", "storage"))
    files = [each for room in rooms for each in room.rglob("*") if each.is_file()]
    assert files
    assert [each for each in files if each.read_bytes()[:15].startswith(heads)] == []
