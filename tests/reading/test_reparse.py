"""After an upgrade that reads mail better, what is derived is derived anew, and what was decided stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import select

from mailhub.message.parse import parse
from mailhub.message.values import Parsed
from mailhub.reading import prepare as preparing
from mailhub.reading import reparse
from storage.mail import search
from storage.schema import message
from tests.houses.postroom import PostRoom, mail

ACCOUNT = 1


def run(room: PostRoom) -> tuple[int, int]:
    """All steps to the end: (read, changed)."""
    read = changed = after = 0
    while found := reparse.read_anew(room.database, room.secrets, room.directory, ACCOUNT, after=after):
        changed += room.writer.run(reparse.write_anew, account=ACCOUNT, messages=found)
        read, after = read + len(found), found[-1].stored.id
    return read, changed


def rows(room: PostRoom) -> Sequence[object]:
    with room.database.read() as connection:
        return connection.execute(select(message).order_by(message.c.id)).all()


def found(room: PostRoom, word: str) -> list[int]:
    with room.database.read() as connection:
        return search.find_messages(connection, ACCOUNT, word, before=2**62, limit=100)


def test_reading_again_with_the_same_reader_changes_nothing(room: PostRoom) -> None:
    """More messages than one step takes, bounces and same-id mails among them: every row stays as it was."""
    room.deliver_all([mail(f"Mail {n}.", sender=f"k{n}@x.example", id="one@x.example") for n in range(30)])
    room.deliver(mail("Nobody's."), mail_from=None)
    before = rows(room)
    assert run(room) == (31, 0)
    assert rows(room) == before
    assert len(found(room, "mail")) == 30


def test_what_a_better_reader_finds_is_stored_and_found(
    room: PostRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Filed by a reader that misses subject, text and id; the next version's run mends row, index and references."""

    def poor(raw: bytes, *, mail_from_null: bool = False) -> Parsed:
        return replace(parse(raw, mail_from_null=mail_from_null), subject="", text="", message_id="")

    with monkeypatch.context() as patch:
        patch.setattr(preparing, "parse", poor)
        outcome = room.deliver(mail("The oven is cold.", subject="Oven", id="oven@x.example"))
    assert found(room, "oven") == []
    assert run(room) == (1, 1)
    row = room.message(outcome.message)
    assert (row.subject, row.message_id, row.ticket_id) == ("Oven", "oven@x.example", outcome.ticket)
    assert found(room, "oven cold") == [outcome.message]
    answer = room.deliver(mail("Still cold.", headers=[("In-Reply-To", "<oven@x.example>")]))
    assert answer.ticket == outcome.ticket
    assert run(room) == (2, 0)
