"""Settings of the process itself."""

from __future__ import annotations

from dataclasses import dataclass

from .setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What the log looks like. It holds ids, never addresses, subjects or text."""

    format: str = setting(
        "auto", "auto: text on a terminal, JSON elsewhere.", choices=("auto", "text", "json"), restart=True
    )
    level: str = setting(
        "info", "The least important line that is written.", choices=("debug", "info", "warning", "error")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Testing:
    """For trials only."""

    clock: bool = setting(
        False, "Whether `sweep --now` may move accounts. Never on a machine with real ones."
    )
