"""What people and programs get to see: tables (rich, loaded only then), fields, or JSON. No colour off a terminal.

What strangers wrote is printed without control characters: a subject cannot move the cursor or retitle the window.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeVar

import click

from mailhub.cli import client, exits

F = TypeVar("F", bound=Callable[..., Any])
_REFERENCE = re.compile(r"[a-z-]+:([0-9]+)")  # what something was done to, as the journal writes it
NAMES = "names"  # of a row: what its ids are called
_OWN = frozenset({"id", "message"})  # a thing's own id, and a message's, which has no other name
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")  # as the API writes one, wherever it stands
PLAIN_WIDTH = 200  # columns of a table that goes to a file or a pipe
_CONTROLS = {code: "�" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
_CONTROLS |= dict.fromkeys((0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069), "�")


class Declined(click.ClickException):
    """Whoever was asked said no: nothing was changed, which is no fault and no success."""

    exit_code = exits.DECLINED

    def __init__(self) -> None:
        super().__init__("nothing was changed")

    def show(self, file: Any = None) -> None:
        """Say so, without the word error."""
        click.echo(self.message, file=file, err=True)


class Context:
    """What every printing command has: the options given, a client, and ways to print."""

    def __init__(self, options: dict[str, Any], *, as_json: bool, account: str | None, utc: bool) -> None:
        self.options = options
        self.as_json = as_json
        self.account = account
        self.utc = utc
        self._client: client.Client | None = None

    @property
    def client(self) -> client.Client:
        """The connection to the daemon, opened at the first use."""
        if self._client is None:
            self._client = client.connect(self.options)
        return self._client

    def close(self) -> None:
        """Close the connection, if one was opened."""
        if self._client is not None:
            self._client.close()

    def call(
        self, method: str, path: str, *, body: Any = None, raw: bytes | None = None, **query: Any
    ) -> Any:
        """One API call in the chosen account."""
        return self.client.call(method, path, body=body, raw=raw, account=self.account, **query)

    def rows(self, path: str, *, limit: int, after: str | None, **query: Any) -> list[dict[str, Any]]:
        """The rows of a list of the chosen account."""
        return list(self.client.pages(path, limit=limit, after=after, account=self.account, **query))

    def time(self, value: Any) -> str:
        """An instant of the API in local time (or UTC), to the minute; "" for null."""
        if not value:
            return ""
        at = datetime.fromisoformat(str(value))
        return at.astimezone(UTC if self.utc else None).strftime("%Y-%m-%d %H:%M")

    def table(self, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
        """Print rows; ``columns`` maps a key to its heading. Keys that end in ``_at`` or ``_since`` are instants."""
        if self.as_json:
            print_json(rows)
            return
        if not rows:
            click.echo("none")
            return
        _print_table([[self.cell(key, row) for key in columns] for row in rows], list(columns.values()))

    def fields(self, row: Mapping[str, Any], names: Mapping[str, str] | None = None) -> None:
        """Print one object, a field a line; ``names`` maps a key to its label and chooses the order."""
        if self.as_json:
            print_json(row)
            return
        chosen = names or {
            key: key.replace("_", " ") for key in row if key != NAMES or not isinstance(row[key], dict)
        }
        width = max(map(len, chosen.values()), default=0)
        for key, label in chosen.items():
            click.echo(f"{label:<{width}}  {self.cell(key, row)}")

    def cell(self, key: str, row: Mapping[str, Any]) -> str:
        """One value of a row as people read it: what it names by id is called by its name, if ``names`` has one."""
        names = row.get(NAMES)
        return self._cell(key, row.get(key), names if isinstance(names, dict) else {})

    def _cell(self, key: str, value: Any, names: Mapping[str, str]) -> str:
        if key.endswith(("_at", "_since", "_until")):
            return self.time(value)
        if (called := _called(key, value, names)) is not None:
            return clean(called)
        if value is None:
            return ""
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, float):
            return f"{value:.3f}"
        if isinstance(value, dict):
            named = ((each, self._cell(each, inner, names)) for each, inner in value.items())
            return ", ".join(f"{name.replace('_', ' ')} {text}" for name, text in named if text)
        if isinstance(value, list):
            return "; ".join(self._cell("", each, names) for each in value)
        if isinstance(value, str) and _INSTANT.fullmatch(value):
            return self.time(value)

        return clean(str(value))


def _called(key: str, value: Any, names: Mapping[str, str]) -> str | None:
    """What is named by an id, 12 or user:12, by its name; None for anything else."""
    if key in _OWN or isinstance(value, bool) or not isinstance(value, int | str):
        return None
    reference = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    return names.get(reference[1] if reference else str(value))


def require_yes(question: str) -> None:
    """Ask on the terminal; ``Declined`` unless the answer is yes."""
    if not click.confirm(question, err=True):
        raise Declined


def require_typed(question: str, wanted: str) -> None:
    """Have what is lost typed in, for what cannot be undone; ``Declined`` unless it is exactly that."""
    if click.prompt(question, err=True, default="", show_default=False).strip() != wanted:
        raise Declined


def clean(text: str) -> str:
    """A stranger's text without what a terminal would obey (C0, C1, bidi controls); line ends and tabs stay."""
    return text.translate(_CONTROLS)


def print_json(value: Any) -> None:
    """One JSON value and a line end, in UTF-8."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def _print_table(cells: Iterable[Sequence[str]], headings: Sequence[str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else PLAIN_WIDTH, highlight=False, no_color=not terminal)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="ellipsis", no_wrap=True)
    for row in cells:
        table.add_row(*(Text(cell.replace("\n", " ")) for cell in row))
    console.print(table)


def printing(function: F) -> F:
    """Give a command ``--json``, ``--account`` and ``--utc``, and a ``Context`` as its first argument."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @click.option(
        "--account", envvar="MAILHUB_ACCOUNT", help="Account by id or name; needed when there are several."
    )
    @click.option("--utc", is_flag=True, help="Show times in UTC instead of local time.")
    @click.pass_context
    @wraps(function)
    def command(
        ctx: click.Context, /, *arguments: Any, as_json: bool, account: str | None, utc: bool, **keywords: Any
    ) -> Any:
        context = Context(ctx.obj or {}, as_json=as_json, account=account, utc=utc)
        try:
            return function(context, *arguments, **keywords)
        finally:
            context.close()

    return command  # type: ignore[return-value]


def listing(function: F) -> F:
    """Give a command ``--limit`` and ``--after``."""
    limit = click.option(
        "--limit", type=click.IntRange(min=0), default=50, show_default=True, help="0 prints all."
    )
    after = click.option("--after", metavar="ID", help="Go on after this id.")
    return limit(after(function))
