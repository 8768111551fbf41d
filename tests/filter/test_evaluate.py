"""Judging the filter by a corpus on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailhub.errors import BadRequest
from mailhub.filter.evaluate import judge, read_index, summary
from mailhub.filter.verdict import FilterSettings

SETTINGS = FilterSettings(minimum_spam=3, minimum_ham=3)


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """Forty messages, spam and ham in turn, that share nothing but their kind."""
    (tmp_path / "data").mkdir()
    lines = []
    for number in range(40):
        label = "ham" if number % 2 else "spam"
        words = "cheap pills offer now" if label == "spam" else "minutes of the meeting attached"
        content = f"Subject: {label} {number}\r\nFrom: a{number}@example.com\r\n\r\n{words} {number}\r\n"
        (tmp_path / "data" / str(number)).write_text(content)
        lines.append(f"{label} data/{number}\n")
    (tmp_path / "index").write_text("".join(lines) + "\n")
    return tmp_path / "index"


def test_immediate_feedback_starts_empty_and_learns(index: Path) -> None:
    """The first message is scored by an empty model; verdicts come once enough of both kinds are known."""
    lines = list(judge(read_index(index), "immediate", SETTINGS))
    assert [line.name for line in lines] == [f"data/{number}" for number in range(40)]
    assert (lines[0].log_odds, lines[0].verdict) == (0.0, "unsure")
    assert [line.verdict for line in lines[:6]] == ["unsure"] * 6
    assert [line.verdict for line in lines[20:]] == ["spam", "ham"] * 10
    assert summary(lines[20:]).roca == 0.0


def test_a_line_of_results_has_four_columns(index: Path) -> None:
    """path, label, verdict and log-odds, parted by tabs; the log-odds at full precision."""
    line = list(judge(read_index(index), "immediate", SETTINGS))[-1]
    name, label, verdict, log_odds = str(line).split("\t")
    assert (name, label, verdict, float(log_odds)) == ("data/39", "ham", "ham", line.log_odds)


def test_delayed_feedback_learns_later(index: Path) -> None:
    """With feedback forty messages late nothing is ever learnt."""
    assert {line.log_odds for line in judge(read_index(index), "delayed:40", SETTINGS)} == {0.0}


def test_half_judges_only_the_second_half(index: Path) -> None:
    """The first half trains; results hold the second."""
    lines = list(judge(read_index(index), "half", SETTINGS))
    assert [line.name for line in lines] == [f"data/{number}" for number in range(20, 40)]
    assert [line.verdict for line in lines] == ["spam", "ham"] * 10


def test_an_unknown_protocol_is_refused_at_once(index: Path) -> None:
    """Nothing is read for a protocol that does not exist."""
    with pytest.raises(BadRequest):
        judge(read_index(index), "never", SETTINGS)


@pytest.mark.parametrize("line", ["spma data/1", "spam", "ham ", "data/1"])
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    """The error says which line of the index is wrong."""
    (tmp_path / "index").write_text(f"ham a\n{line}\n")
    with pytest.raises(BadRequest, match=r"index:2: "):
        read_index(tmp_path / "index")


def test_what_is_missing_is_named(tmp_path: Path, index: Path) -> None:
    """A missing index, an empty one and a missing message are errors that name the file."""
    with pytest.raises(BadRequest, match="nowhere"):
        read_index(tmp_path / "nowhere")
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(BadRequest, match="empty"):
        read_index(tmp_path / "empty")
    samples = read_index(index)
    samples[0].path.unlink()
    with pytest.raises(BadRequest, match="data/0"):
        list(judge(samples, "immediate", SETTINGS))
