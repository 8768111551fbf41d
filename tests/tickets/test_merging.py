"""Merging and splitting tickets, and undoing either exactly."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from mailhub.errors import BadRequest, Conflict, MailhubError, NotFound
from mailhub.proof.act import Act
from mailhub.tickets import acts as tickets
from mailhub.tickets import merging
from storage.mail.mailboxes import Mailbox, add_mailbox, is_used
from storage.proof import journal
from storage.schema import message, note, participant, ticket, ticket_mailbox
from storage.tickets import notes
from storage.tickets.tickets import Ticket, change_ticket, live_end
from tests.houses.desk import Desk

LEO = "Leo <leo@other.example>"
on_one_desk = settings(
    deadline=None,
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def merge(desk: Desk, source: int, target: int) -> Ticket:
    return desk.do(lambda tx: merging.merge(Act(tx, desk.actor, desk.account, desk.now), source, target))


def unmerge(desk: Desk, source: int) -> Ticket:
    return desk.do(lambda tx: merging.unmerge(Act(tx, desk.actor, desk.account, desk.now), source))


def split(desk: Desk, source: int, messages: Sequence[int]) -> Ticket:
    return desk.do(lambda tx: merging.split(Act(tx, desk.actor, desk.account, desk.now), source, messages))


def add_note(desk: Desk, of: int) -> int:
    written = desk.do(
        lambda tx: tickets.note(
            Act(tx, desk.actor, desk.account, desk.now), of, user=desk.ana, text="look here"
        )
    )
    return written.id


def picture(desk: Desk) -> dict[str, object]:
    """Where everything is: what undoing must give back."""
    with desk.database.read() as connection:
        return {
            "messages": dict(connection.execute(select(message.c.id, message.c.ticket_id)).all()),
            "notes": dict(connection.execute(select(note.c.id, note.c.ticket_id)).all()),
            "mailboxes": {tuple(row) for row in connection.execute(select(ticket_mailbox)).all()},
            "participants": set(connection.execute(select(participant)).all()),
            "tickets": sorted(
                connection.execute(
                    select(ticket.c.id, ticket.c.state, ticket.c.state_before, ticket.c.merged_into)
                )
            ),
        }


def live_end_of(desk: Desk, of: int) -> int | None:
    with desk.database.read() as connection:
        return live_end(connection, desk.account, of)


def test_merge_moves_everything_and_unmerge_moves_it_back(desk: Desk) -> None:
    """A merge takes messages and notes to the target and leads there; its undoing gives back the picture before."""
    source, target = desk.ticket_of(desk.mail()), desk.ticket_of(desk.mail(LEO))
    hint = add_note(desk, source)
    before = picture(desk)
    merged = merge(desk, source, target)
    assert merged.message_count == 2
    with desk.database.read() as connection:
        assert [found.id for found in notes.list_notes(connection, desk.account, target)] == [hint]
    assert live_end_of(desk, source) == target
    assert desk.faults() == []
    unmerge(desk, source)
    assert picture(desk) == before
    assert desk.faults() == []


def test_the_record_of_a_merge_is_enough_to_undo_it(desk: Desk) -> None:
    """The journal names what was moved and where, by id."""
    first, second = desk.mail(), desk.mail(LEO)
    merge(desk, desk.ticket_of(first), desk.ticket_of(second))
    with desk.database.read() as connection:
        (entry,) = journal.of_object(connection, desk.account, f"ticket:{first.ticket}")
    expected = {"into": second.ticket, "messages": [first.message], "notes": [], "tags": [], "before": "open"}
    assert (entry.verb, entry.actor, dict(entry.detail)) == ("ticket.merge", desk.actor, expected)


def test_an_answer_to_a_merged_ticket_joins_the_target(desk: Desk) -> None:
    """The requester of a merged ticket is heard in the one it was merged into."""
    first, second = desk.mail(Message_ID="<first@customer.example>"), desk.mail(LEO)
    merge(desk, desk.ticket_of(first), desk.ticket_of(second))
    later = desk.mail(In_Reply_To="<first@customer.example>")
    assert (later.ticket, later.reason) == (second.ticket, "in-reply-to")
    tagged = desk.mail(Subject="More [#1]")
    assert (tagged.ticket, tagged.reason) == (second.ticket, "subject-tag")


def test_after_unmerging_the_others_are_strangers_again(desk: Desk) -> None:
    """Whoever could write into the target only because of the merge cannot any more."""
    first, second = desk.mail(), desk.mail(LEO, Message_ID="<second@customer.example>")
    merge(desk, desk.ticket_of(first), desk.ticket_of(second))
    unmerge(desk, desk.ticket_of(first))
    later = desk.mail(In_Reply_To="<second@customer.example>")
    assert later.ticket not in (first.ticket, second.ticket)


def test_guests_of_a_merged_ticket_stay_guests(desk: Desk) -> None:
    """Whoever came by somebody else's reply address may not write into the target of a merge either."""
    first, second = desk.mail(), desk.mail(LEO, Message_ID="<second@customer.example>")
    return_path = desk.answer(desk.ticket_of(first)).queued[0].mail_from
    assert return_path is not None
    guest = desk.mail("mallory@elsewhere.example", to=return_path)
    assert guest.ticket == first.ticket
    merge(desk, desk.ticket_of(first), desk.ticket_of(second))
    later = desk.mail("mallory@elsewhere.example", In_Reply_To="<second@customer.example>")
    assert later.ticket not in (first.ticket, second.ticket)


