"""scripts/campaign slow-clients: hold the API's doors open with idle and slow clients, and look whether mail flows.

On the admin socket and on the TLS door at once: clients that say nothing, that never finish the TLS
handshake, a head or a body, and that never read what they asked for; whoever is cut off comes back at once.
Beside them the same mails are sent as before them. Printed: mails a second and latencies without and with
them, the daemon's memory, what became of the clients, how often the operator got an answer. Example:
scripts/campaign slow-clients --clients 1000 --mails 400
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import resource
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from scripts.rig.client import Result, mark, send
from scripts.rig.systems import RECIPIENT, Mailhub

SESSIONS = 5  # that send mail
SPARE_DESCRIPTORS = 200
GATHERING_SECONDS = 5.0  # until the crowd has been at the doors
MIB = 1024 * 1024
MAIL = (
    b"From: kim@customer.example\r\nSubject: x\r\n\r\n" + b"The oven smokes again, whatever I set.\r\n" * 50
)
ASK_MUCH = b"GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 50  # some 10 MiB of answers
LONG_BODY = b"POST /v1/deliveries HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
ANYBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
ANYBODY.check_hostname, ANYBODY.verify_mode = False, ssl.CERT_NONE
HABITS = ("idle", "head", "body", "read", "handshake")


@dataclass
class Doors:
    """Where a daemon listens, and its process."""

    admin: Path
    https: tuple[str, int]
    smtp: int
    pid: int


@dataclass
class Outcome:
    """What a trial saw."""

    before: Result
    during: Result
    memory_before: int = 0  # bytes, resident
    memory_peak: int = 0
    clients: Counter[str] = field(default_factory=Counter)  # how their connections ended, or were begun
    operator: Counter[str] = field(default_factory=Counter)  # status of their calls


def main() -> None:
    """Run it; exit 1 when a mail was not answered 250."""
    parser = argparse.ArgumentParser(prog="scripts/campaign slow-clients", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--clients", type=int, default=1000, help="at each of the two doors")
    parser.add_argument("--mails", type=int, default=400)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mailhub-slow-"))
    system = _Secured(folder)
    system.start()
    try:
        outcome = asyncio.run(trial(system.doors(), clients=options.clients, mails=options.mails))
    finally:
        system.stop()
        shutil.rmtree(folder)
    show(outcome)
    raise SystemExit(0 if outcome.during.accepted == options.mails else 1)


class _Secured(Mailhub):
    """mailhub with the TLS door open."""

    def start(self) -> None:
        certificate, key = self.folder / "https.pem", self.folder / "https.key"
        command = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ]
        command += ["-days", "2", "-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        self._environment |= {
            "MAILHUB_HTTPS__ENABLED": "true",
            "MAILHUB_HTTPS__ADDRESS": "127.0.0.1",
            "MAILHUB_HTTPS__PORT": "0",
            "MAILHUB_HTTPS__CERTIFICATE": str(certificate),
            "MAILHUB_HTTPS__KEY": str(key),
        }
        super().start()

    def doors(self) -> Doors:
        """Where it listens."""
        status = self.call("GET", "/v1/status")
        assert isinstance(status, dict)
        host, _, port = status["listening"]["https"].rpartition(":")
        return Doors(self.socket, (host, int(port)), self.port, self.processes[0].pid)


async def trial(doors: Doors, *, clients: int, mails: int) -> Outcome:
    """Send the mails without, then beside ``clients`` slow ones at each door (as many as descriptors allow)."""
    clients = min(clients, _descriptors() // 2)
    before = await _mail(doors, "before", mails)
    outcome = Outcome(before=before, during=Result(), memory_before=resident_bytes(doors.pid))
    crowd = [asyncio.create_task(_client(doors, number, outcome.clients)) for number in range(2 * clients)]
    watching = asyncio.create_task(_watch(doors, outcome))
    await asyncio.sleep(GATHERING_SECONDS)
    outcome.during = await _mail(doors, "during", mails)
    left = {*crowd, watching}
    while left:  # again and again: up to 3.11 wait_for may lose a cancellation to its own timeout
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=1)
    return outcome


async def _mail(doors: Doors, word: str, mails: int) -> Result:
    """Send the mails, from a process of its own: the crowd's work shall not count as the daemon's delay."""
    made = [mark(MAIL, f"{word}{number}x") for number in range(mails)]
    sending = partial(send, doors.smtp, RECIPIENT, made, sessions=SESSIONS)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return await asyncio.get_running_loop().run_in_executor(pool, sending)


def _descriptors() -> int:
    """How many connections this process may hold: its soft bound is raised as far as it may be."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 20_000) if hard != resource.RLIM_INFINITY else 20_000
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted - SPARE_DESCRIPTORS


