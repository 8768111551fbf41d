"""scripts/campaign login-timing: does the time of a refused login tell whether somebody has the name?

Wrong passwords for names that somebody has (half of them with a second factor) and for names that nobody has, in random
order, through the whole flow on a database of its own: counted, looked up, verified, compared. The hash is made cheap,
so that nothing drowns in it; limits are lifted. Prints Welch's t of each pair of kinds, of all tries and
without the slowest tenth and half (the machine's noise): |t| < 4.5 is no difference that so many tries could show (the
bound of side-channel tests, ISO/IEC 17825). Exit 1 above it.
With --control names that nobody has are not compared with anything: what the script must find, and exit 1 for.
Example: TMPDIR=/dev/shm scripts/campaign login-timing --tries 10000
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from argon2 import PasswordHasher

from mailhub import clock
from mailhub.access import attempts
from mailhub.access.passwords import Passwords
from mailhub.access.second_factors import new_secret
from mailhub.config import Login as LoginSettings
from mailhub.errors import NotAuthenticated
from mailhub.keys import Keys
from mailhub.people import login
from storage.accounts.accounts import Account, add_account
from storage.database import Database
from storage.migrate import migrate
from storage.people import second_factors
from storage.people.users import User, add_user
from storage.writer import Transaction, WritingThread

NAMES = 20  # of each kind, so that rows of attempts are made and found equally often
BOUND = 4.5
KINDS = ("nobody's", "somebody's", "somebody's, second factor")


def main() -> None:
    """Run it; exit 1 when a pair of kinds differs."""
    parser = argparse.ArgumentParser(prog="scripts/campaign login-timing", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--tries", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--control", action="store_true", help="leave out what makes the times equal")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mailhub-login-") as folder:
        times = campaign(Path(folder), options.tries, random.Random(options.seed), control=options.control)
    for kind in KINDS:
        print(f"{kind}: {len(times[kind])} tries, mean {statistics.fmean(times[kind]) / 1_000:.1f} us")
    worst = 0.0
    for one, other in combinations(KINDS, 2):
        slow = statistics.quantiles([*times[one], *times[other]], n=10)
        found = [
            welch(*(below(times[kind], bound) for kind in (one, other)))
            for bound in (math.inf, slow[8], slow[4])
        ]
        worst = max(worst, *map(abs, found))
        everything, tenth, half = (f"{t:+.2f}" for t in found)
        print(
            f"{one} / {other}: t = {everything}; without the slowest tenth {tenth}, without the slower half {half}"
        )
    raise SystemExit(0 if worst < BOUND else 1)


class Careless(Passwords):
    """Refuses a name that nobody has without comparing."""

    def verify(self, encoded: str | None, password: str) -> bool:
        return encoded is not None and super().verify(encoded, password)


def campaign(folder: Path, tries: int, chance: random.Random, *, control: bool) -> dict[str, list[int]]:
    """Nanoseconds of each refused login, by kind of name."""
    database = Database(folder / "login.sqlite3")
    migrate(database)
    writer = WritingThread(database)
    writer.start()
    context = login.LoginContext(
        database=database,
        writer=writer,
        keys=Keys(bytes(32)),
        passwords=(Careless if control else Passwords)(
            PasswordHasher(time_cost=1, memory_cost=256, parallelism=1)
        ),
        settings=LoginSettings(),
        limits=attempts.AttemptLimits(pair=10**9, name=10**9, address=10**9),
    )
    writer.run(people, context)
    kinds = [KINDS[0], KINDS[0], KINDS[1], KINDS[2]]  # as many of nobody's as of somebody's
    times: dict[str, list[int]] = {kind: [] for kind in KINDS}
    for number in range(tries):
        kind = chance.choice(kinds)
        name = f"user{KINDS.index(kind)}{chance.randrange(NAMES):02}@example.com"
        spent = one_try(context, name)
        if number >= tries // 100:  # the first fill caches
            times[kind].append(spent)
    writer.close()
    database.close()
    return times


def people(transaction: Transaction, context: login.LoginContext) -> None:
    """The account, the users of kinds 1 and 2, and the second factors of kind 2."""
    now, connection = clock.now(), transaction.connection
    row = Account(id=1, name="a", stage="active", billing="none", created_at=now, stage_entered_at=now)
    add_account(connection, row)
    encoded = context.passwords.hash("a sentence that is right")
    for kind in (1, 2):
        for number in range(NAMES):
            user, email = 100 * kind + number, f"user{kind}{number:02}@example.com"
            add_user(
                connection,
                User(
                    account_id=1,
                    id=user,
                    email=email,
                    name="",
                    role="agent",
                    password_hash=encoded,
                    created_at=now,
                ),
            )
            if kind == 2:
                secret = new_secret().encode("ascii")
                sealed = context.keys.seal("secrets", secret, bound_to=login.bound(1, user))
                second_factors.set_pending(connection, 1, user, sealed)
                second_factors.confirm_pending(connection, 1, user, sealed, timecode=1, at=now)


def one_try(context: login.LoginContext, name: str) -> int:
    """Nanoseconds until a wrong password with a wrong code is refused."""
    claim = login.Claim(login=name, password="wrong", code="000000", account=1, peer="192.0.2.1")
    now, began = clock.now(), time.perf_counter_ns()
    try:
        login.login(context, claim, admit=lambda *_: None, now=now)
    except NotAuthenticated:
        return time.perf_counter_ns() - began
    raise AssertionError("a wrong password got in")


def below(times: Sequence[int], bound: float) -> Sequence[int]:
    """The times under a bound."""
    return [each for each in times if each < bound]


def welch(one: Sequence[int], other: Sequence[int]) -> float:
    """Welch's t of two samples."""
    spread = statistics.variance(one) / len(one) + statistics.variance(other) / len(other)
    return (statistics.fmean(one) - statistics.fmean(other)) / math.sqrt(spread)


if __name__ == "__main__":
    main()
