"""Every command tells what it does, shows an example, and is documented."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mailhub.cli import reference
from mailhub.cli.main import root

ROOT = Path(__file__).parents[2]


def commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with its whole name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


ALL = dict(commands(root))


@pytest.mark.parametrize("name", ALL)
def test_command_shows_an_example(name: str) -> None:
    """The help text ends with an example of this very command."""
    text = ALL[name].help or ""
    assert f"mailhub {name}" in text or "mailhub --config" in text, text


@pytest.mark.parametrize("name", [name for name in ALL if name != "serve"])
def test_printing_command_takes_json_and_account(name: str) -> None:
    """--json and --account are everywhere the same."""
    options = {option for each in ALL[name].params for option in each.opts}
    assert {"--json", "--account", "--utc"} <= options


def test_page_is_current() -> None:
    """docs/commands.md is what the commands say of themselves."""
    assert (ROOT / "docs/commands.md").read_text(encoding="utf-8") == reference.page()
