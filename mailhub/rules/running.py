"""FLOW 6: something happened to a ticket, and the account's rules do what they say about it.

    mail filed, ticket changed, time passed -> ``follow``: each rule in order -> holds? -> acts, in a savepoint -> journal

Runs in the transaction of what happened, before its commit. What a rule does is an act as an agent's (``tickets.acts``),
by ``rule:ID`` in the journal, and ``rule.fire`` on the ticket says why. **No rule sets off a rule**: each is asked once
about what happened, and sees what those before it did; so none can go round. Rules teach the filter nothing.

What stops a rule: the ticket's state forbids it (``Conflict``: passed over); it changed one ticket ``FIRINGS_AN_HOUR``
times (left, ``rule.storm`` on the ticket, once); what it says cannot be done (it is switched off, ``rule.break``, and
listed). None of these keeps mail back, nor undoes another rule. Must not: look at a clock, commit, call a door.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Concatenate, ParamSpec, TypeVar

from mailhub import clock
from mailhub.config import Quotas
from mailhub.errors import Conflict, NotFound
from mailhub.proof.act import Act
from mailhub.rules.facts import Facts, Later, facts_of_ticket, ticket_facts
from mailhub.rules.form import Action, On
from mailhub.rules.matching import Ready
from mailhub.rules.rulebook import Book, Rulebook
from mailhub.tickets import acts, tagging
from storage.people.users import find_user_by_email
from storage.rules import rules
from storage.tickets.ticket_lists import tickets_by_id
from storage.words import Priority, TicketState
from storage.writer import Transaction

P = ParamSpec("P")
T = TypeVar("T")

FIRINGS_AN_HOUR = 20  # of one rule on one ticket; counted by each node
STORMS_KEPT = 10_000  # rules on tickets that are counted; the hour's oldest are forgotten first
CHANGES = "ticket."  # the journal's verbs of acts on tickets

NO_SUCH_USER = "no-such-user"  # faults
NOT_DONE = "failed"
UNREADABLE = "unreadable"


class Fired(StrEnum):
    """What came of asking a rule."""

    NOT = "not"  # it did not hold
    DONE = "done"  # or passed over
    BROKEN = "broken"


class StormGuard:
    """How often each rule changed each ticket in this hour. In memory of one node; asked by the writer alone."""

    def __init__(self) -> None:
        self._hour = 0
        self._counts: dict[tuple[int, int], int] = {}

    def count(self, rule: int, ticket: int, at: int) -> int:
        """One more; how many they are with it."""
        if at // clock.HOUR != self._hour:
            self._hour = at // clock.HOUR
            self._counts.clear()
        key = (rule, ticket)
        self._counts[key] = self._counts.pop(key, 0) + 1
        if len(self._counts) > STORMS_KEPT:
            del self._counts[next(iter(self._counts))]
        return self._counts[key]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What running rules needs."""

    book: Rulebook
    storms: StormGuard
    quotas: Quotas = field(default_factory=Quotas)


def follow(act: Act, parts: Rules, known: Book, on: On, ticket: int, facts: Facts) -> Book:
    """Ask the account's rules about what happened to a ticket, in order, and do what they say.

    Returns the rules to go on with: ``known``, or what they are after one was switched off.
    """
    for each in known.unreadable:
        switch_off(act, each, UNREADABLE)
    broken = len(known.unreadable)
    for rule in known.on.get(on, ()):
        fired = fire_one(act, parts, rule, ticket, facts)
        broken += fired is Fired.BROKEN
        if fired is not Fired.NOT and rule.rule.stop:
            break
    return parts.book.of(act.transaction.connection, act.account) if broken else known


def follow_acts(act: Act, parts: Rules) -> None:
    """Ask the rules about what an act did to tickets: once about each."""
    changed: dict[int, set[str]] = {}
    for each in act.happened:
        kind, _, id_ = each.on.partition(":")
        if each.verb.startswith(CHANGES) and kind == "ticket":
            changed.setdefault(int(id_), set()).add(each.verb.removeprefix(CHANGES))
    if not changed:
        return
    connection = act.transaction.connection
    known = parts.book.of(connection, act.account)
    if not known.asks(On.CHANGED):
        return

    rows = tickets_by_id(connection, act.account, changed)
    for ticket, done in changed.items():
        if ticket in rows:
            now = asking(act, ticket)
            facts = facts_of_ticket(rows[ticket], at=act.now, ticket=now, done=done)
            known = follow(act, parts, known, On.CHANGED, ticket, facts)


def perform(
    transaction: Transaction,
    parts: Rules,
    function: Callable[Concatenate[Act, P], T],
    actor: str,
    account: int,
    now: int,
    /,
    *args: P.args,
    **named: P.kwargs,
) -> T:
    """As ``proof.act.perform``, and the rules hear what happened: for acts of people and programs."""
    act = Act(transaction, actor, account, now)
    result = function(act, *args, **named)
    follow_acts(act, parts)
    return result


