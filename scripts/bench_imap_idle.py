"""scripts/bench imap-idle: from APPEND at a real Dovecot to the ticket, while IDLE waits and nothing is polled.

The time runs from the server's OK to APPEND until the mail is counted as filed, which is after the commit.
Dovecot itself tells other clients of news half a second late (its notify delay). Example: scripts/bench
imap-idle --mails 50
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from scripts.rig.systems import Mailhub
from tests.houses.dovecot import ANYBODY, PASSWORD, Dovecot, dovecot

PATH = "/v1/mailboxes/support@example.com/imap"
GUARD_SECONDS = 60.0


def main() -> None:
    """Run it and print the times."""
    parser = argparse.ArgumentParser(prog="scripts/bench imap-idle", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--mails", type=int, default=50)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mailhub-idle-"))
    system = Mailhub(folder)
    try:
        with dovecot() as server:
            seconds = _measure(system, server, options.mails)
    finally:
        system.stop()
        shutil.rmtree(folder)
    ordered = sorted(seconds)
    print(
        f"{len(ordered)} mails, from APPEND to the ticket: median {statistics.median(ordered):.3f} s,"
        f" fastest {ordered[0]:.3f} s, slowest {ordered[-1]:.3f} s"
    )


def _measure(system: Mailhub, server: Dovecot, mails: int) -> list[float]:
    system.start()
    body: dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "tls": "none", "login": ANYBODY}
    system.call("POST", PATH, body | {"password": PASSWORD, "poll_seconds": 86_400})
    _wait(system, lambda source: source["state"] == "waiting")
    seconds = []
    with server.client(ANYBODY) as client:
        for number in range(1, mails + 1):
            head = f"From: ana@customer.example\r\nSubject: Idle {number}\r\nMessage-ID: <idle{number}@bench.example>\r\n"
            client.append("INBOX", "", "", f"{head}\r\nIt does not work.\r\n".encode())
            begun = time.monotonic()
            _wait(system, lambda source, number=number: source["folders"][0]["filed"] >= number)
            seconds.append(time.monotonic() - begun)
            time.sleep(0.2)  # IDLE is to wait again
    return seconds


def _wait(system: Mailhub, condition: Any) -> None:
    end = time.monotonic() + GUARD_SECONDS
    while not condition(system.call("GET", PATH)):
        if time.monotonic() > end:
            raise SystemExit(f"nothing came: {system.call('GET', PATH)}")
        time.sleep(0.01)


if __name__ == "__main__":
    main()
