"""The erasure on both engines."""

from __future__ import annotations

from pathlib import Path

from storage.privacy import personal
from tests.houses.desk import Desk
from tests.privacy.erasing import scene as scenes


def test_no_row_names_him_on_either_engine(desk: Desk, tmp_path: Path) -> None:
    """Done means that no column of any table holds the address, and that tickets are as their invariants say."""
    assert scenes.set_up(desk, tmp_path).erase().state == "done"
    address = scenes.KIM.encode()
    with desk.database.read() as connection:
        for table, columns in personal.everything():
            for row in personal.rows_after(connection, table, columns, None, 10_000, None):
                values = (v.encode() if isinstance(v, str) else bytes(v) for v in row.values.values())
                assert not any(address in value.lower() for value in values), table.name
    assert desk.faults() == []
