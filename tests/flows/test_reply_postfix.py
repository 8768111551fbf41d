"""An answer goes out through a real Postfix, and the customer's answer to what arrived comes back into the ticket."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from mailhub.config import Relay as RelaySettings
from mailhub.config.live import Live
from mailhub.keys import Keys
from mailhub.outbound.relay import Relay
from mailhub.tickets.reply import Replied
from storage.mail import outbox
from tests.houses.desk import Desk

GUARD_SECONDS = 30.0  # only a hang gets there

MAIN = """
compatibility_level = 3.6
queue_directory = {directory}/queue
data_directory = {directory}/data
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = relay.example
mydestination =
alias_maps =
local_recipient_maps =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
virtual_mailbox_domains = customer.example
virtual_mailbox_base = {directory}/mail
virtual_mailbox_maps = inline:{{kim@customer.example=kim/}}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{uid}
virtual_minimum_uid = 1
maillog_file_prefixes = {directory}
maillog_file = {directory}/log
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
proxymap  unix - - n - - proxymap
virtual   unix - n n - - virtual
error     unix - - n - - error
retry     unix - - n - - error
anvil     unix - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True)
class Postfix:
    """A running instance: where it listens, and the Maildir of its one user, kim@customer.example."""

    port: int
    maildir: Path

    def arrived(self) -> EmailMessage:
        """The mail that was delivered, as soon as there is one; it is taken out of the Maildir."""
        end = time.monotonic() + GUARD_SECONDS
        while time.monotonic() < end:
            for path in self.maildir.glob("new/*"):
                made = message_from_bytes(path.read_bytes(), policy=default)
                path.unlink()
                assert isinstance(made, EmailMessage)
                return made
            time.sleep(0.02)
        raise AssertionError("nothing was delivered")


def _make(directory: Path, port: int) -> None:
    directory.chmod(0o755)
    uid = pwd.getpwnam("postfix").pw_uid
    for name in ("queue", "data", "mail"):
        (directory / name).mkdir()
    for name in ("data", "mail"):
        os.chown(directory / name, uid, -1)
    (directory / "main.cf").write_text(MAIN.format(directory=directory, uid=uid), encoding="utf-8")
    (directory / "master.cf").write_text(MASTER.format(port=port), encoding="utf-8")


def _wait_for_port(port: int, process: subprocess.Popen[bytes]) -> bool:
    """Whether somebody listens there before the process ends."""
    end = time.monotonic() + GUARD_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.02)
    return False


@pytest.fixture(scope="module")
def postfix(require_service: Callable[[bool, str], None]) -> Iterator[Postfix]:
    """An instance of its own on a free port; it goes with this process, however that ends."""
    require_service(
        Path("/usr/lib/postfix/sbin/master").exists(), "Postfix is not installed (Debian: postfix)"
    )
    require_service(os.geteuid() == 0, "Postfix can only be started by root")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    directory = Path(tempfile.mkdtemp(prefix="mailhub-postfix-"))
    _make(directory, port)
    # "check" makes the queue's directories; "master" itself is started, so that it is the process that gets
    # the signal
    subprocess.run(["postfix", "-c", str(directory), "check"], check=False, stderr=subprocess.DEVNULL)
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", "/usr/lib/postfix/sbin/master", "-s"],
        env={**os.environ, "MAIL_CONFIG": str(directory)},
        stderr=subprocess.DEVNULL,
    )
    try:
        listening, log = _wait_for_port(port, process), directory / "log"
        require_service(
            listening, f"Postfix cannot run here: {log.read_text() if log.exists() else 'it ended at once'}"
        )
        yield Postfix(port, directory / "mail" / "kim")
    finally:
        process.terminate()
        process.wait(GUARD_SECONDS)
        shutil.rmtree(directory, ignore_errors=True)


def send(desk: Desk, postfix: Postfix) -> None:
    """Let the relay send what is due."""
    settings = RelaySettings(host="127.0.0.1", port=postfix.port, tls="none", timeout_seconds=GUARD_SECONDS)
    relay = Relay(
        desk.database,
        desk.writer,
        Live(settings),
        Keys(bytes(32)),
        hostname="desk.example",
        now=lambda: desk.now,
    )
    asyncio.run(relay.send_due())


def state(desk: Desk, replied: Replied) -> list[tuple[str, str | None]]:
    with desk.database.read() as connection:
        rows = outbox.rows_of_messages(connection, desk.account, [replied.message])
    return [(row.state, row.reply) for row in rows]


def test_there_and_back(desk: Desk, postfix: Postfix) -> None:
    """What Postfix delivers can be answered by its Reply-To, by its Message-ID and by its subject alone."""
    first = desk.mail("Kim <kim@customer.example>", Subject="Broken", text="Déjà vu")
    replied = desk.answer(desk.ticket_of(first), "Grüße.\n\n.\nA dot alone above.")
    send(desk, postfix)
    mail = postfix.arrived()
    assert state(desk, replied) == [("sent", "250 2.0.0")]
    assert mail["Message-ID"] == f"<{replied.message_id}>"
    assert mail.get_content().replace("\r\n", "\n") == "Grüße.\n\n.\nA dot alone above.\n"
    ways = {
        "reply-address": {"to": mail["Reply-To"].addresses[0].addr_spec},
        "reply-message-id": {"In_Reply_To": str(mail["Message-ID"])},
        "subject-tag": {"Subject": str(mail["Subject"])},
    }
    back = {reason: desk.mail("Kim <kim@customer.example>", **headers) for reason, headers in ways.items()}
    assert [(reason, outcome.reason) for reason, outcome in back.items()] == [
        (reason, reason) for reason in ways
    ]
    assert {outcome.ticket for outcome in back.values()} == {first.ticket}


def test_an_unknown_recipient(desk: Desk, postfix: Postfix) -> None:
    """Postfix's 550 to a recipient fails the row with its code."""
    replied = desk.answer(desk.ticket_of(desk.mail("nobody@customer.example")))
    send(desk, postfix)
    assert state(desk, replied) == [("failed", "550 5.1.1")]
