"""What a mail from an IMAP folder does in the transaction that files it: the cursor, counts, what is owed.

Each function here is the whole of one step, done in one transaction with the fate of the mail, so that a kill
at any moment leaves a cursor that tells the truth. Must not: talk to a server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mailhub import clock
from mailhub.directory import Directory
from mailhub.envelope import Envelope, Fate, Outcome
from mailhub.filing.pipeline import reject
from mailhub.intake.reception import Along
from storage.database import Connection
from storage.sources import imap_copies, imap_sources, imap_todos
from storage.sources.imap_sources import Fetching, ImapFolder
from storage.writer import Transaction, Writer

# Done with: the server may act.
SETTLED = frozenset({Fate.FILED, Fate.DUPLICATE, Fate.QUARANTINED, Fate.ERASED, Fate.FEEDBACK})
COPIES_A_TURN = 500
Step = Callable[[Transaction], None]


def step(fetching: Fetching, folder: ImapFolder, uid: int, *, before: int, came_at: int | None) -> Along:
    """With the filing of a mail: the cursor goes from the UID before it to its own, or stays when it is elsewhere."""

    def along(transaction: Transaction, outcomes: Sequence[Outcome]) -> None:
        fate = outcomes[0].fate
        if fate is Fate.DEFERRED:
            return
        connection = transaction.connection
        _remember(connection, folder, uid, outcomes[0])
        column = _counted(fate)
        if imap_sources.move_cursor(connection, folder, before=before, to=uid, fate=column, at=came_at):
            _settle_later(transaction, fetching, folder, uid, fate)

    return along


def owed_step(fetching: Fetching, folder: ImapFolder, uid: int) -> Along:
    """With the filing of a mail that the cursor has passed already: it is owed no more."""

    def along(transaction: Transaction, outcomes: Sequence[Outcome]) -> None:
        fate = outcomes[0].fate
        if fate is Fate.DEFERRED:
            return
        imap_todos.delete_todos(transaction.connection, folder, "fetch", [uid])
        _remember(transaction.connection, folder, uid, outcomes[0])
        imap_sources.count_fate(transaction.connection, folder, _counted(fate))
        _settle_later(transaction, fetching, folder, uid, fate)

    return along


def rejecting(directory: Directory, envelope: Envelope, along: Along, *, size_bytes: int) -> Step:
    """A mail over the limit: its fate, and the same step as for one that is filed."""

    def act(transaction: Transaction) -> None:
        outcomes = reject(transaction, directory, envelope, reason="too-large", size_bytes=size_bytes)
        along(transaction, outcomes)

    return act


def passing(folder: ImapFolder, *, before: int, to: int) -> Step:
    """Nothing is to be filed from ``before`` to ``to``."""

    def act(transaction: Transaction) -> None:
        imap_sources.move_cursor(transaction.connection, folder, before=before, to=to)

    return act


def owing(folder: ImapFolder, uid: int, *, before: int, next_at: int) -> Step:
    """A mail that cannot be had now is passed, and tried again later."""

    def act(transaction: Transaction) -> None:
        if imap_sources.move_cursor(transaction.connection, folder, before=before, to=uid):
            imap_todos.add_todo(transaction.connection, folder, uid, "fetch", next_at=next_at)

    return act


def trying(folder: ImapFolder, uid: int, *, next_at: int) -> Step:
    """An owed mail is tried: when this try fails, the next one is then."""

    def act(transaction: Transaction) -> None:
        imap_todos.set_retry(transaction.connection, folder, "fetch", [uid], next_at=next_at)

    return act


def forgetting(folder: ImapFolder, uid: int) -> Step:
    """An owed mail is not there any more: others removed it."""

    def act(transaction: Transaction) -> None:
        imap_todos.delete_todos(transaction.connection, folder, "fetch", [uid])

    return act


def forget_copies(writer: Writer, folder: ImapFolder) -> None:
    """Forget where mails lie in a folder, in short turns of the writer: before its epoch or its source ends."""
    limit = COPIES_A_TURN
    while writer.run(
        lambda tx: imap_copies.delete_some(tx.connection, folder.account_id, folder.id, limit=limit)
    ):
        pass


def _counted(fate: Fate) -> str:
    return fate.value if fate.value in imap_sources.COUNTS else "rejected"


def _remember(connection: Connection, folder: ImapFolder, uid: int, outcome: Outcome) -> None:
    """Where the message lies; of an epoch that is over meanwhile nothing is remembered by its readers."""
    if outcome.message is not None:
        known_by = imap_copies.DUPLICATE if outcome.fate is Fate.DUPLICATE else imap_copies.FILED
        imap_copies.add_copy(
            connection, folder, uid, message=outcome.message, known_by=known_by, at=clock.now()
        )


def _settle_later(
    transaction: Transaction, fetching: Fetching, folder: ImapFolder, uid: int, fate: Fate
) -> None:
    if fate in SETTLED and fetching.source.after_filing != "nothing":
        imap_todos.add_todo(transaction.connection, folder, uid, "settle", next_at=clock.now())
