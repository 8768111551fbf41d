"""Backups and restores by the command line of a real daemon that is killed on the way."""

from __future__ import annotations

import fcntl
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mailhub import house, keys
from mailhub.backups.making import CUT_OFF
from mailhub.config import Config, Storage
from mailhub.errors import ConfigurationError
from mailhub.restoring import restore
from storage.database import Database

if TYPE_CHECKING:
    from tests.hub import Hub

MAIL = (
    b"From: kim@customer.example\r\nTo: support@example.com\r\nSubject: zanzibar\r\n"
    b"Message-ID: <z@customer.example>\r\n\r\nhello\r\n"
)


def placed(made: dict[str, Any]) -> Path:
    return Path(str(made["targets"][0]), str(made["name"]))


def cut_off(hub: Hub, made: dict[str, Any], into: Database) -> None:
    """A restore that ended after its transaction, before who was erased since is erased again."""
    file = placed(made)
    root = keys.Keys(keys.load_root(hub.directory))
    restore(file, file.with_name("mailhub.keys"), root, into, lambda _: None)
    into.close()


def test_killed_in_the_middle_it_has_failed(own_hub: Hub) -> None:
    """kill -9 after the spool is written: the row says failed, no half file is left, and the next one is made."""
    own_hub.send(MAIL)
    target = own_hub.directory / "backups"
    target.mkdir(exist_ok=True)
    holding = os.open(target, os.O_RDONLY)
    fcntl.flock(holding, fcntl.LOCK_EX)  # its key file waits for that
    asked = own_hub.json("backup", "create", "--no-wait")
    assert (asked["state"], asked["digest"]) == ("waiting", "")
    part = target / f"{asked['name']}.part"

    def is_spooled() -> bool:
        shown = own_hub.json("backup", "show", str(asked["id"]))
        return bool(shown["rows_done"] and shown["rows_done"] == shown["rows_total"])

    own_hub.wait_until(is_spooled)
    assert part.exists()
    assert own_hub.run("backup", "create").returncode == 65  # one at a time
    own_hub.stop(signal.SIGKILL)
    os.close(holding)
    own_hub.start()
    own_hub.wait_until(lambda: own_hub.json("backup", "show", str(asked["id"]))["state"] == "failed")
    made = own_hub.json("backup", "create")
    assert {each["id"]: each["state"] for each in own_hub.json("backup", "list")} == {
        asked["id"]: "failed",
        made["id"]: "whole",
    }
    assert own_hub.json("backup", "show", str(asked["id"]))["failure"] == CUT_OFF
    assert sorted(each.name for each in target.iterdir()) == sorted(["mailhub.keys", "mailhub.lock", made["name"]])


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_restore_that_was_cut_off_is_not_served(
    own_hub: Hub, tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    """serve refuses the database and says why; the same restore begins anew on it, and then it is served."""
    own_hub.send(MAIL)
    made = own_hub.json("backup", "create")
    own_hub.stop()
    if engine == "postgresql":
        emptied: Database = request.getfixturevalue("postgresql_database")
        with emptied.writing.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
        into = emptied.url.render_as_string(hide_password=False)
        cut_off(own_hub, made, Database(into))
        where = {"MAILHUB_STORAGE__URL": into}
    else:
        restored = tmp_path / "restored"
        restored.mkdir()
        into = str(restored)
        cut_off(own_hub, made, Database(restored / "mailhub.sqlite3"))
        where = {"MAILHUB_STORAGE__DIRECTORY": into}
    kept = Storage(directory=tmp_path / "restored", url=into if engine == "postgresql" else "")
    with pytest.raises(ConfigurationError, match="a restore into this database was cut off"):
        house.build(Config(storage=kept), keys.Keys(keys.load_root(own_hub.directory)))
    again = own_hub.run("backup", "restore", str(placed(made)), "--into", into)
    assert again.returncode == 0, again.stderr
    own_hub.environment |= where
    own_hub.start()
    assert own_hub.call("GET", "/v1/tickets")["items"][0]["subject"] == "zanzibar"
    assert own_hub.run("backup", "restore", str(placed(made)), "--into", into).returncode == 65
