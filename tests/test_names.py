"""One class name, one meaning: a name that two files define is a row and its shape in the API, or stands here."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("mailhub", "storage", "classifier")

# Each with the reason why both may have it. The list gets shorter, not longer.
BOTH = {
    "Authentication": "a section of the configuration, and what came of what it switches",
    "Backup": "a section of the configuration, and the row of what it orders",
    "Relay": "a section of the configuration, and the task that it is for",
}


def classes(path: Path) -> list[str]:
    """The classes that a file defines at its top."""
    return [node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]


def test_a_class_name_has_one_meaning() -> None:
    """Shapes of the API are named as what they show; besides them nobody names two things alike without a reason."""
    homes: dict[str, list[str]] = defaultdict(list)
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            place = path.relative_to(ROOT)
            if "migrations" in place.parts or place.parts[:2] == ("mailhub", "api"):
                continue
            for name in classes(path):
                homes[name].append(str(place))
    twice = {name: places for name, places in homes.items() if len(places) > 1}
    assert {name: places for name, places in twice.items() if name not in BOTH} == {}
    assert set(BOTH) == set(twice), "a name that is not defined twice any more leaves the list"
