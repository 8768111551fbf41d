"""Fuzz the parser for a bounded time. Job: mutate real and hostile mails, hold every result to the room's promises.

    scripts/fuzz [--seconds N] [--seed S] [FOLDER...]    seeds: the folders' files and hostile_mails.py

Guided by coverage in a simple way: an input that reaches a line of mailhub/message nobody reached before
joins the seeds (sys.settrace on every eighth input, since tracing is slow). Promises held: nothing raises, no
stage faults, every string is clean (values.py), the work of one input stays under a second per 100 KB, the
memory of every eighth under twice its size and 16 MiB, the digest is 16 bytes, attachments can be read.
Prints the most memory that one needed. Writes what fails to the temporary folder; exit status 1 then.
"""

from __future__ import annotations

import argparse
import logging
import random
import re
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from html.parser import HTMLParser
from pathlib import Path
from types import FrameType
from typing import Any

from classifier.tokens import features
from mailhub.message import parse, report, sanitise
from mailhub.reading.document import document
from scripts import hostile_mails

SEED_BYTES = 20_000
FIXED_BYTES = (
    16 * 1024 * 1024
)  # that reading one mail may need in memory, whatever its size (the bounds of message/)
TIMES_SIZE = 2  # and beside that, for each of its bytes
UNCLEAN_HEADER = re.compile("[\x00-\x08\n\r\x0e-\x1f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
ACTIVE = {
    "script",
    "iframe",
    "object",
    "embed",
    "form",
    "input",
    "style",
    "svg",
    "math",
    "link",
    "meta",
    "base",
}
UNCLEAN_TEXT = re.compile("[\x00\ud800-\udfff]")
PIECES = [
    b"\r\n", b"\n", b"\r", b"\0", b"--", b"=?utf-8?q?", b"?=", b"=?utf-7?b?", b"\xff\xfe",
    b"\xed\xa0\x80", b'"', b"(", b"<", b">",
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", b"--b--\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Type: message/rfc822\r\n", b"; charset=utf-16", b"; charset=x",
    b"; filename*0*=utf-8''%ff", b"<div>", b"<!--",
    b"<script>", b"&#xd800;", b"begin 644 x\r\n", b"+2D0-", b"\x1b$B", b"~{", b"format=flowed",
    b"> ", b"\xe2\x80\xae",
]  # fmt: skip


class Finder(HTMLParser):
    """Collects what a page for display must not hold; not the sanitiser's parser."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ACTIVE:
            self.found.append(tag)
        self.found += [name for name, _ in attrs if name.startswith("on") or name == "src"]


def strings(value: object) -> Iterator[tuple[str, str]]:
    """(field, string) of everything in a result."""
    stack: list[tuple[str, object]] = [("", value)]
    while stack:
        name, each = stack.pop()
        if isinstance(each, str):
            yield name, each
        elif is_dataclass(each):
            stack += [(field.name, getattr(each, field.name)) for field in fields(each)]
        elif isinstance(each, tuple | list):
            stack += [(name, inner) for inner in each]
        elif isinstance(each, dict):
            stack += [(name, inner) for pair in each.items() for inner in pair]


def fault(raw: bytes) -> str:
    """What is wrong with reading ``raw``; "" when all promises hold."""
    started = time.process_time()
    read = parse.parse(raw)
    spent = time.process_time() - started
    if spent > 0.5 + len(raw) / 100_000:
        return f"slow: {spent:.2f} s for {len(raw)} bytes"
    for flag in read.flags:
        if flag.startswith("fault-"):
            return flag
    body = {"text", "html", "hidden_text", "new", "folded"}
    for name, text in strings(read):
        if (UNCLEAN_TEXT if name in body else UNCLEAN_HEADER).search(text):
            return f"unclean {name}: {text[:80]!r}"
        text.encode("utf-8")
    if len(read.identity) != 16:
        return "identity"
    finder = Finder()
    finder.feed(sanitise.clean(read.html, {}) if read.html else "")
    if finder.found:
        return f"active html: {finder.found}"
    report.report(raw)
    return ""


def peak_bytes(raw: bytes) -> int:
    """The memory that reading, scoring and showing ``raw`` needs at most, the mail itself left out."""
    tracemalloc.start()
    try:
        read = parse.parse(raw)
        features(document(raw, read))
        sanitise.clean(read.html, {})
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def mutate(raw: bytes, chance: random.Random) -> bytes:
    """A few random changes: pieces put in, bytes changed, stretches dropped, doubled or swapped."""
    data = bytearray(raw)
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(5)
        if kind == 0 or not data:
            data[at:at] = chance.choice(PIECES)
        elif kind == 1:
            data[min(at, len(data) - 1)] = chance.randrange(256)
        elif kind == 2:
            del data[at : at + chance.randrange(1, 200)]
        elif kind == 3:
            data[at:at] = data[at : at + chance.randrange(1, 200)] * chance.choice((1, 2, 20))
        else:
            other = chance.randrange(len(data))
            data[at:at] = data[other : other + 100]
    return bytes(data[:200_000])


def reached(raw: bytes) -> set[tuple[str, int]]:
    """The lines of mailhub/message that reading ``raw`` runs through."""
    seen: set[tuple[str, int]] = set()

    def local(frame: FrameType, event: str, _: Any) -> Any:
        seen.add((frame.f_code.co_filename, frame.f_lineno))
        return local

    def entered(frame: FrameType, event: str, _: Any) -> Any:
        return local if "mailhub/message" in frame.f_code.co_filename else None

    sys.settrace(entered)
    try:
        parse.parse(raw)
    finally:
        sys.settrace(None)
    return seen


def seeds(folders: list[Path]) -> list[bytes]:
    found = [build(2_000) for build in hostile_mails.ATTACKS.values()]
    for folder in folders:
        files = sorted(
            path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".jsonl", ".json")
        )
        found += [path.read_bytes()[:SEED_BYTES] for path in files]
    return found


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("folders", nargs="*", type=Path)
    asked.add_argument("--seconds", type=float, default=60)
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    logging.disable()
    pool, chance = seeds(given.folders), random.Random(given.seed)
    lines: set[tuple[str, int]] = set()
    until, count, failures, most = time.monotonic() + given.seconds, 0, 0, 0
    while time.monotonic() < until and failures < 20:
        raw = mutate(chance.choice(pool), chance)
        count += 1
        try:
            wrong = fault(raw)
            if not wrong and count % 8 == 0:
                peak = peak_bytes(raw)
                most = max(most, peak)
                wrong = f"memory: {peak} for {len(raw)}" if peak > FIXED_BYTES + TIMES_SIZE * len(raw) else ""
        except Exception as error:  # noqa: BLE001 - finding what raises is the job
            wrong = f"raised {type(error).__name__}: {error}"
        if wrong:
            failures += 1
            path = Path(tempfile.gettempdir()) / f"mailhub-fuzz-{given.seed}-{count}.eml"
            path.write_bytes(raw)
            print(f"{path}: {wrong}")
        elif count % 8 == 0:
            new = reached(raw) - lines
            if new:
                lines |= new
                pool.append(raw)
    print(f"{count} inputs, {len(pool)} seeds, {len(lines)} lines reached, {failures} failures")
    print(f"most memory of one input: {most / 2**20:.1f} MiB")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
