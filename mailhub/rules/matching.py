"""Rules made ready to be asked: each condition a function of facts. Pure; total: no input raises, none runs long.

A condition's cost is that of a few texts of at most ``READ`` characters against at most 100 values, or of looking words
up in a set. ``compiled`` is done once for each rule and state of the account's rules (``rulebook``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice

from mailhub.rules.facts import Facts
from mailhub.rules.form import DAYS, On, WrittenRule, hours_of, zone_of
from mailhub.rules.form import Condition as Written

Test = Callable[[Facts], bool]
READ = 1_000  # characters of a subject or an address that are looked at
RECIPIENTS = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A rule that can be asked."""

    id: int
    user: int  # who wrote it
    rule: WrittenRule
    when: tuple[Test, ...]
    unless: tuple[Test, ...]

    def holds(self, facts: Facts) -> bool:
        """Whether all of ``when`` and none of ``unless`` is true."""
        for test in self.when:
            if not test(facts):
                return False
        return not any(test(facts) for test in self.unless)

    @property
    def reason(self) -> str:
        """What it looks at, in words of the form: no content of any mail."""
        asked = [each.field for each in self.rule.when] + [f"not {each.field}" for each in self.rule.unless]
        return ", ".join(asked) or "always"


def compiled(id_: int, user: int, rule: WrittenRule) -> Ready:
    """The rule, ready to be asked."""
    zone = zone_of(rule.zone)
    return Ready(
        id=id_,
        user=user,
        rule=rule,
        when=tuple(_test(each, zone) for each in rule.when),
        unless=tuple(_test(each, zone) for each in rule.unless),
    )


def _test(condition: Written, zone: tzinfo) -> Test:
    if condition.field in _TEXTS:
        return _text_test(condition)
    if condition.field == "words":
        return _words_test(frozenset(condition.values))
    if condition.field == "hours":
        return _hours_test(condition, zone)
    if condition.field == "weekday":
        return _weekday_test(frozenset(condition.values), zone)
    if condition.how == "yes-or-no":
        return _flag_test(_FLAGS[condition.field], condition.values == ("yes",))
    return _any_test(_SETS[condition.field], frozenset(condition.values))


# --- texts ------------------------------------------------------------------------------------------------------------


_TEXTS: dict[str, Callable[[Facts], Collection[str]]] = {
    "from": lambda facts: (facts.sender[:READ],),
    "subject": lambda facts: (facts.subject[:READ],),
    "mailbox": lambda facts: (facts.mailbox[:READ],),
    "to": lambda facts: [each[:READ] for each in islice(facts.recipients(), RECIPIENTS)],
}


def _text_test(condition: Written) -> Test:
    texts = _TEXTS[condition.field]
    values = condition.values
    if condition.how == "is":
        known = frozenset(values)
        return lambda facts: not known.isdisjoint(texts(facts))
    if condition.how == "begins":
        return lambda facts: any(text.startswith(values) for text in texts(facts))
    if condition.how == "ends":
        return lambda facts: any(text.endswith(values) for text in texts(facts))
    return lambda facts: any(value in text for text in texts(facts) for value in values)


def _words_test(wanted: frozenset[str]) -> Test:
    return lambda facts: wanted <= facts.words()


# --- choices ----------------------------------------------------------------------------------------------------------


_SETS: dict[str, Callable[[Facts], Collection[str]]] = {
    "verdict": lambda facts: (facts.verdict,),
    "dmarc": lambda facts: (facts.dmarc,),
    "kind": lambda facts: (facts.kind,),
    "done": lambda facts: facts.done,
    "state": lambda facts: (facts.ticket().state,),
    "priority": lambda facts: (facts.ticket().priority,),
    "assignee": lambda facts: (facts.ticket().assignee,),
    "tag": lambda facts: facts.ticket().tags,
}
_FLAGS: dict[str, Callable[[Facts], bool]] = {
    "new": lambda facts: facts.new,
    "files": lambda facts: facts.files,
    "waiting": lambda facts: facts.ticket().waiting,
}


def _any_test(values: Callable[[Facts], Collection[str]], wanted: frozenset[str]) -> Test:
    return lambda facts: not wanted.isdisjoint(values(facts))


def _flag_test(value: Callable[[Facts], bool], wanted: bool) -> Test:
    return lambda facts: value(facts) is wanted


# --- time -------------------------------------------------------------------------------------------------------------


def _local(at: int, zone: tzinfo) -> datetime:
    """The instant there; one that no calendar has is the first of ours (a rule decides nothing by it)."""
    try:
        return (_EPOCH + timedelta(microseconds=at)).astimezone(zone)
    except (OverflowError, ValueError):
        return _EPOCH


def _hours_test(condition: Written, zone: tzinfo) -> Test:
    first, last = hours_of(condition)

    def test(facts: Facts) -> bool:
        now = _local(facts.at, zone).time()
        return first <= now < last if first <= last else now >= first or now < last

    return test


def _weekday_test(wanted: frozenset[str], zone: tzinfo) -> Test:
    return lambda facts: DAYS[_local(facts.at, zone).weekday()] in wanted


def on_event(rules: Collection[Ready], on: On) -> tuple[Ready, ...]:
    """Those of the rules that this sets off, in order."""
    return tuple(each for each in rules if on in each.rule.on)
