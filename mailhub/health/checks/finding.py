"""One line of `mailhub doctor`: what was looked at, how it is, and what cures it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is. WARN: mail flows, and something will bite; FAIL: mail does not flow, or is in danger."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """``text`` says what was seen, ``cure`` what to do about it (empty when all is well)."""

    name: str
    level: Level
    text: str
    cure: str = ""


def well(name: str, text: str) -> Finding:
    """Nothing to do."""
    return Finding(name, Level.OK, text)


def warning(name: str, text: str, cure: str) -> Finding:
    """Mail flows; mend it."""
    return Finding(name, Level.WARN, text, cure)


def failure(name: str, text: str, cure: str) -> Finding:
    """Mail does not flow, or is in danger."""
    return Finding(name, Level.FAIL, text, cure)
