"""What stands in the documentation is what the code does: metrics, errors, the unit."""

from __future__ import annotations

import re
from pathlib import Path

from mailhub.callers.problems import HTTP_CODES, STATUSES
from mailhub.cli.exits import of_problem
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
