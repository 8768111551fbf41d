"""scripts/campaign imap-cuts: a proxy before a real Dovecot cuts the connection 500 times, at every kind of byte.

Mail comes while it cuts, and is to be marked as seen there after filing. Cuts fall after a random number of
the server's bytes, half of them within the first 2,000 (greeting, login, SELECT, the lists), half in the
mails. Checks: each mail has the one fate `filed`, no other was made, and the server's marks are true.
Example: scripts/campaign imap-cuts --cuts 500 --tls
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.rig.systems import Mailhub
from tests.houses.dovecot import ANYBODY, PASSWORD, Dovecot, dovecot
from tests.intake.imap.hostile import cutting

PATH = "/v1/mailboxes/support@example.com/imap"
GUARD_SECONDS = 900.0
MAILS_A_CUT = 2
HANDSHAKE_BYTES = 1_500  # of the server's, with a certificate as small as the rig's
BODY = "It does not work. " * 100


class Cuts:
    """The offsets to cut at, counted."""

    def __init__(self, count: int, seed: int, *, ahead: int) -> None:
        """``ahead`` is what comes before the first byte of IMAP: a handshake."""
        self.made, self._count, self._chance, self._ahead = 0, count, random.Random(seed), ahead

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        if self.made >= self._count:
            raise StopIteration
        self.made += 1
        return self._chance.randrange(1, self._ahead + (2_000 if self.made % 2 else 20_000))


def main() -> None:
    """Run it; exit 1 with what is wrong."""
    parser = argparse.ArgumentParser(prog="scripts/campaign imap-cuts", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--cuts", type=int, default=500)
    parser.add_argument("--tls", action="store_true", help="cut under TLS, its certificate verified")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    os.environ |= {"MAILHUB_IMAP__RETRY_SECONDS": "0.02", "MAILHUB_IMAP__RETRY_LIMIT_SECONDS": "0.1"}
    folder = Path(tempfile.mkdtemp(prefix="mailhub-cuts-"))
    cuts = Cuts(options.cuts, options.seed, ahead=HANDSHAKE_BYTES if options.tls else 0)
    system = Mailhub(folder)
    try:
        with dovecot() as server, cutting(server.tls_port if options.tls else server.port, cuts) as port:
            os.environ["MAILHUB_IMAP__CA_FILE"] = str(server.certificate)
            way = {"host": "localhost", "port": port, "tls": "implicit" if options.tls else "none"}
            fault = _campaign(system, server, way, cuts, options.cuts)
    finally:
        system.stop()
        shutil.rmtree(folder)
    if fault:
        print(f"WRONG: {fault}")
    raise SystemExit(1 if fault else 0)


def _campaign(system: Mailhub, server: Dovecot, way: dict[str, Any], cuts: Cuts, wanted: int) -> str:
    system.start()
    body = {**way, "login": ANYBODY, "password": PASSWORD}
    system.call("POST", PATH, body | {"after_filing": "seen", "poll_seconds": 1})
    sent, end = 0, time.monotonic() + GUARD_SECONDS
    while True:
        source: Any = system.call("GET", PATH)
        folder, marked = source["folders"][0], _marked(server)
        if cuts.made >= wanted and folder["filed"] >= sent and marked == sent:
            break
        if time.monotonic() > end:
            return f"{cuts.made} cuts, {sent} sent, {folder}, {marked} marked"
        if cuts.made < wanted and sent < MAILS_A_CUT * (cuts.made + 1):
            _send(server, sent, 10)
            sent += 10
        time.sleep(0.05)
    print(
        f"{cuts.made} cuts, {sent} mails: {folder['filed']} filed, {folder['duplicate']} duplicate,"
        f" {marked} marked on the server",
        flush=True,
    )
    return "" if (folder["filed"], folder["duplicate"]) == (sent, 0) else str(folder)


def _send(server: Dovecot, first: int, count: int) -> None:
    for number in range(first, first + count):
        head = f"From: ana@customer.example\r\nSubject: Cut {number}\r\nMessage-ID: <cut{number}@bench.example>\r\n"
        server.append(ANYBODY, f"{head}\r\n{BODY}\r\n".encode())


def _marked(server: Dovecot) -> int:
    with server.client(ANYBODY) as client:
        client.select("INBOX", readonly=True)
        _, found = client.search(None, "SEEN")
        return len((found[0] or b"").split())


if __name__ == "__main__":
    main()
