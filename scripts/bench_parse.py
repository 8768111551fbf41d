"""How fast mail is read, measured side by side in one run; prints, asserts nothing.

scripts/bench parse FOLDER [--limit N]     median and tail of parse() by stage over a folder, beside the stdlib's
scripts/bench parse --hostile [--size B]   every attack of hostile_mails.py at B and 2B: seconds, ratio, peak memory
"""

from __future__ import annotations

import argparse
import email
import email.policy
import statistics
import time
import tracemalloc
from pathlib import Path

from classifier.tokens import features
from mailhub.message import parse, sanitise, scan
from mailhub.reading.document import document
from scripts import hostile_mails


def _best(call: object, raw: bytes, rounds: int) -> float:
    assert callable(call)
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        call(raw)
        best = min(best, time.process_time() - started)
    return best


def _features(raw: bytes) -> object:
    """What the filter needs of a mail, from its bytes."""
    return features(document(raw, parse.parse(raw)))


def _stdlib(raw: bytes) -> object:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    return [
        message.get(name)
        for name in ("subject", "from", "to", "cc", "date", "message-id", "references", "in-reply-to")
    ]


def _stdlib_safely(raw: bytes) -> object:
    try:
        return _stdlib(raw)
    except Exception:  # noqa: BLE001 - what the stdlib raises on some mails is part of the comparison
        return None


def corpus(folder: Path, limit: int) -> None:
    """Median, mean and tail in microseconds, the better of two rounds for each mail."""
    mails = [path.read_bytes() for path in sorted(folder.iterdir())[:limit] if path.is_file()]
    calls = {
        "scan": scan.scan,
        "parse": parse.parse,
        "parse + features": _features,
        "stdlib policy.default + 8 headers": _stdlib_safely,
    }
    print(f"{len(mails)} mails, median {int(statistics.median(map(len, mails)))} bytes")
    medians = {}
    for name, call in calls.items():
        times = sorted(_best(call, raw, 2) * 1e6 for raw in mails)
        medians[name] = statistics.median(times)
        tail = times[int(len(times) * 0.99)]
        print(
            f"{name:36} median {medians[name]:7.0f} us  mean {statistics.mean(times):7.0f}  p99 {tail:7.0f}"
        )
    print(
        f"parse takes {medians['parse'] / medians['stdlib policy.default + 8 headers']:.2f} of the stdlib's time"
    )


def _peak(raw: bytes) -> float:
    tracemalloc.start()
    parse.parse(raw)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / len(raw)


def hostile(size: int) -> None:
    """Each attack at ``size`` and twice that: best of three; the ratio says whether the work is linear."""
    print(f"{'attack':18} {'seconds':>8} {'at 2n':>8} {'ratio':>6} {'memory/size':>12} {'sanitise 2n':>12}")
    worst = 0.0
    for name, build in hostile_mails.ATTACKS.items():
        once, twice = build(size), build(2 * size)
        first, second = _best(parse.parse, once, 3), _best(parse.parse, twice, 3)
        page = parse.parse(twice).html
        cleaned = _best(lambda raw: sanitise.clean(raw.decode(), {}), page.encode(), 1) if page else 0.0
        ratio = second / first
        worst = max(worst, ratio if second > 0.002 else 0)
        print(f"{name:18} {first:8.4f} {second:8.4f} {ratio:6.2f} {_peak(twice):12.2f} {cleaned:12.4f}")
    print(f"worst ratio of those over 2 ms: {worst:.2f}")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("folder", nargs="?", type=Path)
    asked.add_argument("--limit", type=int, default=10_000)
    asked.add_argument("--hostile", action="store_true")
    asked.add_argument("--size", type=int, default=10_000_000)
    given = asked.parse_args()
    if given.hostile:
        hostile(given.size)
    elif given.folder:
        corpus(given.folder, given.limit)
    else:
        asked.error("name a folder of mails, or --hostile")


if __name__ == "__main__":
    main()
