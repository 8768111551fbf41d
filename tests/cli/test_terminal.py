"""A terminal that knows few characters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_what_a_terminal_cannot_show_is_replaced() -> None:
    """Where the output is ASCII a text with other characters is printed all the same, with ? in their place."""
    program = (
        "import sys; from mailhub.cli import main; "
        "main.root = lambda *a, **b: print('Grüße'); main.root.main = main.root; main.main([])"
    )
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, env=environment, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"Gr??e\n", b"")
