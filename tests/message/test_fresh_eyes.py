"""Mails written with fresh eyes: by the RFCs and by what clients send, before anything of the rules was read.

``fresh/first`` and ``fresh/second`` hold sixty each, with an ``expected.jsonl``: the file, what `mailhub parse --json`
must say of it (`FIELD has TEXT`, `FIELD lacks TEXT`, `FIELD is JSON`, joined by ` && `) or what its ticket must be, and
what the expectation stands on. The expectations of a folder were committed before its first run; what failed then is told
in docs/reading-mail.md.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from mailhub.message.report import report
from mailhub.message.values import Authentication
from tests.houses.postroom import PostRoom

FOLDER = Path(__file__).parent / "fresh"


def rows(*, filed: bool) -> list[Any]:
    """(folder, row of expected.jsonl) for every mail that is to be filed, or only read; named by its file."""
    found = [
        (path.parent, json.loads(line))
        for path in sorted(FOLDER.glob("*/expected.jsonl"))
        for line in path.read_text("utf-8").splitlines()
    ]
    return [
        pytest.param(folder, row, id=f"{folder.name}-{row['file']}")
        for folder, row in found
        if row.get("filed", False) is filed
    ]


def held(row: dict[str, Any], said: dict[str, Any]) -> None:
    """Assert each expectation of a row of what was said of its mail."""
    for expectation in row["check"].split(" && "):
        field, verb, expected = expectation.split(" ", 2)
        value = said[field]
        words = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

        if verb == "is":
            assert value == json.loads(expected), (expectation, row["cites"])
        else:
            assert (expected in words) == (verb == "has"), (expectation, row["cites"], words)


@pytest.mark.parametrize(("folder", "row"), rows(filed=False))
def test_a_mail_that_was_written_before_the_rules_were_read_is_read_as_expected(
    folder: Path, row: dict[str, Any]
) -> None:
    """Each expectation of the table holds for what `mailhub parse` says of the mail."""
    held(row, report((folder / row["file"]).read_bytes()))


@pytest.mark.parametrize(("folder", "row"), rows(filed=True))
def test_a_mail_that_was_written_before_the_rules_were_read_is_filed_as_expected(
    room: PostRoom, folder: Path, row: dict[str, Any]
) -> None:
    """Each expectation of the table holds for the ticket that the mail makes."""
    proof = Authentication(spf="pass", dkim="pass", dmarc="pass", domain="example.com", source="checked")

    outcome = room.deliver(
        (folder / row["file"]).read_bytes(), authentication=proof if row["authenticated"] else None
    )

    requester = room.requester(outcome.ticket)
    held(row, {"requester": requester, "state": room.ticket(outcome.ticket).state})
