"""FLOW 3: a person is erased, and the erasure ends in a proof.

    begin   (API)   the person sealed under a key of its own, the journal says so; the answer hands out the key of the
                    commitment that the receipt will bear
    run     (job)   the steps of ``erasing.steps`` from the one that is next, to the receipt; stopped anywhere, the next
                    start goes on there
    reapply         (restore) who was erased and came back with a backup is erased again
    verify          a receipt is checked by anybody: ``receipts``

"done" is said only when the search of every byte and every value found nothing. Else the state is "pending"
with the reason, and it tries again by itself, later each time. Mail of the person that comes meanwhile is
found by the search and erased in a new round, or it came after the cut time that the receipt names. Must not:
decide who may ask (``access``), find anybody by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from mailhub import clock, keys
from mailhub.errors import BadRequest, Conflict, Unavailable
from mailhub.message.addresses import spellings
from mailhub.privacy.aliases import part_address
from mailhub.privacy.erasing.mail import redo
from mailhub.privacy.erasing.person import ERASED_ADDRESS, Person
from mailhub.privacy.erasing.places import names_of
from mailhub.privacy.erasing.returning import Parted, agreed_before, came_back, parted_since
from mailhub.privacy.erasing.steps import NEEDS_PERSON, STEPS, RoundNeeded, who
from mailhub.privacy.erasing.work import KEYS_FOLDER, Held, Parts, Pending, Work, seal, unseal
from mailhub.proof import receipts
from mailhub.proof.act import Act
from mailhub.reading.prepare import usable
from mailhub.system.queues import by_turns, lines_of, reason_of
from storage.database import Connection
from storage.mail.search import find_messages
from storage.people import users
from storage.privacy import contacts, erasures, persons, tombstones
from storage.privacy.erasures import Erasure
from storage.writer import Transaction

ROUNDS = 5  # in one go; then it waits a while
LONGEST_WAIT = 10 * clock.MINUTE

REFUSED = {
    "common-word": "it is made of words that letters are made of",
    "of-others": "it is, or is part of, the name of another contact, user or mailbox, or of the account",
    "widely-used": "too many people write it where this person takes no part",
}

log = structlog.get_logger("mailhub.privacy.erasure")


@dataclass(frozen=True, kw_only=True)
class Begun:
    """An erasure under way, and the key of its commitment, which nobody keeps."""

    erasure: int
    commitment_key: bytes


def run(parts: Parts, account: int, erasure: int) -> Erasure:
    """Carry an erasure out from where it is; its row afterwards: done, or pending with the reason and the next try.

    Whatever it fails with is its own trouble: said in its row, never raised, so that it stops no other.
    """
    work = find(parts, account, erasure)
    state = "pending"
    reason = ""

    try:
        recognise(work)
        for _ in range(ROUNDS):
            try:
                for step in STEPS[_next(work.row.step) :]:
                    enter(work, step.name)
                    step.run(work)
                    work.reread()
            except RoundNeeded as found:
                reason = f"the search found something in {found}"
                begin_round(work)
            else:
                return work.row
    except Pending as fault:
        state = "held" if isinstance(fault, Held) else "pending"
        reason = str(fault)
    except Exception as fault:  # noqa: BLE001 boundary: one erasure, whatever a row of it does
        reason = reason_of(fault, log, "an erasure failed", erasure=erasure, step=work.row.step)

    wait(work, state, reason)
    return work.row


def begin(
    parts: Parts,
    actor: str,
    account: int,
    addresses: Sequence[str],
    *,
    names: Sequence[str] = (),
    seen: Sequence[str] = (),
    commitment: str | None = None,
    also: Callable[..., None] | None = None,
    now: int,
) -> Begun:
    """Record that this person is to be erased; ``run`` does it.

    ``names`` are replaced wherever they stand, as ``agreeable`` gives them; nobody may pass what only the
    person themselves asked for. ``seen``: names besides those that the tables know. ``commitment``: one made
    before, whose key somebody has; then ours is worth nothing. ``also`` is run with it, in its transaction,
    and nothing is begun when it raises. Raises like ``checked``.
    """
    meant = checked(parts, account, addresses)
    commitment_key = receipts.new_commitment_key()
    also_named = [receipts.commitment(each, commitment_key) for each in meant[1:]]
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
        person=None,
        commitment=commitment or receipts.commitment(meant[0], commitment_key),
        counts={"also": also_named} if also_named else {},
    )

    def act(transaction: Transaction) -> None:
        if also is not None:
            also(transaction, erasure_id=erasure)
        # The key is made in the turn that makes the row: who sweeps keys without one, in a turn too, sees
        # both or none.
        sealed = seal(
            parts, erasure, Person(addresses=meant, contacts=(), names=tuple(seen), agreed=tuple(names))
        )
        erasures.add_erasure(transaction.connection, replace(row, person=sealed))
        Work(parts=parts, row=row, person=_NOBODY).record(transaction, "erasure.begin")

    parts.writer.run(act)
    return Begun(erasure=erasure, commitment_key=commitment_key)


def checked(parts: Parts, account: int, addresses: Sequence[str]) -> tuple[str, ...]:
    """The addresses as they are stored. ``BadRequest`` for one that is none, ``Conflict`` for one of our own people."""
    meant = tuple(dict.fromkeys(form for each in addresses for form in spellings(each)))
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


def is_known(parts: Parts, account: int, addresses: Sequence[str]) -> bool:
    """Whether anything of the account is of these addresses, or names them: a typo means nobody."""
    with parts.database.read() as connection:
        meant = [
            *addresses,
            *(form for each in addresses for form in contacts.plus_forms(connection, account, each)),
        ]
        people = contacts.contacts_of(connection, account, meant)
        return (
            bool(people)
            or any(contacts.count_traces(connection, account, people, meant).values())
            or any(find_messages(connection, account, each, before=2**62, limit=1) for each in meant)
        )


def agreeable(parts: Parts, account: int, addresses: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """Names that somebody who saw the plan wants to be replaced wherever they stand.

    ``Conflict`` for one that is a common word, is part of somebody else's name, or that many others write.
    """
    wanted = tuple(dict.fromkeys(name.strip() for name in names))
    if not wanted:
        return ()
    with parts.database.read() as connection:
        person = who(connection, account, Person(addresses=tuple(addresses), contacts=()))

    asked = replace(person, names=(), agreed=wanted)
    for each in names_of(parts, account, asked, now=clock.now()):
        if each.refused:
            raise Conflict(f"{each.name!r} cannot be replaced in others' words: {REFUSED[each.refused]}")

    return wanted


def run_due(parts: Parts, *, now: int) -> int:
    """Go on with every erasure of this node whose time has come; how many are done by that.

    The accounts by turns, and looked up anew before each: who asks for a hundred delays another's one by one of them.
    """
    _sweep_keys(parts)
    done = 0
    seen = set[int]()
    served = list[int]()

    while not parts.stopping():
        with parts.database.read() as connection:
            due = [each for each in erasures.list_due(connection, parts.node, now=now) if each.id not in seen]
        if not due:
            break
        row = next(by_turns(lines_of(due, lambda each: each.account_id), served=served))
        seen.add(row.id)
        served.append(row.account_id)
        done += run(parts, row.account_id, row.id).state == "done"

    return done


def reapply(parts: Parts, *, since: int) -> int:
    """Erase again who came back with a restored backup made at ``since``, before any door opens; how many people.

    Raises ``Unavailable`` when one of them cannot be erased now: then nothing may be served. One that a hold
    stops goes on when the hold is lifted.
    """
    with parts.database.read() as connection:
        accounts = tombstones.accounts_with_people(connection)
    for account in accounts:
        parts.writer.run(_part, account, parted_since(parts, account, since=since))
    people = [(account, person) for account in accounts for person in came_back(parts, account, since=since)]
    redo(parts, since=since)  # after the look, which learns names from what it redacts

    for account, person in people:
        begun = begin(
            parts,
            "system",
            account,
            person.addresses,
            names=agreed_before(parts, account, person),
            seen=person.names,
            now=clock.now(),
        )
        row = run(parts, account, begun.erasure)
        # One that waits for a key file elsewhere has nothing left in this database.
        if row.state not in ("done", "held") and row.step != "backups":
            raise Unavailable(f"erasure {row.id} of the restored data is {row.state}: {row.reason}")

    return len(people)


def _part(transaction: Transaction, account: int, parted: Parted) -> None:
    act = Act(transaction, "system", account, clock.now())
    persons.dissolve(transaction.connection, account, parted.heads)
    for contact, address in parted.addresses:
        part_address(act, contact, address)


# --- one run ----------------------------------------------------------------------------------------------------------

_NOBODY = Person(addresses=(), contacts=())


def find(parts: Parts, account: int, erasure: int) -> Work:
    """The erasure as the last commit left it, of nobody yet. ``Conflict`` when there is none."""
    with parts.database.read() as connection:
        row = erasures.find_erasure(connection, account, erasure)
    if row is None:
        raise Conflict(f"there is no erasure {erasure} under way")
    return Work(parts=parts, row=row, person=_NOBODY)


def recognise(work: Work) -> None:
    """Who is meant. ``Pending`` when the key is gone before its time: it goes on if the file is put back."""
    person = unseal(work.parts, work.row)
    if person is None and work.row.step in NEEDS_PERSON:
        raise Pending(
            "its key is gone from this data directory: put erasures/ back, or ask for the erasure anew"
        )
    work.person = person or _NOBODY


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


def _sweep_keys(parts: Parts) -> None:
    """Keys of erasures that never began, or are done, go.

    What looks like one is looked at again in a turn of the writer, as the key of a new erasure is made in the
    turn that makes its row (``begin``): seen from another turn, both are there or neither.
    """
    with parts.database.read() as connection:
        strays = _strays(parts, connection)
    if strays:
        parts.writer.run(lambda tx: _destroy(_strays(parts, tx.connection)))


def _destroy(paths: Iterable[Path]) -> None:
    for path in paths:
        keys.destroy(path)


def _strays(parts: Parts, connection: Connection) -> list[Path]:
    under_way = {str(each.id) for each in erasures.list_under_way(connection, parts.node)}
    return [
        path
        for path in (parts.data / KEYS_FOLDER).glob("*.key*")
        if path.name.partition(".")[0] not in under_way
    ]
