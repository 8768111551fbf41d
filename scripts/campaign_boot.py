"""scripts/campaign boot: the Debian package on a booted machine, restarted again and again under load.

Builds the package, boots a machine (scripts/rig/machine.py), installs, opens port 25, and lets ten sessions
send without a pause while the daemon is restarted. Checks: no connection is refused, and every mail that was
answered 250 is there exactly once. A session told 421 comes again, as every mail server does; and so does one
that kill -9 cuts (--kill-every): no process answers after its death. Both are counted. Needs root. Example:
scripts/campaign boot --times 20
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.rig.machine import CannotBoot, Machine, booted

ROOT = Path(__file__).parents[1]
CLIENT = Path(__file__).parent / "rig/restart_client.py"
BETWEEN_MAILS = 30  # answered ones between two restarts
CONFIGURATION = '\n[admin]\nusers = { "0" = "owner@example.com" }\n\n[authentication]\nenabled = false\n'


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of restarts under load."""

    answered: int
    postponed: int
    cut: int
    faults: list[str]


def main() -> None:
    """Run it; exit 1 with what is wrong."""
    parser = argparse.ArgumentParser(prog="scripts/campaign boot", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument(
        "--kill-every", type=int, default=0, help="Every which restart is a kill -9; 0 for none."
    )
    options = parser.parse_args()
    try:
        with machine_with_mailhub(build()) as machine:
            trial = restart_under_load(machine, options.times, options.kill_every)
    except CannotBoot as error:
        raise SystemExit(f"cannot boot a machine: {error}") from None
    print(
        f"{options.times} restarts under load: {trial.answered} mails answered, {len(trial.faults)} broken;"
    )
    print(f"sessions tried again: {trial.postponed} told to, {trial.cut} cut by a kill")
    for fault in trial.faults:
        print(f"WRONG: {fault}")
    raise SystemExit(1 if trial.faults else 0)


def build() -> Path:
    """The package, built if anything changed."""
    done = subprocess.run(
        [ROOT / "scripts/build-deb"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    return ROOT / done.stdout.split()[-1]


@contextmanager
def machine_with_mailhub(package: Path) -> Iterator[Machine]:
    """A machine with the package installed, initialised, and port 25 open; root is the owner on the admin socket."""
    with booted(package) as machine:
        machine.run("dpkg", "--install", "/mailhub.deb")
        machine.run("sh", "-c", "cat >>/etc/mailhub/mailhub.toml", stdin=CONFIGURATION.encode())
        machine.run("mailhub", "init")
        machine.run("systemctl", "enable", "--now", "mailhub-smtp.socket")
        yield machine


def restart_under_load(machine: Machine, times: int, kill_every: int) -> Trial:
    """Restart so often while mail comes in; kill instead every so often (0: never)."""
    machine.write("/client.py", CLIENT.read_text(encoding="utf-8"))
    client = machine.start("python3", "/client.py")
    try:
        for number in range(1, times + 1):
            wait_for_mail(machine, BETWEEN_MAILS)
            if kill_every and number % kill_every == 0:
                machine.run("systemctl", "kill", "--signal=KILL", "mailhub.service")
            else:
                machine.run("systemctl", "restart", "mailhub.service", seconds=200)
        wait_for_mail(machine, BETWEEN_MAILS)
        said, _ = client.communicate(b"stop\n", timeout=300)
    finally:
        client.kill()
        client.wait()
    told = json.loads(said)
    faults = told["broken"] + missing(machine, told["answered"])
    if not kill_every:
        faults += told["cut"]  # without a kill every session ends with an answer
    return Trial(len(told["answered"]), told["postponed"], len(told["cut"]), faults)


def wait_for_mail(machine: Machine, more: int) -> None:
    """Until so many messages more have come in."""
    before = received(machine)
    machine.wait_until(lambda: received(machine) >= before + more)


def received(machine: Machine) -> int:
    """How many messages the database holds."""
    database = "file:/var/lib/mailhub/mailhub.sqlite3?mode=ro"
    query = f"sqlite3.connect('{database}', uri=True).execute('SELECT count(*) FROM message')"
    return int(machine.text("python3", "-c", f"import sqlite3; print(*{query}.fetchone())"))


def missing(machine: Machine, answered: list[str]) -> list[str]:
    """Mails answered 250 that are not stored exactly once, in words."""
    rows = machine.json("intake", "list", "--limit", "0")
    filed = Counter(row["message_id"] for row in rows if row["fate"] == "filed")
    wanted = [f"{subject}@customer.example" for subject in answered]
    return [f"{each} is stored {filed[each]} times" for each in wanted if filed[each] != 1]


if __name__ == "__main__":
    main()
