"""A mailhub that is killed and cut off again and again: its directory, its database, its disk.

A power cut: the data (with PostgreSQL: the cluster too) lies on ext4 on a loop device. Everything is stopped dead
(SIGSTOP: nothing is answered any more) and the backing file copied: it holds what was synced, and whatever else the
kernel had written. The copy takes the place of the first.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

from scripts.rig.systems import BIN, START_SECONDS, Mailhub, UnixConnection, _listens, free_port, wait_for

IMAGE_MIB = 700
PROGRAM_SECONDS = 300


class Dead(Exception):
    """The daemon does not start: no act may take that for its own end."""


def postgresql_programs() -> Path | None:
    """Where the newest installed server's programs are; None without one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2]))
    return found[-1] if found else None


class Cluster:
    """A PostgreSQL server on a Unix socket, that syncs as one in service does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        programs = postgresql_programs()
        if programs is None:
            raise RuntimeError("PostgreSQL is not installed (Debian: postgresql)")
        self._programs = programs
        self.url = f"postgresql+psycopg://mailhub@/postgres?host={folder}"

    def make(self) -> None:
        """A new cluster; root gives it to an unprivileged user, as the server demands."""
        self.folder.mkdir()
        owner = self._owner()
        if owner:
            os.chown(self.folder, owner["user"], owner["group"])
        self._run("initdb", "-D", self._data, "-U", "mailhub", "-A", "trust", "-E", "UTF8", "--locale=C")

    def start(self) -> None:
        """Start it, with recovery where it was killed."""
        (self._data / "postmaster.pid").unlink(missing_ok=True)  # of a machine that lost its power
        for left in self.folder.glob(".s.PGSQL*"):
            left.unlink()
        options = f"-k {self.folder} -c listen_addresses='' -c shared_buffers=32MB"
        self._run("pg_ctl", "-D", self._data, "-w", "-l", self.folder / "log", "-o", options, "start")

    def stop(self, mode: str) -> None:
        """``immediate`` is its death, ``fast`` its end in order."""
        self._run("pg_ctl", "-D", self._data, "-w", "-m", mode, "stop")

    def freeze(self) -> list[int]:
        """Stop the postmaster, which then makes no more children, and those it has; who was stopped."""
        first = int((self._data / "postmaster.pid").read_text().split()[0])
        os.kill(first, signal.SIGSTOP)
        children = [int(each) for each in Path(f"/proc/{first}/task/{first}/children").read_text().split()]
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGSTOP)
        return [first, *children]

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self._programs / program), *map(str, arguments)]
        subprocess.run(
            command,
            check=True,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            timeout=PROGRAM_SECONDS,
            **self._owner(),
        )

    def _owner(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        entry = pwd.getpwnam("postgres")
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


class LifeHouse(Mailhub):
    """One data directory through a life of many processes."""

    def __init__(self, folder: Path, *, postgresql: bool, disk: bool) -> None:
        self._image, self._with_disk = folder / "disk.img", disk
        self.inside = folder / "in"
        self.inside.mkdir()
        if disk:
            self._make_disk()
        self.inside.chmod(0o755)
        self.cluster = Cluster(self.inside / "pg") if postgresql else None
        super().__init__(self.inside, database=self.cluster.url if self.cluster else "")
        self.lmtp_port = free_port()
        self._environment |= {
            "MAILHUB_LMTP__ENABLED": "true",
            "MAILHUB_LMTP__PORT": str(self.lmtp_port),
            "MAILHUB_RELAY__HOST": "127.0.0.1",  # nobody listens: answers wait
            "MAILHUB_RELAY__PORT": str(free_port()),
            "MAILHUB_RELAY__TLS": "none",
        }

    def found(self) -> None:
        """Make the database and the directory."""
        if self.cluster:
            self.cluster.make()
            self.cluster.start()
        done = self.program("init", "--directory", str(self.data))
        if done.returncode:
            raise RuntimeError(f"init: {done.stderr.decode()}")

    def begin(self, template: Path) -> None:
        """Take what ``found`` made elsewhere."""
        subprocess.run(["cp", "-a", f"{template}/.", str(self.inside)], check=True)
        if self._with_disk:
            subprocess.run(["sync", "-f", self.inside], check=True)
        if self.cluster:
            self.cluster.start()

    def start(self) -> None:
        self._spawn(str(BIN / "mailhub"), "serve", environment=self._environment)
        daemon = self.processes[-1]

        def listens() -> bool:
            if daemon.poll() is not None:
                raise Dead(f"the daemon ended: {(self.folder / 'mailhub.log').read_text()[-2000:]}")
            return _listens(self.port)

        wait_for(self.name, listens, seconds=START_SECONDS)

    def program(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """`mailhub ARGUMENTS` as a process of its own."""
        return subprocess.run(
            [str(BIN / "mailhub"), *arguments],
            env={**os.environ, **self._environment},
            capture_output=True,
            timeout=PROGRAM_SECONDS,
            check=False,
        )

    def post_raw(self, path: str, raw: bytes) -> None:
        """POST a message; RuntimeError unless it was taken."""
        connection = UnixConnection(self.socket)
        try:
            connection.request("POST", path, raw, {"Content-Type": "message/rfc822"})
            answer = connection.getresponse()
            answer.read()
        except Exception as error:
            raise OSError(f"no answer: {type(error).__name__}") from error
        finally:
            connection.close()
        if answer.status >= 300:
            raise RuntimeError(f"POST {path}: {answer.status}")

    def kill_server(self) -> None:
        """PostgreSQL dies and comes back, the daemon lives."""
        if self.cluster:
            self.cluster.stop("immediate")
            self.cluster.start()

    def cut_power(self) -> None:
        """Everything that was not synced is gone; nothing runs afterwards but PostgreSQL, which came back."""
        daemon = self.processes.pop()
        daemon.send_signal(signal.SIGSTOP)
        servers = self.cluster.freeze() if self.cluster else []
        cut = self._image.with_suffix(".cut")
        subprocess.run(["cp", "--sparse=always", self._image, cut], check=True)
        for server in servers:
            with suppress(ProcessLookupError):
                os.kill(server, signal.SIGKILL)
        daemon.kill()
        daemon.wait()
        subprocess.run(["umount", "-l", self.inside], check=True)
        cut.rename(self._image)
        self._mount()
        if self.cluster:
            self.cluster.start()

    def close(self) -> None:
        """The end of everything, however it stands."""
        while self.processes:
            self.kill()
        if self.cluster:
            self.cluster.stop("immediate")
        if self._with_disk:
            subprocess.run(["umount", "-l", self.inside], check=False)

    def _make_disk(self) -> None:
        with self._image.open("wb") as file:
            file.truncate(IMAGE_MIB * 2**20)
        subprocess.run(["mkfs.ext4", "-q", "-F", self._image], check=True)
        self._mount()

    def _mount(self) -> None:
        done = subprocess.run(
            ["mount", "-o", "loop", self._image, self.inside], capture_output=True, check=False
        )
        if done.returncode:
            print(
                f"cannot mount a loop device here (--no-power-cuts goes without): {done.stderr.decode().strip()}"
            )
            raise SystemExit(77)
        shutil.rmtree(self.inside / "lost+found", ignore_errors=True)
