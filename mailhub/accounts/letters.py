"""What the owners of an account are told by letter: a step that comes, a stage that was entered, a deletion asked for.

Every active owner is written to at their login, which is their address. Functions of the transaction that
does what they tell of (``lifecycle``); each gives the number of letters queued, for the journal.
"""

from __future__ import annotations

from collections.abc import Mapping

from mailhub import clock
from mailhub.accounts.stages import Due
from mailhub.outbound import letters
from mailhub.outbound.letter_texts import MEANINGS, REASONS, WAYS_OUT
from mailhub.outbound.letters import Letter, Post
from storage.accounts.accounts import Account
from storage.people import users
from storage.writer import Transaction

NOTICE = 7 * clock.DAY  # one that could not be delivered for so long is given up
TOLD_OF = frozenset(
    {"suspended", "terminated"}
)  # of ``deleted`` nobody can be told: the addresses are deleted, too


def warn_of_step(transaction: Transaction, post: Post, account: Account, due: Due, *, now: int) -> int:
    """A step comes at ``due.step_at``."""
    values = {
        "stage": account.stage,
        "step_at": clock.to_iso(due.step_at),
        **_of_stage(account, due.to, due.reason),
    }
    return _tell(transaction, post, account.id, "stage-warning", values, not_after=due.step_at, now=now)


def tell_of_stage(
    transaction: Transaction, post: Post, account: Account, to: str, reason: str, *, now: int
) -> int:
    """A stage was entered."""
    values = {"at": clock.to_iso(now), **_of_stage(account, to, reason)}
    return _tell(transaction, post, account.id, "stage-notice", values, not_after=now + NOTICE, now=now)


def tell_of_request(transaction: Transaction, post: Post, account: Account, *, now: int) -> int:
    """An owner asked for the account's deletion; the next sweeps carry it out."""
    values = {"account": account.name, "at": clock.to_iso(now)}
    return _tell(transaction, post, account.id, "deletion-asked", values, not_after=now + NOTICE, now=now)


def _of_stage(account: Account, to: str, reason: str) -> Mapping[str, str]:
    return {
        "account": account.name,
        "to": to,
        "reason": REASONS[reason],
        "meaning": MEANINGS[to],
        "way_out": WAYS_OUT[reason],
    }


def _tell(
    transaction: Transaction,
    post: Post,
    account: int,
    kind: str,
    values: Mapping[str, str],
    *,
    not_after: int,
    now: int,
) -> int:
    queued = 0
    for address in users.owners_addresses(transaction.connection, account):
        letter = Letter(
            account=account, kind=kind, recipient=address, values=values, not_after=not_after, to_user=True
        )
        queued += letters.queue(transaction, post, letter, now=now) == letters.QUEUED
    return queued
