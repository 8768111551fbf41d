"""The catalogue's lists of words are the enums' that decide by them: a word in one and not in the other fails here."""

from __future__ import annotations

import ast
import re
from enum import StrEnum
from pathlib import Path

import pytest

from mailhub.access.actor import Role
from mailhub.envelope import Fate, Source
from mailhub.filter.verdict import Verdict
from storage.catalogue import metadata
from storage.words import ParticipantRole, TicketState

ROOT = Path(__file__).parents[2]
REPLY = "reply"  # an answer of ours: it came in by no door
SAID_BY: dict[tuple[str, str], set[str]] = {
    ("ticket", "state"): {*TicketState},
    ("ticket", "verdict"): {*Verdict},
    ("participant", "role"): {*ParticipantRole},
    ("message", "verdict"): {*Verdict},
    ("message", "source"): {*Source, REPLY},
    ("intake", "source"): {*Source},
    ("intake", "fate"): {*Fate} - {Fate.DEFERRED},  # nothing is stored of it
    ("user", "role"): {*Role} - {Role.OPERATOR},  # who is no user
}


def listed(table: str, column: str) -> list[str]:
    """The words a column's meaning begins with, up to a colon."""
    meaning = str(metadata.tables[table].c[column].info["meaning"])
    return re.split(r",? or |, ", meaning.partition(":")[0])


@pytest.mark.parametrize(("table", "column"), SAID_BY)
def test_the_catalogue_lists_the_words_of_the_code(table: str, column: str) -> None:
    """Each word once, and none that the code does not know."""
    words = listed(table, column)
    assert sorted(words) == sorted(SAID_BY[table, column])


@pytest.mark.parametrize("words", [TicketState, ParticipantRole])
def test_the_enums_stand_in_the_catalogues_order(words: type[StrEnum]) -> None:
    """Who reads both reads one list."""
    column = {TicketState: ("ticket", "state"), ParticipantRole: ("participant", "role")}[words]
    assert listed(*column) == list(words)


def compared_with(tree: ast.AST, words: set[str]) -> list[int]:
    """The lines that compare, or set, a ``state`` or ``role`` with one of the words written out."""
    lines = []
    for node in ast.walk(tree):
        named: list[ast.expr] = []
        if isinstance(node, ast.Compare):
            named = [node.left, *node.comparators]
        elif isinstance(node, ast.keyword) and node.arg in ("state", "role"):
            named = [ast.Attribute(ast.Name("x"), node.arg), node.value]
        said = {each.value for side in named for each in ast.walk(side) if isinstance(each, ast.Constant)}
        about = {each.attr for side in named for each in ast.walk(side) if isinstance(each, ast.Attribute)}
        if said & words and about & {"state", "role"}:
            lines += [each.lineno for each in named[-1:]]
    return lines


def test_nobody_writes_these_words_out() -> None:
    """Where a ticket's state or a participant's role decides something, the enum is named."""
    words = {str(word) for words in (TicketState, ParticipantRole) for word in words}
    words -= {"pending"}  # is a state of erasures, too
    rooms = ("filing", "filter", "tickets", "privacy", "accounts", "outbound", "reading", "api")
    files = [path for room in rooms for path in sorted((ROOT / "mailhub" / room).rglob("*.py"))]
    files += [path for path in sorted((ROOT / "storage").rglob("*.py")) if "migrations" not in path.parts]
    found = {
        str(path): lines for path in files if (lines := compared_with(ast.parse(path.read_text()), words))
    }
    assert found == {}
    assert compared_with(ast.parse('x.state == "open"\nf(role="guest")'), words) == [1, 2]
