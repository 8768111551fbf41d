"""scripts/campaign imap-others: fifty other clients mark, move and expunge while a real Dovecot is fetched from.

Three phases, mail coming all the time. 1: in INBOX others mark what there is, move a share of it to a folder
that is not fetched or to one that is, and expunge a share. 2: the second folder is deleted and made again,
and gets old mail and new. 3: INBOX gets another UIDVALIDITY (its uidlist is removed), twice. The oracle: a
mail that nobody took away is one message, exactly; one that was moved out, expunged or deleted with its
folder is at most one. Example: scripts/campaign imap-others --mails 3000 --clients 50
"""

from __future__ import annotations

import argparse
import imaplib
import os
import random
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import select

from scripts.rig.systems import Mailhub
from storage.database import Database
from storage.schema import message
from tests.houses.dovecot import ANYBODY, PASSWORD, Dovecot, dovecot

PATH = "/v1/mailboxes/support@example.com/imap"
GUARD_SECONDS = 300.0
SECOND_FOLDER, AWAY = "Post", "Filed"  # fetched, and not fetched
PORTION = 50
TRIES = 20
TAKEN_SHARE = 0.1  # of what is appended in the first phase, for each of: moved out, moved over, expunged
FLAGS = ("\\Seen", "\\Flagged", "\\Answered", "$Label1", "$Forwarded")


class Mailbox:
    """What is in the mailbox, as far as the oracle must know. Shared by all clients."""

    def __init__(self, server: Dovecot, seed: int) -> None:
        self.server, self.chance = server, random.Random(seed)
        self.sent = 0
        self.bodies: dict[str, bytes] = {}
        self.taken = Counter[str]()
        self.gone: set[str] = set()
        self.changes = 0
        self.prey: list[tuple[str, int, str]] = []  # what is to be done, the UID in INBOX, the subject
        self.lock = threading.Lock()
        self.done = threading.Event()

    def feed(self, client: imaplib.IMAP4, folder: str, count: int, *, prey: bool = False) -> list[str]:
        """Append new mails; a share of them is for others to take."""
        subjects = []
        for _ in range(count):
            self.sent += 1
            subject = f"Others {self.sent}"
            head = f"From: ana@customer.example\r\nSubject: {subject}\r\nMessage-ID: <others{self.sent}@bench.example>"
            self.bodies[subject] = f"{head}\r\n\r\n{'It does not work. ' * 50}\r\n".encode()
            uid = self.put(client, folder, subject)
            subjects.append(subject)
            draw = self.chance.random()
            if prey and draw < 3 * TAKEN_SHARE:
                with self.lock:
                    self.prey.append(
                        (("move out", "move over", "expunge")[int(draw / TAKEN_SHARE)], uid, subject)
                    )
        return subjects

    def put(self, client: imaplib.IMAP4, folder: str, subject: str) -> int:
        """Append a mail; its UID."""
        kind, answer = client.append(folder, "", "", self.bodies[subject])
        for _ in range(
            TRIES
        ):  # NO while the folder is being made again, and a session that does not know it yet
            if kind == "OK":
                break
            time.sleep(0.2)
            with self.server.client(ANYBODY) as other:
                kind, answer = other.append(folder, "", "", self.bodies[subject])
        assert kind == "OK", answer
        return int(answer[0].split(b"]")[0].split()[-1])

    def meddle(self, number: int) -> None:
        """One other client, with connections of its own, until it is done."""
        while not self.done.is_set():
            with suppress(imaplib.IMAP4.error, OSError), self.server.client(ANYBODY) as client:
                client.select(SECOND_FOLDER if number % 5 == 0 else "INBOX")
                while not self.done.is_set():
                    self._mark(client, number)
                    if number % 5 and self.prey:
                        self._take(client)

    def _mark(self, client: imaplib.IMAP4, number: int) -> None:
        first = random.randrange(1, self.sent + 1)
        act = random.choice(("+FLAGS.SILENT", "-FLAGS.SILENT"))
        client.uid("STORE", f"{first}:{first + 20}", act, f"({FLAGS[number % len(FLAGS)]})")
        self.changes += 1
        self.done.wait(0.05)

    def _take(self, client: imaplib.IMAP4) -> None:
        with self.lock:
            if not self.prey:
                return
            act, uid, subject = self.prey.pop(random.randrange(len(self.prey)))
            if act != "move over":
                self.gone.add(subject)  # before it is: whether the answer comes or not
            self.taken[act] += 1
        if act == "expunge":
            client.uid("STORE", str(uid), "+FLAGS.SILENT", "(\\Deleted)")
            client.uid("EXPUNGE", str(uid))
        else:
            client.uid("MOVE", str(uid), AWAY if act == "move out" else SECOND_FOLDER)


