"""The systems measured: each is started on free loopback ports in a folder of its own, and stopped by its process id.

A system says with ``missing()`` what is not installed; ``settled(n)`` waits until n more mails are at their end.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.rig.client import send

BIN = Path(sys.executable).parent
RECIPIENT = "support@example.com"
START_SECONDS = 240  # rspamd compiles its patterns first
SETTLE_SECONDS = 300


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: str, ready: Callable[[], bool], *, seconds: float) -> None:
    """Poll until ready; RuntimeError when it takes too long."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not ready within {seconds} s")
        time.sleep(0.05)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class System:
    """One system under load."""

    name = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.processes: list[subprocess.Popen[bytes]] = []

    def missing(self) -> str:
        """What is not installed, "" when nothing is."""
        return ""

    def start(self) -> None:
        raise NotImplementedError

    def prepare(self, mails: list[bytes], labels: list[str]) -> None:
        """Bring the system into its working state (train the filter) before the first round."""

    def settled(self, expected: int) -> None:
        """Wait until ``expected`` mails in all have arrived at their end."""

    def verify(self, words: list[str]) -> str:
        """Check that every mail of a round is there; a remark for the report."""
        return ""

    def roots(self) -> list[int]:
        """Process ids whose trees are the system."""
        return [process.pid for process in self.processes]

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _spawn(self, *command: str, environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        with (self.folder / f"{Path(command[0]).name}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **(environment or {})},
            )
        self.processes.append(process)
        return process


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=120)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Mailhub(System):
    """The shipped configuration, model trained, index on."""

    name = "mailhub (SQLite)"

    def __init__(self, folder: Path, *, database: str = "") -> None:
        super().__init__(folder)
        self.data = folder / "data"
        self.helpers: list[int] = []  # process ids of a database server, counted with the daemon
        self.socket = self.data / "run/admin.sock"
        self._environment = {
            "MAILHUB_CONFIG": str(self.data / "mailhub.toml"),
            "MAILHUB_IMAP__LOCAL_SERVERS": "127.0.0.1:1-65535 localhost:1-65535",
            "MAILHUB_SMTP__PORT": str(self.port),
            "MAILHUB_LMTP__ENABLED": "false",
            "MAILHUB_HTTP__ENABLED": "false",
            "MAILHUB_LIMITS__FLOOD_MESSAGES": "1000000",  # one sender brings the whole load
        }
        if database:
            self._environment["MAILHUB_STORAGE__URL"] = database

    def start(self) -> None:
        environment = {**os.environ, **self._environment}
        subprocess.run(
            [BIN / "mailhub", "init", "--directory", self.data],
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        self._spawn(str(BIN / "mailhub"), "serve", environment=self._environment)
        wait_for(self.name, lambda: _listens(self.port), seconds=START_SECONDS)

    def database_url(self) -> str:
        """SQLAlchemy URL of its database."""
        return self._environment.get("MAILHUB_STORAGE__URL") or f"sqlite:///{self.data}/mailhub.sqlite3"

    def roots(self) -> list[int]:
        return [*super().roots(), *self.helpers]

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        process = self.processes.pop()
        process.kill()
        process.wait()

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One call of the API on the admin socket; the decoded answer."""
        connection = UnixConnection(self.socket)
        text = json.dumps(body) if body is not None else None
        try:
            connection.request(method, path, text, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
        return json.loads(content) if content else None

    def prepare(self, mails: list[bytes], labels: list[str]) -> None:
        send(self.port, RECIPIENT, mails)
        by_subject = {f"train{index}x": label for index, label in enumerate(labels)}
        marks: dict[str, list[int]] = {"spam": [], "ham": []}
        for row in self._messages():
            word = re.match(r"train\d+x", row["subject"])
            if word:
                marks[by_subject[word.group()]].append(row["message"])
        for label, ids in marks.items():
            for start in range(0, len(ids), 100):
                self.call("POST", "/v1/spam/marks", {"messages": ids[start : start + 100], "label": label})

    def _messages(self) -> list[dict[str, Any]]:
        from sqlalchemy import select

        from storage.database import Database
        from storage.schema import message

        database = Database(self.database_url())
        with database.read() as connection:
            query = select(message.c.id.label("message"), message.c.subject, message.c.log_odds)
            rows: list[dict[str, Any]] = [dict(row._mapping) for row in connection.execute(query)]
        database.close()
        return rows

    def verify(self, words: list[str]) -> str:
        """Every mail is found by search, through the API, and has a score."""
        scored = {row["message"]: row["log_odds"] for row in self._messages()}
        for word in words:
            found = self.call("GET", f"/v1/tickets/search?query={word}&limit=5")
            if len(found["items"]) != 1:
                raise RuntimeError(f"{word}: found {len(found['items'])} times")
        if any(value is None for value in scored.values()):
            raise RuntimeError("a message has no score")
        return "all found by search, all scored"


class Postfix(System):
    """Queue and Maildir: Debian's configuration with a port, a domain and a folder of its own."""

    name = "Postfix -> Maildir"
    milter = ""

    def missing(self) -> str:
        if not shutil.which("postfix"):
            return "postfix is not installed"
        return "" if os.geteuid() == 0 else "postfix can only be started by root"

    def start(self) -> None:
        for name in ("etc", "queue", "lib", "mail"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        shutil.chown(self.folder / "lib", "postfix")
        shutil.chown(self.folder / "mail", "nobody")
        for parent in (self.folder, self.folder.parent):
            parent.chmod(0o755)
        (self.folder / "etc/main.cf").write_text(self._main())
        master = (Path("/usr/share/postfix/master.cf.dist")).read_text()
        master = re.sub(r"(?m)^smtp(\s+inet\s+n\s+-\s+)\S+", rf"127.0.0.1:{self.port}\1n", master)
        master = re.sub(r"(?m)^(\S+\s+(?:unix|fifo)\s+\S\s+\S\s+)[y-](\s)", r"\1n\2", master)
        if "postlog" not in master:
            master += "postlog unix-dgram n - n - 1 postlogd\n"
        (self.folder / "etc/master.cf").write_text(master)
        subprocess.run(["postfix", "-c", self.folder / "etc", "start"], check=True, capture_output=True)
        wait_for(self.name, lambda: _listens(self.port), seconds=START_SECONDS)

    def _main(self) -> str:
        return f"""compatibility_level = 3.6
queue_directory = {self.folder}/queue
data_directory = {self.folder}/lib
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = bench.example
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = reject_unauth_destination
maillog_file = {self.folder}/queue/maillog
maillog_file_prefixes = {self.folder}
import_environment = MAIL_CONFIG
virtual_mailbox_domains = example.com
virtual_mailbox_base = {self.folder}/mail
virtual_mailbox_maps = static:support/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 100
message_size_limit = 52428800
virtual_mailbox_limit = 0
header_size_limit = 10240000
{self.milter}
"""

    def roots(self) -> list[int]:
        return [int((self.folder / "queue/pid/master.pid").read_text())]

    def settled(self, expected: int) -> None:
        arrived = self.folder / "mail/support/new"
        wait_for(
            self.name,
            lambda: arrived.is_dir() and len(os.listdir(arrived)) >= expected,
            seconds=SETTLE_SECONDS,
        )

    def stop(self) -> None:
        subprocess.run(["postfix", "-c", self.folder / "etc", "stop"], check=False, capture_output=True)
        super().stop()


class PostfixRspamd(Postfix):
    """The same with rspamd as milter: Debian's configuration, what asks the network switched off in its favour."""

    name = "Postfix + rspamd"

    def missing(self) -> str:
        return super().missing() or ("" if shutil.which("rspamd") else "rspamd is not installed")

    def start(self) -> None:
        self._milter_port = free_port()
        self._start_rspamd()
        self.milter = f"smtpd_milters = inet:127.0.0.1:{self._milter_port}\nmilter_default_action = tempfail"
        super().start()

    def _configure(self, local: Path) -> None:
        """What differs between the ways it is measured."""
        (local / "worker-controller.inc").write_text(f'bind_socket = "127.0.0.1:{free_port()}";\n')

    def _start_rspamd(self) -> None:
        home = self.folder / "rspamd"
        shutil.copytree("/etc/rspamd", home, dirs_exist_ok=True)
        for name in ("run", "log", "db"):
            (self.folder / name).mkdir(exist_ok=True)
        local = home / "local.d"
        local.mkdir(exist_ok=True)
        (local / "worker-normal.inc").write_text("enabled = false;\n")
        self._configure(local)
        (local / "worker-fuzzy.inc").write_text("enabled = false;\n")
        (local / "worker-proxy.inc").write_text(
            f'bind_socket = "127.0.0.1:{self._milter_port}";\nmilter = yes;\ntimeout = 60s;\n'
            'upstream "local" { default = yes; self_scan = yes; }\n'
        )
        (local / "actions.conf").write_text(
            "reject = 10000;\ngreylist = 9999;\n"
        )  # score it, and let every mail in
        for module in (
            "rbl",
            "surbl",
            "spf",
            "dkim",
            "dmarc",
            "arc",
            "asn",
            "mx_check",
            "fuzzy_check",
            "phishing",
        ):
            (local / f"{module}.conf").write_text("enabled = false;\n")
        (local / "options.inc").write_text(
            'dns { nameserver = ["127.0.0.1"]; timeout = 0.1s; retransmits = 1; }\n'
        )
        user = "_rspamd"
        for path in (self.folder / "run", self.folder / "log", self.folder / "db"):
            shutil.chown(path, user)
        self._spawn(
            "rspamd", "-f", "-c", str(home / "rspamd.conf"), "-u", user, "-g", user,
            f"--var=CONFDIR={home}", f"--var=LOCAL_CONFDIR={home}", f"--var=RUNDIR={self.folder}/run",
            f"--var=LOGDIR={self.folder}/log", f"--var=DBDIR={self.folder}/db",
        )  # fmt: skip
        wait_for("rspamd", lambda: _listens(self._milter_port), seconds=START_SECONDS)

    def roots(self) -> list[int]:
        return [*super().roots(), *(process.pid for process in self.processes)]


class PostfixRspamdBayes(PostfixRspamd):
    """The same with its Bayes on, taught the same marks: Debian's statistic.conf, tokens in a redis of its own.

    In its favour only Bayes uses redis, which writes nothing to disk, and nothing is learnt while it is measured.
    """

    name = "Postfix + rspamd, Bayes"

    def missing(self) -> str:
        return super().missing() or ("" if shutil.which("redis-server") else "redis is not installed")

    def _configure(self, local: Path) -> None:
        redis, self._controller_port = free_port(), free_port()
        listening = f'bind_socket = "127.0.0.1:{self._controller_port}";\n'
        (local / "worker-controller.inc").write_text(listening)
        (local / "classifier-bayes.conf").write_text(f'servers = "127.0.0.1:{redis}";\n')
        self._spawn(
            "redis-server", "--port", str(redis), "--bind", "127.0.0.1", "--dir", str(self.folder),
            "--save", "", "--appendonly", "no",
        )  # fmt: skip
        wait_for("redis", lambda: _listens(redis), seconds=START_SECONDS)

    def prepare(self, mails: list[bytes], labels: list[str]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._controller_port, timeout=60)
        for mail, label in zip(mails, labels, strict=True):
            connection.request("POST", f"/learn{label}", mail, {"Learn-Type": "bulk"})
            answer = connection.getresponse()
            content = answer.read()
            if answer.status not in (200, 204, 208):  # 204: too few words for it; 208: learnt already
                raise RuntimeError(f"rspamd learnt nothing: {answer.status} {content[:300]!r}")
        connection.close()

    def verify(self, words: list[str]) -> str:
        """Bayes spoke on most of the mails: it says nothing of those it finds near the middle."""
        log = (self.folder / "log/rspamd.log").read_text(errors="replace")
        spoke = len(re.findall(r"BAYES_(?:SPAM|HAM)\(", log))
        if not spoke:
            raise RuntimeError("rspamd's Bayes is not at work")
        return f"Bayes spoke {spoke} times"


class Aiosmtpd(System):
    """Stock aiosmtpd with a handler that does nothing: the floor of its protocol class."""

    name = "aiosmtpd, null handler"

    def start(self) -> None:
        program = (
            "import asyncio\nfrom aiosmtpd.smtp import SMTP\n"
            "SMTP.line_length_limit = 10**6  # the corpus has longer lines than it takes\n"
            "class Null:\n async def handle_DATA(self, server, session, envelope): return '250 OK'\n"
            "async def main():\n loop = asyncio.get_running_loop()\n"
            f" server = await loop.create_server(lambda: SMTP(Null()), '127.0.0.1', {self.port})\n"
            " await server.serve_forever()\n"
            "asyncio.run(main())\n"
        )
        self._spawn(sys.executable, "-W", "ignore", "-c", program)
        wait_for(self.name, lambda: _listens(self.port), seconds=START_SECONDS)


class NoDns:
    """A name server on 127.0.0.1:53 that knows no name: without it rspamd would wait for time-outs."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind(("127.0.0.1", 53))
        except OSError:
            self._socket.close()
            return
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            query, peer = self._socket.recvfrom(4096)
            self._socket.sendto(query[:2] + b"\x81\x83" + query[4:6] + b"\0\0\0\0\0\0" + query[12:], peer)
