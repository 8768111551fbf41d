"""What a flood, a fault, or strange bytes do to the way in: all of it is kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import event

from mailhub.clock import HOUR, SECOND
from mailhub.envelope import Fate, Source
from mailhub.reading import prepare as preparing
from storage.schema import mailbox, ticket
from tests.houses.postroom import FLOOD_CAP, HOPS, MALLORY, SUPPORT, PostRoom, answering, filed, mail

# --- flood ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_what_is_over_the_cap_joins_one_ticket(room: PostRoom, size: int) -> None:
    """However a flood is cut into batches, all of it is filed: its cap in tickets of their own, the rest in one."""
    flood = [mail(f"Mail {n}.", id=f"{n}@x.example") for n in range(FLOOD_CAP + 7)]
    outcomes = [o for at in range(0, len(flood), size) for o in room.deliver_all(flood[at : at + size])]
    assert {outcome.fate for outcome in outcomes} == {Fate.FILED}
    counts = Counter(outcome.ticket for outcome in outcomes)
    assert sorted(counts.values()) == [1] * FLOOD_CAP + [7]
    assert [row.message_count for row in room.rows(ticket) if row.flood] == [7]


def test_the_next_hour_starts_anew(room: PostRoom) -> None:
    """An hour later the sender has their tickets again."""
    room.deliver_all([mail(f"Mail {n}.") for n in range(FLOOD_CAP + 2)])
    room.now += HOUR
    later = room.deliver_all([mail(f"Later {n}.") for n in range(2)])
    assert [room.ticket(outcome.ticket).flood for outcome in later] == [0, 0]


def test_another_process_finds_the_flood_ticket(room: PostRoom) -> None:
    """After a restart, what is over the cap joins the ticket that collects already."""
    before = room.deliver_all([mail(f"Mail {n}.") for n in range(FLOOD_CAP + 1)])
    room.context = replace(room.context, flood=type(room.context.flood)(0))
    assert room.deliver(mail("More.")).ticket == before[-1].ticket


@pytest.mark.parametrize("state", ["closed", "trash"])
def test_a_flood_ticket_put_away_collects_no_more(room: PostRoom, state: str) -> None:
    """When an agent closed or trashed the collecting ticket, further mail starts another one and is not hidden."""
    before = room.deliver_all([mail(f"Mail {n}.") for n in range(FLOOD_CAP + 1)])
    room.set_ticket(before[-1].ticket or 0, state=state)
    after = room.deliver_all([mail(f"More {n}.") for n in range(2)])
    assert after[0].ticket == after[1].ticket != before[-1].ticket
    assert (room.ticket(after[0].ticket).state, room.ticket(after[0].ticket).flood) == ("open", 1)


def test_replies_are_no_flood(room: PostRoom) -> None:
    """Mails that join a ticket do not count, and another sender is not affected."""
    room.deliver(mail(id="a@x.example"))
    room.deliver_all([mail(f"Answer {n}.", headers=answering("a@x.example")) for n in range(2 * FLOOD_CAP)])
    assert room.deliver(mail("New.")).reason == "new"
    room.deliver_all([mail(f"Mail {n}.", sender=MALLORY) for n in range(FLOOD_CAP)])
    assert [row.flood for row in room.rows(ticket)] == [0] * (2 + FLOOD_CAP)


def test_an_import_is_no_flood(room: PostRoom) -> None:
    """An archive of one sender's mails, imported in an hour, becomes as many tickets as it has threads."""
    archive = [mail(f"Mail {n}.", id=f"{n}@x.example") for n in range(3 * FLOOD_CAP)]
    outcomes = room.deliver_all(archive, source=Source.IMPORT, quiet=True)
    assert len({outcome.ticket for outcome in outcomes}) == 3 * FLOOD_CAP


