"""What a rule may say: a closed form, every fault of which is told with its place."""

from __future__ import annotations

import pytest

from mailhub.clock import DAY
from mailhub.errors import BadRequest
from mailhub.rules.form import On, read_rule

HEAD = 'name = "r"\non = ["filed"]\n'


def test_a_rule_is_read_whole() -> None:
    """Every part of the form, in one rule."""
    rule = read_rule(
        """
        name = "Invoices"
        on = ["filed", "changed"]
        stop = true
        zone = "UTC"
        [when]
        subject = { contains = ["Invoice", "Rechnung"] }
        state = "open"
        hours = "18:00-08:00"
        [unless]
        from = { ends = "@Partner.example" }
        [then]
        state = "closed"
        tag = ["Billing"]
        assign = { turns = ["ana@staff.example", "ben@staff.example"] }
        """
    )
    assert rule.on == {On.FILED, On.CHANGED}
    assert [each.field for each in rule.when] == ["subject", "hours", "state"], (
        "what costs a statement is last"
    )
    assert rule.when[0].values == ("invoice", "rechnung")
    assert rule.unless[0].values == ("@partner.example",)
    assert [each.verb for each in rule.then] == ["tag", "assign", "state"], (
        "done in one order, however written"
    )
    assert rule.stop


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("name =\n", "this is no TOML: Invalid value (at line 1"),
        ('on = ["filed"]\n[then]\ntag = "x"', "name: "),
        ('name = "r"\n[then]\ntag = "x"', "on: "),
        ('name = "r"\non = "lunch"', "on: there is no lunch"),
        (HEAD, "then: "),
        (HEAD + "colour = 1", "the rule: there is no colour"),
        (HEAD + '[when]\ncolour = "x"\n[then]\ntag = "x"', "when: there is no colour"),
        (HEAD + '[when]\nsubject = { like = "x" }\n[then]\ntag = "x"', "when.subject: there is no like"),
        (HEAD + '[when]\nsubject = { is = [] }\n[then]\ntag = "x"', "when.subject.is: takes 1 to"),
        (HEAD + '[when]\nfiles = "yes"\n[then]\ntag = "x"', "when.files: is true or false"),
        (HEAD + '[when]\nverdict = "bad"\n[then]\ntag = "x"', "when.verdict: there is no bad"),
        (HEAD + '[when]\nwords = ["..."]\n[then]\ntag = "x"', "when.words: there is no word"),
        (HEAD + '[when]\nhours = "8-18"\n[then]\ntag = "x"', "when.hours: "),
        (HEAD + '[when]\ndone = "assign"\n[then]\ntag = "x"', "when.done: is known in rules on changed"),
        (
            'name = "r"\non = "changed"\n[when]\nwords = "x"\n[then]\ntag = "x"',
            "when.words: is known in rules on filed",
        ),
        ('name = "r"\non = "time"\n[then]\ntag = "x"', "idle: goes with"),
        ('name = "r"\non = "time"\nidle = "366d"\n[then]\ntag = "x"', "idle: is a time"),
        ('name = "r"\non = ["time", "filed"]\nidle = "1d"\n[then]\ntag = "x"', "on: a rule that waits"),
        (HEAD + 'zone = "../etc"\n[then]\ntag = "x"', "zone: is no time zone"),
        (HEAD + '[then]\ntag = "two words"', "then.tag: a tag is one word"),
        (HEAD + "[then]\nassign = { most = ['a'] }", "then.assign: there is no most"),
        (HEAD + '[then]\nstate = "merged"', "then.state: there is no merged"),
        (HEAD + "[then]\nexec = 'rm'", "then: there is no exec"),
        ("x" * 20_000, "a rule has at most"),
        (HEAD + "[then]\ntag = " + "[" * 5_000, "this is no TOML"),
    ],
)
def test_a_fault_is_told_with_its_place(text: str, place: str) -> None:
    """Whoever wrote the rule hears where it is wrong and what there is instead."""
    with pytest.raises(BadRequest) as caught:
        read_rule(text)
    assert str(caught.value).startswith(place)


def test_how_long_nothing_happened_is_written_in_units() -> None:
    """Minutes, hours or days."""
    assert read_rule('name = "r"\non = "time"\nidle = "7d"\n[then]\nstate = "closed"').idle == 7 * DAY
