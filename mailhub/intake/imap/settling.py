"""What is to happen on the server with mail that is filed: flag, move or delete. Rows first, so nothing is forgotten.

Durable state: ``imap_todo`` rows of the act ``settle``, made with the filing and removed after the server said OK. A
kill in between does it again, which changes nothing: a flag is set, a UID that went is gone. Only a server without MOVE
can get a second copy that way, when it is cut between COPY and the mark \\Deleted.

Only ever our own UIDs: where the server has no UIDPLUS, what is to be deleted is marked and left to others to expunge,
since a plain EXPUNGE would take their marks as well (RFC 4315).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mailhub import clock
from mailhub.intake.imap.conversation import Conversation
from mailhub.intake.imap.faults import ImapRefused
from storage.database import Database
from storage.sources import imap_copies, imap_todos
from storage.sources.imap_sources import ImapFolder, ImapSource
from storage.sources.imap_todos import Todo
from storage.writer import Transaction, Writer

AT_ONCE = 200
RETRY_MINUTES = (5, 15, 60, 240)  # after each refusal of one mail; the last one from then on

FAULT = "the server refuses what --after-filing asks for"


def settle(
    conversation: Conversation, source: ImapSource, folder: ImapFolder, database: Database, writer: Writer
) -> str:
    """Do what is owed in the selected folder; "" or, in words, what the server refused (tried again later)."""
    fault = ""

    def act(todos: Sequence[Todo]) -> None:
        uids = [todo.uid for todo in todos]
        gone = _act(conversation, source, uids)
        writer.run(_done, folder=folder, uids=uids, gone=gone)

    while True:
        with database.read() as connection:
            due = imap_todos.due_todos(connection, folder, "settle", now=clock.now(), limit=AT_ONCE)
        if not due:
            return fault
        if refused := one_by_one(due, act, folder, "settle", writer):
            fault = f"{FAULT}: {refused}"


def one_by_one(
    due: Sequence[Todo], act: Callable[[Sequence[Todo]], None], folder: ImapFolder, name: str, writer: Writer
) -> str:
    """Do what is owed for all of these at once, or, when the server refuses that, for each: one mail stops no other.

    "" or the last refusal; what was refused is tried again, later each time.
    """
    try:
        act(due)
    except ImapRefused as refused:
        if len(due) > 1:
            return [one_by_one([todo], act, folder, name, writer) for todo in due][-1] or str(refused)
        wait = RETRY_MINUTES[min(due[0].tries, len(RETRY_MINUTES) - 1)] * clock.MINUTE
        uids = [due[0].uid]
        at = clock.now() + wait
        writer.run(lambda tx: imap_todos.set_retry(tx.connection, folder, name, uids, next_at=at))
        return str(refused)

    return ""


def _done(transaction: Transaction, *, folder: ImapFolder, uids: Sequence[int], gone: Sequence[int]) -> None:
    imap_todos.delete_todos(transaction.connection, folder, "settle", uids)
    imap_copies.delete_copies(transaction.connection, folder, gone)


def _act(conversation: Conversation, source: ImapSource, uids: Sequence[int]) -> Sequence[int]:
    """Do it; the UIDs that are not in the folder afterwards."""
    there = conversation.flags(uids)
    left = [uid for uid in uids if uid in there]
    gone = [uid for uid in uids if uid not in there]
    if not left or source.after_filing == "nothing":
        return gone

    if source.after_filing == "seen":
        conversation.add_flag(left, "\\Seen")
    elif source.after_filing == "flag":
        conversation.add_flag(left, source.after_argument)
    elif source.after_filing == "move":
        return uids if _move(conversation, left, source.after_argument) else gone
    else:
        return uids if delete(conversation, left) else gone

    return gone


def _move(conversation: Conversation, uids: Sequence[int], folder: str) -> bool:
    """Whether they are gone from here."""
    if conversation.can("MOVE"):
        conversation.move(uids, folder)
        return True
    conversation.copy(uids, folder)
    return delete(conversation, uids)


def delete(conversation: Conversation, uids: Sequence[int]) -> bool:
    """Whether they are gone, or only marked for whoever expunges next."""
    conversation.add_flag(uids, "\\Deleted")
    if not conversation.can("UIDPLUS"):
        return False
    conversation.expunge(uids)
    return True
