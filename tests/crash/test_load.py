"""The load of `scripts/campaign kill`: it lasts through any number of kills, and tells how far it is in lines."""

from __future__ import annotations

import pytest

from scripts.campaign_kill import Load, progress


def test_the_load_never_ends_and_never_repeats_itself() -> None:
    """After the corpus come its mails again, each as a new one."""
    load = Load([b"Subject: one\n\nfirst\n", b"Subject: two\n\nsecond\n"])
    taken = load.take(3) + load.take(4)
    assert (len(taken), len(set(taken))) == (7, 7)
    assert all(b"first" in mail for mail in taken[::2])


def test_progress_off_a_terminal_is_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    """A log of it reads as lines."""
    progress("1/2")
    progress("2/2")
    assert capsys.readouterr().out == "1/2\n2/2\n"
