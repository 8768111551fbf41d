"""scripts/campaign hostile: every attack, twenty at once, on a daemon with default limits; its peak memory under each.

By mail: each attack of scripts/hostile_mails.py, mutated mails (scripts/fuzz), and mail that does not
compress. By the API: bodies that are never finished, mails scored that are not stored, raw mails, files,
tickets and exports asked for twenty times together, by clients that read all of it and by clients that read
nothing. Printed for each: the peak of the whole process tree since the attack began (VmHWM, proc(5)), and
what was answered. Exit 1 when a peak is 512 MiB or more. What does not fit must be refused for now (452, 503,
429), never kill the daemon. Example: scripts/campaign hostile --mib 24 --only leading_lines,noise
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts import fuzz_parse, hostile_mails
from scripts.rig.client import send_each
from scripts.rig.process_tree import peak_bytes, reset_peaks
from scripts.rig.systems import RECIPIENT, Mailhub

MIB = 1024 * 1024
MOST_BYTES = 512 * MIB
HOLD_SECONDS = 2.0  # that clients who do not read, or do not send on, stay
ANSWER_SECONDS = 120.0
READ_BYTES = 1024 * 1024
FUZZED = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A daemon: its process, and where it listens."""

    pid: int
    smtp: int
    admin: Path
    recipient: str = RECIPIENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one attack did."""

    attack: str
    peak: int  # bytes, of the whole tree
    answers: Counter[str]  # by the first three characters: 250, 452, 503; "cut" without one


@dataclass(frozen=True, slots=True, kw_only=True)
class Force:
    """How hard it is attacked."""

    mib: int
    at_once: int
    seed: int = 1

    @property
    def size(self) -> int:
        """Of one mail, in bytes."""
        return self.mib * MIB


Attack = Callable[[Target, Force], Awaitable[Counter[str]]]


def main() -> None:
    """Run it; exit 1 when the daemon needed too much, or did not live."""
    parser = argparse.ArgumentParser(prog="scripts/campaign hostile", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--mib", type=int, default=24, help="size of each mail; the door takes 50")
    parser.add_argument("--at-once", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="names of attacks, with commas between")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mailhub-hostile-"))
    system = Mailhub(folder)
    system.start()
    try:
        target = Target(pid=system.processes[0].pid, smtp=system.port, admin=system.socket)
        names = options.only.split(",") if options.only else [*attacks()]
        force = Force(mib=options.mib, at_once=options.at_once, seed=options.seed)
        rows = asyncio.run(trial(target, names, force, show=show))
        lives = system.processes[0].poll() is None
    finally:
        system.stop()
        shutil.rmtree(folder)
    worst = max(rows, key=lambda row: row.peak)
    print(
        f"highest peak: {worst.peak // MIB} MiB ({worst.attack}); the daemon {'lives' if lives else 'DIED'}"
    )
    raise SystemExit(0 if lives and worst.peak < MOST_BYTES else 1)


def show(row: Row) -> None:
    """One line of the table."""
    print(f"{row.attack:20} {row.peak // MIB:5} MiB  {dict(row.answers)}", flush=True)


async def trial(target: Target, names: Sequence[str], force: Force, show: Callable[[Row], None]) -> list[Row]:
    """Each attack after the other, all of its mails or requests at once."""
    known, rows = attacks(), []
    for name in names:
        reset_peaks(target.pid)
        answers = await known[name](target, force)
        rows.append(Row(attack=name, peak=peak_bytes(target.pid), answers=answers))
        show(rows[-1])
    return rows


def attacks() -> dict[str, Attack]:
    """Every attack by its name; those by the API find mail that those by mail have left."""
    by_mail = {name: _mail(build) for name, build in hostile_mails.ATTACKS.items()}
    by_api: dict[str, Attack] = {
        "unfinished": _unfinished,
        "explained": _explained,
        "raw": lambda target, force: _asked(target, force, "/v1/messages/{message}/raw", read=True),
        "raw-unread": lambda target, force: _asked(target, force, "/v1/messages/{message}/raw", read=False),
        "file": lambda target, force: _asked(
            target, force, "/v1/messages/{message}/attachments/0", read=True
        ),
        "file-unread": lambda target, force: _asked(
            target, force, "/v1/messages/{message}/attachments/0", read=False
        ),
        "viewed": lambda target, force: _asked(target, force, "/v1/messages/{message}", read=True),
        "ticket": lambda target, force: _asked(target, force, "/v1/tickets/{ticket}", read=True),
        "why-scored": lambda target, force: _asked(target, force, "/v1/spam/explain/{message}", read=True),
        "export": lambda target, force: _asked(target, force, "/v1/contacts/{contact}/export", read=True),
        "export-unread": lambda target, force: _asked(
            target, force, "/v1/contacts/{contact}/export", read=False
        ),
    }
    return {**by_mail, "fuzzed": _fuzzed, "noise": _noise, **by_api}


# --- by mail ----------------------------------------------------------------------------------------------------------


def _mail(build: Callable[[int], bytes]) -> Attack:
    async def attack(target: Target, force: Force) -> Counter[str]:
        mail = build(force.size)
        return await send_each(target.smtp, target.recipient, [mail] * force.at_once, sessions=force.at_once)

    return attack


async def _fuzzed(target: Target, force: Force) -> Counter[str]:
    chance, pool = random.Random(force.seed), fuzz_parse.seeds([])
    mails = [fuzz_parse.mutate(chance.choice(pool), chance) for _ in range(FUZZED)]
    return await send_each(target.smtp, target.recipient, mails, sessions=force.at_once)


def _incompressible(force: Force) -> bytes:
    content = random.Random(force.seed).randbytes(force.size).translate(bytes(range(33, 97)) * 4)
    lines = b"\r\n".join(content[at : at + 76] for at in range(0, len(content), 76))[: force.size - 1024]
    kind = b"Content-Type: application/octet-stream; name=x.bin\r\nContent-Disposition: attachment\r\n\r\n"
    return b"From: noise@customer.example\r\nSubject: noise\r\n" + kind + lines


async def _noise(target: Target, force: Force) -> Counter[str]:
    head, mail = b"Message-ID: <noise-%d@customer.example>\r\n", _incompressible(force)
    mails = [head % number + mail for number in range(force.at_once)]
    return await send_each(target.smtp, target.recipient, mails, sessions=force.at_once)


# --- by the API -------------------------------------------------------------------------------------------------------


async def _unfinished(target: Target, force: Force) -> Counter[str]:
    """Bodies of which the last byte never comes."""
    head = b"POST /v1/spam/explain HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (force.size + 1)

    async def one() -> str:
        async with _connected(target) as (reader, writer):
            writer.write(head)
            with contextlib.suppress(ConnectionError):
                for _ in range(force.mib):
                    writer.write(bytes(MIB))
                    await asyncio.wait_for(writer.drain(), HOLD_SECONDS)
            return await _status(reader, HOLD_SECONDS)

    return await _together(force.at_once, one)


async def _explained(target: Target, force: Force) -> Counter[str]:
    mail = _incompressible(force)
    head = b"POST /v1/spam/explain HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(mail)

    async def one() -> str:
        async with _connected(target) as (reader, writer):
            with contextlib.suppress(ConnectionError):
                writer.write(head + mail)
                await writer.drain()
            return await _status(reader, ANSWER_SECONDS)

    return await _together(force.at_once, one)


async def _asked(target: Target, force: Force, path: str, *, read: bool) -> Counter[str]:
    """One path, many times together; of the mail that came last, after one that is large was sent."""
    await send_each(target.smtp, target.recipient, [_incompressible(force)], sessions=1)
    ticket = (await _json(target, "/v1/tickets?limit=1"))["items"][0]
    shown = await _json(target, f"/v1/tickets/{ticket['id']}")
    named = {"ticket": ticket["id"], "message": shown["messages"][0]["id"], "contact": ticket["contact_id"]}
    head = f"GET {path.format_map(named)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()

    async def one() -> str:
        async with _connected(target) as (reader, writer):
            writer.write(head)
            status = await _status(reader, ANSWER_SECONDS)
            if not read:
                await asyncio.sleep(HOLD_SECONDS)
            while read and await reader.read(READ_BYTES):
                pass
            return status

    return await _together(force.at_once, one)


async def _json(target: Target, path: str) -> Any:
    async with _connected(target) as (reader, writer):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        _, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
        return json.loads(body)


@contextlib.asynccontextmanager
async def _connected(target: Target) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_unix_connection(str(target.admin), limit=4 * READ_BYTES)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def _status(reader: asyncio.StreamReader, seconds: float) -> str:
    """The status of an answer; "cut" without one, "waits" when none came."""
    try:
        line = await asyncio.wait_for(reader.readline(), seconds)
    except TimeoutError:
        return "waits"
    except ConnectionError:
        return "cut"
    return line[9:12].decode() or "cut"


async def _together(count: int, one: Callable[[], Awaitable[str]]) -> Counter[str]:
    return Counter(await asyncio.gather(*(one() for _ in range(count))))


if __name__ == "__main__":
    main()
