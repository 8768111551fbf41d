"""What the terminal gets: local or UTC times, and nothing a stranger could command it with."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from mailhub.cli import client
from mailhub.cli.main import root
from mailhub.cli.output import Context, Declined, clean, require_typed, require_yes


def context(*, as_json: bool = False, utc: bool = True) -> Context:
    """A command's context without a daemon."""
    return Context({}, as_json=as_json, account=None, utc=utc)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 日本\n\ttabbed", "plain é 日本\n\ttabbed"),
        ("\x1b]0;owned\x07", "\ufffd]0;owned\ufffd"),
        ("a\x9b31mred", "a\ufffd31mred"),
        ("evil\u202egpj.exe", "evil\ufffdgpj.exe"),
        ("over\rwritten", "over\ufffdwritten"),
    ],
)
def test_strangers_text_commands_nothing(text: str, shown: str) -> None:
    """Escape sequences, control characters and bidi controls are shown as a replacement character."""
    assert clean(text) == shown


def test_table_off_a_terminal_has_no_colour_and_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Off a terminal a table holds no escape sequence, and markup in a subject is just text."""
    rows = [{"id": 7, "subject": "[bold]not markup[/bold] \x1b[31mred", "note": None}]
    context().table(rows, {"id": "ID", "subject": "SUBJECT", "note": "NOTE"})
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "[bold]not markup[/bold]" in shown


def test_json_is_one_value(capsys: pytest.CaptureFixture[str]) -> None:
    """With --json a list is one JSON array, whatever the columns are."""
    rows = [{"id": 7, "subject": "日本\n", "more": [1]}]
    context(as_json=True).table(rows, {"id": "ID"})
    assert json.loads(capsys.readouterr().out) == rows


def test_times_are_local_unless_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """An instant is shown in the local zone, or in UTC when asked."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert context(utc=False).time("2026-11-23T16:41:00Z") == "2026-11-24 01:41"
        assert context(utc=True).time("2026-11-23T16:41:00Z") == "2026-11-23 16:41"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_an_empty_list_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """A list without rows is a word, not a heading over nothing."""
    context().table([], {"id": "ID"})
    assert capsys.readouterr().out == "none\n"


def test_what_is_within_a_field_is_words(capsys: pytest.CaptureFixture[str]) -> None:
    """Lists and objects are printed without JSON, and their instants in the time of all others."""
    row: dict[str, object] = {
        "next": {"to": "suspended", "step_at": "2026-11-23T16:41:00Z", "held": None},
        "warnings": {},
    }
    row["given"] = ["2026-11-23T16:41:00Z", "two"]
    context(utc=True).fields(row)
    assert capsys.readouterr().out.splitlines() == [
        "next      to suspended, step at 2026-11-23 16:41",
        "warnings  ",
        "given     2026-11-23 16:41; two",
    ]


def test_a_no_is_an_answer(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Who answers no is told that nothing was changed; the status is 1, not that of an interrupted command."""
    monkeypatch.setattr(click, "confirm", lambda *_, **__: False)
    with pytest.raises(Declined) as declined:
        require_yes("Go on?")
    declined.value.show()
    assert (declined.value.exit_code, capsys.readouterr().err) == (1, "nothing was changed\n")


@pytest.mark.parametrize("typed", ["y", "yes", "", "kim@customer.exampl", "KIM@customer.example"])
def test_what_is_lost_is_typed_exactly(typed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is not the very text that was asked for declines."""
    monkeypatch.setattr(click, "prompt", lambda *_, **__: typed)
    with pytest.raises(Declined):
        require_typed("Erase?", "kim@customer.example")
    monkeypatch.setattr(click, "prompt", lambda *_, **__: " kim@customer.example ")
    require_typed("Erase?", "kim@customer.example")


class Told(client.Client):
    """A daemon that answers what an erasure's plan says, and notes what it is asked."""

    def __init__(self) -> None:
        super().__init__(Path("nowhere"))
        self.asked: list[str] = []

    def call(
        self, method: str, path: str, *, body: Any = None, raw: bytes | None = None, **query: Any
    ) -> Any:
        """The plan, or anything."""
        self.asked.append(f"{method} {path}")
        plan = {"counts": {}, "addresses": ["kim@customer.example"], "contacts": [9], "names": []}
        return {"id": 7, **plan, "namesakes": [], "shared": {}, "strings": {}}


@pytest.mark.parametrize(
    ("command", "wanted", "act"),
    [
        (
            ("contact", "erase", "kim@customer.example", "--no-wait"),
            "kim@customer.example",
            "POST /v1/erasures",
        ),
        (("ticket", "purge", "17"), "17", "POST /v1/tickets/17/purge"),
        (("account", "delete"), "7", "POST /v1/accounts/current/deletion"),
    ],
)
def test_where_the_api_wants_it_repeated_it_is_typed(
    command: tuple[str, ...], wanted: str, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `y` does nothing where something goes for good that has a name; the name does it."""
    daemon = Told()
    monkeypatch.setattr(client, "connect", lambda _: daemon)
    refused = CliRunner().invoke(root, command, input="y\n")
    assert (refused.exit_code, act in daemon.asked) == (1, False)
    CliRunner().invoke(root, command, input=f"{wanted}\n")
    assert act in daemon.asked
