"""Other people's messages without the person: read outside the writer, redacted, written back in a short turn each.

A message is stored again as a redacted revision: raw bytes, derived columns, index; what its label taught the
filter is taken back and the same label trained on the new text. Identity, authentication, ticket and fate
stay as recorded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from classifier.tokens import FEATURES_VERSION, Features, features, features_to_bytes
from mailhub import clock
from mailhub.envelope import Envelope, Source
from mailhub.keys import Keys
from mailhub.message.parse import parse, split_reply
from mailhub.message.quoted_marks import role
from mailhub.message.values import Parsed
from mailhub.outbound.sealing import open_letter, seal_letter
from mailhub.privacy.erasing.needles import Needles
from mailhub.privacy.erasing.person import Person
from mailhub.privacy.erasing.quotes import Quotes, WrittenText
from mailhub.privacy.erasing.redaction import redacted
from mailhub.privacy.erasing.work import Held, Parts, Work
from mailhub.reading.derived import FLAGS_OF_FILING, derived_columns
from mailhub.reading.prepare import Prepared, prepare, read_document
from storage.database import Database
from storage.filter import ledger
from storage.mail import derived, outbox, raws
from storage.mail.derived import Stored
from storage.mail.outbox import OutboxRow
from storage.mail.search import add_to_index, remove_from_index
from storage.privacy import contacts
from storage.privacy.holds import find_holds
from storage.privacy.redactions import Redaction, add_redaction, change_of, digest_of, list_redactions
from storage.tickets import removal as removed_rows
from storage.writer import Transaction

REDONE_AT_ONCE = 50
LETTERS = 50  # of one read
QUOTED_MESSAGES = 5_000  # of the person's, whose words are known again in others' messages
HEAD_BYTES = 64 * 1024  # of a head that is looked at for the mails it replies to
_NAMED = re.compile(rb"<([^<>\s]{1,250}@[^<>\s]{1,250})>")


@dataclass(frozen=True, kw_only=True)
class Revision:
    """One message as it is to be stored."""

    stored: Stored
    raw: bytes
    prepared: Prepared
    derived: dict[str, Any]
    features: Features


def quotes_of(parts: Parts, account: int, person: Person) -> Quotes:
    """What the person wrote before anybody else did, as far as messages of theirs, and of others beside them,
    are there.
    """
    with parts.database.read() as connection:
        tickets = contacts.tickets_written_in(connection, account, person.contacts, person.addresses)
        own = contacts.messages_of(connection, account, person.contacts, limit=QUOTED_MESSAGES)
        beside = set(removed_rows.messages_of_tickets(connection, account, tickets)) - set(own)
    others = sorted(beside)[:QUOTED_MESSAGES]
    return Quotes.of(_written(parts, account, own), _written(parts, account, others))


def _written(parts: Parts, account: int, messages: Sequence[int]) -> Iterator[WrittenText]:
    """What their writers wrote in these messages, one at a time."""
    for message in messages:
        with parts.database.read() as connection:
            raw = raws.read(connection, account, message)
        if raw is not None:
            yield WrittenText(message, own_words(parse(raw)))


def named_messages(raw: bytes) -> set[str]:
    """Message-IDs that stand in the head of a mail, as of those it replies to. A mail outside the ticket has
    them, too.
    """
    head = raw[:HEAD_BYTES].partition(b"\r\n\r\n")[0]
    return {each.decode("utf-8", "replace") for each in _NAMED.findall(head)}


def own_words(parsed: Parsed) -> str:
    """What the writer of a mail wrote: the new text, and what they signed it with."""
    reply = split_reply(parsed)
    _, mark, rest = f"\n{reply.folded}".partition("\n-- \n")
    signature = []
    for line in rest.split("\n") if mark else ():
        if line.lstrip().startswith(">") or role(line) == "from" or line.rstrip().endswith(":"):
            break  # a quote below it, or what introduces one
        signature.append(line)
    return "\n".join([reply.new, *signature])


def revise(parts: Parts, account: int, message: int, needles: Needles, quotes: Quotes) -> Revision | None:
    """The message without the person; None when it does not name or quote them, or is gone."""
    with parts.database.read() as connection:
        stored = derived.find_stored(connection, account, message)
    if stored is None:
        return None
    raw = redacted(stored.raw, needles, quotes)
    if raw == stored.raw:
        return None
    mail_from = "" if stored.mail_from and needles.person.names_him(stored.mail_from) else stored.mail_from
    return revision_of(parts, stored, raw, mail_from)


def holds_words(parts: Parts, account: int, message: int, quotes: Quotes) -> bool:
    """Whether a message of somebody else holds words of the person that are not provably quoted, and so stay."""
    with parts.database.read() as connection:
        raw = raws.read(connection, account, message)
    return raw is not None and quotes.are_in(parse(raw).text)


def revision_of(parts: Parts, stored: Stored, raw: bytes, mail_from: str | None) -> Revision:
    """A stored message with other bytes, and all that is derived from them."""
    envelope = Envelope(source=Source.IMPORT, mail_from=mail_from, recipients=(), received_at=0, quiet=True)
    prepared = prepare(raw, envelope, parts.secrets, parts.directory)
    kept = [flag for flag in stored.derived["flags"].split() if flag in FLAGS_OF_FILING]
    document = read_document(raw, stored.authentication, mail_from_null=mail_from is None)

    return Revision(
        stored=stored,
        raw=raw,
        prepared=prepared,
        derived=derived_columns(prepared.parsed, flags=[*prepared.parsed.flags, *kept]),
        features=features(document, secret=parts.secrets.features),
    )


def redact_letters(work: Work, needles: Needles) -> None:
    """Letters to others that wait and name the person, as the reason of a refusal can: they go out without them."""
    for row, raw in waiting_letters(work.parts.database, work.parts.keys, work.account):
        mended = redacted(raw, needles, Quotes())
        if mended != raw:
            sealed = seal_letter(work.parts.keys, mended, account=row.account_id, row=row.id)
            work.do(lambda tx, row=row, sealed=sealed: outbox.change_letter(tx.connection, row, sealed))  # type: ignore[misc]


def waiting_letters(database: Database, keys: Keys, account: int) -> Iterator[tuple[OutboxRow, bytes]]:
    """Every letter of the account that is still to be sent, opened."""
    after = 0
    while True:
        with database.read() as connection:
            page = outbox.waiting_letters(connection, account, after, limit=LETTERS)
        if not page:
            return
        yield from ((row, open_letter(keys, row)) for row in page)
        after = page[-1].id


def store(work: Work, revisions: Sequence[Revision]) -> int:
    """Store revisions of messages that are still as they were read; how many were. One turn."""

    def act(transaction: Transaction) -> int:
        done = 0
        for each in revisions:
            if store_revision(transaction, work.parts, work.account, each, hold=True):
                keep_change(transaction, work.parts, work.account, each)
                done += 1
        work.add_counts(transaction, redacted=done)
        return done

    return work.do(act)


def store_revision(
    transaction: Transaction, parts: Parts, account: int, revision: Revision, *, hold: bool
) -> bool:
    """Put a revision in the message's place; False when the message changed since it was read."""
    connection = transaction.connection
    stored = revision.stored
    now = clock.now()
    if not derived.lock_unredacted(connection, account, stored.id, stored.redacted_at):
        return False
    if hold and (held := find_holds(connection, account, tickets=[stored.ticket_id], now=now)):
        raise Held(f"hold {held[0].id} on a ticket in which the person is named")

    values = {**revision.derived, "size_bytes": len(revision.raw), "redacted_at": now}
    derived.change_derived(connection, account, stored.id, values)
    if revision.derived["message_id"] != stored.derived["message_id"]:
        derived.change_reference(connection, account, stored.id, stored.ticket_id, revision.prepared.own_id)
    raws.replace_raw(connection, account, stored.id, revision.prepared.slices)
    remove_from_index(connection, account, [stored.id])
    add_to_index(connection, [(account, stored.id, revision.prepared.words)])
    _train_anew(transaction, parts, account, stored.id, revision.features)

    return True


