"""The Debian package on a machine that boots: systemd, its sockets and its sandbox are the real ones.

One machine for all tests here (about 15 s); each leaves it as it found it. ``scripts/campaign boot`` is the long form.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts import campaign_boot
from scripts.rig.machine import CannotBoot, Machine

GUIDE = Path(__file__).parents[2] / "docs/sysadmin.md"
pytestmark = pytest.mark.xdist_group("boot")
SEND = """
import smtplib, sys
with smtplib.SMTP("127.0.0.1", 25, "client.example", timeout=100) as smtp:
    text = f"From: ana@customer.example\\r\\nSubject: {sys.argv[1]}\\r\\n\\r\\nHello.\\r\\n"
    smtp.sendmail("ana@customer.example", ["support@example.com"], text)
print("sent")
"""


@pytest.fixture(scope="module")
def machine(require_service: Callable[[bool, str], None]) -> Iterator[Machine]:
    """A booted machine with the package installed and initialised, port 25 open."""
    try:
        with campaign_boot.machine_with_mailhub(campaign_boot.build()) as made:
            yield made
    except (CannotBoot, subprocess.CalledProcessError) as error:
        require_service(False, f"no machine can be booted here: {error}")


def send(machine: Machine, subject: str) -> None:
    """One mail to port 25."""
    assert machine.text("python3", "-c", SEND, subject) == "sent"


def subjects(machine: Machine) -> list[str]:
    """Of the open tickets."""
    return [each["subject"] for each in machine.json("ticket", "list", "--limit", "0")]


def main_pid(machine: Machine) -> str:
    """The daemon's, as the machine counts."""
    return machine.shown("mailhub.service", "MainPID")


def follow_the_guide(machine: Machine, name: str) -> str:
    """Run the block of docs/sysadmin.md that says it is tested, as it stands; what it prints."""
    found = re.search(rf"^\*tested:\* \({name}\)\n\n((?:    .*\n)+)", GUIDE.read_text(encoding="utf-8"), re.M)
    assert found, name
    return machine.text("sh", "-ec", found[1])


def test_port_25_without_a_capability(machine: Machine) -> None:
    """The first connection starts the daemon; it takes the mail, holds no capability at all, and could get none."""
    send(machine, "over port 25")
    assert "over port 25" in subjects(machine)
    status = machine.text("cat", f"/proc/{main_pid(machine)}/status").splitlines()
    held = {
        line.split()[0]: line.split()[1]
        for line in status
        if line.startswith(("Cap", "NoNewPrivs", "Seccomp:"))
    }
    assert {held.pop("NoNewPrivs:"), held.pop("Seccomp:")} == {"1", "2"}
    assert set(held.values()) == {"0" * 16}
    user = machine.text("stat", "--format=%U", "/var/lib/mailhub/mailhub.sqlite3")
    assert user == "mailhub"


def test_client_waits_out_a_kill(machine: Machine) -> None:
    """A client that connects while the daemon is dead waits in the socket, and is served by the next one."""
    send(machine, "before the kill")
    before = main_pid(machine)
    client = machine.start("python3", "-c", f"import time; time.sleep(0.2)\n{SEND}", "after the kill")
    machine.run("systemctl", "kill", "--signal=KILL", "mailhub.service")
    assert client.communicate(timeout=120)[0] == b"sent\n"
    assert main_pid(machine) not in (before, "0")
    assert {"before the kill", "after the kill"} <= set(subjects(machine))


def test_watchdog_restarts_a_daemon_that_hangs(machine: Machine) -> None:
    """A daemon that stands still is killed by systemd and started anew."""
    drop_in = "/run/systemd/system/mailhub.service.d/quick.conf"
    machine.write(drop_in, "[Service]\nWatchdogSec=4\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "mailhub.service")
    hung = main_pid(machine)
    machine.run("kill", "-STOP", hung)
    machine.wait_until(lambda: main_pid(machine) not in (hung, "0"))
    assert "Watchdog timeout" in machine.journal()
    machine.run("rm", drop_in)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "mailhub.service")
    send(machine, "after the watchdog")


