"""What a setting is: a dataclass field that documents itself, with its unit and bounds."""

from __future__ import annotations

from dataclasses import field
from typing import Any

KIB = 1024
MIB = 1024 * KIB


def setting(
    default: Any,
    help_: str,
    *,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    restart: bool = False,
) -> Any:
    """A dataclass field that carries its own documentation and bounds in ``metadata``."""
    metadata = {
        "help": help_,
        "unit": unit,
        "minimum": minimum,
        "maximum": maximum,
        "choices": choices,
        "restart": restart,
    }
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)

    return field(default=default, metadata=metadata)


def port(default: int, help_: str) -> Any:
    return setting(default, help_, minimum=0, maximum=65_535, restart=True)


def days(default: float, help_: str) -> Any:
    return setting(default, help_, unit="days", minimum=0)