def keep_change(transaction: Transaction, parts: Parts, account: int, revision: Revision) -> None:
    """So that a restore of an older backup makes this revision again."""
    stored = revision.stored
    row = Redaction(
        account_id=account,
        message_id=stored.id,
        redacted_at=clock.now(),
        before=digest_of(stored.raw, parts.secrets.tombstone),
        change=change_of(stored.raw, revision.raw),
    )
    add_redaction(transaction.connection, row)


def redo(parts: Parts, *, since: int) -> int:
    """After a restore of a backup made at ``since``: the redacted revision of every message it holds as it
    was before, byte for byte; how many. A hold does not bring back what was erased before it.
    """
    again = 0
    place = (-1, -1, -1)

    while True:
        with parts.database.read() as connection:
            rows = list_redactions(connection, since=since, after=place, limit=REDONE_AT_ONCE)
        for row in rows:
            again += _redo(parts, row)
        if len(rows) < REDONE_AT_ONCE:
            return again
        place = (rows[-1].account_id, rows[-1].message_id, rows[-1].redacted_at)


def _redo(parts: Parts, row: Redaction) -> bool:
    with parts.database.read() as connection:
        stored = derived.find_stored(connection, row.account_id, row.message_id)
    raw = None if stored is None else row.made_again(stored.raw, parts.secrets.tombstone)
    if stored is None or raw is None:
        return False
    revision = revision_of(parts, stored, raw, stored.mail_from)
    return parts.writer.run(store_revision, parts, row.account_id, revision, hold=False)


def _train_anew(transaction: Transaction, parts: Parts, account: int, message: int, found: Features) -> None:
    """The same label on the new text, in the old one's place."""
    held = ledger.entries_of(transaction.connection, account, [message]).get(message)
    if held is None:
        return
    with parts.models.change(transaction, account) as change:
        change.remove(held)
        encoded = features_to_bytes(found)
        entry = replace(held, features_version=FEATURES_VERSION, features=encoded, stamp=change.stamp)
        change.add(entry, found)