def test_reload_keeps_the_old_configuration(machine: Machine) -> None:
    """A reload with a configuration that is wrong changes nothing, says what is wrong, and stops no mail."""
    send(machine, "before the reload")
    before, good = main_pid(machine), machine.text("cat", "/etc/mailhub/mailhub.toml")
    machine.run("sh", "-c", "printf '[spam]\\nthreshold = 2\\n' >>/etc/mailhub/mailhub.toml")
    machine.run("systemctl", "reload", "mailhub.service")
    machine.wait_until(lambda: "unknown setting spam.threshold" in machine.journal())
    send(machine, "after the reload")
    assert main_pid(machine) == before
    machine.run("sh", "-c", "cat >/etc/mailhub/mailhub.toml", stdin=good.encode())


def test_restarts_under_load_break_nothing(machine: Machine) -> None:
    """Restarts while ten sessions send: nothing is refused, cut, lost or doubled."""
    trial = campaign_boot.restart_under_load(machine, times=2, kill_every=0)
    assert trial.faults == []
    assert trial.answered >= 2 * campaign_boot.BETWEEN_MAILS


def test_kills_under_load_lose_nothing(machine: Machine) -> None:
    """A kill cuts the sessions it meets; tried again, each mail is there exactly once, and nobody is refused."""
    trial = campaign_boot.restart_under_load(machine, times=2, kill_every=1)
    assert trial.faults == []
    assert trial.cut > 0


def test_backup_unit_makes_a_backup(machine: Machine) -> None:
    """The unit that the timer starts gets a backup from the daemon, as the service's user."""
    machine.run("systemctl", "start", "mailhub.service")
    machine.run("systemctl", "start", "mailhub-backup.service")
    made = machine.text("find", "/var/lib/mailhub/backups", "-type", "f", "-printf", "%u %m\\n")
    assert set(made.splitlines()) == {"mailhub 600"}


def test_mail_flows_behind_postfix(machine: Machine, require_service: Callable[[bool, str], None]) -> None:
    """With the guide's lines, what comes to Postfix's port 25 is a ticket in mailhub."""
    require_service(
        machine.run("test", "-x", "/usr/sbin/postfix", check=False).returncode == 0, "no Postfix (postfix)"
    )
    machine.run("systemctl", "start", "mailhub.service")
    machine.run("mailhub", "mailbox", "add", "support@shop.example")
    machine.run("systemctl", "stop", "mailhub-smtp.socket", "mailhub.service")
    machine.run("systemctl", "unmask", "postfix.service")
    follow_the_guide(machine, "postfix")
    by_postfix = SEND.replace("support@example.com", "support@shop.example")
    machine.run("python3", "-c", by_postfix, "through Postfix")
    machine.wait_until(lambda: "through Postfix" in subjects(machine))
    machine.run("systemctl", "disable", "--now", "postfix.service", "mailhub-lmtp.socket")
    machine.run("systemctl", "stop", "mailhub.service")
    follow_the_guide(machine, "direct")
    send(machine, "direct again")


def test_upgrade_keeps_mail_and_service(machine: Machine) -> None:
    """Installed over itself by the guide's lines, the package restarts the daemon, and nothing needs a cure."""
    send(machine, "before the upgrade")
    before = main_pid(machine)
    said = follow_the_guide(machine, "upgrade")
    assert "FAIL" not in said
    assert main_pid(machine) not in (before, "0")
    send(machine, "after the upgrade")
    assert "mail flows" in follow_the_guide(machine, "look")


def test_schema_of_a_newer_version_is_left_alone(machine: Machine) -> None:
    """An older program does not touch a newer database: it ends with 78, and doctor says what to do."""
    machine.run("systemctl", "stop", "mailhub.service", "mailhub-smtp.socket", "mailhub-admin.socket")
    change = "import sqlite3, sys; c = sqlite3.connect('/var/lib/mailhub/mailhub.sqlite3'); "
    change += "print(*c.execute('SELECT version_num FROM alembic_version').fetchone()); "
    change += "c.execute('UPDATE alembic_version SET version_num = ?', sys.argv[1:]); c.commit()"
    present = machine.text("python3", "-c", change, "9999")
    assert machine.run("systemctl", "start", "mailhub.service", check=False).returncode != 0
    assert machine.shown("mailhub.service", "ExecMainStatus") == "78"
    doctor = machine.run("mailhub", "doctor", "--offline", check=False)
    assert b"made by a newer mailhub" in doctor.stdout
    assert machine.text("python3", "-c", change, present) == "9999"
    machine.run("systemctl", "stop", "mailhub-admin.socket", "mailhub.service")
    machine.run("systemctl", "reset-failed")
    machine.run("systemctl", "start", "mailhub-admin.socket", "mailhub-smtp.socket", "mailhub.service")
    send(machine, "with the right version")


