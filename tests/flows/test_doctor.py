"""`mailhub doctor` beside a real daemon, and without one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.houses.hub import Hub


def lines(hub: Hub, *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Exit status, and each line by its name."""
    done = hub.run("doctor", "--json", *arguments)
    found = json.loads(done.stdout)
    assert found["ok"] is (done.returncode == 0)
    return done.returncode, {each["name"]: each for each in found["checks"]}


def test_doctor_finds_a_running_daemon_well(own_hub: Hub) -> None:
    """Beside a daemon nothing fails: the doors answer, and what is not set is a warning with its cure."""
    status, found = lines(own_hub)
    assert status == 0, found
    well = ("configuration", "root key", "directory", "database", "outbox", "quarantine", "disk", "daemon")
    assert {found[name]["level"] for name in (*well, "smtp door", "lmtp door")} == {"OK"}
    assert (found["relay"]["level"], found["smtp TLS"]["level"]) == ("WARN", "WARN")
    assert all(each["cure"] for each in found.values() if each["level"] != "OK")


def test_doctor_works_without_a_daemon(idle_hub: Hub) -> None:
    """Without a daemon that is the one failure; --offline asks nobody."""
    status, found = lines(idle_hub, "--offline")
    assert status == 69
    assert [name for name, each in found.items() if each["level"] == "FAIL"] == ["daemon"]
    assert "relay" not in found


def test_doctor_stops_at_a_configuration_that_cannot_be_read(idle_hub: Hub) -> None:
    """A fault in the configuration is the only line, with its place."""
    idle_hub.config.write_text("[smtp]\nprot = 25\n", encoding="utf-8")
    status, found = lines(idle_hub)
    assert (status, list(found)) == (69, ["configuration"])
    assert "mailhub.toml:2" in found["configuration"]["text"]


def test_doctor_finds_well_what_was_just_restored(own_hub: Hub, tmp_path: Path) -> None:
    """Right after a restore into a directory that was open, and is another user's, only the daemon is missing; started,
    nothing is.
    """
    made = own_hub.json("backup", "create")
    own_hub.stop()
    into = tmp_path / "restored"
    into.mkdir(mode=0o755)
    if os.geteuid() == 0:
        os.chown(into, 65_534, 65_534)
    file = Path(made["targets"][0], made["name"])
    assert own_hub.run("backup", "restore", str(file), "--into", str(into)).returncode == 0

    own_hub.environment["MAILHUB_STORAGE__DIRECTORY"] = str(into)
    _, found = lines(own_hub, "--offline")
    assert [name for name, each in found.items() if each["level"] == "FAIL"] == ["daemon"]
    for each in (into, *into.rglob("*")):
        os.chown(each, os.geteuid(), os.getegid())  # whom the daemon of this test runs as
    own_hub.start()
    status, found = lines(own_hub)
    assert status == 0, found
