"""Mails written with fresh eyes: by the RFCs and by what clients send, before anything of the rules was read.

``fresh/first`` and ``fresh/second`` hold sixty each with an ``expected.jsonl``: the file, what `mailhub parse --json` must say of it
(`FIELD has TEXT`, `FIELD lacks TEXT`, `FIELD is JSON`, joined by ` && `) and what the expectation stands on. The expectations of a
folder were committed before its first run; what failed then is told in docs/reading-mail.md.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from mailhub.message.report import report

FOLDER = Path(__file__).parent / "fresh"


def rows() -> list[Any]:
    """(folder, row of expected.jsonl) for every mail, named by its file."""
    return [
        pytest.param(path.parent, json.loads(line), id=f"{path.parent.name}-{json.loads(line)['file']}")
        for path in sorted(FOLDER.glob("*/expected.jsonl"))
        for line in path.read_text("utf-8").splitlines()
    ]


@pytest.mark.parametrize(("folder", "row"), rows())
def test_a_mail_that_was_written_before_the_rules_were_read_is_read_as_expected(folder: Path, row: dict[str, str]) -> None:
    """Each expectation of the table holds for what `mailhub parse` says of the mail."""
    said = report((folder / row["file"]).read_bytes())

    for expectation in row["check"].split(" && "):
        field, verb, expected = expectation.split(" ", 2)
        value = said[field]
        words = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

        if verb == "is":
            assert value == json.loads(expected), (expectation, row["cites"])
        else:
            assert (expected in words) == (verb == "has"), (expectation, row["cites"], words)
