"""scripts/bench accounts: what the models of many small accounts take, and the longest training of a large one.

Each account is taught its own stretch of the corpus in the corpus's order; what the process then holds is
read from /proc (Pss), numpy's and Python's own share included. All models are held at once; the daemon keeps
those used last within ``models.MEMORY_BYTES`` and the others in checkpoints. Then one account is taught the
whole corpus.

Example: scripts/bench accounts ../shared/corpus/spamassassin/index --accounts 1000 --messages 100
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from classifier.model import Counts, train
from classifier.tokens import Features, features
from mailhub.message.parse import parse
from mailhub.reading.document import document
from scripts.rig.client import load_corpus
from scripts.rig.process_tree import memory_bytes

MIB = 2**20


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(prog="scripts/bench accounts", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("corpus", type=Path, help="index of the mails: `spam|ham path` a line")
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--messages", type=int, default=100, help="marks of each account")
    options = parser.parse_args()
    labels = [line.split(None, 1)[0] for line in options.corpus.read_text().splitlines() if line.strip()]
    mails = load_corpus(options.corpus, len(labels))
    taught = [(features(document(raw, parse(raw))), label) for raw, label in zip(mails, labels, strict=True)]
    del mails
    before = memory_bytes([os.getpid()])
    models = [
        _account(taught, number * options.messages, options.messages) for number in range(options.accounts)
    ]
    held, counted = memory_bytes([os.getpid()]) - before, sum(counts.size_bytes for counts in models)
    print(
        f"{options.accounts} accounts of {options.messages} marks: {held / MIB:.0f} MiB more, the process as a whole"
    )
    print(
        f"{(before + held) / MIB:.0f} MiB with {len(taught)} mails' features; the tables say {counted / MIB:.0f} MiB"
    )
    models.clear()
    _grown(taught)


def _account(taught: list[tuple[Features, str]], start: int, messages: int) -> Counts:
    counts = Counts()
    for number in range(start, start + messages):
        train(counts, *taught[number % len(taught)])
    return counts


def _grown(taught: list[tuple[Features, str]]) -> None:
    counts, seconds = Counts(), []
    for found, label in taught:
        began = time.thread_time()
        train(counts, found, label)
        seconds.append(time.thread_time() - began)
    longest, mean = max(seconds) * 1000, sum(seconds) / len(seconds) * 1000
    print(f"one account of {len(taught)} marks: {counts.size_bytes / MIB:.1f} MiB")
    print(f"its longest training {longest:.1f} ms of processor time, mean {mean:.2f}")


if __name__ == "__main__":
    main()
