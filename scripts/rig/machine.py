"""A machine to install on: this system's own files under a layer in memory, booted by systemd-nspawn.

    unshare (own mounts, own processes) -> overlay: lower /, upper tmpfs -> systemd-nspawn --boot (own network)

Nothing outside of a new folder in the temporary directory is written, and that is removed. Everything dies
with the first process, whatever becomes of us. Needs root, systemd-container, and a kernel that lets overlays
be mounted.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.rig.process_tree import descendants

LIFE_SECONDS = 1800  # against hanging: the machine is switched off then
GUARD_SECONDS = 120.0
FOREIGN = "avahi-daemon dovecot postfix postgresql redis-server rspamd cron ssh nginx apache2 exim4 apt-daily man-db"
BOOT = """
set -eu
base=$1
mount -t tmpfs -o mode=0755 tmpfs "$base"
mkdir "$base/upper" "$base/work" "$base/root"
mount -t overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" overlay "$base/root"
# what else this system runs is none of the machine's, and may be mailhub itself
units=$base/root/etc/systemd/system
mkdir -p "$units"
for unit in $2; do ln -sf /dev/null "$units/$unit.service"; ln -sf /dev/null "$units/$unit.timer"; done
for each in var/lib/mailhub etc/mailhub etc/machine-id; do rm -rf "$base/root/$each"; done
rm -f "$base/root/usr/sbin/policy-rc.d"  # a container's own may forbid every start
cp "$3" "$base/root/mailhub.deb"
systemd-id128 new >"$base/root/etc/machine-id"
exec systemd-nspawn --quiet --directory="$base/root" --machine="$4" --register=no --keep-unit --private-network \\
  --link-journal=no --resolv-conf=off --timezone=off --console=pipe --boot
"""


class CannotBoot(Exception):
    """This system cannot run such a machine; the text says why."""


@dataclass
class Machine:
    """A booted machine. ``run`` is a root shell in it."""

    process: subprocess.Popen[bytes]
    log: Path
    leader: int = field(default=0)  # its process 1, as we see it

    def command(self, *arguments: str) -> list[str]:
        """The arguments that run a program inside."""
        namespaces = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd")
        return ["nsenter", "--target", str(self.leader), *namespaces, "--", *arguments]

    def run(
        self, *arguments: str, stdin: bytes | None = None, check: bool = True, seconds: float = GUARD_SECONDS
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a program inside, as root; raises with what it said when it fails."""
        done = subprocess.run(
            self.command(*arguments),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            timeout=seconds,
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "LC_ALL": "C.UTF-8",
                "DEBIAN_FRONTEND": "noninteractive",
            },
            check=False,
        )
        if check and done.returncode:
            said = (done.stdout + done.stderr).decode(errors="replace")
            raise AssertionError(f"{' '.join(arguments)}: exit {done.returncode}\n{said}")
        return done

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a program inside; its input and output are pipes."""
        return subprocess.Popen(self.command(*arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def text(self, *arguments: str) -> str:
        """What a program inside prints."""
        return self.run(*arguments).stdout.decode().strip()

    def json(self, *arguments: str) -> Any:
        """What `mailhub ARGUMENTS --json` prints inside."""
        return json.loads(self.run("mailhub", *arguments, "--json").stdout)

    def shown(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.text("systemctl", "show", "--value", "--property", name, unit)

    def journal(self, unit: str = "mailhub.service") -> str:
        """What a unit has logged."""
        return self.text("journalctl", "--no-pager", "--output=cat", "--unit", unit)

    def write(self, path: str, text: str) -> None:
        """Put a file there, with the directories above."""
        self.run("sh", "-c", 'mkdir -p "$(dirname "$1")"; cat >"$1"', "sh", path, stdin=text.encode())

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Look again and again until something is true; fails at the guard's end."""
        end = time.monotonic() + GUARD_SECONDS
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(
                    "waited in vain:\n" + self.run("journalctl", "-n", "60", "--no-pager").stdout.decode()
                )
            time.sleep(0.05)


@contextmanager
def booted(package: Path) -> Iterator[Machine]:
    """A machine with ``package`` at /mailhub.deb, not installed yet. Raises ``CannotBoot``."""
    _require_what_it_needs()
    folder = Path(tempfile.mkdtemp(prefix="mailhub-machine-"))
    (folder / "base").mkdir()
    groups = _own_groups(folder.name)
    command = [
        "timeout",
        "--signal=KILL",
        str(LIFE_SECONDS),
        "unshare",
        "--mount",
        "--propagation=private",
        "--pid",
    ]
    command += ["--fork", "--kill-child", "--mount-proc", "sh", "-c", BOOT, "boot"]
    command += [str(folder / "base"), FOREIGN, str(package.resolve()), folder.name.replace("_", "-")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_joining(groups),
        )
    machine = Machine(process, folder / "log")
    try:
        _wait_for_boot(machine)
        yield machine
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        _remove_groups(groups)
        shutil.rmtree(folder)


def _require_what_it_needs() -> None:
    if os.geteuid() != 0:
        raise CannotBoot("booting a machine needs root")
    missing = [
        name for name in ("systemd-nspawn", "unshare", "nsenter", "systemctl") if shutil.which(name) is None
    ]
    if missing or not Path("/lib/systemd/systemd").exists():
        raise CannotBoot(f"{', '.join(missing) or 'systemd'} is not installed (Debian: systemd-container)")


def _own_groups(name: str) -> list[Path]:
    """A control group of our own in each tree that systemd uses, so that two machines do not meet."""
    trees = (Path("/sys/fs/cgroup/systemd"), Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))
    made = []
    for tree in trees:
        if (tree / "cgroup.procs").exists():
            with suppress(OSError):
                (tree / name).mkdir()
                made.append(tree / name)
    return made


def _joining(groups: list[Path]) -> Callable[[], None]:
    def join() -> None:
        for group in groups:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    return join


def _remove_groups(groups: list[Path]) -> None:
    end = time.monotonic() + 10
    for top in groups:
        inner = sorted((path for path in top.rglob("*") if path.is_dir()), key=lambda path: -len(path.parts))
        for group in (*inner, top):
            while time.monotonic() < end:  # its last processes are on their way out
                try:
                    group.rmdir()
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.05)
                else:
                    break


def _wait_for_boot(machine: Machine) -> None:
    end = time.monotonic() + GUARD_SECONDS
    while time.monotonic() < end:
        if machine.process.poll() is not None:
            said = machine.log.read_text(errors="replace").strip()
            raise CannotBoot(f"systemd-nspawn does not run here: {said[-300:]}")
        machine.leader = machine.leader or _leader(machine.process.pid)
        if machine.leader:
            state = machine.run("systemctl", "is-system-running", check=False).stdout.decode().strip()
            if state in ("running", "degraded"):
                return
        time.sleep(0.1)
    raise CannotBoot("the machine did not come up")


def _leader(root: int) -> int:
    """The machine's process 1: it is 1 in the innermost of three process namespaces; 0 when it is not there yet."""
    for pid in descendants(root):
        with suppress(OSError):
            status = Path(f"/proc/{pid}/status").read_text()
            numbers = next(line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))
            if len(numbers) >= 3 and numbers[-1] == "1" and status.startswith("Name:\tsystemd\n"):
                return pid
    return 0
