"""Nothing is cited that is not there: names in double backticks, files, and words of a list that an enum holds."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("mailhub", "classifier", "storage", "tests", "scripts")
PAGES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md")
_NAME = re.compile(r"[A-Za-z_][\w.]*\Z")
_CITED = re.compile(r"``([^`\n]+)``")
_FILE = re.compile(r"(?<![\w/.*-])((?:[\w-]+/)*[\w-]+\.(?:py|md|toml|sql))(?![\w/])")
# files that are named as what others have, or as what a user makes
_OTHERS = frozenset({"mailhub.toml", "record.md"})


@cache
def _sources() -> dict[Path, str]:
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            found[path] = path.read_text(encoding="utf-8")
    return found


def _said(text: str) -> Iterator[str]:
    """The docstrings and comments of a file."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


@cache
def _known() -> frozenset[str]:
    """Every identifier, and every word of a string that is no docstring: what a name may stand for."""
    words: set[str] = set()
    for path, text in _sources().items():
        words |= set(path.relative_to(ROOT).with_suffix("").parts)
        tree = ast.parse(text)
        docstrings = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NAME:
                words.add(token.string)
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                words |= set(re.findall(r"\w+", node.value))
    return frozenset(words)


def _names(cited: str) -> list[str]:
    """The parts of a name that can be looked up; none for what is no name (``a -> b``, ``mh_...``)."""
    bare = cited.removesuffix("()")
    if not _NAME.match(bare) or bare.endswith((".", "_")):
        return []
    return bare.split(".")


def test_every_name_in_backticks_is_there() -> None:
    """What a docstring or comment names is an identifier, a module or a word of this code."""
    dead = []
    for path, text in _sources().items():
        for said in _said(text):
            for cited in _CITED.findall(said):
                missing = [part for part in _names(cited) if part not in _known() and part not in _LIBRARIES]
                if missing:
                    dead.append(f"{path.relative_to(ROOT)}: ``{cited}``")
    assert dead == []


_LIBRARIES = frozenset({"pg_statistic", "FTS5_TOMBSTONE_ROWID"})  # names of others that docstrings explain


@cache
def _files() -> frozenset[str]:
    """Every tracked file, by each ending of its path."""
    found = set()
    for package in (*PACKAGES, "docs", "systemd", ".ci"):
        for path in (ROOT / package).rglob("*"):
            parts = path.relative_to(ROOT).parts
            found |= {"/".join(parts[start:]) for start in range(len(parts))}
    return frozenset(found | {path.name for path in ROOT.iterdir()})


@pytest.mark.parametrize("page", [*PAGES, *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))])
def test_every_file_a_page_names_is_there(page: str) -> None:
    """A file named in the documentation can be opened."""
    named = _FILE.findall((ROOT / page).read_text(encoding="utf-8"))
    assert [name for name in named if name not in _files() and name not in _OTHERS] == []


def test_every_file_the_code_names_is_there() -> None:
    """A file named in a docstring or comment can be opened."""
    dead = []
    for path, text in _sources().items():
        named = [name for said in _said(text) for name in _FILE.findall(said)]
        missing = [name for name in named if name not in _files() and name not in _OTHERS]
        dead += [f"{path.relative_to(ROOT)}: {name}" for name in missing]
    assert dead == []
