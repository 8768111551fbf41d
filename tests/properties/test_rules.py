"""Rules are total: whatever is written is a rule or a told fault, and whatever mail comes, asking one raises nothing."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.errors import BadRequest
from mailhub.rules import form
from mailhub.rules.facts import Facts, Later, TicketFacts, folded
from mailhub.rules.form import CHOICES, OPERATORS, TEXTS, YES_OR_NO, read_rule
from mailhub.rules.matching import READ, RECIPIENTS, compiled
from tests.houses.counted_work import calls_of

anything = st.text(max_size=40)
lines = st.text(min_size=1, max_size=20).filter(lambda each: each.strip() and each.strip().isprintable())
values = st.lists(lines, min_size=1, max_size=4)
scalars = st.one_of(anything, st.booleans(), st.integers(), st.floats(), st.lists(anything, max_size=3))
fields = (*TEXTS, *CHOICES, *YES_OR_NO, "words", "assignee", "tag", "hours")


def toml(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {toml(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(each):08x}" for each in value) + '"'
    return repr(value)


def conditions(on: str) -> st.SearchStrategy[dict[str, Any]]:
    """Conditions that are known there, and sound."""
    texts = st.one_of(
        values, st.sampled_from(OPERATORS).flatmap(lambda how: st.fixed_dictionaries({how: values}))
    )
    each: dict[str, st.SearchStrategy[Any]] = dict.fromkeys(TEXTS, texts)
    each |= {name: st.lists(st.sampled_from(choices), min_size=1) for name, (choices, _) in CHOICES.items()}
    each |= {name: st.booleans() for name in YES_OR_NO}
    each |= {"words": st.just(["refund", "rück"]), "assignee": values, "tag": st.just("vip")}
    each |= {"hours": st.sampled_from(["08:00-18:00", "18:00-08:00", "00:00-00:00"])}
    known = {name: how for name, how in each.items() if form.On(on) in form._available(name)}
    return st.fixed_dictionaries({}, optional=known)


@settings(max_examples=40, deadline=None)
@given(
    st.one_of(
        anything,
        st.dictionaries(anything, scalars, max_size=4).map(
            lambda table: "".join(f"{toml(name)} = {toml(value)}\n" for name, value in table.items())
        ),
    )
)
def test_any_text_is_a_rule_or_a_told_fault(text: str) -> None:
    """Nothing but ``BadRequest`` comes of a text that is no rule."""
    try:
        read_rule(text)
    except BadRequest as error:
        assert str(error)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["when", "unless", "then", "name", "on", "stop", "zone", "idle"]),
    st.sampled_from([*fields, *form._ACTIONS]),
    scalars,
)
def test_any_value_in_any_place_is_taken_or_told(part: str, name: str, value: object) -> None:
    """A value of the wrong kind is a told fault, wherever it stands."""
    table = {"name": toml("r"), "on": toml("filed"), part: f"{{{name} = {toml(value)}}}"}
    try:
        read_rule("".join(f"{key} = {inner}\n" for key, inner in table.items()))
    except BadRequest as error:
        assert str(error)


@settings(max_examples=40, deadline=None)
@given(
    conditions("filed"),
    conditions("filed"),
    st.integers(-(2**63), 2**63 - 1),
    anything,
    anything,
    st.lists(anything),
)
def test_asking_a_rule_raises_nothing(
    when: dict[str, Any], unless: dict[str, Any], at: int, sender: str, subject: str, words: list[str]
) -> None:
    """Any mail at any instant, with any ticket: true or false."""
    text = f'name = "r"\non = "filed"\nstop = true\nwhen = {toml(when)}\nunless = {toml(unless)}\n'
    ticket = TicketFacts(state=subject, priority=sender, assignee=sender, tags=tuple(words), waiting=at > 0)
    facts = Facts(
        at=at, mailbox=sender, sender=sender, subject=subject, verdict=subject, files=at > 0,
        ticket=Later(lambda: ticket), recipients=lambda: words, words=lambda: frozenset(words),
    )  # fmt: skip
    assert compiled(1, 1, read_rule(text)).holds(folded(facts)) in (True, False)


def test_a_larger_mail_costs_no_more() -> None:
    """The calls a rule makes do not grow with the mail: subject and recipients are looked at up to a bound."""
    rule = compiled(
        1,
        1,
        read_rule(
            'name = "r"\non = "filed"\nstop = true\n[when]\nwords = "no"\n[unless]\n'
            'subject = { contains = ["ab", "cd"] }\nto = { ends = "@x.example" }\n'
        ),
    )

    def calls(size: int) -> int:
        facts = Facts(
            at=0, mailbox="", sender="", subject="a" * size * READ, verdict="", files=False,
            ticket=Later(lambda: TicketFacts(state="", priority="", assignee="", tags=(), waiting=False)),
            recipients=lambda: ["a" * 400] * size * RECIPIENTS, words=lambda: frozenset({"no"}),
        )  # fmt: skip
        return calls_of(lambda: rule.holds(facts))

    assert calls(1) == calls(50)
