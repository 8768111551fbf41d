"""A run of the filter can be looked at: in the terminal, as a picture, as numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

LINES = [
    (f"{number}.eml", label, score)
    for number in range(60)
    for label, score in (("spam", 4.5), ("ham", -30.0))
]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """120 messages judged, one in twelve spam of them taken for ham."""
    path = tmp_path / "run.tsv"
    rows = [
        f"{name}\t{label}\tunsure\t{-score if place % 24 == 0 else score}"
        for place, (name, label, score) in enumerate(LINES)
    ]
    path.write_text("\n".join(rows) + "\n")
    return path


def plot(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mailhub", "spam", "plot", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_terminal_shows_curve_and_scores(results: Path) -> None:
    """A bar for each step of the learning curve and for each bin of the scores; what lies beyond counts at the end."""
    shown = plot(str(results)).stdout
    assert shown.count("\n") == 20 + 24 + 3
    assert "   -12.0      60      0" in shown.replace("\u2591", "").replace("\u2588", "")


def test_numbers_for_programs(results: Path) -> None:
    """JSON has the curve, the edges of the bins and the heights: every message is in one of them."""
    found = json.loads(plot(str(results), "--json").stdout)
    assert (sum(found["spam"]), sum(found["ham"]), len(found["edges"])) == (60, 60, 25)
    assert found["curve"][-1][0] == 120
    assert sum(share for _, share in found["curve"]) == pytest.approx(100 * 5 / 6)


@pytest.mark.parametrize(("name", "begins"), [("run.png", b"\x89PNG"), ("run.svg", b"<?xml")])
def test_a_picture(results: Path, tmp_path: Path, name: str, begins: bytes) -> None:
    """PNG and SVG are drawn, and hold what their names say."""
    assert plot(str(results), "--out", str(tmp_path / name)).returncode == 0
    assert (tmp_path / name).read_bytes().startswith(begins)


@pytest.mark.parametrize(("content", "fault"), [("", "empty"), ("a b c\n", ":1:")])
def test_a_file_that_is_none_is_named(tmp_path: Path, content: str, fault: str) -> None:
    """What is wrong with the file is said, with its line."""
    (tmp_path / "no.tsv").write_text(content)
    done = plot(str(tmp_path / "no.tsv"))
    assert done.returncode == 65
    assert fault in done.stderr


def test_another_ending_is_refused(results: Path, tmp_path: Path) -> None:
    """Only what can be drawn is taken."""
    assert "ends in .png or .svg" in plot(str(results), "--out", str(tmp_path / "run.bmp")).stderr
