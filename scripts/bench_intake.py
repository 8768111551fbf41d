"""scripts/bench intake: what one mail costs on its way in, side by side with the peers, in one interleaved run.

Every system gets the same mails, 20 sessions with connection reuse, in rounds; medians of them are printed.
Rules: shipped configuration, mailhub's model trained on 2,000 marks, its index on, everything on one file
system, all helper processes counted. CPU is user + system time of the process trees without the load's own.
Postfix is done when the mail is in the Maildir, mailhub when it answered 250 (the ticket is committed then).
fsyncs are counted by strace in a round of their own, which is not timed.

Example: scripts/bench intake --corpus ../shared/corpus/spamassassin/index --rounds 3 --mails 1000
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from scripts.rig.client import load_corpus, mark, send
from scripts.rig.process_tree import PeakMemory, cpu_seconds, descendants
from scripts.rig.systems import (
    RECIPIENT,
    Aiosmtpd,
    Mailhub,
    NoDns,
    Postfix,
    PostfixRspamd,
    PostfixRspamdBayes,
    System,
)

TRAINED = 2000
STRACED = 400


def main() -> None:
    """Run it and print the table."""
    options = _options()
    labels, corpus = _corpus(options.corpus)
    # absolute, since the peers are started elsewhere
    folder = Path(tempfile.mkdtemp(prefix="mailhub-bench-", dir=options.folder.resolve()))
    NoDns()
    systems: list[System] = []
    try:
        _start(systems, folder, options)
        for system in systems:
            train = [mark(mail, f"train{index}x") for index, mail in enumerate(corpus[:TRAINED])]
            system.prepare(train, labels[:TRAINED])
        sent = {system.name: TRAINED if isinstance(system, Mailhub) else 0 for system in systems}
        rounds = [
            _round(system, corpus[TRAINED : TRAINED + options.mails], number, sent)
            for number in range(options.rounds)
            for system in systems
        ]
        table = [_summary(system, [r for r in rounds if r["system"] == system.name]) for system in systems]
        for system, row in zip(systems, table, strict=True):
            row["fsyncs"], order = _traced(system, corpus[TRAINED : TRAINED + STRACED], sent)
            row["verified"] = ", ".join(filter(None, (str(row["verified"]), order)))
        print(json.dumps(table, indent=1) if options.json else _table(table))
    finally:
        for system in systems:
            system.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench intake", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--corpus", type=Path, required=True, help="index of the mails: `spam|ham path` a line"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mails", type=int, default=1000, help="mails of one round")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(),
        help="where queues and databases are put; one file system for all",
    )
    parser.add_argument(
        "--postgresql", default="", help="URL of an empty database, to measure that engine too"
    )
    parser.add_argument(
        "--postgresql-pid", type=int, default=0, help="its server's process, counted with mailhub's"
    )
    parser.add_argument("--only", default="", help="measure only systems whose name holds this word")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _corpus(index: Path) -> tuple[list[str], list[bytes]]:
    labels = [line.split(None, 1)[0] for line in index.read_text().splitlines() if line.strip()]
    return labels, load_corpus(index, len(labels))


def _start(started: list[System], folder: Path, options: argparse.Namespace) -> None:
    """Start what is to be measured; what runs is in ``started``, also when the next one fails."""
    kinds: list[System] = [Mailhub(folder / "mailhub")]
    if options.postgresql:
        second = Mailhub(folder / "mailhub-postgresql", database=options.postgresql)
        second.name = "mailhub (PostgreSQL)"
        second.helpers = [options.postgresql_pid] if options.postgresql_pid else []
        kinds.append(second)
    kinds += [
        Postfix(folder / "postfix"),
        PostfixRspamd(folder / "rspamd"),
        PostfixRspamdBayes(folder / "bayes"),
    ]
    kinds.append(Aiosmtpd(folder / "aiosmtpd"))
    for system in kinds:
        reason = system.missing()
        if options.only and options.only not in system.name:
            reason = "not asked for"
        if reason:
            print(f"skipped: {system.name}: {reason}")
            continue
        system.folder.mkdir(parents=True)
        started.append(system)
        system.start()


def _round(system: System, mails: list[bytes], number: int, sent: dict[str, int]) -> dict[str, object]:
    words = [f"r{number}n{index}x" for index in range(len(mails))]
    marked = [mark(mail, word) for mail, word in zip(mails, words, strict=True)]
    memory = PeakMemory(system.roots())
    cpu, began = cpu_seconds(system.roots()), time.perf_counter()
    result = send(system.port, RECIPIENT, marked)
    sent[system.name] += result.accepted
    system.settled(sent[system.name])
    seconds = time.perf_counter() - began
    cpu = cpu_seconds(system.roots()) - cpu
    if result.refused:
        raise SystemExit(f"{system.name}: {len(result.refused)} refused, first: {result.refused[0]}")
    return {
        "system": system.name,
        "rate": len(mails) / seconds,
        "p50": result.percentile(0.5),
        "p99": result.percentile(0.99),
        "cpu_ms": cpu / len(mails) * 1000,
        "memory_mib": memory.stop() / 2**20,
        "verified": system.verify(words),
    }


def _summary(system: System, rounds: list[dict[str, object]]) -> dict[str, object]:
    figures = ("rate", "p50", "p99", "cpu_ms", "memory_mib")
    summary: dict[str, object] = {
        name: statistics.median(float(str(r[name])) for r in rounds) for name in figures
    }
    return {"system": system.name, **summary, "verified": rounds[-1]["verified"]}


def _traced(system: System, mails: list[bytes], sent: dict[str, int]) -> tuple[float | None, str]:
    """fsync and fdatasync calls a mail over the process tree, and whether one ended before each 250, by strace.

    The order is checked per connection: between the 354 and the 250 of a mail an fdatasync must have ended.
    """
    if not shutil.which("strace"):
        return None, ""
    log = system.folder / "strace.log"
    targets = [
        argument for root in system.roots() for pid in descendants(root) for argument in ("-p", str(pid))
    ]
    calls = "fsync,fdatasync,write,sendto,sendmsg,writev"
    tracer = subprocess.Popen(
        ["strace", "-f", "-s", "16", "-e", f"trace={calls}", "-o", str(log), *targets],
        stderr=subprocess.DEVNULL,
    )
    time.sleep(1.0)
    result = send(system.port, RECIPIENT, [mark(mail, f"traced{index}x") for index, mail in enumerate(mails)])
    sent[system.name] += result.accepted
    system.settled(sent[system.name])
    tracer.terminate()
    tracer.wait()
    lines = log.read_text(errors="replace").splitlines()
    early, replies = _replies_before_sync(lines)
    order = (
        f"{replies - early} of {replies} replies after an fdatasync" if isinstance(system, Mailhub) else ""
    )
    return sum(bool(_SYNC.search(line)) for line in lines) / len(mails), order


_SYNC = re.compile(r"\bf(?:data)?sync\(")
_SYNCED = re.compile(r"\bf(?:data)?sync(?:\(\d+\)| resumed>\)?).*= 0")
_REPLY = re.compile(r"\b(?:write|sendto|sendmsg|writev)\((\d+), .{0,24}?\"(354|250 2\.0\.0 Ok: me)")


def _replies_before_sync(lines: list[str]) -> tuple[int, int]:
    """(replies to a mail that no sync preceded, all replies to a mail)."""
    synced, begun = 0, dict[str, int]()
    early = replies = 0
    for line in lines:
        if _SYNCED.search(line):
            synced += 1
        elif found := _REPLY.search(line):
            connection, code = found.groups()
            if code == "354":
                begun[connection] = synced
            else:
                replies += 1
                early += begun.get(connection, synced) == synced
    return early, replies


def _table(rows: list[dict[str, object]]) -> str:
    lines = [f"{'':24}{'mails/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms':>9}{'MiB':>8}{'fsyncs':>8}  checked"]
    lines += [
        f"{row['system']:24}{row['rate']:9.0f}{row['p50']:9.1f}{row['p99']:9.1f}{row['cpu_ms']:9.2f}"
        f"{row['memory_mib']:8.0f}" + (f"{row['fsyncs']:8.2f}" if row["fsyncs"] is not None else f"{'-':>8}")
        + f"  {row['verified']}"
        for row in rows
    ]  # fmt: skip
    ours = rows[0]
    lines += ["", f"{'ratios of ' + str(ours['system']):24}{'rate':>9}{'p50':>9}{'p99':>9}{'CPU':>9}"]
    lines += [
        f"{'to ' + str(row['system']):24}"
        + "".join(
            f"{float(str(ours[k])) / max(float(str(row[k])), 1e-9):9.2f}"
            for k in ("rate", "p50", "p99", "cpu_ms")
        )
        for row in rows[1:]
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
