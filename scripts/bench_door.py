"""What the SMTP door itself costs: stock aiosmtpd with a null handler beside mailhub's Door with a null pipeline.

Both run in turn, in a process of their own on the same machine, against the same 20 client sessions with
connection reuse; rounds alternate, and the best of each is shown, with its ratio to stock. CPU is that of the
server's process. Loopback only. Usage: bench_door.py [--messages N] [--rounds N] [--size BYTES]
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import socket
import time
import warnings
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

import uvloop
from aiosmtpd.smtp import SMTP

from mailhub.envelope import Envelope, Fate, Outcome, Recipient
from mailhub.intake.smtp.door import Door
from mailhub.intake.smtp.limits import DoorSettings

SESSIONS = 20


class NullPipeline:
    """Takes everything, keeps nothing."""

    def resolve(self, recipient: str) -> Recipient:
        return Recipient(1, 1, recipient)

    async def deliver(self, envelope: Envelope, raw: bytes) -> Sequence[Outcome]:
        return [Outcome(recipient=name, fate=Fate.FILED, message=1) for name in envelope.recipients]

    def refused(self, peer: str, reason: str) -> None:
        pass


def _stock(loop: asyncio.AbstractEventLoop) -> Callable[[], asyncio.Protocol]:
    class Handler:
        async def handle_DATA(  # noqa: N802 aiosmtpd finds hooks by this name
            self, server: Any, session: Any, envelope: Any
        ) -> str:
            return "250 OK"

    warnings.simplefilter("ignore")
    return lambda: SMTP(Handler(), loop=loop, hostname="localhost", enable_SMTPUTF8=True)


def _ours(loop: asyncio.AbstractEventLoop) -> Callable[[], asyncio.Protocol]:
    return Door(NullPipeline(), DoorSettings(greeting_seconds=0.0), lmtp=False).protocol


VARIANTS = {
    "stock aiosmtpd, asyncio": (_stock, False),
    "stock aiosmtpd, uvloop": (_stock, True),
    "mailhub Door, asyncio": (_ours, False),
    "mailhub Door, uvloop": (_ours, True),
}


def _serve(variant: str, pipe: Connection) -> None:
    make, fast = VARIANTS[variant]

    async def main() -> None:
        loop = asyncio.get_running_loop()
        listener = socket.create_server(("127.0.0.1", 0))
        server = await loop.create_server(make(loop), sock=listener)
        pipe.send(listener.getsockname()[1])
        await loop.run_in_executor(None, pipe.recv)  # the client has connected and warmed up
        begun = time.process_time()
        pipe.send(None)
        await loop.run_in_executor(None, pipe.recv)
        pipe.send(time.process_time() - begun)
        server.close()

    if fast:
        uvloop.run(main())
    else:
        asyncio.run(main())


def _message(size: int) -> bytes:
    head = b"From: kim@customer.example\r\nTo: support@example.com\r\nSubject: bench\r\n\r\n"
    line = b"The quick brown fox jumps over the lazy dog and asks where its parcel is.\r\n"
    return head + line * max(1, (size - len(head)) // len(line))


async def _deliver(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
    for command in (
        b"MAIL FROM:<kim@customer.example> SIZE=%d\r\n" % len(body),
        b"RCPT TO:<support@example.com>\r\n",
        b"DATA\r\n",
        body + b".\r\n",
    ):
        writer.write(command)
        reply = await reader.readline()
        assert reply[:1] in b"23", reply


async def _drive(pipe: Connection, messages: int, body: bytes) -> float:
    port = pipe.recv()
    links = [await asyncio.open_connection("127.0.0.1", port) for _ in range(SESSIONS)]
    for reader, writer in links:
        await reader.readline()
        writer.write(b"EHLO bench.example\r\n")
        while (await reader.readline())[3:4] == b"-":
            pass
        await _deliver(reader, writer, body)

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(messages // SESSIONS):
            await _deliver(reader, writer, body)
        writer.close()

    pipe.send(None)
    pipe.recv()
    begun = time.perf_counter()
    await asyncio.gather(*(session(*link) for link in links))
    return time.perf_counter() - begun


def _round(variant: str, messages: int, body: bytes) -> tuple[float, float]:
    """(messages a second, CPU microseconds a message) of one run."""
    near, far = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(variant, far))
    process.start()
    try:
        seconds = uvloop.run(_drive(near, messages, body))
        near.send(None)
        cpu = near.recv()
    finally:
        process.join(10)
        if process.is_alive():
            process.kill()
    return messages / seconds, cpu / messages * 1e6


def main() -> None:
    """Run all variants in alternating rounds and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=7_168, help="bytes of one message")
    options = parser.parse_args()
    body = _message(options.size)
    results: dict[str, list[tuple[float, float]]] = {variant: [] for variant in VARIANTS}
    for _ in range(options.rounds):
        for variant, runs in results.items():
            runs.append(_round(variant, options.messages, body))
    base = min(cpu for _, cpu in results["stock aiosmtpd, asyncio"])
    print(
        f"{SESSIONS} sessions, {options.messages} messages of {len(body)} bytes, best of {options.rounds} rounds"
    )
    print(f"{'':26}{'messages/s':>12}{'CPU us/message':>16}{'of stock':>10}")
    for variant, runs in results.items():
        cpu = min(cpu for _, cpu in runs)
        print(f"{variant:26}{max(rate for rate, _ in runs):12.0f}{cpu:16.0f}{cpu / base:10.2f}")


if __name__ == "__main__":
    main()
