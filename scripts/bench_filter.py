"""How good and how fast the filter is, beside its peers. Job: the figures of docs/filter.md; prints, asserts nothing.

scripts/bench filter INDEX                          all filters over one index, in its order, in one table
scripts/bench filter INDEX --feedback delayed:200   or half, as classifier/evaluation.py defines them; else immediate
scripts/bench filter INDEX --flip 0.05 --seed 1     labels taught wrongly with that probability, judged by the true ones
scripts/bench filter INDEX --only mailhub crm-20 --limit 1000
scripts/bench filter INDEX --speed                  cost of features, score, learn, unlearn, and MultinomialNB's

INDEX: lines of `spam|ham path`, paths relative to it, in time order. Peers that are not installed are skipped and
named; scripts/rig/filters.py says how each is asked, at its full precision. Databases are made under TMPDIR. The peers
that start a process a mail are bound by that, not by their arithmetic: ms/mail is wall clock.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from classifier import evaluation, model, tokens
from mailhub.message.parse import parse
from mailhub.reading import document
from scripts.rig.filters import FILTERS, Filter, Mail

_ROW = "{:12} {:>8} {:>14} {:>10} {:>10} {:>6} {:>6} {:>6} {:>8}"


def read_index(index: Path, limit: int, flip: float, seed: int) -> list[Mail]:
    """The mails of an index in order; with ``flip`` some are taught with the other label."""
    chance = random.Random(seed)
    mails = []
    for line in index.read_text().splitlines()[: limit or None]:
        label, path = line.split(None, 1)
        other = "ham" if label == "spam" else "spam"
        mails.append(Mail(index.parent / path, label, other if chance.random() < flip else label))
    return mails


def judge(filter_: Filter, mails: Sequence[Mail], feedback: str) -> tuple[list[evaluation.Judged], float]:
    """One run of one filter, and the seconds of the wall clock it took per mail."""
    started = time.perf_counter()
    delay = int(feedback.partition(":")[2] or 0)
    judged: list[evaluation.Judged] = []
    waiting: deque[Mail] = deque()
    first = len(mails) // 2 if feedback == "half" else 0
    for mail in mails[:first]:
        filter_.train(mail)
    for mail in mails[first:]:
        judged.append(
            evaluation.Judged(mail.path.name, mail.label, filter_.score(mail) - filter_.threshold, 0, 0)
        )
        waiting.append(mail)
        if feedback != "half" and len(waiting) > delay:
            filter_.train(waiting.popleft())
    return judged, (time.perf_counter() - started) / max(1, len(mails))


def compare(mails: Sequence[Mail], feedback: str, only: Sequence[str]) -> None:
    print(f"{len(mails)} mails, feedback {feedback}")
    print(
        _ROW.format(
            "filter", "1-ROCA%", "95% interval", "caught@.1", "caught@.5", "hm%", "sm%", "lam%", "ms/mail"
        )
    )
    for kind in FILTERS:
        if only and kind.name not in only:
            continue
        if kind.missing():
            print(f"{kind.name:12} skipped: {kind.missing()}")
            continue
        with tempfile.TemporaryDirectory() as folder, closing(kind(Path(folder))) as filter_:
            judged, seconds = judge(filter_, mails, feedback)
        found = evaluation.report(judged)
        numbers = (found.caught_at_tenth, found.caught_at_half, found.hm, found.sm, found.lam, 1000 * seconds)
        interval = f"{found.roca_low:.3f}-{found.roca_high:.3f}"
        print(
            _ROW.format(kind.name, f"{found.roca:.4f}", interval, *(f"{each:.2f}" for each in numbers)),
            flush=True,
        )


def speed(mails: Sequence[Mail]) -> None:
    """Medians of the best of five, in microseconds of process time, on a model trained with all the mails."""
    documents = []
    for mail in mails:
        raw = mail.path.read_bytes()
        parsed = parse(raw)
        documents.append((mail.label, raw, parsed, document.document(raw, parsed)))
    counts = model.Counts()
    found = [tokens.features(document) for *_, document in documents]
    for (label, *_), features in zip(documents, found, strict=True):
        model.train(counts, features, label)
    slots = [counts.table.find(features) for features in found]
    every = range(0, len(documents), max(1, len(documents) // 500))
    costs = {
        "document from the parsed mail": lambda n: document.document(documents[n][1], documents[n][2]),
        "features": lambda n: tokens.features(documents[n][3]),
        "score": lambda n: model.score(counts, found[n]),
        "learn": lambda n: model.train(counts, found[n], "spam"),
        "update alone, ids found already": lambda n: counts.table.increase(slots[n], 0),
        "unlearn": lambda n: model.untrain(counts, found[n], "spam"),
    }
    medians = {name: statistics.median(_best(call, n) for n in every) for name, call in costs.items()}
    for name, cost in medians.items():
        print(f"{name:32} {cost:8.0f} us")
    print(f"{'document + features + score':32} {sum(list(medians.values())[:3]):8.0f} us")
    print(f"{'features of a mail, median':32} {statistics.median(each.size for each in found):8.0f}")
    print(f"{'model in memory':32} {counts.size_bytes / 2**20:8.1f} MiB after {len(mails)} mails")
    peer = _partial_fit(found, documents[0][0])
    for name in ("learn", "update alone, ids found already"):
        print(
            f"{'MultinomialNB.partial_fit, 2^20':32} {peer:8.0f} us: {peer / medians[name]:.0f} times our {name}"
        )


def _partial_fit(found: Sequence[tokens.Features], label: str) -> float:
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]
    from sklearn.naive_bayes import MultinomialNB

    columns = 2**20
    places = [(np.zeros(each.size, dtype=np.int64), each % columns) for each in found[:20]]
    rows = [csr_matrix((np.ones(each[0].size), each), (1, columns)) for each in places]
    peer = MultinomialNB()
    peer.partial_fit(rows[0], [label], classes=["ham", "spam"])
    return statistics.median(_best(lambda n: peer.partial_fit(rows[n], [label]), n) for n in range(len(rows)))


def _best(call: Callable[[int], object], number: int) -> float:
    best = float("inf")
    for _ in range(5):
        started = time.process_time_ns()
        call(number)
        best = min(best, time.process_time_ns() - started)
    return best / 1000


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("index", type=Path)
    arguments.add_argument("--feedback", default="immediate")
    arguments.add_argument("--limit", type=int, default=0)
    arguments.add_argument("--flip", type=float, default=0.0)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--only", nargs="*", default=[])
    arguments.add_argument("--speed", action="store_true")
    given = arguments.parse_args()
    mails = read_index(given.index, given.limit, given.flip, given.seed)
    if given.speed:
        speed(mails)
    else:
        compare(mails, given.feedback, given.only)


if __name__ == "__main__":
    main()