def asking(act: Act, ticket: int) -> Later:
    """The ticket as it is when a condition asks for it."""
    return Later(lambda: ticket_facts(act.transaction.connection, act.account, ticket))


# --- one rule ---------------------------------------------------------------------------------------------------------


def fire_one(act: Act, parts: Rules, rule: Ready, ticket: int, facts: Facts) -> Fired:
    """Do what a rule says, if it holds. It is on record only if it changed anything."""
    if not rule.holds(facts):
        return Fired.NOT
    own = Act(act.transaction, f"rule:{rule.id}", act.account, act.now)

    def work() -> None:
        for action in rule.rule.then:
            _DO[action.verb](own, parts, rule, ticket, action)
        if own.happened:
            did = sorted({each.verb for each in own.happened})
            own.record("rule.fire", f"ticket:{ticket}", rule=rule.id, reason=rule.reason, did=did)
            if (times := parts.storms.count(rule.id, ticket, act.now)) > FIRINGS_AN_HOUR:
                raise _Storm(times)

    error = act.transaction.attempt(work)
    if isinstance(error, _Storm):
        if error.times == FIRINGS_AN_HOUR + 1:
            act.record("rule.storm", f"ticket:{ticket}", rule=rule.id, an_hour=FIRINGS_AN_HOUR)
    elif error is not None and not isinstance(error, Conflict):
        switch_off(act, rule.id, NO_SUCH_USER if isinstance(error, NotFound) else NOT_DONE)
        return Fired.BROKEN
    facts.ticket.forget()
    return Fired.DONE


class _Storm(Exception):
    """One rule changes one ticket too often."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times


def switch_off(act: Act, rule: int, fault: str) -> None:
    """A rule that cannot do what it says runs no more, and says why until it is switched on again."""
    rules.change_rule(act.transaction.connection, act.account, rule, enabled=0, fault=fault)
    act.record("rule.break", f"rule:{rule}", fault=fault)


# --- actions ----------------------------------------------------------------------------------------------------------


def _tag(act: Act, parts: Rules, _rule: Ready, ticket: int, action: Action) -> None:
    tagging.tag(act, ticket, action.values, quotas=parts.quotas)


def _untag(act: Act, _parts: Rules, _rule: Ready, ticket: int, action: Action) -> None:
    tagging.untag(act, ticket, action.values)


def _priority(act: Act, _parts: Rules, _rule: Ready, ticket: int, action: Action) -> None:
    acts.prioritise(act, ticket, Priority[action.values[0].upper()])


def _assign(act: Act, _parts: Rules, rule: Ready, ticket: int, action: Action) -> None:
    people = [_user(act, login) for login in action.values]
    if action.how == "turns":
        chosen = people[(rules.next_turn(act.transaction.connection, act.account, rule.id) - 1) % len(people)]
    elif action.how == "least":
        chosen = min(people, key=lambda user: _load(act, user))
    else:
        (chosen,) = people
    acts.assign(act, ticket, chosen)


def _user(act: Act, login: str) -> int:
    found = find_user_by_email(act.transaction.connection, act.account, login.casefold())
    if found is None:
        raise NotFound("there is no such user")
    return found.id


def _load(act: Act, user: int) -> int:
    states = (TicketState.OPEN, TicketState.PENDING)
    return rules.load_of(act.transaction.connection, act.account, user, states)


def _note(act: Act, _parts: Rules, rule: Ready, ticket: int, action: Action) -> None:
    acts.note(act, ticket, user=rule.user, text=f"[{rule.rule.name}] {action.values[0]}")


def _snooze(act: Act, _parts: Rules, _rule: Ready, ticket: int, action: Action) -> None:
    acts.snooze(act, ticket, act.now + int(action.values[0]))


def _state(act: Act, _parts: Rules, _rule: Ready, ticket: int, action: Action) -> None:
    _STATES[action.values[0]](act, ticket)


_STATES: Mapping[str, Callable[[Act, int], object]] = {
    "open": acts.reopen,
    "pending": acts.pend,
    "closed": acts.close,
    "trash": acts.trash,
}
_DO: Mapping[str, Callable[[Act, Rules, Ready, int, Action], None]] = {
    "tag": _tag,
    "untag": _untag,
    "priority": _priority,
    "assign": _assign,
    "note": _note,
    "snooze": _snooze,
    "state": _state,
}


def deeds(actions: Sequence[Action]) -> list[str]:
    """What actions would do, in words."""
    return [" ".join((each.verb, *filter(None, (each.how,)), *each.values)) for each in actions]
