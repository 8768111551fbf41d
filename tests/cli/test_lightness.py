"""The command line stays light: proved by sys.modules in a process of its own (import-linter sees lazy imports too)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = (
    "sklearn",
    "numpy",
    "scipy",
    "sqlalchemy",
    "pydantic",
    "asyncio",
    "rich",
    "fastapi",
    "structlog",
    "cryptography",
)

PROGRAM = """
import sys
from mailhub.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    status = end.code
print("LOADED", *sorted({name.split(".")[0] for name in sys.modules}), file=sys.stderr)
sys.exit(status)
"""


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--version"], 0),
        (["--help"], 0),
        (["ticket", "--help"], 0),
        (["--socket", "/nonexistent/admin.sock", "ticket", "list", "--json"], 69),
        (["--socket", "/nonexistent/admin.sock", "status"], 69),
        (["check-config"], 0),
    ],
)
def test_command_loads_nothing_heavy(arguments: list[str], status: int, tmp_path: Path) -> None:
    """A command that asks the daemon, and one that only shows something, load no large library."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        check=False,
        timeout=60,
    )
    assert done.returncode == status, done.stderr
    loaded = done.stderr.rpartition("LOADED")[2].split()
    assert "click" in loaded
    assert [name for name in HEAVY if name in loaded] == []
