"""A real Dovecot from Debian's package, with a configuration, ports and users of its own. Used as a context manager.

It listens on 127.0.0.1 for IMAP in the clear with STARTTLS, and with TLS, under a certificate made for the run for the
name ``localhost``. Root lets the mail belong to an unprivileged user, as Dovecot demands. Every user's password is
``PASSWORD``; their mail is a Maildir.
"""

from __future__ import annotations

import imaplib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

PASSWORD = 'geheim "{7}\\'  # what needs quoting
ANYBODY = "anybody"  # the first users
PEER = "peer"
USERS = 1000  # further ones, user0 and so on
GUARD_SECONDS = 30.0

_CONFIGURATION = """
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{directory}/certificate.pem
ssl_key = <{directory}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
default_internal_user = {internal}
default_login_user = {login}
default_internal_group = {group}
mail_location = maildir:{directory}/mail/%u
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
mail_max_userip_connections = 200
mailbox_idle_check_interval = 1 secs
maildir_very_dirty_syncs = no
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Junk {{
    special_use = \\Junk
    auto = create
  }}
  mailbox Filed {{
    auto = create
  }}
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {directory}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={directory}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
  unix_listener stats-reader {{
    mode = 0600
  }}
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
{more}
"""


def is_installed() -> bool:
    """Whether Debian's dovecot-imapd is there."""
    return shutil.which("dovecot", path="/usr/sbin:/usr/bin:/sbin") is not None


@dataclass(frozen=True, kw_only=True)
class Dovecot:
    """A running server."""

    directory: Path
    port: int
    tls_port: int
    free: Iterator[int] = field(default_factory=lambda: iter(range(USERS)))

    @property
    def certificate(self) -> Path:
        """What a client must trust."""
        return self.directory / "certificate.pem"

    def new_user(self) -> str:
        """A login name that nobody used."""
        return f"user{next(self.free)}"

    def client(self, user: str) -> imaplib.IMAP4:
        """Another client of the same mailbox, logged in."""
        client = imaplib.IMAP4("127.0.0.1", self.port, timeout=GUARD_SECONDS)
        client.login(user, PASSWORD)
        return client

    def append(self, user: str, *mails: bytes, folder: str = "INBOX") -> None:
        """Put mails into a folder, each by APPEND."""
        with self.client(user) as client:
            for mail in mails:
                kind, answer = client.append(folder, "", "", mail)
                assert kind == "OK", answer

    def maildir(self, user: str, folder: str = "INBOX") -> Path:
        """The Maildir of a folder."""
        home = self.directory / "mail" / user
        return home if folder == "INBOX" else home / f".{folder}"

    def fill(self, user: str, mails: Iterator[bytes]) -> int:
        """Put many mails into INBOX quickly, as a delivering server would; how many."""
        new = self.maildir(user) / "new"
        for name in ("cur", "new", "tmp"):
            (new.parent / name).mkdir(parents=True, exist_ok=True)
        count = 0
        for count, mail in enumerate(mails, 1):
            (new / f"{1_600_000_000 + count}.M{count}.tests").write_bytes(mail)
        give_away(self.directory / "mail")
        return count


@contextmanager
def dovecot(more: str = "") -> Iterator[Dovecot]:
    """Start a server, and stop it at the end."""
    directory = Path(tempfile.mkdtemp(prefix="mailhub-imap-"))
    directory.chmod(0o755)
    running: subprocess.Popen[bytes] | None = None
    try:
        server = Dovecot(directory=directory, port=_free_port(), tls_port=_free_port())
        _configure(server, more)
        running = subprocess.Popen(
            ["dovecot", "-F", "-c", directory / "dovecot.conf"],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            stderr=subprocess.DEVNULL,
        )
        _wait(server, running)
        yield server
    finally:
        if running is not None:
            running.send_signal(signal.SIGTERM)
            try:
                running.wait(GUARD_SECONDS)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()
        shutil.rmtree(directory, ignore_errors=True)


def unprivileged() -> tuple[int, int]:
    """Whom the mail belongs to: user and group."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def give_away(path: Path) -> None:
    """A directory and all in it to that user."""
    uid, gid = unprivileged()
    if os.geteuid() == 0:
        os.chown(path, uid, gid)
        for each in path.rglob("*"):
            os.chown(each, uid, gid)


def _configure(server: Dovecot, more: str) -> None:
    directory, root = server.directory, os.geteuid() == 0
    uid, gid = unprivileged()
    own = pwd.getpwuid(os.geteuid())
    (directory / "mail").mkdir()
    give_away(directory / "mail")
    users = "".join(
        f"{name}:{{PLAIN}}{PASSWORD}\n" for name in (ANYBODY, PEER, *(f"user{n}" for n in range(USERS)))
    )
    (directory / "users").write_text(users, encoding="utf-8")
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    name = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    files = ("-keyout", directory / "key.pem", "-out", directory / "certificate.pem")
    subprocess.run(["openssl", "req", "-x509", *new_key, *name, *files], check=True, capture_output=True)
    text = _CONFIGURATION.format(
        directory=directory,
        internal="dovecot" if root else own.pw_name,
        login="dovenull" if root else own.pw_name,
        group="dovecot" if root else str(own.pw_gid),
        uid=uid,
        gid=gid,
        port=server.port,
        tls_port=server.tls_port,
        more=more,
    )
    (directory / "dovecot.conf").write_text(text, encoding="utf-8")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(server: Dovecot, running: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + GUARD_SECONDS
    while True:
        assert running.poll() is None, "dovecot did not start"
        with suppress(OSError, imaplib.IMAP4.error), server.client(ANYBODY):
            return
        assert time.monotonic() < end, (server.directory / "log").read_text(encoding="utf-8")
        time.sleep(0.05)