def test_mail_that_came_after_the_merge_stays(desk: Desk) -> None:
    """Unmerging moves back what the merge moved, and nothing that came later."""
    first, second = desk.mail(Message_ID="<first@customer.example>"), desk.mail(LEO)
    merge(desk, desk.ticket_of(first), desk.ticket_of(second))
    later = desk.mail(In_Reply_To="<first@customer.example>")
    unmerge(desk, desk.ticket_of(first))
    assert desk.messages_in(desk.ticket_of(first)) == [first.message]
    assert desk.messages_in(desk.ticket_of(second)) == [second.message, later.message]


def test_what_a_later_merge_brought_is_not_taken_along(desk: Desk) -> None:
    """A message that left by unmerging and came back by a merge of its own stays with that one."""
    one, two, three = (
        desk.ticket_of(desk.mail(sender)) for sender in ("a@a.example", "b@b.example", "c@c.example")
    )
    merge(desk, one, two)
    merge(desk, two, three)
    unmerge(desk, one)
    merge(desk, one, three)
    unmerge(desk, two)
    assert (len(desk.messages_in(two)), len(desk.messages_in(three))) == (1, 2)
    unmerge(desk, one)
    assert [len(desk.messages_in(each)) for each in (one, two, three)] == [1, 1, 1]
    assert desk.faults() == []


@pytest.mark.parametrize("state", ["trash", "merged"])
def test_what_cannot_be_merged(desk: Desk, state: str) -> None:
    """A ticket in the trash or merged away neither merges nor is merged into."""
    gone, other, third = (
        desk.ticket_of(desk.mail(sender)) for sender in ("a@a.example", "b@b.example", "c@c.example")
    )
    if state == "trash":
        desk.do(lambda tx: tickets.trash(Act(tx, desk.actor, desk.account, desk.now), gone))
    else:
        merge(desk, gone, third)
    for source, target in ((gone, other), (other, gone)):
        with pytest.raises(Conflict):
            merge(desk, source, target)


def test_no_ticket_is_merged_into_itself(desk: Desk) -> None:
    """Merging a ticket into itself, by id and by number, is a bad request."""
    one = desk.ticket_of(desk.mail())
    with pytest.raises(BadRequest, match="into itself"):
        merge(desk, one, 1)


def test_nothing_is_merged_into_spam(desk: Desk) -> None:
    """A spam ticket may become part of another one, but nothing is hidden in it."""
    spam, other = desk.ticket_of(desk.mail()), desk.ticket_of(desk.mail(LEO))
    desk.do(lambda tx: change_ticket(tx.connection, desk.account, spam, at=desk.now, state="spam"))
    with pytest.raises(Conflict, match="is spam"):
        merge(desk, other, spam)
    assert merge(desk, spam, other).message_count == 2
    assert unmerge(desk, spam).state == "spam"


def test_a_ticket_that_is_gone(desk: Desk) -> None:
    """What was purged can be neither merged nor unmerged, and leads nowhere."""
    one = desk.ticket_of(desk.mail())
    with pytest.raises(NotFound, match="no ticket 17"):
        merge(desk, one, 17)
    with pytest.raises(NotFound, match="no ticket 17"):
        unmerge(desk, 17)
    assert live_end_of(desk, 17) is None


def test_unmerging_what_is_not_merged(desk: Desk) -> None:
    """Only a merged ticket can be unmerged."""
    one = desk.ticket_of(desk.mail())
    with pytest.raises(Conflict, match="not merged"):
        unmerge(desk, one)


def test_split_makes_a_ticket_and_merging_undoes_it(desk: Desk) -> None:
    """A split message is a ticket of its sender's with the next number; answers to it go there."""
    first = desk.mail(Message_ID="<first@customer.example>")
    second = desk.mail(
        In_Reply_To="<first@customer.example>", Message_ID="<second@customer.example>", Subject="Also"
    )
    assert second.ticket == first.ticket
    made = split(desk, desk.ticket_of(first), [desk.message_of(second)])
    assert (made.number, made.subject, made.message_count, made.state) == (2, "Also", 1, "open")
    assert made.contact_id == desk.ticket(desk.ticket_of(first)).contact_id
    assert desk.mail(In_Reply_To="<second@customer.example>").ticket == made.id
    merge(desk, made.id, desk.ticket_of(first))
    assert desk.ticket(desk.ticket_of(first)).message_count == 3
    assert desk.faults() == []


