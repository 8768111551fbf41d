"""scripts/bench large: ten mails of 20 MB at once, small mails beside them: do the small ones wait, does memory hold?

Prints p50 and p99 (last byte -> reply) of small mails alone and beside the large ones, and the daemon's peak memory.
Example: scripts/bench large --large 10 --large-mib 20
"""

from __future__ import annotations

import argparse
import base64
import random
import shutil
import tempfile
import threading
from pathlib import Path

from scripts.rig.client import Result, send
from scripts.rig.process_tree import PeakMemory
from scripts.rig.systems import RECIPIENT, Mailhub

HEADERS = (
    b"From: %s@bench.example\r\nTo: support@example.com\r\nSubject: %s\r\nMessage-ID: <%s@bench.example>\r\n"
)


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(prog="scripts/bench large", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--large", type=int, default=10)
    parser.add_argument("--large-mib", type=int, default=20)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mailhub-large-", dir="."))
    system = Mailhub(folder.absolute())
    system.start()
    try:
        alone = send(system.port, RECIPIENT, [_small(f"alone{n}") for n in range(300)], sessions=4)
        memory = PeakMemory(system.roots())
        beside, large = _together(system, options.large, options.large_mib)
        print(
            f"small mails alone:  p50 {alone.percentile(0.5):6.1f} ms  p99 {alone.percentile(0.99):6.1f} ms"
        )
        print(
            f"small mails beside: p50 {beside.percentile(0.5):6.1f} ms  p99 {beside.percentile(0.99):6.1f} ms"
        )
        print(
            f"  {beside.accepted} of them; {large.accepted} of {options.large} large ones in {large.seconds:.1f} s"
        )
        print(f"peak memory of the daemon: {memory.stop() / 2**20:.0f} MiB")
    finally:
        system.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _together(system: Mailhub, count: int, mib: int) -> tuple[Result, Result]:
    heavy = [_large(f"large{n}", mib) for n in range(count)]
    done: list[Result] = []
    thread = threading.Thread(target=lambda: done.append(send(system.port, RECIPIENT, heavy, sessions=count)))
    thread.start()
    beside = Result()
    number = 0
    while thread.is_alive():
        part = send(system.port, RECIPIENT, [_small(f"beside{number + n}") for n in range(20)], sessions=4)
        beside.latencies += part.latencies
        beside.accepted += part.accepted
        number += 20
    thread.join()
    return beside, done[0]


def _small(name: str) -> bytes:
    word = name.encode()
    return HEADERS % (word, word, word) + b"\r\n" + b"A line of a small mail.\r\n" * 200


def _large(name: str, mib: int) -> bytes:
    word = name.encode()
    content = base64.encodebytes(random.Random(name).randbytes(mib * 2**20 * 3 // 4)).replace(b"\n", b"\r\n")
    kind = b"MIME-Version: 1.0\r\nContent-Type: application/octet-stream; name=x.bin\r\n"
    kind += b"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=x.bin\r\n\r\n"
    return HEADERS % (word, word, word) + kind + content


if __name__ == "__main__":
    main()
