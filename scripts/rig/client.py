"""The load: N sessions that keep their connection, take the next mail in order, and time last byte -> reply."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

MAIL_FROM = "load@client.example"


@dataclass
class Result:
    """What one round of load saw."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    accepted: int = 0
    refused: list[str] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000 if ordered else 0.0


def load_corpus(index: Path, limit: int) -> list[bytes]:
    """The mails of an index (``label path`` a line), in order."""
    paths = [
        index.parent / line.split(None, 1)[1].strip()
        for line in index.read_text().splitlines()
        if line.strip()
    ]
    return [path.read_bytes() for path in paths[:limit]]


def mark(mail: bytes, word: str) -> bytes:
    """The mail with a word of its own in the subject and a Message-ID of its own, so that every round is new mail."""
    head, separator, body = mail.replace(b"\r\n", b"\n").partition(b"\n\n")
    head = re.sub(rb"(?im)^(message-id|from ):?.*(\n[ \t].*)*\n?", b"", head + b"\n").rstrip(b"\n")
    if re.search(rb"(?im)^subject:", head):
        head = re.sub(rb"(?im)^subject:", b"Subject: " + word.encode(), head, count=1)
    else:
        head += b"\nSubject: " + word.encode()
    head += b"\nMessage-ID: <" + word.encode() + b"@bench.example>"
    return (head + separator + body).replace(b"\n", b"\r\n")


def with_crlf(mail: bytes) -> bytes:
    """The mail with network line ends and one at its end: what a server sees, and must give back."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", mail)
    return lines if lines.endswith(b"\r\n") else lines + b"\r\n"


def _stuffed(mail: bytes) -> bytes:
    body = mail.replace(b"\r\n.", b"\r\n..")
    if body.startswith(b"."):
        body = b"." + body
    return (body if body.endswith(b"\r\n") else body + b"\r\n") + b".\r\n"


async def _reply(reader: asyncio.StreamReader) -> bytes:
    while True:
        line = await reader.readline()
        if not line:
            raise ConnectionError("the server closed the connection")
        if line[3:4] != b"-":
            return line


async def _session(port: int, recipient: str, mails: Iterable[bytes], result: Result) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        await _converse(reader, writer, recipient, mails, result)
    finally:
        writer.close()


async def _converse(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    recipient: str,
    mails: Iterable[bytes],
    result: Result,
) -> None:
    await _reply(reader)
    writer.write(b"EHLO client.example\r\n")
    await _reply(reader)
    for mail in mails:
        writer.write(f"MAIL FROM:<{MAIL_FROM}>\r\n".encode())
        await _reply(reader)
        writer.write(f"RCPT TO:<{recipient}>\r\n".encode())
        await _reply(reader)
        writer.write(b"DATA\r\n")
        await _reply(reader)
        writer.write(_stuffed(mail))
        await writer.drain()
        began = time.perf_counter()
        answer = await _reply(reader)
        result.latencies.append(time.perf_counter() - began)
        if answer.startswith(b"250"):
            result.accepted += 1
        else:
            result.refused.append(answer.decode("latin-1").strip())
    writer.write(b"QUIT\r\n")
    await _reply(reader)


async def send_until_cut(port: int, recipient: str, mails: list[bytes], *, sessions: int = 20) -> set[bytes]:
    """Send until all have a reply or the server is gone; the mails that were answered 250."""
    accepted: set[bytes] = set()
    shared = iter(mails)

    async def one() -> None:
        result = Result()

        def taken() -> Iterable[bytes]:
            for mail in shared:
                yield mail
                if result.accepted > counted[0]:
                    counted[0] = result.accepted
                    accepted.add(mail)

        counted = [0]
        with contextlib.suppress(OSError):
            await _session(port, recipient, taken(), result)

    await asyncio.gather(*(one() for _ in range(sessions)))
    return accepted


async def _all(port: int, recipient: str, mails: list[bytes], sessions: int) -> Result:
    result, shared = Result(), iter(mails)
    began = time.perf_counter()
    await asyncio.gather(*(_session(port, recipient, shared, result) for _ in range(sessions)))
    result.seconds = time.perf_counter() - began
    return result


def send(port: int, recipient: str, mails: list[bytes], *, sessions: int = 20) -> Result:
    """Send all mails; returns when each has its reply. Loopback only."""
    return asyncio.run(_all(port, recipient, mails, sessions))


async def send_each(port: int, recipient: str, mails: list[bytes], *, sessions: int) -> Counter[str]:
    """Send all mails, a connection for each; the first three characters of each last reply, "cut" without one."""
    shared, replies = iter(mails), Counter[str]()

    async def one() -> None:
        for mail in shared:
            result = Result()
            try:
                await _session(port, recipient, [mail], result)
            except OSError:
                if not result.latencies:
                    replies["cut"] += 1
                    continue
            replies["250" if result.accepted else result.refused[0][:3]] += 1

    await asyncio.gather(*(one() for _ in range(sessions)))
    return replies
