"""A backup as a job: what its row says on the way, and what is left when a disk is full or gone, or it is killed."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from mailhub import clock
from mailhub.backups import making
from mailhub.backups.erasing import rewrite_key_files
from mailhub.backups.expiring import expire
from mailhub.backups.key_file import NAME
from mailhub.backups.making import CUT_OFF, alone, ask, create, make_due
from mailhub.backups.restoring import verify
from mailhub.backups.vault import Vault
from mailhub.errors import Conflict, InsufficientStorage, Unavailable
from mailhub.keys import Keys
from storage.backups import backups
from storage.backups.backups import Backup
from storage.database import Database
from storage.writer import WritingThread
from tests.houses.postroom import PostRoom, mail
from tests.houses.small_disk import resize


@pytest.fixture
def vault(room: PostRoom, database: Database, writer: WritingThread, tmp_path: Path) -> Vault:
    return Vault(
        database=database,
        writer=writer,
        keys=Keys(bytes(range(32))),
        targets=(tmp_path / "first", tmp_path / "second"),
        spool=tmp_path / "spool",
        retention=clock.DAY,
    )


def files(vault: Vault) -> dict[str, list[str]]:
    """What lies in the spool and at each target, locks aside."""
    places = [vault.room, *vault.targets]
    return {
        place.name: sorted(each.name for each in place.glob("*") if each.name != making.LOCK)
        for place in places
    }


def row_of(vault: Vault, id_: int) -> Backup:
    with vault.database.read() as connection:
        found = backups.find_backup(connection, id_)
    assert found is not None
    return found


def large(room: PostRoom) -> None:
    """More mail than the small disk holds, incompressible."""
    for number in range(12):
        noise = b64encode(Random(number).randbytes(40_000)).decode("ascii")
        room.deliver(mail(noise, id=f"large{number}@else.example"))


def test_a_row_drives_the_job(vault: Vault, kims_ticket: int) -> None:
    """Asked for it waits, a second one is refused, and once made its row tells rows, bytes and where it lies."""
    asked = ask(vault, actor="operator")
    assert asked.state == "waiting"
    with pytest.raises(Conflict, match=f"backup {asked.id} is waiting"):
        ask(vault, actor="operator")
    made = make_due(vault)
    assert made is not None
    assert (made.id, made.state, made.rows_done) == (asked.id, "whole", made.rows_total)
    sizes = {(Path(target) / made.name).stat().st_size for target in made.targets}
    assert sizes == {made.bytes_done}
    assert files(vault) == {"spool": [], "first": [made.name, NAME], "second": [made.name, NAME]}
    assert make_due(vault) is None


def test_one_cut_off_is_failed_by_the_next(vault: Vault, kims_ticket: int) -> None:
    """A row that was begun and that nobody makes any more: it says so, its half file goes, and the next one is made."""
    asked = ask(vault, actor="operator")
    vault.writer.run(lambda tx: backups.begin(tx.connection, asked.id, at=1, expires_at=2))
    vault.room.mkdir()
    (vault.room / f"{asked.name}.part").write_bytes(b"half")
    assert make_due(vault) is None
    left = row_of(vault, asked.id)
    assert (left.state, left.failure) == ("failed", CUT_OFF)
    assert files(vault)["spool"] == []
    assert create(vault, actor="operator").state == "whole"


def test_one_being_made_is_left_alone(vault: Vault, kims_ticket: int) -> None:
    """While somebody makes it (the lock says so) it is not taken for cut off, and nothing expires."""
    asked = ask(vault, actor="operator")
    vault.writer.run(lambda tx: backups.begin(tx.connection, asked.id, at=1, expires_at=2))
    with alone(vault):
        assert make_due(vault) is None
        assert row_of(vault, asked.id).state == "running"


def test_a_full_target_keeps_no_other_from_its_copy(
    room: PostRoom, vault: Vault, small_disk: Path, tmp_path: Path
) -> None:
    """Real ENOSPC at one of two: nothing half there, the other whole and sound; with room again both get the next."""
    room.deliver(mail(id="small@else.example"))
    vault = replace(vault, targets=(small_disk, tmp_path / "second"))
    assert create(vault, actor="operator").state == "whole"
    for each in small_disk.glob("*.mailhub"):
        each.unlink()
    large(room)
    made = create(vault, actor="operator")
    assert made.state == "partial"
    assert made.targets == (str((tmp_path / "second").resolve()),)
    assert made.failure == f"{small_disk}: no room for the backup: free some there, or set backup.targets"
    assert [each.name for each in small_disk.iterdir()] == [NAME]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    backup = tmp_path / "second" / made.name
    assert (
        verify(backup, tmp_path / "second" / NAME, vault.keys, scratch, lambda _: None).rows["message"] == 13
    )
    resize(small_disk, 8 << 20)
    assert create(vault, actor="operator").state == "whole"


def test_a_full_spool_fails_clearly(room: PostRoom, vault: Vault, small_disk: Path) -> None:
    """Nothing half is left anywhere, the text says what to do, the row too, and the next try succeeds."""
    large(room)
    vault = replace(vault, spool=small_disk)
    wanted = f"{small_disk}: no room for the backup: free some there, or set backup.spool"
    with pytest.raises(InsufficientStorage, match=wanted):
        create(vault, actor="operator")
    with vault.database.read() as connection:
        (failed,) = backups.list_all(connection)
    assert (failed.state, failed.failure, failed.gone_at is not None) == ("failed", wanted, True)
    assert files(vault) == {"small": [], "first": [], "second": []}
    assert create(replace(vault, spool=None), actor="operator").state == "whole"


def test_mail_keeps_its_room(vault: Vault, kims_ticket: int) -> None:
    """A backup stops before it takes the free space below which mail is deferred."""
    with pytest.raises(InsufficientStorage):
        create(replace(vault, keep_free=1 << 60), actor="operator")
    assert files(vault)["spool"] == []


def test_a_target_that_vanished_is_no_new_one(vault: Vault, kims_ticket: int, tmp_path: Path) -> None:
    """Where backups lay and nothing is any more nothing is made anew: its key file is elsewhere, as it was."""
    create(vault, actor="operator")
    (tmp_path / "second").rename(tmp_path / "unmounted")
    assert rewrite_key_files(vault) == [tmp_path / "second"]
    made = create(vault, actor="operator")
    assert (made.state, made.targets) == ("partial", (str(tmp_path / "first"),))
    assert "second: the key file could not be written: is it mounted" in str(made.failure)
    assert not (tmp_path / "second").exists()
    (tmp_path / "unmounted").rename(tmp_path / "second")
    assert create(vault, actor="operator").state == "whole"


def test_with_no_target_left_it_fails(vault: Vault, kims_ticket: int, tmp_path: Path) -> None:
    """Nothing was written anywhere: the row says which target lacks what."""
    vault = replace(vault, targets=(tmp_path / "no" / "such",))
    with pytest.raises(Unavailable, match="no/such: the key file could not be written"):
        create(vault, actor="operator")
    with vault.database.read() as connection:
        assert [row.state for row in backups.list_all(connection)] == ["failed"]


def test_where_the_spool_cannot_be_it_fails(vault: Vault, kims_ticket: int, tmp_path: Path) -> None:
    """Not even the lock can be made: the row says so, and nobody waits for it any more."""
    vault = replace(vault, spool=tmp_path / "no" / "such")
    asked = ask(vault, actor="operator")
    assert make_due(vault) is None
    left = row_of(vault, asked.id)
    assert (left.state, "backup.spool" in str(left.failure)) == ("failed", True)


def test_a_snapshot_has_an_end(vault: Vault, kims_ticket: int) -> None:
    """One that is open for too long ends its backup with a text that says what to change."""
    with pytest.raises(
        Unavailable, match=r"put backup\.spool on a faster disk, or raise backup\.snapshot_minutes"
    ):
        create(replace(vault, longest_snapshot_seconds=0), actor="operator")
    with pytest.raises(Unavailable, match="stopped"):
        making._require_time(vault, 0, lambda: True)


def test_the_snapshot_is_closed_before_the_targets(
    vault: Vault, kims_ticket: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the file is copied to a target the log can be emptied: a slow target holds up no erasure."""
    emptied: list[bool] = []
    place = making._place

    def placed(spooled: Path, target: Path, name: str) -> None:
        emptied.append(vault.database.empty_log())
        place(spooled, target, name)

    monkeypatch.setattr(making, "_place", placed)
    create(vault, actor="operator")
    assert emptied == [True, True]


def test_failed_ones_are_forgotten_with_their_term(vault: Vault, kims_ticket: int) -> None:
    """The row of a failed backup stays as long as the backup would have."""
    with pytest.raises(Unavailable):
        create(replace(vault, longest_snapshot_seconds=0), actor="operator")
    create(vault, actor="operator")
    expire(vault, actor="system", now=clock.now() + 2 * clock.DAY)
    with vault.database.read() as connection:
        assert list(backups.list_all(connection)) == []
