"""What the tests of backups share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.houses.small_disk import mounted


@pytest.fixture
def small_disk(tmp_path: Path, require_service: Callable[[bool, str], None]) -> Iterator[Path]:
    """A disk of 256 KiB."""
    where = tmp_path / "small"
    where.mkdir()
    with mounted(where, require_service) as disk:
        yield disk
