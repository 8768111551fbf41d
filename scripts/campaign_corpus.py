"""scripts/campaign corpus: a whole corpus by 20 sessions, with resends and same-id-other-body mails mixed in.

Checks: as many fates as deliveries, every distinct message stored once, each copy a duplicate, the raw bytes
of each as sent. Example: scripts/campaign corpus --corpus ../shared/corpus/spamassassin/index
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from sqlalchemy import select

from scripts.rig.client import send
from scripts.rig.mixture import mixture
from scripts.rig.systems import RECIPIENT, Mailhub
from storage.database import Database
from storage.mail import raws
from storage.schema import intake, message


def main() -> None:
    """Run it; exit 1 with what is wrong."""
    parser = argparse.ArgumentParser(prog="scripts/campaign corpus", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--mails", type=int, default=1_000_000)
    parser.add_argument("--postgresql", default="", help="URL of an empty database; default: SQLite")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    load = mixture(options.corpus, limit=options.mails, resends=200, same_id=200, seed=options.seed)
    folder = Path(tempfile.mkdtemp(prefix="mailhub-campaign-"))
    system = Mailhub(folder, database=options.postgresql)
    system.start()
    try:
        result = send(system.port, RECIPIENT, load.stream)
    finally:
        system.stop()
    print(f"{len(load.stream)} deliveries in {result.seconds:.1f} s, {result.accepted} answered 250")
    faults = [*result.refused[:5], *check(Database(system.database_url()), load.stream, load.distinct)]
    shutil.rmtree(folder)
    for fault in faults:
        print(f"WRONG: {fault}")
    raise SystemExit(1 if faults else 0)


def check(database: Database, stream: list[bytes], distinct: list[bytes]) -> list[str]:
    """What is wrong with the stored mail, in words; nothing when all is well."""
    faults = []
    with database.read() as connection:
        fates = Counter(connection.execute(select(intake.c.fate)).scalars())
        rows = connection.execute(select(message.c.account_id, message.c.id)).all()
        stored = Counter(raws.read(connection, row.account_id, row.id) for row in rows)
    print(f"fates: {dict(fates)}; messages: {len(rows)}")
    if sum(fates.values()) != len(stream):
        faults.append(f"{len(stream)} deliveries, {sum(fates.values())} fates")
    if fates["filed"] != len(distinct) or fates["duplicate"] != len(stream) - len(distinct):
        faults.append(f"expected {len(distinct)} filed and {len(stream) - len(distinct)} duplicate")
    return faults + _wrong_messages(stored, distinct)


def check_messages(database: Database, distinct: list[bytes]) -> list[str]:
    """The same without fates: each message exactly once, as it was sent, and no other."""
    with database.read() as connection:
        rows = connection.execute(select(message.c.account_id, message.c.id)).all()
        stored = Counter(raws.read(connection, row.account_id, row.id) for row in rows)
    print(f"messages: {len(rows)}, sent: {len(distinct)}")
    return _wrong_messages(stored, distinct)


def _wrong_messages(stored: Counter[bytes | None], distinct: list[bytes]) -> list[str]:
    faults = []
    lost, doubled = [raw for raw in distinct if not stored[raw]], [raw for raw in stored if stored[raw] > 1]
    strange = stored.keys() - set(distinct)
    if strange:
        faults.append(f"{len(strange)} messages are stored that were not sent so")
    if lost:
        faults.append(f"{len(lost)} messages are not stored as they were sent; first: {lost[0][:200]!r}")
    if doubled:
        faults.append(f"{len(doubled)} messages are stored more than once")
    return faults


if __name__ == "__main__":
    main()
