"""FLOW 6 on each engine: what rules do, what stops them, and that none keeps mail back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import event, select

from mailhub.clock import DAY, HOUR
from mailhub.config import Quotas
from mailhub.errors import BadRequest, Conflict
from mailhub.message.values import Authentication
from mailhub.rules import editing, passing, running
from mailhub.tickets import acts, tagging
from storage.database import Connection
from storage.people.users import forget_user
from storage.proof.journal import JournalEntry, of_object
from storage.rules.rules import RuleRow, change_rule, list_rules
from storage.schema import ledger
from storage.tickets.ticket_lists import TicketRow, tickets_by_id
from storage.words import TicketState
from tests.houses.desk import Desk

QUOTAS = Quotas()


@pytest.fixture(autouse=True)
def sound(desk: Desk) -> Iterator[None]:
    """After every test the rows of tickets say what their messages are, and the filter learned nothing."""
    yield
    assert desk.faults() == []
    with desk.database.read() as connection:
        assert connection.execute(select(ledger)).all() == []


def add(
    desk: Desk, then: str, when: str = "", *, name: str = "a rule", on: str = "filed", top: str = ""
) -> RuleRow:
    text = f'name = "{name}"\non = "{on}"\n{top}\n[when]\n{when}\n[then]\n{then}\n'
    return desk.act(editing.add, text, user=desk.ana, quotas=QUOTAS)


def row(desk: Desk, ticket: int) -> TicketRow:
    with desk.database.read() as connection:
        return tickets_by_id(connection, desk.account, [ticket])[ticket]


def known(desk: Desk, rule: RuleRow) -> RuleRow:
    with desk.database.read() as connection:
        return next(each for each in list_rules(connection, desk.account) if each.id == rule.id)


def fired(desk: Desk, ticket: int, verb: str = "rule.fire") -> list[JournalEntry]:
    with desk.database.read() as connection:
        return [each for each in of_object(connection, desk.account, f"ticket:{ticket}") if each.verb == verb]


def test_filed_mail_is_tagged_assigned_and_told_on_the_ticket(desk: Desk) -> None:
    """All of its actions are done as acts of the rule, and the journal says why."""
    rule = add(
        desk,
        'tag = ["billing", "new"]\nassign = "Ben@staff.example"\npriority = "high"\nnote = "Look first."',
        'subject = { contains = "INVOICE" }\nnew = true',
    )
    ticket = desk.ticket_of(desk.mail(Subject="Your invoice"))
    other = desk.ticket_of(desk.mail(Subject="Hello"))

    found = row(desk, ticket)
    assert (found.assignee, set(found.tags), found.priority) == ("ben@staff.example", {"billing", "new"}, 1)
    assert row(desk, other).tags == ()
    (entry,) = fired(desk, ticket)
    assert entry.actor == f"rule:{rule.id}"
    assert entry.detail == {
        "rule": rule.id,
        "reason": "subject, new",
        "did": ["note.add", "ticket.assign", "ticket.prioritise", "ticket.tag"],
    }
    assert fired(desk, other) == []


CONDITIONS = [
    ('words = "works not"', False),
    ('words = "does WORK"', True),
    ('from = "kim@customer.example"', True),
    ('from = { begins = "kim@" }', True),
    ('from = { ends = ["@other.example", "@customer.example"] }', True),
    ('to = "SUPPORT@example.com"', True),
    ('mailbox = "support@example.com"', True),
    ('dmarc = "pass"', True),
    ('dmarc = ["fail", "none"]', False),
    ('kind = "person"', True),
    ("files = false", True),
    ("files = true", False),
    ('verdict = "unsure"', True),
    ('state = ["open", "closed"]', True),
    ('assignee = "none"', True),
    ("waiting = true", True),
    ('tag = "vip"', False),
    ('weekday = ["mon", "tue", "wed", "thu"]', False),
    ('weekday = "fri"', True),
    ('hours = "08:00-09:00"', True),
    ('hours = "09:00-08:00"', False),
]


def test_each_condition(desk: Desk) -> None:
    """A condition is true of the mail or the ticket it means (the desk's mail comes on a Friday at eight)."""
    for number, (when, _) in enumerate(CONDITIONS):
        add(desk, f'tag = "hit-{number}"', when, name=str(number))
    passes = Authentication(dmarc="pass", domain="customer.example", source="checked")
    ticket = desk.ticket_of(desk.receive(desk.written("Kim <kim@customer.example>"), authentication=passes))
    expected = {f"hit-{number}" for number, (_, holds) in enumerate(CONDITIONS) if holds}
    assert set(row(desk, ticket).tags) == expected


def test_rules_run_in_order_see_what_came_before_and_stop(desk: Desk) -> None:
    """A later rule sees the tag of an earlier one; behind one that stops nobody is asked."""
    add(desk, 'tag = "one"', name="first")
    add(desk, 'tag = "two"', 'tag = "one"', name="second", top="stop = true")
    third = add(desk, 'tag = "three"', name="third")
    assert set(row(desk, desk.ticket_of(desk.mail())).tags) == {"one", "two"}
    desk.act(editing.order, ["third", "second"])
    assert set(row(desk, desk.ticket_of(desk.mail())).tags) == {"one", "three"}
    desk.act(editing.switch, str(third.id), on=False)
    assert set(row(desk, desk.ticket_of(desk.mail())).tags) == {"one"}


def test_a_change_by_an_agent_sets_rules_off_and_a_change_by_a_rule_does_not(desk: Desk) -> None:
    """Two rules that undo each other's work run once each: no rule sets off a rule."""
    add(desk, 'state = "closed"', 'done = ["assign", "reopen"]', name="closes", on="changed")
    add(desk, 'state = "open"', 'done = ["assign", "close"]', name="opens", on="changed")
    ticket = desk.ticket_of(desk.mail())
    desk.ruled(acts.assign, ticket, desk.ben)
    assert [each.detail["did"] for each in fired(desk, ticket)] == [["ticket.close"], ["ticket.reopen"]]
    assert row(desk, ticket).state == TicketState.OPEN


def test_turns_and_the_least_loaded(desk: Desk) -> None:
    """By turns one after the other gets one; else who has fewest open tickets."""
    people = '["ana@staff.example", "ben@staff.example"]'
    rule = add(desk, f"assign = {{ turns = {people} }}")
    given = [row(desk, desk.ticket_of(desk.mail())).assignee for _ in range(4)]
    assert given == ["ana@staff.example", "ben@staff.example"] * 2
    desk.act(
        editing.rewrite,
        rule.name,
        f'name = "a rule"\non = "filed"\n[then]\nassign = {{ least = {people} }}',
        user=desk.ana,
    )
    loose = desk.ticket_of(desk.mail())
    desk.act(acts.assign, loose, desk.ana)
    assert row(desk, desk.ticket_of(desk.mail())).assignee == "ben@staff.example"


@pytest.mark.parametrize(
    ("then", "state"),
    [
        ('state = "pending"', "pending"),
        ('state = "closed"', "closed"),
        ('state = "trash"', "trash"),
        ('snooze = "2h"', "snoozed"),
    ],
)
def test_states(desk: Desk, then: str, state: str) -> None:
    """A rule sets a state as an agent does; the filter learns nothing by it."""
    add(desk, then)
    assert row(desk, desk.ticket_of(desk.mail())).state == state


def test_what_the_tickets_state_forbids_is_passed_over(desk: Desk) -> None:
    """A rule whose act a ticket does not take does nothing, stays on, and the mail is filed."""
    trashing = add(desk, 'state = "trash"', name="trashing")
    tagging_ = add(desk, 'tag = "x"', name="tagging")
    ticket = desk.ticket_of(desk.mail())
    assert row(desk, ticket).tags == ()
    assert [known(desk, each).enabled for each in (trashing, tagging_)] == [1, 1]


def test_a_broken_rule_is_switched_off_told_and_keeps_no_mail_back(desk: Desk) -> None:
    """Its user is gone: what it had done of this mail is undone, the rule behind it runs, it says why it is off."""
    rule = add(desk, 'tag = "half"\nassign = "ben@staff.example"', name="to ben")
    add(desk, 'tag = "whole"', name="behind")
    desk.do(lambda tx: forget_user(tx.connection, desk.account, desk.ben, at=desk.now))
    ticket = desk.ticket_of(desk.mail())
    assert row(desk, ticket).tags == ("whole",)
    assert (known(desk, rule).enabled, known(desk, rule).fault) == (0, running.NO_SUCH_USER)
    assert set(row(desk, desk.ticket_of(desk.mail())).tags) == {"whole"}
    with pytest.raises(BadRequest, match=r"then\.assign: there is no user"):
        desk.act(editing.switch, "to ben", on=True)


def test_a_rule_whose_act_raises_is_switched_off(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong in it: the mail is filed, the rule is off."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    rule = add(desk, 'priority = "high"')
    monkeypatch.setattr(acts, "prioritise", broken)
    ticket = desk.ticket_of(desk.mail())
    assert row(desk, ticket).priority == 0
    assert known(desk, rule).fault == running.NOT_DONE


def test_a_rule_that_an_erasure_left_unreadable_is_switched_off(desk: Desk) -> None:
    """Its text is no rule any more: it runs no more, the others do, and the mail is filed."""
    rule = add(desk, 'tag = "one"', name="first")
    add(desk, 'tag = "two"', name="second")
    desk.mail()
    desk.do(lambda tx: change_rule(tx.connection, desk.account, rule.id, text="[erased]"))
    assert row(desk, desk.ticket_of(desk.mail())).tags == ("two",)
    assert known(desk, rule).fault == running.UNREADABLE


def test_a_storm_ends(desk: Desk) -> None:
    """A robot writes into one ticket without end: an hour's bound of firings, one word on the ticket, mail all filed."""
    add(desk, 'note = "They wrote."')
    first = desk.mail(Message_ID="<first@customer.example>")
    ticket = desk.ticket_of(first)
    for _ in range(running.FIRINGS_AN_HOUR + 5):
        assert desk.mail(In_Reply_To="<first@customer.example>").ticket == ticket
    assert len(fired(desk, ticket)) == running.FIRINGS_AN_HOUR
    assert len(fired(desk, ticket, "rule.storm")) == 1
    assert len(desk.messages_in(ticket)) == running.FIRINGS_AN_HOUR + 6
    desk.now += HOUR
    desk.mail(In_Reply_To="<first@customer.example>")
    assert len(fired(desk, ticket)) == running.FIRINGS_AN_HOUR + 1


def test_time_passing_sets_a_rule_off_once_for_each_time_a_ticket_is_left_alone(desk: Desk) -> None:
    """Not what was old when the rule came; then each ticket that nothing happened to, once."""
    old = desk.ticket_of(desk.mail())
    desk.now += 10 * DAY
    add(desk, 'state = "closed"', 'state = "pending"', on="time", top='idle = "7d"')
    waiting = desk.ticket_of(desk.mail())
    untouched = desk.ticket_of(desk.mail())
    desk.act(acts.pend, waiting)
    desk.act(acts.pend, old)

    def look() -> int:
        return passing.look(desk.database, desk.writer, desk.rules, now=desk.now)

    assert look() == 0
    desk.now += 8 * DAY
    assert look() == 3
    assert look() == 0
    assert row(desk, waiting).state == row(desk, old).state == TicketState.CLOSED
    assert row(desk, untouched).state == TicketState.OPEN


def test_many_tickets_are_looked_at_a_page_at_a_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is passed over where a page ends."""
    monkeypatch.setattr(passing, "AT_ONCE", 3)
    add(desk, 'tag = "left"', on="time", top='idle = "1d"')
    tickets = [desk.ticket_of(desk.mail()) for _ in range(8)]
    desk.now += 2 * DAY
    for _ in range(8):
        passing.look(desk.database, desk.writer, desk.rules, now=desk.now)
    assert {row(desk, each).tags for each in tickets} == {("left",)}


def test_a_thousand_rules_are_read_once_and_cost_no_statement(desk: Desk) -> None:
    """Rules that do not hold cost a batch one look at their version, and are made ready once."""
    said = 'name = "{0}"\non = "filed"\n[when]\nsubject = {{ contains = "nothing {0}" }}\n[then]\ntag = "x"\n'
    for number in range(50):
        desk.act(editing.add, said.format(number), user=desk.ana, quotas=QUOTAS)
    desk.mail()
    ready = desk.rules.book.compiled
    statements: list[str] = []

    def count(_c: object, _u: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(desk.database.writing, "before_cursor_execute", count)
    desk.mail()
    event.remove(desk.database.writing, "before_cursor_execute", count)
    assert desk.rules.book.compiled == ready
    assert len([each for each in statements if "rule_set" in each]) == 1
    assert not [each for each in statements if "FROM rule \n" in each or "tag" in each]


def test_names_are_told_apart(desk: Desk) -> None:
    """Two of one name there are not, and a rule is found by either."""
    rule = add(desk, 'tag = "x"', name="Invoices")
    with pytest.raises(Conflict):
        add(desk, 'tag = "x"', name="invoices")
    with desk.database.read() as connection:
        assert _found(connection, desk, "INVOICES") == _found(connection, desk, str(rule.id)) == rule.id
    desk.act(editing.delete, "invoices")
    desk.act(tagging.tag, desk.ticket_of(desk.mail()), ["y"], quotas=QUOTAS)


def _found(connection: Connection, desk: Desk, name: str) -> int:
    return editing.find(connection, desk.account, name).id
