"""A daemon that starts on the ledger of an older version: it carries labels over by itself, or says why it waits."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from sqlalchemy import delete, update

from classifier.tokens import FEATURES_VERSION
from storage.database import Database
from storage.schema import ledger, raw

if TYPE_CHECKING:
    from tests.houses.hub import Hub


def marked(hub: Hub, subject: str) -> int:
    """Send a mail and mark it; the message's id."""
    hub.send(f"From: kim@customer.example\r\nSubject: {subject}\r\n\r\nhello {subject}\r\n".encode())
    (ticket,) = hub.json("ticket", "search", subject)
    message = int(hub.json("ticket", "show", str(ticket["id"]))["messages"][0]["id"])
    hub.json("spam", "mark", str(message), "--as", "ham")
    return message


def restart_on_an_older_ledger(hub: Hub, lost: list[int]) -> None:
    """Stop; make the labels those of an older version, some without their mail; start."""
    hub.stop()
    database = Database(hub.directory / "mailhub.sqlite3")
    with database.writing.begin() as connection:
        older = {"features_version": FEATURES_VERSION - 1, "features": b"\xff\xff\xff\xff\xff"}
        connection.execute(update(ledger).values(older))
        connection.execute(delete(raw).where(raw.c.message_id.in_(lost)))
    database.close()
    shutil.rmtree(hub.directory / "models")  # an older version's checkpoints are of no use to this one
    hub.start()


def test_labels_are_carried_over_by_a_start_or_a_yes(own_hub: Hub) -> None:
    """Nothing lost: the daemon does it. A third lost: status, doctor and stats say that it waits; a yes does it."""
    messages = [marked(own_hub, subject) for subject in ("Oven", "Timer", "Door")]
    before = own_hub.json("spam", "verify")["digest"]
    restart_on_an_older_ledger(own_hub, lost=[])
    own_hub.wait_until(lambda: own_hub.json("spam", "stats")["not_counted"] == 0)
    assert own_hub.json("spam", "verify")["digest"] == before

    restart_on_an_older_ledger(own_hub, lost=messages[:1])
    planned = own_hub.json("spam", "rebuild", "--dry-run")
    assert planned == {"version": FEATURES_VERSION, "labels": 3, "waiting": 3, "lost": 1, "asks": True}
    found = own_hub.json("status")
    assert (found["labels_waiting"], found["rebuild_asks"]) == (3, True)
    assert b"waits for `mailhub spam rebuild --yes`" in own_hub.run("status").stdout
    assert b"cure: see `mailhub spam rebuild --dry-run`" in own_hub.run("doctor", "--offline").stdout
    refused = own_hub.run("spam", "rebuild")
    assert (refused.returncode, b"1 of 3 labels cannot be carried over" in refused.stderr) == (65, True)
    stats = own_hub.json("spam", "stats")
    assert (stats["not_counted"], stats["lost"], stats["trained_ham"]) == (3, 1, 0)
    assert own_hub.json("spam", "rebuild", "--yes") == {"carried": 2, "dropped": 1, "left": 0}
    assert own_hub.json("spam", "verify")["rows"] == 2
    assert own_hub.json("spam", "rebuild")["waiting"] == 0
