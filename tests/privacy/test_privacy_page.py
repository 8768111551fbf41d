"""docs/privacy.md names commands, options and tests: each of them is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import click
import pytest

from mailhub.cli.main import root

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/privacy.md").read_text(encoding="utf-8")
ROWS = [
    line
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith(("| article", "| promise"))
]
COMMANDS = sorted(set(re.findall(r"`mailhub ([^`]+)`", PAGE)))
TESTS = sorted(set(re.findall(r"`(tests/[^`]+)`", PAGE)))
ARTICLES = (
    "5",
    "6",
    "7",
    "12",
    "13",
    "14",
    "15",
    "16",
    "17",
    "17 (3)",
    "18",
    "19",
    "20",
    "21",
    "25",
    "28",
    "30",
    "32",
    "33",
    "34",
)


def faults(line: str) -> str:
    """What is wrong with a command of the page; empty when nothing is. Words in capitals stand for values."""
    words = line.split()
    command: click.Command = root
    with click.Context(root) as context:
        while isinstance(command, click.Group) and words:
            found = command.get_command(context, words.pop(0))
            if found is None:
                return "no such command"
            command = found
    if isinstance(command, click.Group):
        return "a group"
    options = {
        name
        for each in command.params
        if isinstance(each, click.Option)
        for name in (*each.opts, *each.secondary_opts)
    }
    values = {
        str(value)
        for each in command.params
        if isinstance(each.type, click.Choice)
        for value in each.type.choices
    }
    unknown = [word for word in words if not (word in options or word in values or word.isupper())]
    return f"unknown: {unknown}" if unknown else ""


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_page_is_there(line: str) -> None:
    """The command exists, with each option and choice."""
    assert faults(line) == ""


@pytest.mark.parametrize("named", TESTS)
def test_a_test_of_the_page_is_there(named: str) -> None:
    """The file has a test of this name."""
    path, _, name = named.partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_row_has_a_command_and_a_test() -> None:
    """Each article and promise of the tables is mapped to both."""
    assert [row for row in ROWS if "`mailhub " not in row or "`tests/" not in row] == []
    assert len(ROWS) > 35
    named = {name for row in ROWS for name in re.findall(r"\d+(?: \(\d\))?", row.split("|")[1])}
    assert set(ARTICLES) - named - {"5"} == set()


def test_what_is_not_there_is_found() -> None:
    """Control: a command, an option or a choice that is not there."""
    assert faults("contact forget") == "no such command"
    assert faults("contact erase ADDRESS --quietly") == "unknown: ['--quietly']"
    assert faults("spam mark MESSAGE --as eggs") == "unknown: ['eggs']"
