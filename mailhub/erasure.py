"""FLOW 3: a person is erased, and the erasure ends in a proof.

    begin   (API)   the person sealed under a key of its own, the journal says so; the answer hands out the key of the
                    commitment that the receipt will bear
    run     (job)   the steps of ``erasing.steps`` from the one that is next, to the receipt; stopped anywhere, the next
                    start goes on there
    reapply         (restore) who was erased and came back with a backup is erased again
    verify          a receipt is checked by anybody: ``receipts``

"done" is said only when the search of every byte and every value found nothing. Else the state is "pending" with the
reason, and it tries again by itself, later each time. Mail of the person that comes meanwhile is found by the search
and erased in a new round, or it came after the cut time that the receipt names.
Must not: decide who may ask (``access``), find anybody by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from mailhub import clock, keys, receipts
from mailhub.erasing.mail import redo
from mailhub.erasing.person import ERASED_ADDRESS, Person
from mailhub.erasing.returning import came_back
from mailhub.erasing.steps import NEEDS_PERSON, STEPS, Again
from mailhub.erasing.work import KEYS_FOLDER, Held, Parts, Pending, Work, seal, unseal
from mailhub.errors import BadRequest, Conflict, MailhubError, Unavailable
from mailhub.filing.prepare import usable
from storage import erasures, tombstones, users
from storage.erasures import Erasure
from storage.errors import StorageError
from storage.writer import Transaction

ROUNDS = 5  # in one go; then it waits a while
LONGEST_WAIT = 10 * clock.MINUTE

log = structlog.get_logger("mailhub.erasure")


@dataclass(frozen=True, kw_only=True)
class Begun:
    """An erasure under way, and the key of its commitment, which nobody keeps."""

    erasure: int
    commitment_key: bytes


def run(parts: Parts, account: int, erasure: int) -> Erasure:
    """Carry an erasure out from where it is; its row afterwards: done, or pending with the reason and the next try."""
    work = resume(parts, account, erasure)
    state, reason = "pending", ""
    try:
        for _ in range(ROUNDS):
            try:
                for step in STEPS[_next(work.row.step) :]:
                    enter(work, step.name)
                    step.run(work)
                    work.reread()
            except Again as found:
                reason = f"the search found something in {found}"
                begin_round(work)
            else:
                return work.row
    except (Pending, MailhubError, StorageError, OSError) as fault:
        state, reason = "held" if isinstance(fault, Held) else "pending", str(fault)
    wait(work, state, reason)
    return work.row


def begin(
    parts: Parts,
    actor: str,
    account: int,
    addresses: Sequence[str],
    *,
    names: Sequence[str] = (),
    commitment: str | None = None,
    also: Callable[..., None] | None = None,
    now: int,
) -> Begun:
    """Record that this person is to be erased; ``run`` does it. ``names``: that he was seen with besides those that
    the tables know. ``commitment``: one made before, whose key somebody has; then ours is worth nothing. ``also`` is
    run with it, in its transaction, and nothing is begun when it raises. Raises like ``checked``.
    """
    meant = checked(parts, account, addresses)
    commitment_key = receipts.new_commitment_key()
    erasure = parts.writer.run(lambda tx: tx.new_id())
    row = Erasure(
        account_id=account,
        id=erasure,
        node=parts.node,
        state="running",
        step=STEPS[0].name,
        position=0,
        actor=actor,
        begun_at=now,
        cut_at=now,
        person=seal(parts, erasure, Person(addresses=meant, contacts=(), shared_names=tuple(names))),
        commitment=commitment or receipts.commitment(meant[0], commitment_key),
        counts={},
    )

    def act(transaction: Transaction) -> None:
        if also is not None:
            also(transaction, erasure_id=erasure)
        erasures.add_erasure(transaction.connection, row)
        Work(parts=parts, row=row, person=_NOBODY).record(transaction, "erasure.begin")

    parts.writer.run(act)
    return Begun(erasure=erasure, commitment_key=commitment_key)


def checked(parts: Parts, account: int, addresses: Sequence[str]) -> tuple[str, ...]:
    """The addresses as they are stored. ``BadRequest`` for one that is none, ``Conflict`` for one of our own people."""
    meant = tuple(dict.fromkeys(each.strip().lower() for each in addresses))
    for address in meant:
        if not usable(address) or any(character.isspace() or character in "<>\0" for character in address):
            raise BadRequest("a person is named by an exact address: user@example.com")
        if address == ERASED_ADDRESS:
            raise BadRequest("this address stands for everybody who was erased: it is nobody's")
        if parts.directory.is_own(account, address):
            raise Conflict("this is an address of one of the account's mailboxes")
        with parts.database.read() as connection:
            user = users.find_user_by_email(connection, account, address)
        if user is not None:
            raise Conflict("this is the login of one of the account's users: `mailhub user delete` first")
    if not meant:
        raise BadRequest("name the person by an address")
    return meant


def run_due(parts: Parts, *, now: int) -> int:
    """Go on with every erasure of this node whose time has come; how many are done by that. From a job, in turn."""
    with parts.database.read() as connection:
        under_way = erasures.list_under_way(connection, parts.node)
    _sweep_keys(parts, {each.id for each in under_way})
    due = [each for each in under_way if each.next_attempt_at <= now]
    return sum(run(parts, each.account_id, each.id).state == "done" for each in due)


def reapply(parts: Parts, *, since: int) -> int:
    """Erase again who came back with a restored backup made at ``since``, before any door opens; how many people.

    Raises ``Unavailable`` when one of them cannot be erased now: then nothing may be served. One that a hold stops goes
    on when the hold is lifted.
    """
    with parts.database.read() as connection:
        accounts = tombstones.accounts_with_people(connection)
    people = [(account, person) for account in accounts for person in came_back(parts, account, since=since)]
    redo(parts, since=since)  # after the look, which learns names from what it redacts
    for account, person in people:
        begun = begin(parts, "system", account, person.addresses, names=person.shared_names, now=clock.now())
        row = run(parts, account, begun.erasure)
        if row.state not in ("done", "held"):
            raise Unavailable(f"erasure {row.id} of the restored data is {row.state}: {row.reason}")
    return len(people)


# --- one run ----------------------------------------------------------------------------------------------------------

_NOBODY = Person(addresses=(), contacts=())


def resume(parts: Parts, account: int, erasure: int) -> Work:
    """The erasure as the last commit left it. ``Conflict`` when its key is gone before its time: ask for it anew."""
    with parts.database.read() as connection:
        row = erasures.find_erasure(connection, account, erasure)
    if row is None:
        raise Conflict(f"there is no erasure {erasure} under way")
    person = unseal(parts, row)
    if person is None and row.step in NEEDS_PERSON:
        raise Conflict(f"the key of erasure {erasure} is gone from this data directory: ask for the erasure anew")
    return Work(parts=parts, row=row, person=person or _NOBODY)


def enter(work: Work, step: str) -> None:
    """This step is next; one that is gone on with keeps its position."""
    if (work.row.step, work.row.state) != (step, "running"):
        position = work.row.position if work.row.step == step else 0
        work.do(lambda tx: work.change(tx, step=step, state="running", reason="", position=position))
        work.reread()


def begin_round(work: Work) -> None:
    """Everything once more, for what came meanwhile."""
    work.do(lambda tx: work.change(tx, step=STEPS[0].name, position=0))
    work.do(lambda tx: work.add_counts(tx, rounds=1))
    work.reread()


def wait(work: Work, state: str, reason: str) -> None:
    """It cannot go on now: say why, and when it tries again."""
    first = work.row.state != "pending" and not work.row.attempts
    attempts = work.row.attempts + 1
    at = clock.now() + min(clock.SECOND * 2 ** min(attempts, 20), LONGEST_WAIT)

    def act(transaction: Transaction) -> None:
        work.change(transaction, state=state, reason=reason, attempts=attempts, next_attempt_at=at)
        if first:
            work.record(transaction, f"erasure.{state}", step=work.row.step)

    work.parts.writer.run(act)
    work.reread()
    log.info("erasure waits", erasure=work.row.id, step=work.row.step, reason=reason)


def _next(step: str) -> int:
    return next(index for index, each in enumerate(STEPS) if each.name == step)


def _sweep_keys(parts: Parts, under_way: set[int]) -> None:
    """Keys of erasures that never began, or are done, go."""
    for path in (parts.data / KEYS_FOLDER).glob("*.key*"):
        name = path.name.partition(".")[0]
        if not name.isdecimal() or int(name) not in under_way:
            keys.destroy(path)
