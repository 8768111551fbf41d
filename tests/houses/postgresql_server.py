"""A PostgreSQL server for one run of the tests, from Debian's package. Run as a program by ``conftest.py``.

    postgresql_server.py STATE_DIRECTORY

Makes a cluster in a temporary directory, starts it on a Unix socket alone, writes its URL to ``STATE/url``
and returns. What it leaves running waits for the exclusive lock on ``STATE/users``, of which every test
process holds a share: when the last one has ended, however it ended, the server is stopped and its directory
removed. PostgreSQL refuses to run as root, so root gives the cluster to an unprivileged user.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

USER = "mailhub"
SETTINGS = {
    "listen_addresses": "''",
    "max_connections": "100",
    "fsync": "off",  # a test's database need not outlive the machine
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "64MB",
    "autovacuum": "off",
    "logging_collector": "off",
}


def programs() -> Path | None:
    """Where the newest installed server's programs are; None without one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def main(state: Path) -> None:
    """Start the server, tell its URL, and leave a process behind that stops it."""
    binaries = programs()
    assert binaries is not None
    directory = Path(tempfile.mkdtemp(prefix="mailhub-pg-"))
    identity = _identity(directory)
    try:
        _start(binaries, directory, identity)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    (state / "url").write_text(f"postgresql://{USER}@/postgres?host={directory}", encoding="utf-8")
    if os.fork() == 0:
        _stop_when_unused(state, binaries, directory, identity)


def _identity(directory: Path) -> dict[str, object]:
    """Whom to run the server as: arguments for ``subprocess``."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    os.chown(directory, entry.pw_uid, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _start(binaries: Path, directory: Path, identity: dict[str, object]) -> None:
    options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
    data = directory / "data"
    make = [binaries / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
    start = [
        binaries / "pg_ctl",
        "-D",
        data,
        "-w",
        "-l",
        directory / "log",
        "-o",
        f"-k {directory} {options}",
        "start",
    ]
    for command in (make, start):
        subprocess.run(command, check=True, cwd=directory, **identity)  # type: ignore[call-overload]


def _stop_when_unused(state: Path, binaries: Path, directory: Path, identity: dict[str, object]) -> None:
    os.setsid()  # an interrupt from the terminal is for the tests
    with (state / "users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        stop = [binaries / "pg_ctl", "-D", directory / "data", "-w", "-m", "immediate", "stop"]
        subprocess.run(stop, check=False, cwd=directory, **identity)  # type: ignore[call-overload]
        shutil.rmtree(directory, ignore_errors=True)
        (state / "url").unlink(missing_ok=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
