"""scripts/campaign imap-hostile: good mailboxes on a real Dovecot, alone and beside hostile servers, by turns.

Every kind of ``tests/intake/imap/hostile.py``, several of each, is fetched from with the shipped settings for
time and memory. In each round a new good mailbox is filled and fetched: first with the hostile ones paused,
then beside them. Checks: the good mail is filed once each, each hostile mailbox has a state that is not well
and a fault in words, and the daemon's memory is bounded. Example: scripts/campaign imap-hostile --mails 1000
--rounds 3 --each 3
"""

from __future__ import annotations

import argparse
import shutil
import ssl
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from scripts.rig.systems import Mailhub
from tests.houses.dovecot import PASSWORD, Dovecot, dovecot
from tests.intake.imap.hostile import HOSTILE, INJECTING, NAMES, scripted
from tests.intake.imap.test_hostile import peak_kib

GUARD_SECONDS = 600.0
SETTLING_SECONDS = 5.0  # hostile ones are at it
BODY = "It does not work. " * 150


class House:
    """The daemon, and its mailboxes at servers of all kinds."""

    def __init__(self, system: Mailhub) -> None:
        self.system = system
        self.hostile: list[str] = []

    def add(self, name: str, host: str, port: int, *, tls: str = "none", login: str = "any") -> str:
        """Fetch from a server; the address of ours."""
        address = f"{name}@example.com"
        self.system.call("POST", "/v1/mailboxes", {"address": address})
        body = {"host": host, "port": port, "tls": tls, "login": login, "password": PASSWORD}
        self.system.call("POST", f"/v1/mailboxes/{address}/imap", body)
        return address

    def set_hostile(self, what: str) -> None:
        """pause or resume all of them."""
        for address in self.hostile:
            self.system.call("POST", f"/v1/mailboxes/{address}/imap/{what}")

    def source(self, address: str) -> dict[str, Any]:
        found: dict[str, Any] = self.system.call("GET", f"/v1/mailboxes/{address}/imap")
        return found


def main() -> None:
    """Run it; exit 1 with what is wrong."""
    parser = argparse.ArgumentParser(prog="scripts/campaign imap-hostile", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--mails", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--each", type=int, default=3, help="hostile servers of each kind")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mailhub-hostile-"))
    house = House(Mailhub(folder))
    try:
        with dovecot() as server, ExitStack() as stack:
            house.system.start()
            faults = _campaign(house, server, stack, options.mails, options.rounds, options.each)
    finally:
        house.system.stop()
        shutil.rmtree(folder)
    for fault in faults:
        print(f"WRONG: {fault}")
    raise SystemExit(1 if faults else 0)


def _campaign(
    house: House, server: Dovecot, stack: ExitStack, mails: int, rounds: int, each: int
) -> list[str]:
    _add_hostile(house, server, stack, each)
    house.set_hostile("pause")
    rates: dict[str, list[float]] = {"alone": [], "beside": []}
    peaks, faults = dict[str, int](), list[str]()
    for number in range(rounds):
        for how in ("alone", "beside"):
            if how == "beside":
                house.set_hostile("resume")
                time.sleep(SETTLING_SECONDS)
            rate, fault = _good(house, server, f"good{number}-{how}", mails)
            rates[how].append(rate)
            faults += fault
            if how == "beside" and number == rounds - 1:
                _wait_for_faults(house)
                faults += _show(house)
            house.set_hostile("pause")
            peaks.setdefault(how, peak_kib(house.system.roots()[0]))
    peaks["end"] = peak_kib(house.system.roots()[0])
    alone, beside = (statistics.median(rates[how]) for how in ("alone", "beside"))
    print(
        f"{mails} mails a round: {alone:.0f} a second alone, {beside:.0f} beside {len(house.hostile)} hostile servers"
    )
    print(f"rates {rates}; ratio of the medians {beside / alone:.2f}; peak memory in KiB {peaks}")
    return faults


def _add_hostile(house: House, server: Dovecot, stack: ExitStack, each: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certificate, server.directory / "key.pem")
    for number in range(each):
        for name, script in (HOSTILE | NAMES).items():
            port = stack.enter_context(scripted(script))
            house.hostile.append(house.add(f"{name}{number}", "127.0.0.1", port))
        for name, script in INJECTING.items():
            port = stack.enter_context(scripted(script))
            house.hostile.append(house.add(f"{name}{number}", "127.0.0.1", port, tls="starttls"))
        house.hostile.append(house.add(f"certificate{number}", "localhost", server.tls_port, tls="implicit"))


def _good(house: House, server: Dovecot, name: str, mails: int) -> tuple[float, list[str]]:
    user = server.new_user()
    server.fill(user, _mails(name, mails))
    begun = time.monotonic()
    address = house.add(name, "127.0.0.1", server.port, login=user)
    while house.source(address)["folders"][0]["seen"] < mails:
        if time.monotonic() - begun > GUARD_SECONDS:
            return 0.0, [f"{name}: {house.source(address)}"]
        time.sleep(0.05)
    rate = mails / (time.monotonic() - begun)
    folder = house.source(address)["folders"][0]
    house.system.call("POST", f"/v1/mailboxes/{address}/imap/pause")
    wrong = (folder["filed"], folder["duplicate"]) != (mails, 0)
    return rate, [f"{name}: {folder}"] if wrong else []


def _mails(name: str, count: int) -> Iterator[bytes]:
    for number in range(count):
        head = f"From: ana@customer.example\r\nSubject: {name} {number}\r\nMessage-ID: <{name}.{number}@bench.example>"
        yield f"{head}\r\n\r\n{BODY}\r\n".encode()


def _fault(source: dict[str, Any]) -> str:
    return source["fault"] or "; ".join(folder["fault"] for folder in source["folders"] if folder["fault"])


def _wait_for_faults(house: House) -> None:
    end = time.monotonic() + GUARD_SECONDS
    while not all(_fault(house.source(address)) for address in house.hostile) and time.monotonic() < end:
        time.sleep(0.5)


def _show(house: House) -> list[str]:
    """Print what `mailhub mailbox list` says of one of each kind; those it says nothing of."""
    sources = {address: house.source(address) for address in house.hostile}
    for address, source in sources.items():
        if address.startswith(tuple(f"{name}0@" for name in (*HOSTILE, *NAMES, *INJECTING, "certificate"))):
            folder = source["folders"][0]["state"]
            print(f"  {address.partition('0@')[0]:<16} {source['state']}, INBOX {folder}: {_fault(source)}")
    return [f"{address} has no fault" for address, source in sources.items() if not _fault(source)]


if __name__ == "__main__":
    main()
