"""What the packages import is what pyproject.toml asks for, and what it asks for is pinned."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("mailhub", "classifier", "storage")
BY_ANOTHER_NAME = {"psycopg": "named in the database's URL", "httptools": "uvicorn finds it"}


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9_.-]+", requirement)
    assert found
    return re.sub(r"[-_.]+", "-", found.group()).lower()


def _imported() -> Iterator[str]:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    yield from (alias.name.split(".")[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    yield node.module.split(".")[0]


def _declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["plots"]]
    return {_name(requirement) for requirement in asked}


def test_every_import_is_a_dependency_and_every_dependency_is_imported() -> None:
    """A fresh installation has all that the code imports, and nothing that it does not."""
    distributions = packages_distributions()
    outside = {name for name in _imported() if name not in sys.stdlib_module_names and name not in PACKAGES}
    used = {_name(distributions[name][0]) for name in outside}
    assert _declared() == used | BY_ANOTHER_NAME.keys()


def test_every_dependency_is_pinned() -> None:
    """constraints.txt names each one with an exact version, and no address."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {_name(line) for line in lines if "==" in line}
    assert sorted(_declared() - pinned) == []
    assert [line for line in lines if "://" in line or "@" in line] == []