def test_no_network_profile_takes_mail_by_lmtp(machine: Machine) -> None:
    """With the drop-in the daemon has no network of its own, and the sockets handed in take mail all the same."""
    drop_in = "/etc/systemd/system/mailhub.service.d/no-network.conf"
    machine.run("mailhub", "install-systemd", "--apply", "--drop-in", "no-network")
    machine.run("systemctl", "stop", "mailhub.service")
    machine.run("systemctl", "start", "mailhub-lmtp.socket", "mailhub.service")
    by_lmtp = SEND.replace("smtplib.SMTP(", "smtplib.LMTP(").replace(", 25,", ", 8024,")
    assert machine.text("python3", "-c", by_lmtp, "by LMTP") == "sent"
    send(machine, "by SMTP")
    assert {"by LMTP", "by SMTP"} <= set(subjects(machine))
    interfaces = machine.text("cat", f"/proc/{main_pid(machine)}/net/dev").splitlines()[2:]
    assert [line.split(":")[0].strip() for line in interfaces] == ["lo"]
    machine.run("rm", drop_in)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "stop", "mailhub-lmtp.socket", "mailhub.service")
    machine.run("systemctl", "start", "mailhub.service")


def test_stranger_cannot_open_the_admin_socket(machine: Machine) -> None:
    """Another local user gets no answer from the admin socket, and reads nothing of what is stored or configured."""
    machine.run("systemctl", "start", "mailhub.service")
    for command in ("mailhub --socket /run/mailhub/admin.sock status", "ls /var/lib/mailhub /etc/mailhub"):
        done = machine.run("runuser", "-u", "nobody", "--", "sh", "-c", command, check=False)
        assert done.returncode != 0
        assert b"ermi" in done.stderr or b"may not" in done.stderr, done


def test_secrets_stay_out_of_sight(machine: Machine) -> None:
    """Root key and relay password stand in no argument, no environment and no log; other users see no process file."""
    key = machine.text("cat", "/var/lib/mailhub/root.key")
    machine.write("/etc/credstore/mailhub-relay-password", "canary-of-the-relay\n")
    machine.run("systemctl", "restart", "mailhub.service")
    process = f"/proc/{main_pid(machine)}"
    seen = machine.run("cat", f"{process}/cmdline", f"{process}/environ").stdout
    logged = machine.run("journalctl", "--no-pager", "--output=export").stdout
    for secret in (key, "canary-of-the-relay"):
        assert secret.encode() not in seen + logged
    assert (
        machine.text("stat", "--format=%U", f"{process}/environ") == "root"
    )  # not dumpable: closed to its own user
    assert "Max core file size 0 0" in " ".join(machine.text("cat", f"{process}/limits").split())
    assert (
        machine.text("stat", "--format=%a", "/run/credentials/mailhub.service/mailhub-relay-password")
        == "400"
    )
    machine.run("rm", "/etc/credstore/mailhub-relay-password")


def test_purged_package_keeps_the_mail(machine: Machine) -> None:
    """Removing and purging end the service and the configuration; the mail is there when the package comes back."""
    send(machine, "before the purge")
    machine.run("dpkg", "--purge", "mailhub")
    assert machine.run("systemctl", "is-active", "mailhub.service", check=False).returncode != 0
    machine.run("sh", "-c", "! test -e /etc/mailhub/mailhub.toml && test -s /var/lib/mailhub/root.key")
    machine.run("dpkg", "--install", "/mailhub.deb")
    machine.run("sh", "-c", "cat >>/etc/mailhub/mailhub.toml", stdin=campaign_boot.CONFIGURATION.encode())
    follow_the_guide(machine, "direct")
    send(machine, "after the purge")
    assert {"before the purge", "after the purge"} <= set(subjects(machine))