def main() -> None:
    """Run it; exit 1 with what is wrong."""
    parser = argparse.ArgumentParser(prog="scripts/campaign imap-others", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--mails", type=int, default=3_000)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    os.environ |= {"MAILHUB_IMAP__RETRY_SECONDS": "0.1", "MAILHUB_IMAP__RETRY_LIMIT_SECONDS": "1"}
    folder = Path(tempfile.mkdtemp(prefix="mailhub-others-"))
    system = Mailhub(folder)
    try:
        with dovecot() as server:
            faults = campaign(system, Mailbox(server, options.seed), options.mails, options.clients)
    finally:
        system.stop()
        shutil.rmtree(folder)
    for fault in faults:
        print(f"WRONG: {fault}")
    raise SystemExit(1 if faults else 0)


def campaign(system: Mailhub, box: Mailbox, mails: int, clients: int) -> list[str]:
    """The three phases; what is wrong, in words."""
    with box.server.client(ANYBODY) as client:
        client.create(SECOND_FOLDER)
        system.start()
        body = {
            "host": "127.0.0.1",
            "port": box.server.port,
            "tls": "none",
            "login": ANYBODY,
            "password": PASSWORD,
        }
        system.call("POST", PATH, body | {"folders": ["INBOX", SECOND_FOLDER], "poll_seconds": 1})
        box.feed(client, "INBOX", PORTION)
        with _meddling(box, clients):
            for _ in range(mails // PORTION):
                box.feed(client, "INBOX", PORTION, prey=True)
            _until(lambda: not box.prey, "others to take what is theirs")
            _settle(system, box)
            _delete_and_make_again(system, box, client)
        with _meddling(box, clients):
            for _ in range(2):
                _renumber(box)
                box.feed(client, "INBOX", PORTION)
                _settle(system, box)
    return _judge(system, box)


def _delete_and_make_again(system: Mailhub, box: Mailbox, client: imaplib.IMAP4) -> None:
    """The folder goes while mail comes to it; made again, it holds what it held and more."""
    first = box.feed(client, SECOND_FOLDER, PORTION)
    client.delete(SECOND_FOLDER)
    client.create(SECOND_FOLDER)
    for subject in first[: PORTION // 2]:
        box.put(client, SECOND_FOLDER, subject)
    box.gone.update(first[PORTION // 2 :])
    box.taken["deleted with the folder"] += len(first) - PORTION // 2
    box.feed(client, SECOND_FOLDER, PORTION)
    _settle(system, box)


def _renumber(box: Mailbox) -> None:
    """Another UIDVALIDITY: what Dovecot knows of the UIDs is removed."""
    for name in ("dovecot-uidlist", "dovecot.index", "dovecot.index.log", "dovecot.index.cache"):
        (box.server.maildir(ANYBODY) / name).unlink(missing_ok=True)


@contextmanager
def _meddling(box: Mailbox, clients: int) -> Iterator[None]:
    box.done.clear()
    others = [threading.Thread(target=box.meddle, args=(number,)) for number in range(clients)]
    for each in others:
        each.start()
    try:
        yield
    finally:
        box.done.set()
        for each in others:
            each.join()


def _settle(system: Mailhub, box: Mailbox) -> None:
    """Until every mail that is there must be filed."""
    _until(lambda: not _missing(_filed(system), box), lambda: _where(system, box))


def _where(system: Mailhub, box: Mailbox) -> str:
    """What is missing, where it lies at the server, and how the folders are."""
    missing = sorted(_missing(_filed(system), box))
    found: dict[str, list[str]] = {}
    with box.server.client(ANYBODY) as client:
        for folder in ("INBOX", SECOND_FOLDER, AWAY):
            client.select(folder, readonly=True)
            for subject in missing[:5]:
                _, uids = client.uid("SEARCH", "SUBJECT", f'"{subject}"')
                found.setdefault(subject, []).append(f"{folder} {uids[0].decode()}")
    return f"{len(missing)} are missing: {found}; {system.call('GET', PATH)}"


def _until(condition: Any, what: Any) -> None:
    end = time.monotonic() + GUARD_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"waited in vain: {what() if callable(what) else what}")
        time.sleep(0.3)


def _filed(system: Mailhub) -> Counter[str]:
    """How many messages have each subject."""
    database = Database(system.database_url())
    with database.read() as connection:
        found = Counter(connection.execute(select(message.c.subject)).scalars().all())
    database.close()
    return found


def _missing(filed: Counter[str], box: Mailbox) -> set[str]:
    return {subject for subject in box.bodies if subject not in box.gone and not filed[subject]}


def _judge(system: Mailhub, box: Mailbox) -> list[str]:
    filed: Counter[str] = _filed(system)
    source: Any = system.call("GET", PATH)
    counts = {
        folder["name"]: {k: folder[k] for k in ("seen", "filed", "duplicate")} for folder in source["folders"]
    }
    before = sum(subject in filed for subject in box.gone)
    print(
        f"{box.sent} mails, {box.changes} changes of flags by others; taken by others: {dict(box.taken)}\n"
        f"{sum(filed.values())} messages; of {len(box.gone)} taken away {before} were filed before; folders: {counts}",
        flush=True,
    )
    faults = [f"{subject} is missing" for subject in _missing(filed, box)]
    faults += [f"{subject} is there {count} times" for subject, count in filed.items() if count != 1]
    return faults + [f"{subject} was never sent" for subject in filed if subject not in box.bodies]


if __name__ == "__main__":
    main()
