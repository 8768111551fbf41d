"""/v1/backups: a plain consistent copy of the database in the data directory, until the real backups come."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter

from mailhub import clock
from mailhub.access.roles import require
from mailhub.api import shapes
from mailhub.api.caller import Caller, TheHouse
from mailhub.errors import Conflict
from storage.copies import NotHere, copy_to

router = APIRouter(tags=["backups"])


class Backup(shapes.Shape):
    """A copy that was made. It holds all accounts' mail in the clear: keep it as safe as the database."""

    path: str
    size_bytes: int
    created_at: str


@router.post("/backups", status_code=201)
def create_backup(house: TheHouse, actor: Caller) -> Backup:
    """Copy the database to backups/ in the data directory. The root key is not in it: keep that elsewhere."""
    require(actor, "backup.create", None)
    now = clock.now()
    directory = house.config.storage.directory / "backups"
    directory.mkdir(mode=0o700, exist_ok=True)
    stamp = datetime.fromtimestamp(now / clock.SECOND, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    path = directory / f"mailhub-{stamp}.sqlite3"
    try:
        size = copy_to(house.database, path)
    except NotHere as error:
        raise Conflict(str(error)) from None
    return Backup(path=str(path), size_bytes=size, created_at=clock.to_iso(now))
