"""Mail of people who are erased, deleted where it lies: in a folder at a provider, by our own UIDs alone.

Durable state: ``imap_todo`` rows of the act ``erase``, made when the message went here, removed after the
server said OK, in the transaction that counts them for their erasure. A kill in between does it again: then
the mail is not there any more, and counts as one of which nobody can tell (``erasing.copies``).

The folder is opened for writing only for this, and only while something is owed in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from mailhub import clock
from mailhub.intake.imap.conversation import Conversation
from mailhub.intake.imap.settling import AT_ONCE, delete, one_by_one
from storage.database import Database
from storage.privacy import erasures
from storage.sources import imap_todos
from storage.sources.imap_sources import ImapFolder
from storage.sources.imap_todos import Todo
from storage.writer import Transaction, Writer

FAULT = "mail of erased people is not deleted there: the server refuses"


def is_due(folder: ImapFolder, database: Database) -> bool:
    """Whether something is to be deleted there now."""
    return bool(_due(folder, database, limit=1))


def erase(conversation: Conversation, folder: ImapFolder, database: Database, writer: Writer) -> str:
    """Open the folder and do what is due; "" or, in words, what the server refused (tried again later).

    Nothing under another UIDVALIDITY: its epoch is about to begin, and then nothing is owed any more.
    """
    fault = ""

    def act(todos: Sequence[Todo]) -> None:
        uids = [todo.uid for todo in todos]
        there = sorted(conversation.flags(uids).keys() & set(uids))
        gone = not there or delete(conversation, there)
        writer.run(_done, folder, todos, there, gone=gone)

    while due := _due(folder, database, limit=AT_ONCE):
        if conversation.open(folder.name, read_only=False).uidvalidity != folder.uidvalidity:
            return fault
        if refused := one_by_one(due, act, folder, "erase", writer):
            fault = f"{FAULT}: {refused}"
    return fault


def _due(folder: ImapFolder, database: Database, *, limit: int) -> Sequence[Todo]:
    with database.read() as connection:
        return imap_todos.due_todos(connection, folder, "erase", now=clock.now(), limit=limit)


def _done(
    transaction: Transaction, folder: ImapFolder, todos: Sequence[Todo], there: Collection[int], *, gone: bool
) -> None:
    imap_todos.delete_todos(transaction.connection, folder, "erase", [todo.uid for todo in todos])
    for erasure, count in Counter(todo.erasure_id for todo in todos if todo.uid in there).items():
        assert erasure is not None
        numbers = {"deleted": count if gone else 0, "marked": 0 if gone else count}
        erasures.count_copies(transaction.connection, folder.account_id, erasure, **numbers)
