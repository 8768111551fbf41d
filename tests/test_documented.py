"""What stands in the documentation is what the code does: metrics, errors, the unit."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from mailhub.callers.problems import HTTP_CODES, STATUSES
from mailhub.cli.exits import of_problem
from mailhub.cli.main import root
from mailhub.health import metrics

ROOT = Path(__file__).parents[1]


def test_metrics_page_is_current() -> None:
    """docs/metrics.md names every metric, and no other."""
    assert (ROOT / "docs/metrics.md").read_text(encoding="utf-8") == metrics.page()


def test_every_error_is_documented_with_its_numbers() -> None:
    """docs/errors.md has each code with the HTTP and exit status that the code gives it."""
    page = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    documented = {
        code: (int(http), int(status))
        for code, http, status in re.findall(r"^\| `([a-z-]+)` \| (\d+) \| (\d+) \|", page, re.M)
    }
    made = {code: status for _, status, code in STATUSES} | {
        code: status for status, code in HTTP_CODES.items()
    }
    made["internal"] = 500
    assert documented == {code: (http, of_problem(http, code)) for code, http in made.items()}


def test_unit_does_not_restart_on_a_bad_configuration() -> None:
    """The unit knows the exit status of a configuration error, and outlasts the daemon's own time to drain."""
    from mailhub.cli import exits
    from mailhub.service.api_server import DRAIN_SECONDS as API_DRAIN_SECONDS
    from mailhub.service.daemon import DRAIN_SECONDS, RELAY_SECONDS

    unit = dict(
        line.split("=", 1)
        for line in (ROOT / "systemd/mailhub.service").read_text(encoding="utf-8").splitlines()
        if "=" in line and not line.startswith("#")
    )
    assert unit["RestartPreventExitStatus"] == str(exits.CONFIG)
    assert float(unit["TimeoutStopSec"]) > DRAIN_SECONDS + API_DRAIN_SECONDS + RELAY_SECONDS


@pytest.mark.parametrize("name", ["privacy", "incident"])
def test_the_commands_of_the_rights_can_be_given_as_they_stand(name: str) -> None:
    """These pages name commands, all of which exist, with every option and argument that they cannot do without."""
    page = (ROOT / f"docs/{name}.md").read_text(encoding="utf-8")
    for text in re.findall(r"`mailhub ([^`]+)`", page):
        command, given = _command(text.split())
        assert not isinstance(command, click.Group), text
        required = [each for each in command.params if each.required]
        options = [each for each in required if isinstance(each, click.Option)]
        arguments = [each for each in required if isinstance(each, click.Argument)]
        assert all(set(each.opts) & set(given) for each in options), text
        assert not arguments or given[: len(arguments)], text


def _command(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words name, and what stands behind its name."""
    command: click.Command = root
    context = click.Context(root)
    while isinstance(command, click.Group) and words:
        following = command.get_command(context, words[0])
        if following is None:
            break
        command = following
        words = words[1:]
    return command, words
