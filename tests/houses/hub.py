"""A real daemon in a process of its own, real sockets, our own client. Used by tests/flows."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import smtplib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from mailhub.cli.client import ApiError, Client, NoDaemon
from mailhub.cli.main import root

ROOT = Path(__file__).parents[2]
GUARD_SECONDS = 60.0  # against hanging; not a measure
ENVIRONMENT = {
    "PYTHONPATH": str(ROOT),
    "PATH": os.environ["PATH"],
    "MAILHUB_SMTP__PORT": "0",
    "MAILHUB_LMTP__PORT": "0",
    "MAILHUB_HTTP__PORT": "0",
    "MAILHUB_SMTP__HOSTNAME": "mail.example.com",
}


@dataclass(kw_only=True)
class Hub:
    """One data directory, and the daemon that runs on it."""

    directory: Path  # short: the path of a Unix socket is at most 107 bytes
    environment: dict[str, str] = field(default_factory=lambda: dict(ENVIRONMENT))
    process: subprocess.Popen[bytes] | None = None

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.directory / "mailhub.toml"

    @property
    def socket(self) -> Path:
        """The admin socket."""
        return self.directory / "run/admin.sock"

    @property
    def log(self) -> str:
        """What the daemon has written so far."""
        return (self.directory / "daemon.log").read_text(encoding="utf-8")

    def run(
        self, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """`mailhub ARGUMENTS` as a process."""
        return subprocess.run(
            [sys.executable, "-m", "mailhub", "--config", str(self.config), *arguments],
            input=stdin,
            capture_output=True,
            env={**self.environment, "HOME": str(self.directory), **(environment or {})},
            cwd=self.directory,
            timeout=GUARD_SECONDS,
            check=False,
        )

    def json(self, *arguments: str) -> Any:
        """What `mailhub ARGUMENTS --json` prints, run in this process (a new one costs 20 times as much)."""
        printed = io.StringIO()
        command = ["--config", str(self.config), *arguments, "--json"]
        nobodys = {
            "MAILHUB_TOKEN": "",
            "XDG_CONFIG_HOME": str(self.directory),
        }  # not the developer's own ApiToken
        with redirect_stdout(printed), patch.dict(os.environ, nobodys):
            root.main(command, prog_name="mailhub", standalone_mode=False)
        return json.loads(printed.getvalue())

    def call(
        self, method: str, path: str, *, token: str | None = None, body: Any = None, **query: Any
    ) -> Any:
        """One API call on the admin socket; raises as the client does."""
        with Client(self.socket, token=token, timeout=GUARD_SECONDS) as client:
            return client.call(method, path, body=body, **query)

    def text(self, path: str) -> str:
        """GET on the admin socket, whatever it is."""
        with Client(self.socket, timeout=GUARD_SECONDS) as client:
            return client.fetch("GET", path).decode()

    def start(self, *arguments: str, **popen: Any) -> None:
        """Start the daemon and wait until it answers."""
        self.launch(*arguments, **popen)
        self.wait_until(self._answers)

    def launch(self, *arguments: str, **popen: Any) -> None:
        """Start the daemon and do not wait."""
        command = [sys.executable, "-m", "mailhub", "--config", str(self.config), "serve", *arguments]
        with (self.directory / "daemon.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stderr=log, stdout=log, cwd=self.directory, env=self.environment, **popen
            )

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        try:
            return bool(self.call("GET", "/livez")["live"])
        except (NoDaemon, ApiError):
            return False

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Look again and again until something is true; fails at the guard's end."""
        end = time.monotonic() + GUARD_SECONDS
        while not condition():
            assert time.monotonic() < end, self.log
            time.sleep(0.02)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the daemon; its exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(GUARD_SECONDS)

    def end(self) -> None:
        """Kill the daemon if it still runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def address(self, name: str) -> tuple[str, int]:
        """Where a door listens."""
        host, _, port = self.call("GET", "/v1/status")["listening"][name].rpartition(":")
        return host, int(port)

    def smtp(self) -> smtplib.SMTP:
        """A connection to the SMTP door."""
        host, port = self.address("smtp")
        return smtplib.SMTP(host, port, local_hostname="client.example", timeout=GUARD_SECONDS)

    def send(self, raw: bytes, sender: str = "ana@customer.example") -> None:
        """One message by SMTP to support@example.com."""
        with self.smtp() as smtp:
            smtp.sendmail(sender, ["support@example.com"], raw)


@contextmanager
def hubs() -> Iterator[Callable[[], Hub]]:
    """Makes initialised data directories; at the end whatever runs on them is killed, and they go.

    The first is made by `mailhub init`, further ones are copies of it as it was then: its paths are relative.
    """
    made: list[Hub] = []
    template = Path(tempfile.mkdtemp(prefix="mailhub-"))

    def make() -> Hub:
        if not made:
            done = Hub(directory=template).run("init", "--directory", str(template))
            assert done.returncode == 0, done.stderr.decode()
        hub = Hub(directory=Path(tempfile.mkdtemp(prefix="mailhub-")))
        made.append(hub)
        shutil.copytree(template, hub.directory, dirs_exist_ok=True)
        return hub

    try:
        yield make
    finally:
        for hub in made:
            hub.end()
            shutil.rmtree(hub.directory)
        shutil.rmtree(template)