# --- faults -----------------------------------------------------------------------------------------------------------
def test_a_mail_that_cannot_be_read_is_kept(room: PostRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """When reading a message raises, its bytes are filed under the envelope's sender, flagged, and known again."""

    def broken(*_: object, **__: object) -> None:
        raise RecursionError

    raw = mail(id="a@x.example")
    with monkeypatch.context() as patch:
        patch.setattr(preparing, "parse", broken)
        first, again = room.deliver(raw), room.deliver(raw)
    assert (first.fate, again.fate, again.message) == (Fate.QUARANTINED, Fate.DUPLICATE, first.message)
    assert (room.message(first.message).unreadable, room.raw(first.message)) == (1, raw)
    assert room.requester(first.ticket) == "envelope@customer.example"


def test_any_byte_can_come(room: PostRoom) -> None:
    """Empty, binary and headerless messages are filed, and come back byte for byte."""
    raws_ = [
        b"",
        b"\0" * 999 + b"x",
        bytes(range(256)) * 20,
        b"no header at all",
        b"\xff\xfe: x\r\n\r\n\xed\xa0\x80",
    ]
    raws_ += [
        mail(subject="=?utf-8?b?AAAA?= \0", sender='"\0" <k\0im@x.example>'),
        mail("Id.", id="x" * 5000),
    ]
    raws_ += [
        mail("From.", sender=f"{'k' * 5000}@x.example"),
        mail("Cc.", headers=[("Cc", f"{'c' * 5000}@x.example")]),
    ]
    outcomes = room.deliver_all(raws_)
    assert [outcome.fate for outcome in outcomes] == [Fate.FILED] * len(raws_)


@pytest.mark.parametrize("strange", ["nul\0", "sur\udcffrogate", "x" * 5000])
def test_a_strange_envelope_is_recorded(room: PostRoom, strange: str) -> None:
    """NUL, lone surrogates and endless text in the envelope, should a door let them pass, stop nothing."""
    outcomes = room.deliver_to(
        mail(sender=None), f"support+{strange}@example.com", mail_from=f"{strange}@x.example"
    )
    assert [outcome.fate for outcome in outcomes] == [Fate.FILED]


def test_a_mixed_batch_has_every_fate(room: PostRoom) -> None:
    """New, known, looping and repeated mails of one batch each get their own fate."""
    known = mail("Known.", id="known@x.example")
    room.deliver(known)
    loop = mail("Loop.", headers=[("Received", "from a by b")] * (HOPS + 1))
    outcomes = room.deliver_all([mail("New."), known, loop, known, mail("New.")])
    assert [outcome.fate.value for outcome in outcomes] == [
        "filed",
        "duplicate",
        "rejected",
        "duplicate",
        "duplicate",
    ]


def test_an_automatic_mail_changes_no_state(room: PostRoom) -> None:
    """An out-of-office answer is filed in the closed ticket it belongs to, and leaves it closed."""
    first = room.deliver(mail(id="a@x.example"))
    room.set_ticket(first.ticket or 0, state="closed")
    automatic = [*answering("a@x.example"), ("Auto-Submitted", "auto-replied")]
    outcome = room.deliver(mail("I am away.", headers=automatic))
    assert (outcome.ticket, room.ticket(first.ticket).state) == (first.ticket, "closed")
    assert room.message(outcome.message).automatic


def test_our_own_people_are_no_flood(room: PostRoom) -> None:
    """An agent who writes to many customers in an hour has a ticket for each of them."""
    copy = [("Cc", "support@example.com")]
    people = [f"customer{n}@customer.example" for n in range(2 * FLOOD_CAP)]
    mails = [
        mail(f"Offer {n}.", sender="ana@example.com", to=to, headers=copy) for n, to in enumerate(people)
    ]
    outcomes = room.deliver_all(mails)
    assert [room.requester(outcome.ticket) for outcome in outcomes] == people


def test_answers_to_a_closed_ticket_are_a_flood_too(room: PostRoom) -> None:
    """Where such answers start tickets of their own, what is over the cap is collected in one."""
    first = room.deliver(mail(id="a@x.example"))
    room.set_ticket(filed(first), state="closed")
    change = mailbox.update().where(mailbox.c.id == SUPPORT).values(on_reply_to_closed="new-ticket")
    room.do(lambda tx: tx.connection.execute(change))
    room.directory.refresh()
    room.deliver_all([mail(f"Answer {n}.", headers=answering("a@x.example")) for n in range(FLOOD_CAP + 7)])
    counts = [row.message_count for row in room.rows(ticket) if row.id != first.ticket]
    assert sorted(counts) == [1] * (FLOOD_CAP - 1) + [8]


def test_an_old_mail_sets_no_ticket_back(room: PostRoom) -> None:
    """A mail that was received before the last one of its ticket, from an archive say, leaves the ticket's time."""
    first = room.deliver(mail(id="a@x.example"))
    before = room.ticket(first.ticket).updated_at
    room.now -= 1000 * SECOND
    room.deliver(mail("Earlier.", headers=answering("a@x.example")))
    assert (room.ticket(first.ticket).updated_at, room.ticket(first.ticket).message_count) == (before, 2)


def test_a_batch_shares_its_statements(room: PostRoom) -> None:
    """Sixteen mails of sixteen senders cost the same statements, in number, as four of four."""

    def cost(first: int, mails: int) -> int:
        batch = [
            mail(f"Text {n}.", sender=f"<{n}@customer.example>", id=f"{n}@x")
            for n in range(first, first + mails)
        ]
        seen: list[str] = []
        listen = lambda *call: seen.append(call[2])  # noqa: E731
        event.listen(room.database.writing, "before_cursor_execute", listen)
        try:
            room.deliver_all(batch)
        finally:
            event.remove(room.database.writing, "before_cursor_execute", listen)
        return len(seen)

    room.deliver(mail("Warm.", id="warm@x"))  # takes a block of ids, which lasts for the rest
    four = cost(100, 4)
    assert cost(200, 16) == four
    assert four <= 22
