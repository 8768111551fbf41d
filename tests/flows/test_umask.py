"""Everything that mailhub makes has a mode of its own: with umask 0 nothing is open to anybody else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner

from mailhub.cli.main import root
from tests.houses.hub import hubs

MAIL = b"From: Ana <ana@customer.example>\r\nTo: support@example.com\r\nMessage-ID: <1@customer.example>\r\n\r\nbroken\r\n"
OURS = {"daemon.log": "written by this test", "run": "the socket's folder: the socket itself has its mode"}


@contextmanager
def no_mask() -> Iterator[None]:
    """The umask of who set none."""
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


def open_to_others(directory: Path) -> dict[str, str]:
    """What below a directory, itself included, somebody else may read, write or enter."""
    found = {}
    for path in (directory, *directory.rglob("*")):
        mode = path.lstat().st_mode & 0o777
        if mode & 0o077 and not path.is_symlink():
            found[str(path.relative_to(directory))] = f"{mode:04o}"
    return found


def test_nothing_that_is_made_is_open_to_others(tmp_path: Path) -> None:
    """init, serve, mail, backup, restore, export, login, prior: every file and folder is its owner's alone."""
    with no_mask(), hubs() as make:
        hub = make()
        hub.directory.joinpath("mailhub.toml").unlink()
        assert hub.run("init", "--directory", str(hub.directory)).returncode == 0
        hub.start()
        hub.send(MAIL)
        hub.wait_until(lambda: bool(hub.json("ticket", "list")))
        made = hub.json("backup", "create")
        into, archive = hub.directory / "restored", hub.directory / "export.zip"
        for command in (
            ("backup", "restore", str(Path(made["targets"][0], made["name"])), "--into", str(into)),
            ("contact", "export", str(hub.json("contact", "list")[0]["id"]), "--out", str(archive)),
        ):
            done = hub.run(*command)
            assert done.returncode == 0, done.stderr
        token = hub.json("token", "create", "--name", "laptop")["token"]
        kept = {"XDG_CONFIG_HOME": str(hub.directory / "config")}
        assert hub.run("login", stdin=token.encode() + b"\n", environment=kept).returncode == 0
        assert hub.stop() == 0
        assert {"mailhub.sqlite3", "root.key"} <= {path.name for path in into.iterdir()} | {"root.key"}
        assert archive.exists()
        found = open_to_others(hub.directory)
        assert {name: mode for name, mode in found.items() if name not in OURS} == {}


def test_units_can_be_read_and_not_written_by_others(tmp_path: Path) -> None:
    """What is installed for systemd is readable for all and writable for its owner, with any umask."""
    for umask in (0, 0o077):
        before = os.umask(umask)
        try:
            target = tmp_path / f"{umask:04o}"
            done = CliRunner().invoke(
                root, ["install-systemd", "--apply", "--root", str(target), "--program", "/usr/bin/env"]
            )
        finally:
            os.umask(before)
        assert done.exit_code == 0, done.output
        modes = {path.is_dir(): set[int]() for path in target.rglob("*")}
        for path in target.rglob("*"):
            modes[path.is_dir()].add(path.stat().st_mode & 0o777)
        assert modes[True] == {0o755}
        assert not any(mode & 0o022 for mode in modes[False])
