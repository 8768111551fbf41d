"""/v1/backups: make, list and expire backups; the operator's recovery key. Verifying and restoring need no daemon."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from mailhub import clock
from mailhub.access.freshness import require_fresh
from mailhub.access.roles import require
from mailhub.accounts import lifecycle
from mailhub.accounts.steadiness import SANE, boot_time
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import After, Id, Limit, Page, made, page
from mailhub.backups.erasing import rewrite_key_files
from mailhub.backups.expiring import expire
from mailhub.backups.making import ask, keep_recovery_key, lose_target
from mailhub.callers.caller import Caller, TheHouse
from mailhub.errors import Conflict, NotFound
from mailhub.keys import new_recovery_key
from mailhub.privacy.erasing.second_receipt import issue_second_receipts
from mailhub.proof.act import MACHINE, perform
from storage.backups import backups as rows
from storage.backups import targets

router = APIRouter(tags=["backups"])


class Backup(shapes.Shape):
    """A backup: the same file at every target. It opens with the root key and the key file beside it."""

    id: int
    state: str  # waiting, running, whole, partial (some target lacks it), failed, gone
    failure: str | None
    name: str
    targets: list[str]
    made_at: str
    expires_at: str
    rows_done: int | None
    rows_total: int | None
    bytes_done: int | None
    digest: str
    counts: dict[str, int]


class RecoveryKey(shapes.Shape):
    """The recovery key, shown once: with it and a key file the root key is recovered on a new machine."""

    recovery_key: str


class BackupTarget(shapes.Shape):
    """A directory that key files were ever written to. `owed`: its key file is older than the last destroyed key."""

    node: int
    path: str
    state: str  # rewritten, owed, lost
    lost_at: str | None
    lost_by: str | None
    lost_reason: str | None


class BackupTargets(shapes.Shape):
    """All of them, of every node: an installation has a handful."""

    targets: list[BackupTarget]


class Lost(shapes.Shape):
    """A directory that is gone for good: whoever signs answers for it that nobody can read what lay there."""

    node: Annotated[int, Field(ge=-1, le=1_000_000)] = 0
    path: Annotated[str, Field(max_length=4_096)]
    reason: Annotated[str, Field(min_length=3, max_length=500)]


def _shape(row: rows.Backup) -> Backup:
    return Backup(
        id=row.id,
        state=row.state,
        failure=row.failure,
        rows_done=row.rows_done,
        rows_total=row.rows_total,
        bytes_done=row.bytes_done,
        name=row.name,
        targets=list(row.targets),
        made_at=clock.to_iso(row.made_at),
        expires_at=clock.to_iso(row.expires_at),
        digest=(row.digest or b"").hex(),
        counts=dict(row.counts or {}),
    )


@router.post("/backups", status_code=202)
def create_backup(house: TheHouse, actor: Caller) -> Backup:
    """Ask for a backup of the whole installation: it is made beside the mail, and its row says how far it is."""
    require(actor, "backup.create", None)
    return _shape(ask(house.vault, actor=actor.name))


@router.get("/backups")
def list_backups(house: TheHouse, actor: Caller, limit: Limit = 50, after: After = None) -> Page[Backup]:
    """Backups that are there, are being made, or failed, by id."""
    require(actor, "backup.read", None)
    with house.database.read() as connection:
        found = rows.list_all(connection, after=after or 0)
    return page(found[: limit + 1], _shape, limit)


@router.get("/backups/targets")
def list_targets(house: TheHouse, actor: Caller) -> BackupTargets:
    """Every directory that a key file was ever written to: an erasure is done when each was rewritten, or is lost."""
    require(actor, "backup.read", None)
    with house.database.read() as connection:
        known = targets.list_targets(connection)
    return BackupTargets(targets=[made(BackupTarget, each) for each in known])


@router.post("/backups/targets/lost", status_code=204)
def sign_off_target(house: TheHouse, actor: Caller, body: Lost) -> None:
    """Sign a directory off as lost: erasures do not wait for it any more, and their receipts say so."""
    require(actor, "backup.create", None)
    now = clock.now()
    require_fresh(actor, now)
    house.writer.run(
        perform,
        lose_target,
        actor.name,
        MACHINE,
        now,
        house.vault,
        node=body.node,
        path=body.path,
        reason=body.reason,
    )


@router.get("/backups/{backup}")
def show_backup(house: TheHouse, actor: Caller, backup: Id) -> Backup:
    """How far a backup is, where it lies, or why it failed."""
    require(actor, "backup.read", None)
    with house.database.read() as connection:
        found = rows.find_backup(connection, backup)
    if found is None:
        raise NotFound("no such backup")
    return _shape(found)


@router.post("/backups/expire")
def expire_backups(house: TheHouse, actor: Caller) -> list[Backup]:
    """Delete the backups whose term is over; those that went. Refused while the clock is doubted."""
    require(actor, "backup.create", None)
    now = clock.now()
    require_fresh(actor, now)
    if lifecycle.clock_state(house.lifecycle(), now=now, boot=boot_time()) != SANE:
        raise Conflict("the clock is doubted, and backups go by date: see `mailhub sweep --confirm-clock`")
    gone = expire(house.vault, actor=actor.name, now=now)
    issue_second_receipts(house.vault, now=now)
    return [_shape(row) for row in gone]


@router.post("/backups/recovery-key", status_code=201)
def make_recovery_key(house: TheHouse, actor: Caller) -> RecoveryKey:
    """Make the recovery key, once; it is not kept."""
    require(actor, "backup.create", None)
    require_fresh(actor, clock.now())
    private, public = new_recovery_key()
    house.writer.run(perform, keep_recovery_key, actor.name, MACHINE, clock.now(), public)
    rewrite_key_files(house.vault)
    return RecoveryKey(recovery_key=private.hex())
