"""One file of a message goes for good, and nothing else of it: the raw is stored anew as a redacted revision.

What is derived from it, the index and what its label taught the filter are made anew, as when an erasure redacts. A restore
of an older backup makes the same revision again. Must not: decide who may, or touch the copy at a provider.
"""

from __future__ import annotations

from mailhub.access.holds import require_not_held
from mailhub.errors import Conflict, NotFound
from mailhub.message import parse
from mailhub.privacy.erasing.mail import Revision, keep_change, revision_of, store_revision
from mailhub.privacy.erasing.work import Parts
from mailhub.proof.act import Act
from storage.mail import derived
from storage.people.idempotency import forget_answers
from storage.privacy.holds import find_holds_on_tickets


def prepare(parts: Parts, account: int, message: int, index: int) -> Revision:
    """The message without one of its files, read outside of the writer. Raises ``NotFound``."""
    with parts.database.read() as connection:
        stored = derived.find_stored(connection, account, message)
    files = [] if stored is None else parse.list_attachments(stored.raw)
    if stored is None or not 0 <= index < len(files):
        raise NotFound(f"message {message} has no attachment {index}; it has {len(files)}, counted from 0")
    return revision_of(parts, stored, parse.without_attachment(stored.raw, index), stored.mail_from)


def delete_file(act: Act, parts: Parts, revision: Revision, index: int) -> None:
    """Store the message as ``prepare`` made it. ``Conflict`` where a hold forbids it, or it changed meanwhile."""
    stored = revision.stored
    connection = act.transaction.connection
    require_not_held(find_holds_on_tickets(connection, act.account, [stored.ticket_id], act.now))
    if not store_revision(act.transaction, parts, act.account, revision, hold=False):
        raise Conflict(f"message {stored.id} was changed meanwhile: try again")

    keep_change(act.transaction, parts, act.account, revision)
    forget_answers(connection, act.account)
    act.record("attachment.delete", f"message:{stored.id}", ticket=stored.ticket_id, index=index)
