"""What an erasure asks of providers, on both engines: the person's own mail, where its owner wants it, and no other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from mailhub.privacy.erasing.copies import Copies, copies_of
from mailhub.privacy.erasing.plan import make_plan
from storage.privacy import erasures
from storage.privacy.erasures import Erasure
from storage.sources import imap_sources, imap_todos
from storage.sources.imap_todos import Owed, Todo
from tests.houses.desk import Desk
from tests.privacy.erasing import scene as scenes
from tests.privacy.erasing.scene import SOURCE, folder_of

FAR = 2**62


def owed_of(desk: Desk) -> Sequence[Todo]:
    """What is to be deleted in the folder."""
    with desk.database.read() as connection:
        return imap_todos.due_todos(connection, folder_of(desk), "erase", now=FAR, limit=9)


def told(desk: Desk, erasure: Erasure) -> Copies:
    """What became of the copies, as the API says it."""
    with desk.database.read() as connection:
        row = erasures.find_erasure(connection, desk.account, erasure.id)
        owed = imap_todos.owed_to_erasures(connection, desk.account)
    assert row is not None
    return copies_of(row, owed.get(row.id))


def test_his_own_mail_is_asked_for_and_the_receipt_says_so(desk: Desk, tmp_path: Path) -> None:
    """Not what is only like theirs, and not what others wrote about them; the plan counted as many before."""
    scene = scenes.set_up(desk, tmp_path)
    counts = make_plan(scene.parts, desk.account, [scenes.KIM]).counts
    assert (counts["imap_copies_asked"], counts["imap_copies_left"]) == (2, 1)
    done = scene.erase()
    assert done.receipt is not None
    assert [(todo.uid, todo.erasure_id) for todo in owed_of(desk)] == [(1, done.id), (2, done.id)]
    said = {"asked": 2, "left": 1, "deleted": 0, "marked": 0, "owed": 2, "unknown": 0}
    assert json.loads(done.receipt)["imap_copies"] == said
    with desk.database.read() as connection:
        assert imap_todos.sources_to_erase_in(connection, now=FAR) == {(desk.account, SOURCE)}
        assert imap_todos.sources_to_erase_in(connection, now=0) == set()


def test_nothing_is_asked_where_nobody_wants_it(desk: Desk, tmp_path: Path) -> None:
    """Off by default: their mail stays there, and the receipt says how many."""
    scene = scenes.set_up(desk, tmp_path)
    desk.do(lambda tx: imap_sources.set_erasing(tx.connection, desk.account, SOURCE, there=False))
    done = scene.erase()
    assert owed_of(desk) == []
    assert told(desk, done) == Copies(asked=0, left=3, deleted=0, marked=0, owed=0, unknown=0)


def test_what_cannot_be_told_any_more_is_unknown(desk: Desk, tmp_path: Path) -> None:
    """Another UIDVALIDITY ends what is owed; what was deleted before stays counted as that."""
    scene = scenes.set_up(desk, tmp_path)
    done = scene.erase()
    desk.do(lambda tx: imap_todos.delete_todos(tx.connection, folder_of(desk), "erase", [1]))
    desk.do(lambda tx: erasures.count_copies(tx.connection, desk.account, done.id, deleted=1, marked=0))
    assert told(desk, done) == Copies(asked=2, left=1, deleted=1, marked=0, owed=1, unknown=0)
    desk.do(lambda tx: imap_sources.begin_epoch(tx.connection, folder_of(desk), uidvalidity=8, quiet_uid=0))
    assert told(desk, done) == Copies(asked=2, left=1, deleted=1, marked=0, owed=0, unknown=1)


def test_what_waits_for_a_paused_mailbox_is_said_and_dropped_with_it(desk: Desk, tmp_path: Path) -> None:
    """Owed while it is paused; when its fetching is deleted, or the setting switched off, nobody can tell any more."""
    scene = scenes.set_up(desk, tmp_path)
    done = scene.erase()
    desk.do(lambda tx: imap_sources.set_paused(tx.connection, desk.account, SOURCE, at=1))
    with desk.database.read() as connection:
        assert imap_todos.owed_to_erasures(connection, desk.account) == {done.id: Owed(2, 2)}
    desk.do(lambda tx: imap_sources.set_erasing(tx.connection, desk.account, SOURCE, there=False))
    assert owed_of(desk) == []
    assert told(desk, done).unknown == 2
