"""A rule as people write it: TOML in, a value out. Pure; nothing in it is run, and every fault names its place.

    name = "Invoices to Ana"
    on = ["filed"]                         # filed, changed, time
    stop = true                            # rules behind it are not asked

    [when]                                 # all of these; in a list, any
    mailbox = "billing@example.com"
    subject = { contains = ["invoice", "rechnung"] }

    [unless]                               # none of these
    from = { ends = "@partner.example" }

    [then]
    assign = { turns = ["ana@example.com", "ben@example.com"] }
    tag = ["invoice"]

Texts are compared folded (without case). There are no patterns: a text *is*, *contains*, *begins* or *ends*, and
``words`` are found as the search finds them; so no rule can run long, whatever mail it meets. Must not: know rows.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, time, tzinfo
from enum import StrEnum
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

from mailhub import clock
from mailhub.errors import BadRequest
from mailhub.tickets.tagging import tag_name
from storage.mail.search import words
from storage.words import Priority, TicketState

TEXT_CHARACTERS = 16 * 1024
NAME_CHARACTERS = 100
VALUES = 100  # in one list
VALUE_CHARACTERS = 320
NOTE_CHARACTERS = 4_000
WAIT_DAYS = 365


class On(StrEnum):
    """What sets rules off."""

    FILED = "filed"  # mail was filed in a ticket
    CHANGED = "changed"  # somebody did something to a ticket
    TIME = "time"  # nothing happened to an open or pending ticket for so long


EVERYWHERE = frozenset(On)
FILED = frozenset({On.FILED})
CHANGED = frozenset({On.CHANGED})

DONE = (  # what can be done to a ticket, as the journal calls it: ticket.WORD
    *("assign", "responsible", "prioritise", "close", "pend", "snooze", "reopen", "trash", "restore"),
    *("tag", "untag", "accept", "exclude"),
)
KINDS = (  # of mail: a person's, or which automatic one
    *("person", "auto-reply", "out-of-office", "list", "bulk", "bounce", "complaint", "receipt"),
    *("generated", "reaction"),
)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
RESULTS = ("pass", "fail", "none", "temperror", "permerror")
TEXTS: Mapping[str, frozenset[On]] = {
    "from": EVERYWHERE, "subject": EVERYWHERE, "mailbox": EVERYWHERE, "to": FILED,
}  # fmt: skip
CHOICES: Mapping[str, tuple[tuple[str, ...], frozenset[On]]] = {
    "verdict": (("spam", "ham", "unsure"), EVERYWHERE),
    "state": (tuple(each.value for each in TicketState), EVERYWHERE),
    "priority": (tuple(each.word for each in Priority), EVERYWHERE),
    "dmarc": (RESULTS, FILED),
    "kind": (KINDS, FILED),
    "done": (DONE, CHANGED),
    "weekday": (DAYS, EVERYWHERE),
}
YES_OR_NO: Mapping[str, frozenset[On]] = {
    "new": FILED, "files": EVERYWHERE, "waiting": EVERYWHERE,
}  # fmt: skip
OPERATORS = ("is", "contains", "begins", "ends")
STATES = ("open", "pending", "closed", "trash")  # that a rule can set
_SPAN = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")
_UNITS = {"m": clock.MINUTE, "h": clock.HOUR, "d": clock.DAY}


@dataclass(frozen=True, slots=True)
class Condition:
    """One line of ``when`` or ``unless``: what it looks at, how, and at what it is true."""

    field: str
    how: str  # one of ``OPERATORS``, "any", "all", "yes-or-no" or "between"
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Action:
    """One line of ``then``."""

    verb: str
    values: tuple[str, ...] = ()
    how: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenRule:
    """A rule that was understood."""

    name: str
    on: frozenset[On]
    when: tuple[Condition, ...]
    unless: tuple[Condition, ...]
    then: tuple[Action, ...]
    stop: bool
    zone: str  # in which weekdays and hours are meant
    idle: int  # for how long nothing happened to the ticket, in microseconds; 0 unless it is on time


def read_rule(text: str) -> WrittenRule:
    """The rule that a text says. Raises ``BadRequest`` with the place of the first fault."""
    if len(text) > TEXT_CHARACTERS:
        raise BadRequest(f"a rule has at most {TEXT_CHARACTERS} characters")
    if "\0" in text or any("\ud800" <= each <= "\udfff" for each in text):
        raise BadRequest("a rule holds no NUL and no half of a surrogate pair")
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise BadRequest(f"this is no TOML: {error or 'it is nested too deeply'}") from error
    _known("the rule", table, ("name", "on", "when", "unless", "then", "stop", "zone", "idle"))

    on = _on(table)
    rule = WrittenRule(
        name=_line("name", table.get("name"), NAME_CHARACTERS),
        on=on,
        when=_conditions("when", table.get("when", {}), on),
        unless=_conditions("unless", table.get("unless", {}), on),
        then=_actions(table.get("then")),
        stop=_flag("stop", table.get("stop", False)),
        zone=_zone(table.get("zone", "UTC")),
        idle=_idle(table, on),
    )
    if not rule.then and not rule.stop:
        _fault("then", "say what is to be done, or stop = true")
    return rule


def _fault(place: str, what: str) -> NoReturn:
    raise BadRequest(f"{place}: {what}")


def _known(place: str, table: Any, names: Sequence[str]) -> None:
    if not isinstance(table, dict):
        _fault(place, "must be a table")
    if unknown := [name for name in table if name not in names]:
        _fault(place, f"there is no {unknown[0][:40]}; there are {', '.join(names)}")


def _flag(place: str, value: Any) -> bool:
    if not isinstance(value, bool):
        _fault(place, "is true or false")
    return value


def _line(place: str, value: Any, characters: int) -> str:
    if not isinstance(value, str) or not value.strip():
        _fault(place, "must be a text")
    if len(value) > characters or not value.strip().isprintable():
        _fault(place, f"must be one line of at most {characters} characters")
    return value.strip()


def _list(place: str, value: Any) -> tuple[str, ...]:
    """One value or several."""
    several = value if isinstance(value, list) else [value]
    if not 0 < len(several) <= VALUES:
        _fault(place, f"takes 1 to {VALUES} values")
    return tuple(_line(place, each, VALUE_CHARACTERS) for each in several)


def _among(place: str, value: Any, choices: Sequence[str]) -> tuple[str, ...]:
    found = _list(place, value)
    if unknown := [each for each in found if each not in choices]:
        _fault(place, f"there is no {unknown[0][:40]}; there are {', '.join(choices)}")
    return found


def _on(table: Mapping[str, Any]) -> frozenset[On]:
    if "on" not in table:
        _fault("on", f"say what sets it off: {', '.join(On)}")
    found = frozenset(On(each) for each in _among("on", table["on"], tuple(On)))
    if On.TIME in found and len(found) > 1:
        _fault("on", "a rule that waits for time to pass is set off by nothing else")
    return found


def _idle(table: Mapping[str, Any], on: frozenset[On]) -> int:
    if (On.TIME in on) != ("idle" in table):
        _fault("idle", 'goes with on = "time": for how long nothing happened, as "90m", "24h" or "7d"')
    if "idle" not in table:
        return 0
    span = _SPAN.fullmatch(_line("idle", table["idle"], 10))
    if span is None or int(span[1]) * _UNITS[span[2]] > WAIT_DAYS * clock.DAY:
        _fault("idle", f'is a time as "90m", "24h" or "7d", at most {WAIT_DAYS} days')
    return int(span[1]) * _UNITS[span[2]]


def _zone(value: Any) -> str:
    name = _line("zone", value, 60)
    try:
        zone_of(name)
    except (OSError, ValueError, LookupError):
        _fault("zone", "is no time zone; they are called as Europe/Berlin")
    return name


def zone_of(name: str) -> tzinfo:
    """The time zone of that name; UTC is known on machines that know no other."""
    return UTC if name == "UTC" else ZoneInfo(name)


# --- when, unless -----------------------------------------------------------------------------------------------------


def _conditions(part: str, table: Any, on: frozenset[On]) -> tuple[Condition, ...]:
    names = (*TEXTS, *CHOICES, *YES_OR_NO, "words", "assignee", "tag", "hours")
    _known(part, table, names)
    made = [_condition(f"{part}.{name}", name, value) for name, value in table.items()]
    for each in made:
        if not on <= _available(each.field):
            where = " or ".join(sorted(_available(each.field)))
            _fault(f"{part}.{each.field}", f"is known in rules on {where} alone")
    return tuple(sorted(made, key=lambda each: COST.get(each.field, 0)))


# What is cheap is asked first: a rule that one look at the mail decides asks for no row of the ticket.
COST: Mapping[str, int] = {"words": 1, "state": 2, "priority": 2, "assignee": 2, "tag": 2, "waiting": 2}


def _available(field: str) -> frozenset[On]:
    if field in CHOICES:
        return CHOICES[field][1]
    if field == "words":
        return FILED
    return TEXTS.get(field) or YES_OR_NO.get(field) or EVERYWHERE


def _condition(place: str, field: str, value: Any) -> Condition:
    if field in TEXTS:
        return _text(place, field, value)
    if field in CHOICES:
        return Condition(field, "any", _among(place, value, CHOICES[field][0]))
    if field in YES_OR_NO:
        return Condition(field, "yes-or-no", ("yes" if _flag(place, value) else "no",))
    if field == "words":
        return _words(place, value)
    if field == "hours":
        return _hours(place, value)
    if field == "tag":
        return Condition(field, "any", tuple(_tag(place, each) for each in _list(place, value)))
    return Condition(field, "any", tuple(each.casefold() for each in _list(place, value)))


def _text(place: str, field: str, value: Any) -> Condition:
    """A text or a list of them is what it is to be; else ``{ contains = ... }`` and the like."""
    if not isinstance(value, dict):
        value = {"is": value}
    _known(place, value, OPERATORS)
    if len(value) != 1:
        _fault(place, f"takes one of {', '.join(OPERATORS)}")
    ((how, wanted),) = value.items()
    return Condition(field, how, tuple(each.casefold() for each in _list(f"{place}.{how}", wanted)))


def _words(place: str, value: Any) -> Condition:
    """Words that all occur in the mail, as the search finds them."""
    found = tuple(words(_list(place, value), limit=VALUES))
    if not found:
        _fault(place, "there is no word in it")
    return Condition("words", "all", found)


def _hours(place: str, value: Any) -> Condition:
    found = _HOURS.fullmatch(_line(place, value, 20))
    if found is None:
        _fault(place, 'is written as "08:00-18:00"; "18:00-08:00" is over night')
    return Condition("hours", "between", (f"{found[1]}:{found[2]}", f"{found[3]}:{found[4]}"))


def _tag(place: str, name: str) -> str:
    try:
        return tag_name(name)
    except BadRequest as error:
        _fault(place, str(error))


# --- then -------------------------------------------------------------------------------------------------------------


def _actions(table: Any) -> tuple[Action, ...]:
    if table is None:
        return ()
    _known("then", table, tuple(_ACTIONS))
    return tuple(_ACTIONS[name](f"then.{name}", table[name]) for name in _ACTIONS if name in table)


def _assign(place: str, value: Any) -> Action:
    if isinstance(value, dict):
        _known(place, value, ("turns", "least"))
        if len(value) != 1:
            _fault(place, "takes one of turns, least")
        ((how, people),) = value.items()
        return Action("assign", _list(f"{place}.{how}", people), how)
    return Action("assign", (_line(place, value, VALUE_CHARACTERS),), "one")


def _tags(verb: str) -> Callable[[str, Any], Action]:
    return lambda place, value: Action(verb, tuple(_tag(place, each) for each in _list(place, value)))


def _priority(place: str, value: Any) -> Action:
    return Action("priority", _among(place, _line(place, value, 20), CHOICES["priority"][0]))


def _state(place: str, value: Any) -> Action:
    return Action("state", _among(place, _line(place, value, 20), STATES))


def _snooze(place: str, value: Any) -> Action:
    span = _SPAN.fullmatch(_line(place, value, 10))
    if span is None or int(span[1]) * _UNITS[span[2]] > WAIT_DAYS * clock.DAY:
        _fault(place, f'is a time as "90m", "24h" or "7d", at most {WAIT_DAYS} days')
    return Action("snooze", (str(int(span[1]) * _UNITS[span[2]]),))


def _note(place: str, value: Any) -> Action:
    if not isinstance(value, str) or not value.strip() or len(value) > NOTE_CHARACTERS:
        _fault(place, f"must be a text of at most {NOTE_CHARACTERS} characters")
    return Action("note", (value.strip(),))


_ACTIONS: Mapping[str, Callable[[str, Any], Action]] = {  # in the order in which they are done
    "tag": _tags("tag"),
    "untag": _tags("untag"),
    "priority": _priority,
    "assign": _assign,
    "note": _note,
    "snooze": _snooze,
    "state": _state,
}


def hours_of(condition: Condition) -> tuple[time, time]:
    """From when to when the condition holds."""
    first, last = (time.fromisoformat(each) for each in condition.values)
    return first, last
