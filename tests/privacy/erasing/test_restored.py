"""A backup from before an erasure is restored: the person is still gone, and everything else is there."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

from sqlalchemy import select

from mailhub.backups.expiring import expire
from mailhub.backups.key_file import NAME as KEY_FILE
from mailhub.backups.making import create
from mailhub.backups.restoring import finish, restore
from mailhub.privacy import erasure
from mailhub.privacy.erasing.second_receipt import issue_second_receipts
from mailhub.proof import receipts
from storage.backups import targets
from storage.backups.backups import list_backups
from storage.database import Database
from storage.filter.senders import SenderRule, add_sender_rule
from storage.privacy.erasures import find_erasure, list_under_way
from storage.schema import person_tombstone, redaction, tombstone
from storage.writer import Transaction, WritingThread
from tests.privacy.erasing import scene as scenes
from tests.privacy.erasing import witness
from tests.privacy.erasing.scene import KEYS, KIM, NAME, Scene

KINDS = (tombstone, person_tombstone, redaction)


def raws(directory: Path) -> dict[str, bytes]:
    """Every stored message, by the witness."""
    return {place: content for place, content in witness.places(directory) if place.startswith("raw:")}


def test_who_was_erased_is_still_gone_after_a_restore(scene: Scene, tmp_path: Path) -> None:
    """Their own mail cannot be read; address, name and quotes in others' mail go again; others' mail is as it was."""
    before = raws(tmp_path)
    made = create(scene.parts.vault, actor="operator")
    assert scene.erase().state == "done"
    after = raws(tmp_path)
    into = tmp_path.parent / f"{tmp_path.name}-restored"
    into.mkdir()
    database = Database(into / "mailhub.sqlite3")
    folder = Path(made.targets[0])
    done = restore(folder / made.name, folder / KEY_FILE, KEYS, database, lambda _: None)
    assert witness.holding(into, KIM.encode())  # what others quoted and copied came back
    writer = WritingThread(database)
    writer.start()
    parts = scenes.reopened(database, writer, into)
    parts.directory.refresh()
    erasure.reapply(parts, since=done.made_at)
    writer.close()
    database.close()
    for wanted in (KIM, NAME, "canaryown", "canarysubject", "canaryreply", "canarybytes"):
        assert witness.holding(into, wanted.encode()) == set(), wanted
    assert raws(into) == after != before  # redacted and untouched alike, to the byte


def test_an_erasure_under_way_is_not_gone_on_with_elsewhere(scene: Scene, tmp_path: Path) -> None:
    """Its key stays in the data directory: a restore drops the row and says that there was one to ask for anew."""
    erasure.begin(scene.parts, "user:1", scene.desk.account, [KIM], now=scene.desk.now)
    made = create(scene.parts.vault, actor="operator")
    database = Database(tmp_path.parent / f"{tmp_path.name}-restored.sqlite3")
    folder = Path(made.targets[0])
    done = restore(folder / made.name, folder / KEY_FILE, KEYS, database, lambda _: None)
    with database.read() as connection:
        assert list_under_way(connection, 0) == []
    database.close()
    assert done.unfinished_erasures == 1


def test_tombstones_end_with_the_last_backup_that_needs_them(scene: Scene) -> None:
    """While a backup from before the erasure is there they stay; when it is gone they and the changes go, too."""
    vault, database = scene.parts.vault, scene.parts.database
    create(vault, actor="system")
    assert scene.erase().state == "done"
    create(vault, actor="system")

    def left() -> dict[str, int]:
        with database.read() as connection:
            return {table.name: len(connection.execute(select(table)).all()) for table in KINDS}

    assert expire(vault, actor="system", now=0) == []
    assert min(left().values()) > 0
    with database.read() as connection:
        first, second = list_backups(connection)
    assert expire(vault, actor="system", now=first.expires_at) == [first]
    assert second.made_at > first.made_at
    assert set(left().values()) == {0}


def test_the_second_receipt_comes_with_the_end_of_the_last_backup(scene: Scene) -> None:
    """While a backup is left there is none; then exactly one, linked to the first, verified, naming nobody."""
    vault = scene.parts.vault
    create(vault, actor="system")
    done = scene.erase()
    create(vault, actor="system")  # knows nothing of them
    assert done.backups_gone_at is None
    assert issue_second_receipts(vault, now=done.done_at or 0) == 0
    with vault.database.read() as connection:
        first, _ = list_backups(connection)
    expire(vault, actor="system", now=first.expires_at)  # and killed here, before the receipt
    assert [issue_second_receipts(vault, now=first.expires_at) for _ in range(2)] == [1, 0]
    with vault.database.read() as connection:
        row = find_erasure(connection, done.account_id, done.id)
    assert row is not None
    assert row.receipt is not None
    assert row.second_receipt is not None
    body = receipts.verify(row.second_receipt, receipts.public_key_of(KEYS))
    assert (body["kind"], body["person"]) == ("backups-gone", done.commitment)
    assert body["first_receipt"] == receipts.digest_of(row.receipt)
    assert [each["id"] for each in body["backups"]] == [first.id]
    assert not any(word in row.second_receipt.lower() for word in ("kim", "zanzibari", "customer.example"))


def test_where_no_backup_held_the_person_the_first_receipt_is_the_last(scene: Scene) -> None:
    """It says so itself, and no second one follows."""
    done = scene.erase()
    assert done.backups_gone_at == done.done_at
    assert issue_second_receipts(scene.parts.vault, now=2**60) == 0


def test_every_kind_of_erased_row_is_restored_twice(scene: Scene, tmp_path: Path) -> None:
    """Two people with rules in a list are erased; a backup from before is restored, backed up and restored again."""
    desk, parts = scene.desk, scene.parts
    other = "zoe.yy@customer.example"
    desk.mail(f"Zoe Yaroslava <{other}>")
    for number, address in enumerate((KIM, other)):
        rule = SenderRule(
            account_id=desk.account, id=70 + number, list="allow", pattern=address, created_at=1
        )
        desk.do(partial(_add_rule, rule))
    made = create(parts.vault, actor="operator")
    assert [scene.erase(KIM).state, scene.erase(other).state] == ["done", "done"]

    folder = Path(made.targets[0])
    backup, keys_at = folder / made.name, folder / KEY_FILE
    for again in ("first", "second"):
        into = tmp_path.parent / f"{tmp_path.name}-{again}"
        into.mkdir()
        database = Database(into / "mailhub.sqlite3")
        done = restore(backup, keys_at, KEYS, database, lambda _: None)
        writer = WritingThread(database)
        writer.start()
        reopened = scenes.reopened(database, writer, into)
        reopened.directory.refresh()
        erasure.reapply(reopened, since=done.made_at)
        finish(database)
        for wanted in (KIM, other):
            assert witness.holding(into, wanted.encode()) == set(), (again, wanted)
        made = create(reopened.vault, actor="operator")
        backup, keys_at = into / "backups" / made.name, into / "backups" / KEY_FILE
        writer.close()
        database.close()


def _add_rule(rule: SenderRule, transaction: Transaction) -> None:
    add_sender_rule(transaction.connection, rule)


def test_done_waits_for_a_target_that_left_the_configuration(scene: Scene, tmp_path: Path) -> None:
    """A directory that was taken out and cannot be reached keeps an erasure pending, until somebody answers for it."""
    create(scene.parts.vault, actor="operator")
    gone = tmp_path / "backups"
    elsewhere = replace(scene.parts.vault, targets=(tmp_path / "elsewhere",))
    scene.parts = replace(scene.parts, vault=elsewhere)
    gone.rename(tmp_path / "unplugged")
    row = scene.erase()
    assert (row.state, row.step) == ("pending", "backups")
    assert str(gone) in row.reason

    answer = partial(targets.sign_off, node=0, path=str(gone), at=5, by="operator", reason="shredded")
    assert scene.desk.do(lambda tx: answer(tx.connection))
    row = erasure.run(scene.parts, row.account_id, row.id)
    assert row.state == "done"
    assert row.receipt is not None
    told = {each["path"]: each["state"] for each in json.loads(row.receipt)["backup_targets"]}
    assert told == {str(gone): "lost", str(tmp_path / "elsewhere"): "rewritten"}
