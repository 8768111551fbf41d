"""Retention rules: what goes, when, what stays, and what a hold keeps."""

from __future__ import annotations

from functools import partial

import pytest
from sqlalchemy import func, select

from mailhub.access import holds as hold_flow
from mailhub.clock import DAY
from mailhub.config import Retention
from mailhub.errors import ConfigurationError
from mailhub.privacy import retention
from mailhub.privacy.retention import Retaining
from mailhub.proof.act import Act
from mailhub.tickets import acts
from storage.mail import refusals
from storage.schema import intake, journal, ledger, message, refusal, ticket, tombstone
from tests.access.test_holds import held
from tests.houses.desk import SUPPORT, Desk
from tests.tickets.test_removal import Forgetting

never = partial(bool, 0)


def context(desk: Desk, **settings: object) -> Retaining:
    return Retaining(
        database=desk.database,
        writer=desk.writer,
        settings=Retention(**settings),  # type: ignore[arg-type]
        forget=Forgetting(),
        tombstone_key=desk.secrets.tombstone,
    )


def trashed(desk: Desk, sender: str = "kim@customer.example", *, more: int = 0) -> int:
    """A ticket in the trash since now, with further messages."""
    number = desk.ticket(desk.ticket_of(desk.mail(sender))).number
    for _ in range(more):
        desk.mail(sender, Subject=f"More [#{number}]")
    return desk.do(lambda tx: acts.trash(Act(tx, desk.actor, desk.account, desk.now), number)).id


def states(desk: Desk) -> dict[int, str]:
    with desk.database.read() as connection:
        return {row.id: row.state for row in connection.execute(select(ticket.c.id, ticket.c.state))}


def count(desk: Desk, table: object, *where: object) -> int:
    with desk.database.read() as connection:
        query = select(func.count()).select_from(table).where(*where)  # type: ignore[arg-type]
        return connection.execute(query).scalar_one()


def test_the_trash_is_emptied_after_its_period_and_not_before(desk: Desk) -> None:
    """A ticket goes 30 days after something last happened to it, with all its messages, a tombstone for each,
    and a journal row; a dry run tells before.
    """
    gone, open_one = trashed(desk, more=20), desk.ticket_of(desk.mail("leo@other.example"))
    work, due = context(desk), desk.ticket(gone).updated_at + 30 * DAY
    assert retention.apply(work, now=due, stopping=never)["tickets"] == 0
    planned = retention.plan(desk.database, work.settings, desk.account, now=due + 1)
    assert {each.rule.state: each.due for each in planned} == {"spam": 0, "trash": 1, "closed": 0}
    turns = desk.writer.turns
    assert retention.apply(work, now=due + 1, stopping=never)["tickets"] == 1
    assert desk.writer.turns - turns >= 3, "some messages in each turn"
    assert states(desk) == {open_one: "open"}
    assert (count(desk, message), count(desk, tombstone)) == (1, 21)
    assert (
        count(desk, journal, journal.c.verb == "retention.delete", journal.c.object == f"ticket:{gone}") == 1
    )
    assert desk.faults() == []


def test_what_the_filter_learnt_is_asked_back(desk: Desk) -> None:
    """The same deletion as a purge's: the filter hears of every message before it goes."""
    trashed(desk, more=1)
    work = context(desk)
    retention.apply(work, now=desk.now + 31 * DAY, stopping=never)
    assert isinstance(work.forget, Forgetting)
    assert len(work.forget.asked) == 2
    assert count(desk, ledger) == 0


def test_a_mailbox_has_rules_of_its_own(desk: Desk) -> None:
    """Its period stands in place of the general one, for that state alone; closed tickets are kept by default."""
    in_trash, closed = trashed(desk), desk.ticket_of(desk.mail("leo@other.example"))
    desk.do(lambda tx: acts.close(Act(tx, desk.actor, desk.account, desk.now), closed))
    retention.apply(context(desk, mailboxes={SUPPORT: "trash 90"}), now=desk.now + 60 * DAY, stopping=never)
    assert states(desk) == {in_trash: "trash", closed: "closed"}
    own = context(desk, trash_days=0, mailboxes={SUPPORT.upper(): "closed 10.5, trash 90"})
    retention.apply(own, now=desk.now + 60 * DAY, stopping=never)
    assert states(desk) == {in_trash: "trash"}
    with pytest.raises(ConfigurationError, match="closed 180"):
        retention.parse_mailboxes(Retention(mailboxes={SUPPORT: "open 3"}))


def planned(desk: Desk, work: Retaining, now: int) -> int:
    """How many tickets the dry run says would go."""
    return sum(each.due for each in retention.plan(desk.database, work.settings, desk.account, now=now))


def test_a_hold_beats_a_rule_and_lifted_lets_it_go_on(desk: Desk) -> None:
    """What is held stays, in the dry run too, and the records that name people; after the hold the next run deletes."""
    gone = trashed(desk)
    hold = held(desk, "ticket", gone)
    work, later = context(desk), desk.now + 31 * DAY
    assert planned(desk, work, later) == 0
    assert sum(retention.apply(work, now=later, stopping=never).values()) == 0
    desk.do(lambda tx: hold_flow.lift_hold(Act(tx, desk.actor, desk.account, later), hold.id))
    assert planned(desk, work, later) == 1
    assert retention.apply(work, now=later, stopping=never) == {"tickets": 1, "deliveries": 1, "refusals": 0}


def test_records_go_after_their_period(desk: Desk) -> None:
    """Records of deliveries and refusals of the last 30 days stay, older ones go; the mail they brought stays."""
    desk.mail()
    desk.writer.run(lambda tx: refusals.add(tx.connection, {("192.0.2.1", "junk"): 1}, at=desk.now))
    desk.now += 20 * DAY
    desk.mail("leo@other.example")
    retention.apply(context(desk), now=desk.now + 15 * DAY, stopping=never)
    assert (count(desk, intake), count(desk, refusal), count(desk, message)) == (1, 0, 2)
    retention.apply(context(desk, log_days=0), now=desk.now + 99 * DAY, stopping=never)
    assert count(desk, intake) == 1


def test_a_stop_leaves_the_rest_due(desk: Desk) -> None:
    """Stopped between two turns it goes on at the next run."""
    trashed(desk, more=20)
    answers = iter([False] * 3 + [True] * 20)
    work, later = context(desk, log_days=0), desk.now + 31 * DAY
    assert retention.apply(work, now=later, stopping=lambda: next(answers))["tickets"] == 0
    assert 0 < count(desk, message) < 21
    assert retention.apply(work, now=later, stopping=never)["tickets"] == 1