def test_what_cannot_be_split(desk: Desk) -> None:
    """One message must stay, and only messages of the ticket can be split off."""
    first, other = desk.mail(), desk.mail(LEO)
    with pytest.raises(Conflict, match="keep at least one"):
        split(desk, desk.ticket_of(first), [desk.message_of(first)])
    with pytest.raises(NotFound):
        split(desk, desk.ticket_of(first), [desk.message_of(other)])
    with pytest.raises(BadRequest):
        split(desk, desk.ticket_of(first), [])


@on_one_desk
@given(st.data())
def test_merges_undone_in_any_order_bring_everything_home(desk: Desk, data: st.DataObject) -> None:
    """Whatever is merged into whatever, when all merges are undone, in any order, everything is where it was."""
    every = [desk.ticket_of(desk.mail(f"p{n}@customer.example")) for n in range(4)]
    before = picture(desk)
    merged = []
    for source in data.draw(st.permutations(every)):
        live = [each for each in every if desk.ticket(each).state == "open" and each != source]
        if desk.ticket(source).state == "open" and live and data.draw(st.booleans()):
            merge(desk, source, data.draw(st.sampled_from(live)))
            merged.append(source)
    for source in data.draw(st.permutations(merged)):
        unmerge(desk, source)
    assert picture(desk) == before
    assert desk.faults() == []


ACTS = st.sampled_from(["merge", "unmerge", "split", "trash", "restore", "close", "reopen", "mail", "purge"])


@on_one_desk
@given(st.lists(st.tuples(ACTS, st.integers(0, 5), st.integers(0, 5)), max_size=25))
def test_counts_and_references_stay_true(desk: Desk, acts: list[tuple[str, int, int]]) -> None:
    """After any order of acts every ticket's count is its messages' number and every reference leads to its message."""
    every = [desk.ticket_of(desk.mail(f"p{n}@customer.example")) for n in range(3)]
    for name, first, second in acts:
        one, other = every[first % len(every)], every[second % len(every)]
        try:
            made = _act(desk, name, one, other)
        except MailhubError:
            continue
        if made is not None and made not in every:
            every.append(made)
    assert desk.faults() == []


def _act(desk: Desk, name: str, one: int, other: int) -> int | None:
    simple = {
        "trash": tickets.trash,
        "restore": tickets.restore,
        "close": tickets.close,
        "reopen": tickets.reopen,
    }
    if name in simple:
        desk.do(lambda tx: simple[name](Act(tx, desk.actor, desk.account, desk.now), one))
    elif name == "merge":
        merge(desk, one, other)
    elif name == "unmerge":
        unmerge(desk, one)
    elif name == "split":
        return split(desk, one, desk.messages_in(one)[-1:]).id
    elif name == "purge" and (messages := desk.messages_in(one)):
        desk.do(
            lambda tx: tickets.purge_message(
                Act(tx, desk.actor, desk.account, desk.now),
                messages[0],
                forget=lambda *_: None,
                tombstone_key=b"k",
            )
        )
    elif name == "mail":
        number = desk.ticket(one).number
        return desk.ticket_of(desk.mail("p0@customer.example", Subject=f"More [#{number}]"))
    return None


def test_a_merged_ticket_is_still_seen_in_its_mailboxes(desk: Desk) -> None:
    """The target is shown in the source's mailboxes until the merge is undone, over any number of merges."""
    for id in (901, 902):
        box = Mailbox(account_id=desk.account, id=id, address=f"box{id}@example.com", name="", created_at=1)
        desk.do(lambda tx, box=box: add_mailbox(tx.connection, box))  # type: ignore[misc]
    desk.directory.refresh()
    first = desk.ticket_of(desk.mail(to="box901@example.com"))
    second = desk.ticket_of(desk.mail(LEO, to="box902@example.com"))
    third = desk.ticket_of(desk.mail("Eve <eve@third.example>"))
    pictures = [picture(desk)]
    merge(desk, first, second)
    pictures.append(picture(desk))
    merge(desk, second, third)
    with desk.database.read() as connection:
        shown = select(ticket_mailbox.c.mailbox_id).where(ticket_mailbox.c.ticket_id == third)
        assert set(connection.execute(shown).scalars()) == {901, 902}
        assert is_used(connection, desk.account, 901)
    unmerge(desk, second)
    assert picture(desk) == pictures[1]
    unmerge(desk, first)
    assert picture(desk) == pictures[0]
