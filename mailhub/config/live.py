"""One value that a reload replaces whole, read at use: whoever keeps the ``Live`` sees the new one, nobody
keeps the old.

Durable states: none. Replacing is one assignment, so that any thread reads the old value or the new one, never a part.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")
S = TypeVar("S")
T_co = TypeVar("T_co", covariant=True)


class Current(Protocol[T_co]):
    """Something that is asked for its value each time it is used."""

    @property
    def now(self) -> T_co:
        """The value in force."""


class Live(Generic[T]):
    """A value and the one way to replace it."""

    def __init__(self, value: T) -> None:
        self._value = value

    @property
    def now(self) -> T:
        """The value in force. Use it within one act; an act that begins later asks again."""
        return self._value

    def replace(self, value: T) -> None:
        """From here on everybody who asks is given ``value``."""
        self._value = value

    def view(self, function: Callable[[T], S]) -> Current[S]:
        """What follows from the value, made anew each time it is asked for."""
        return _View(self, function)


class _View(Generic[T, S]):
    def __init__(self, live: Live[T], function: Callable[[T], S]) -> None:
        self._live = live
        self._function = function

    @property
    def now(self) -> S:
        return self._function(self._live.now)
