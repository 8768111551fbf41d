"""scripts/campaign imap: one folder of many mails on a real Dovecot, fetched while the daemon is killed with -9.

Three times: getmail (Debian's getmail6) fetches some of it into a Maildir; mailhub all of it without a kill,
for its rate; mailhub all of it, killed at random moments. Checks after the last two: every mail stored
exactly once, its raw bytes as the server gives them to another client, and one fate `filed` for each. Rates
are in mails a second, from the first connection to the last mail. Example: scripts/campaign imap --corpus
../shared/corpus/spamassassin/index --mails 10000 --times 10
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from scripts.campaign_corpus import check_messages
from scripts.rig.client import load_corpus, mark
from scripts.rig.systems import Mailhub
from storage.database import Database
from tests.houses.dovecot import ANYBODY, PASSWORD, PEER, Dovecot, dovecot, give_away, unprivileged

MAILBOX = "support@example.com"
GUARD_SECONDS = 1800.0
SERVED_AT_ONCE = 200

_GETMAIL = """
[retriever]
type = SimpleIMAPRetriever
server = 127.0.0.1
port = {port}
username = {user}
password = {password}
mailboxes = ("INBOX",)
use_peek = True
[destination]
type = Maildir
path = {directory}/Maildir/
[options]
read_all = True
verbose = 0
delivered_to = False
received = False
"""


def main() -> None:
    """Run it; exit 1 with what is wrong."""
    parser = argparse.ArgumentParser(prog="scripts/campaign imap", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--mails", type=int, default=10_000)
    parser.add_argument("--peer-mails", type=int, default=500, help="getmail makes a process for each")
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    corpus = load_corpus(options.corpus, options.mails)
    mails = list(_new_mails(corpus, options.mails))
    folder = Path(tempfile.mkdtemp(prefix="mailhub-imap-"))
    try:
        with dovecot() as server:
            server.fill(ANYBODY, iter(mails))
            peers = server.fill(PEER, iter(mails[: options.peer_mails]))
            seconds = _getmail(server, folder)
            print(
                f"getmail into a Maildir: {peers} mails, {peers / seconds:.1f} a second ({seconds:.0f} s)",
                flush=True,
            )
            faults = campaign(server, folder / "whole", mails, times=0, seed=options.seed)
            faults += campaign(server, folder / "killed", mails, times=options.times, seed=options.seed)
    finally:
        shutil.rmtree(folder)
    for fault in faults:
        print(f"WRONG: {fault}")
    raise SystemExit(1 if faults else 0)


def campaign(server: Dovecot, folder: Path, mails: list[bytes], *, times: int, seed: int) -> list[str]:
    """Fetch everything, killed ``times`` times on the way; what is wrong, in words."""
    folder.mkdir()
    chance, system = random.Random(seed), Mailhub(folder)
    system.start()
    body = {"host": "127.0.0.1", "port": server.port, "tls": "none", "login": ANYBODY, "password": PASSWORD}
    system.call("POST", f"/v1/mailboxes/{MAILBOX}/imap", body)
    begun = time.monotonic()
    for number in range(1, times + 1):
        _wait(system, number * len(mails) // (times + 1))
        time.sleep(chance.uniform(0.0, 0.3))
        system.kill()
        system.start()
    found = _wait(system, len(mails))
    seconds = time.monotonic() - begun
    system.stop()
    print(
        f"mailhub, {times} kills: {len(mails) / seconds:.0f} mails a second ({seconds:.0f} s); {found['filed']} filed,"
        f" {found['duplicate']} duplicate, {found['quarantined']} unreadable",
        flush=True,
    )
    database = Database(system.database_url())
    faults = check_messages(database, _as_served(server))
    database.close()
    if (found["filed"], found["duplicate"]) != (len(mails), 0):
        faults.append(f"fates: {found}")
    return faults


def _new_mails(corpus: list[bytes], count: int) -> Iterator[bytes]:
    for number in range(count):
        yield mark(corpus[number % len(corpus)], f"imap{number}x")


def _as_served(server: Dovecot) -> list[bytes]:
    """The mails as another client gets them: Dovecot writes every line end as CRLF, and no NUL (RFC 9051 4.3)."""
    mails = []
    with server.client(ANYBODY) as client:
        count = int(client.select("INBOX", readonly=True)[1][0] or 0)
        for first in range(1, count + 1, SERVED_AT_ONCE):
            _, found = client.fetch(f"{first}:{min(count, first + SERVED_AT_ONCE - 1)}", "(BODY.PEEK[])")
            mails += [each[1] for each in found if isinstance(each, tuple)]
    return mails


def _getmail(server: Dovecot, folder: Path) -> float:
    """Seconds that getmail takes for the folder."""
    home = folder / "getmail"
    for name in ("cur", "new", "tmp"):
        (home / "Maildir" / name).mkdir(parents=True)
    rules = home / "rc"
    rules.write_text(_GETMAIL.format(port=server.port, user=PEER, password=PASSWORD, directory=home))
    begun = time.monotonic()
    folder.chmod(0o755)
    give_away(home)  # getmail refuses to deliver as root
    uid, gid = unprivileged()
    command = ["getmail", "--rcfile", rules, "--getmaildir", home]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, user=uid, group=gid, extra_groups=[])
    return time.monotonic() - begun


def _wait(system: Mailhub, count: int) -> dict[str, Any]:
    """Until so many mails have a fate; the folder's counts."""
    end = time.monotonic() + GUARD_SECONDS
    while time.monotonic() < end:
        with suppress(OSError, RuntimeError):  # it is just being started
            found: Any = system.call("GET", f"/v1/mailboxes/{MAILBOX}/imap")
            folder: dict[str, Any] = found["folders"][0]
            print(f"\r{folder['seen']} seen", end="\r", flush=True)
            if folder["seen"] >= count:
                return folder
        time.sleep(0.2)
    raise SystemExit(f"only {folder['seen']} of {count} were fetched: {found['fault']}")


if __name__ == "__main__":
    main()
