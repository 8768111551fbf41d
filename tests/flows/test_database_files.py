"""The database's files under a running daemon: what it does itself never makes others believe that they are alone."""

from __future__ import annotations

import shutil
import signal
import smtplib
import subprocess
import sys
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from mailhub.cli.client import ApiError
from tests.houses.hub import GUARD_SECONDS, Hub

# Python itself runs this in the daemon (site): it notes each file opened there, the database's own by
# whatever name.
HOOK = """
import os, sys
data = os.environ["WATCHED_DIRECTORY"]
def same(path):
    if isinstance(path, int) or not os.path.exists(path):
        return False
    names = ("mailhub.sqlite3", "mailhub.sqlite3-wal", "mailhub.sqlite3-shm")
    return any(os.path.exists(f"{data}/{name}") and os.path.samefile(path, f"{data}/{name}") for name in names)
def hook(event, arguments):
    if event == "sqlite3.connect":
        note(event)
    elif event == "open":
        note(f"{'database' if same(arguments[0]) else 'other'} {arguments[0]}")
def note(text):
    os.write(log, (text + chr(10)).encode("utf-8", "replace"))
if "serve" in sys.orig_argv:
    log = os.open(os.environ["OPENED_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    sys.addaudithook(hook)
"""
KIM = "kim.zz@customer.example"
OPENS = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT count(*) FROM message').fetchone()"


def mail(number: int, sender: str) -> bytes:
    """One of many, each with an id of its own."""
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"], made["Subject"] = f"<{sender}>", "support@example.com", f"number {number}"
    made["Message-ID"] = f"<{number}@{sender}>"
    made.set_content(f"text {number}\n")
    return made.as_bytes()


def look_from_outside(hub: Hub, how: str) -> None:
    """Open the database and close it again, as an administrator's program does."""
    if how == "sqlite3":
        command = [sys.executable, "-c", OPENS, str(hub.directory / "mailhub.sqlite3")]
        subprocess.run(command, check=True, timeout=GUARD_SECONDS)
    else:
        hub.run(how)


def subjects(hub: Hub) -> list[str]:
    """Of every ticket there is."""
    return sorted(each["subject"] for each in hub.json("ticket", "list", "--state", "all"))


@pytest.mark.parametrize("how", ["sqlite3", "doctor", "check-config"])
def test_mail_after_an_erasure_survives_a_kill(own_hub: Hub, how: str) -> None:
    """After an erasure, a program from outside that opens and closes the database does not take the log away."""
    own_hub.send(mail(1, KIM), sender=KIM)
    assert own_hub.json("contact", "erase", KIM, "--yes")["state"] == "done"

    look_from_outside(own_hub, how)
    own_hub.send(mail(2, "ana@customer.example"))
    own_hub.stop(signal.SIGKILL)

    own_hub.start()
    assert subjects(own_hub) == ["number 2"]


def lose(path: Path, how: str) -> None:
    """What an administrator may do to a file by mistake."""
    if how == "renamed":
        path.rename(path.with_name("elsewhere"))
    elif how == "deleted":
        path.unlink()
    elif how == "replaced":
        shutil.copy(path, path.with_name("copy"))
        path.with_name("copy").rename(path)
    else:
        path.write_bytes(b"\0" * path.stat().st_size)


@pytest.mark.parametrize("how", ["renamed", "deleted", "replaced"])
@pytest.mark.parametrize("name", ["mailhub.sqlite3", "mailhub.sqlite3-wal", "mailhub.sqlite3-shm"])
def test_a_database_that_lost_its_files_takes_no_mail(own_hub: Hub, name: str, how: str) -> None:
    """Renamed, deleted or replaced under the daemon: the very next mail hears 451, and everything says why."""
    own_hub.send(mail(1, "ana@customer.example"))
    lose(own_hub.directory / name, how)

    with pytest.raises(smtplib.SMTPDataError) as refused:
        own_hub.send(mail(2, "ana@customer.example"))
    assert refused.value.smtp_code == 451

    own_hub.wait_until(lambda: "renamed, deleted or replaced" in own_hub.log)
    assert name in own_hub.log
    with pytest.raises(ApiError) as raised:
        own_hub.call("GET", "/v1/status")
    assert raised.value.http_status == 503
    assert "no mail is taken any more" in str(raised.value)
    with pytest.raises(ApiError) as raised:
        own_hub.call("GET", "/readyz")
    assert raised.value.http_status == 503


@pytest.mark.parametrize("how", ["renamed", "overwritten"])
def test_it_is_told_while_no_mail_comes(own_hub: Hub, how: str) -> None:
    """Nobody needs to send a mail for the daemon to notice."""
    lose(own_hub.directory / "mailhub.sqlite3", how)
    own_hub.wait_until(lambda: "no mail is taken any more" in own_hub.log)


def test_a_log_that_was_deleted_loses_nothing(own_hub: Hub) -> None:
    """What was acknowledged before the log was deleted is brought into the database at once, and survives a kill."""
    own_hub.send(mail(1, "ana@customer.example"))
    for suffix in ("-wal", "-shm"):
        (own_hub.directory / f"mailhub.sqlite3{suffix}").unlink()
    own_hub.wait_until(lambda: "no mail is taken any more" in own_hub.log)
    own_hub.stop(signal.SIGKILL)

    own_hub.start()
    assert subjects(own_hub) == ["number 1"]


def test_nothing_but_the_engine_opens_the_database(idle_hub: Hub, tmp_path: Path) -> None:
    """Erasure, backup, export, metrics, reload, jobs: no Python code of the daemon opens a file of the database."""
    (tmp_path / "sitecustomize.py").write_text(HOOK)
    opened = tmp_path / "opened"
    database = idle_hub.directory / "mailhub.sqlite3"
    idle_hub.environment |= {
        "PYTHONPATH": f"{tmp_path}:{idle_hub.environment['PYTHONPATH']}",
        "WATCHED_DIRECTORY": str(idle_hub.directory),
        "OPENED_LOG": str(opened),
    }
    (idle_hub.directory / "backups").mkdir(exist_ok=True)
    (idle_hub.directory / "another-name").hardlink_to(database)
    idle_hub.start()

    own = idle_hub.directory / "ana.zip"
    idle_hub.send(mail(1, KIM), sender=KIM)
    idle_hub.send(mail(2, "ana@customer.example"))
    assert idle_hub.json("backup", "create")["state"] == "whole"
    assert idle_hub.json("contact", "erase", KIM, "--yes")["state"] == "done"
    (ana,) = idle_hub.json("contact", "list")
    assert idle_hub.run("contact", "export", str(ana["id"]), "--out", str(own)).returncode == 0
    for command in (("reparse",), ("spam", "verify"), ("audit", "verify"), ("status",), ("doctor",)):
        idle_hub.run(*command)
    assert "mailhub_" in idle_hub.text("/metrics")
    assert idle_hub.process is not None
    idle_hub.process.send_signal(signal.SIGHUP)
    idle_hub.send(mail(3, "ana@customer.example"))
    assert idle_hub.stop() == 0

    seen = opened.read_text().splitlines()
    assert any(line.endswith("root.key") for line in seen)  # the hook was there
    assert [line for line in seen if not line.startswith("other ")] == []
