"""What the daemon knows stands in no argument, environment, log or core: canaries, looked for from outside.

Logins, second factors and ApiTokens have their own canaries (test_login.py); here are those of the operator.
"""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.houses.hub import Hub

MAIL = b"From: ana@customer.example\r\nSubject: canary\r\n\r\nHello.\r\n"
PASSWORD = "canary-of-the-relay"
ASK = """
import ctypes, resource
from mailhub.system import process
process.prepare()
PR_GET_DUMPABLE = 3
print(ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), *resource.getrlimit(resource.RLIMIT_CORE))
"""


def with_relay(hub: Hub) -> None:
    """A relay that does not answer, with a password."""
    (hub.directory / "password").write_text(f"{PASSWORD}\n", encoding="utf-8")
    (hub.directory / "password").chmod(0o600)
    with hub.config.open("a", encoding="utf-8") as file:
        file.write(
            '[relay]\nhost = "127.0.0.1"\nport = 9\ntls = "none"\nuser = "u"\npassword_file = "password"\n'
        )


def test_root_key_and_relay_password_are_nowhere(idle_hub: Hub) -> None:
    """Neither is in what other processes see, in the log of a mail, a try to send and a crash, or in doctor's words."""
    with_relay(idle_hub)
    idle_hub.start()
    idle_hub.send(MAIL)
    idle_hub.json("ticket", "reply", "1", "--text", "An answer.")
    idle_hub.wait_until(lambda: 'mailhub_relay_tries_total{result="' in idle_hub.text("/metrics"))
    assert idle_hub.process is not None
    process = Path(f"/proc/{idle_hub.process.pid}")
    seen = b"".join((process / name).read_bytes() for name in ("cmdline", "environ"))
    seen += b"".join(each.read_bytes() for each in (process / "task").glob("*/comm"))
    said = idle_hub.run("doctor")
    assert b"127.0.0.1 port 9" in said.stdout
    assert idle_hub.stop(signal.SIGABRT) == -signal.SIGABRT
    seen += said.stdout + said.stderr + idle_hub.log.encode()
    key = (idle_hub.directory / "root.key").read_bytes().strip()
    for secret in (key, bytes.fromhex(key.decode()), PASSWORD.encode()):
        assert secret not in seen
    assert list(idle_hub.directory.glob("core*")) == []


def test_daemon_leaves_no_core() -> None:
    """The process forbids dumps of itself, whatever limit it was started with, and hands a limit of zero on."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (hard, hard)),
    )
    assert done.stdout.split() == ["0", "0", "0"]
