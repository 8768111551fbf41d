"""Inputs that attack regular expressions. Job: find every pattern of the product, and what could make it go back.

A group that repeats and may go back keeps some 190 bytes for each round (CPython's "sre", 3.11): bytes of a
stranger cost that many times their size. For each repetition of a pattern the text that leads to it is
followed by what it repeats, again and again; beside these stand units that are hostile to many patterns.
Patterns that only a literal of a call names (``re.sub(r"...", ...)``) are read from the source. Must not:
need anything but the standard library.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path
from re import _constants as codes  # no public way to a pattern's structure
from re import _parser
from types import ModuleType
from typing import Any

import classifier
import mailhub
import storage

UNITS = (
    " ", "\n", "\r\n", " \r\n", "\t", "a", "1", "<", '"', '""', "'", "(", ";", "=", "a=b;", "a,", "> ", "\\", "@",
    "a@b.c ", "é", "--", "a b ", "=?a?q?", "&", "#", "a.", "[", "{", ":",
)  # fmt: skip
_CHARACTERS = "a1 -\t\n\r<>\"';:,.@=/\\_%&#*(é中A!"
_REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT)
_CALLS = {"compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
_BRANCHES = 6  # alternatives of a group that are tried as what it repeats


def every_pattern() -> dict[str, re.Pattern[Any]]:
    """Every pattern of the product's packages, by the first name it was found under."""
    found: dict[tuple[Any, int], str] = {}
    for package in (mailhub, classifier, storage):
        for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if info.name.endswith("__main__") or ".migrations." in info.name:
                continue
            module = importlib.import_module(info.name)
            for name, pattern in (*_held(module), *_literal(module)):
                found.setdefault((pattern.pattern, pattern.flags), name)
    return {name: re.compile(pattern, flags) for (pattern, flags), name in found.items()}


def _held(module: ModuleType) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Patterns in the names of a module, its tables and its classes."""
    waiting = [
        (f"{module.__name__}:{name}", value) for name, value in vars(module).items() if name != "__builtins__"
    ]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, re.Pattern):
            yield name, value
        elif isinstance(value, dict):
            waiting += [(f"{name}[{key!r}]", each) for key, each in value.items() if _may_hold(each)]
        elif isinstance(value, tuple | list):
            waiting += [(f"{name}[{index}]", each) for index, each in enumerate(value) if _may_hold(each)]
        elif isinstance(value, type) and value.__module__ == module.__name__:
            waiting += [(f"{name}.{key}", each) for key, each in vars(value).items() if _may_hold(each)]


def _may_hold(value: object) -> bool:
    return isinstance(value, re.Pattern | tuple | list | dict)


def _literal(module: ModuleType) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Patterns written where they are used."""
    for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text())):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        of_re = (
            isinstance(node.func.value, ast.Name) and node.func.value.id == "re" and node.func.attr in _CALLS
        )
        first = node.args[0]
        if of_re and isinstance(first, ast.Constant) and isinstance(first.value, str | bytes):
            yield f"{module.__name__}:{node.lineno}", re.compile(first.value)


def attacks(pattern: re.Pattern[Any], size: int) -> Iterator[tuple[str, Any]]:
    """(what it is, an input of about ``size`` characters) of every family, each whole and with a broken end."""
    tree = list(_parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG))
    start = _example(tree, 0)[:50]
    families = {(prefix, unit) for prefix, unit in _repeated(tree, "") if unit}
    families |= {(prefix, unit) for unit in UNITS for prefix in ("", start)}
    for prefix, unit in sorted(families):
        for end in ("", "\0"):
            text = prefix + unit * (size // len(unit)) + end
            encoded = text.encode("latin-1", "replace") if isinstance(pattern.pattern, bytes) else text
            yield f"{prefix!r} + {unit!r} * n + {end!r}", encoded


def peak_per_character(pattern: re.Pattern[Any], text: Any) -> float:
    """Bytes of memory that matching needs at most for each character of ``text``, the text itself left out."""
    tracemalloc.start()
    try:
        pattern.match(text)
        return tracemalloc.get_traced_memory()[1] / len(text)
    finally:
        tracemalloc.stop()


def worst(pattern: re.Pattern[Any], size: int) -> tuple[float, str]:
    """(peak for each character, the attack that needs it) over all families."""
    return max((peak_per_character(pattern, text), name) for name, text in attacks(pattern, size))


def _repeated(tree: Sequence[Any], prefix: str) -> Iterator[tuple[str, str]]:
    """(what leads to a repetition, what it repeats), those within others too."""
    for code, value in tree:
        if code in _REPEATS:
            body = value[2]
            yield from ((prefix, _example(body, branch)) for branch in range(_BRANCHES))
            yield from _repeated(body, prefix)
        elif code is codes.BRANCH:
            for each in value[1]:
                yield from _repeated(each, prefix)
        elif code is codes.SUBPATTERN:
            yield from _repeated(value[3], prefix)
        elif code is codes.ATOMIC_GROUP:
            yield from _repeated(value, prefix)
        prefix += _example([(code, value)], 0)


def _example(tree: Sequence[Any], branch: int) -> str:
    """A short text that these nodes match, as far as one can say without matching; of alternatives the one named."""
    out = []
    for code, value in tree:
        if code is codes.LITERAL:
            out.append(chr(value))
        elif code in (codes.NOT_LITERAL, codes.ANY):
            out.append("b" if value == ord("a") else "a")
        elif code is codes.IN:
            out.append(_member(value))
        elif code is codes.BRANCH:
            out.append(_example(value[1][min(branch, len(value[1]) - 1)], branch))
        elif code is codes.SUBPATTERN:
            out.append(_example(value[3], branch))
        elif code is codes.ATOMIC_GROUP:
            out.append(_example(value, branch))
        elif code in _REPEATS:
            out.append(_example(value[2], branch) * value[0])
    return "".join(out)


def _member(items: Sequence[Any]) -> str:
    """A character of a set."""
    candidates = [*_CHARACTERS, *map(chr, range(0x3000))]
    return next((each for each in candidates if _is_in(items, ord(each))), "a")


def _is_in(items: Sequence[Any], code: int) -> bool:
    negated = hit = False
    for kind, value in items:
        if kind is codes.NEGATE:
            negated = True
        elif kind is codes.LITERAL:
            hit |= code == value
        elif kind is codes.RANGE:
            hit |= value[0] <= code <= value[1]
        elif kind is codes.CATEGORY:
            hit |= _in_category(str(value), chr(code))
    return hit != negated


def _in_category(name: str, character: str) -> bool:
    kind = name.rpartition("_")[2]
    inside = {
        "DIGIT": character.isdigit(),
        "SPACE": character.isspace(),
        "WORD": character.isalnum() or character == "_",
    }[kind]
    return inside != ("NOT" in name)
