"""A root key that was lost, or is another one's: nothing is started, nothing replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.houses.hub import Hub


def test_init_replaces_no_lost_key(idle_hub: Hub) -> None:
    """Where an account's key is gone, init makes no other one: it exits 78 and names the file and the copy."""
    key = idle_hub.directory / "root.key"
    kept = key.read_bytes()
    key.unlink()
    done = idle_hub.run("init", "--directory", str(idle_hub.directory))
    assert done.returncode == 78
    assert b"root.key is gone" in done.stderr
    assert b"your copy" in done.stderr
    assert not key.exists()
    key.write_bytes(kept)
    key.chmod(0o600)
    assert idle_hub.run("init", "--directory", str(idle_hub.directory)).returncode == 0


def test_the_daemon_recognises_its_key(idle_hub: Hub) -> None:
    """With another key the daemon does not start (78) and says what to do; doctor sees it too."""
    (idle_hub.directory / "root.key").write_text("01" * 32)
    done = idle_hub.run("serve")
    assert done.returncode == 78
    assert b"not the one this database was written with" in done.stderr
    assert b"another root key" in idle_hub.run("doctor").stdout
