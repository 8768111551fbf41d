"""Settings of how agents answer."""

from __future__ import annotations

from dataclasses import dataclass

from .setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """How agents answer."""

    undo_seconds: float = setting(
        10.0,
        "How long a draft that was sent can be taken back, where whoever sends it does not say.",
        unit="seconds",
        minimum=0,
        maximum=60,
    )