async def _client(doors: Doors, number: int, ended: Counter[str]) -> None:
    """One client: what it does goes by its number; cut off, it comes back."""
    door, habit = number % 2, HABITS[number // 2 % len(HABITS)]
    while True:
        ended["begun"] += 1
        try:
            reader, writer = await _connect(doors, habit, door)
        except (OSError, ssl.SSLError, TimeoutError):
            ended["not let in"] += 1
            await asyncio.sleep(1)
            continue
        try:
            await _behave(habit, reader, writer)
            ended["cut off"] += 1
        except OSError:
            ended["cut off"] += 1
        finally:
            writer.transport.abort()
        await asyncio.sleep(0.1)


async def _connect(doors: Doors, habit: str, door: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if door == 0:
        return await asyncio.open_unix_connection(str(doors.admin))
    if habit == "handshake":
        return await asyncio.open_connection(*doors.https)
    plain = socket.socket()
    plain.setblocking(False)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # who does not read shall be felt soon
    try:
        await asyncio.get_running_loop().sock_connect(plain, doors.https)
        return await asyncio.open_connection(sock=plain, ssl=ANYBODY, server_hostname="x", limit=4096)
    except BaseException:
        plain.close()
        raise


async def _behave(habit: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Be a nuisance until the other side has enough."""
    first = {"head": b"GET /livez HTTP/1.1\r\n", "body": LONG_BODY, "read": ASK_MUCH}.get(habit, b"")
    writer.write(first)
    while not writer.is_closing():
        if habit in ("head", "body"):
            writer.write(b"x")
        if habit == "read":
            await asyncio.sleep(1)
            continue
        with contextlib.suppress(TimeoutError):
            if not await asyncio.wait_for(reader.read(4096), 1):
                return


async def _watch(doors: Doors, outcome: Outcome) -> None:
    """Note the most memory, and what the operator hears who asks now and then."""
    while True:
        outcome.memory_peak = max(outcome.memory_peak, resident_bytes(doors.pid))
        outcome.operator[await _operator(doors.admin)] += 1
        await asyncio.sleep(0.2)


async def _operator(admin: Path) -> str:
    try:
        reader, writer = await asyncio.open_unix_connection(str(admin))
    except OSError:
        return "none"
    try:
        writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        line = await asyncio.wait_for(reader.readline(), 10)
    except (OSError, TimeoutError):
        return "none"
    finally:  # also when the watch is cancelled here: a writer left open warns when it is collected
        writer.transport.abort()
    return line.decode().split(" ")[1] if line else "none"


def resident_bytes(pid: int) -> int:
    """What the process holds in memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def show(outcome: Outcome) -> None:
    """Print what was seen."""
    for name, result in (("without", outcome.before), ("beside them", outcome.during)):
        rate = result.accepted / result.seconds if result.seconds else 0.0
        p50, p99 = result.percentile(0.5), result.percentile(0.99)
        print(f"{name:12} {result.accepted} mails, {rate:.0f}/s, p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    print(f"memory       {outcome.memory_before // MIB} MiB before, {outcome.memory_peak // MIB} MiB at most")
    print(f"clients      {dict(outcome.clients)}")
    print(f"operator     {dict(outcome.operator)}")


if __name__ == "__main__":
    main()
