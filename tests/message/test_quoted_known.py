"""What we sent is known: a quote of it is folded without any mark, and answers between its lines stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailhub.message.quoted import split_reply
from mailhub.message.quoted_known import known_lines
from mailhub.message.values import Earlier, Reply

OURS = """Guten Tag Frau Kern,

wir haben zwei Fragen zu Ihrer Bestellung, bevor wir sie ausliefern können.
Welche Farbe soll der Rahmen haben?
Wann ist jemand zu Hause?

Mit freundlichen Grüßen
Ihr Versand"""
ANSWER = "Der Schlüssel liegt beim Nachbarn.\n\nMit freundlichen Grüßen\nJutta Kern"
BLOCK = (
    "Von: Versand <support@example.com>\nGesendet: Donnerstag, 12. November 2026 10:32\n"
    "An: Jutta Kern <jutta@kern.example>\nBetreff: Ihre Bestellung"
)


def _split(text: str, *ours: str, theirs: tuple[str, ...] = ()) -> Reply:
    return split_reply(text, "", "AW: Ihre Bestellung", Earlier(ours, theirs))


@pytest.mark.parametrize(
    "quote",
    [
        OURS,
        OURS.replace(", bevor", ",\nbevor").replace("zwei Fragen", "zwei\nFragen"),
        OURS.replace("\n\n", "\n"),
        "\n".join(f"    {line}" for line in OURS.split("\n")),
    ],
    ids=["as-sent", "wrapped", "without-blank-lines", "indented"],
)
def test_a_quote_of_ours_without_any_mark_is_folded(quote: str) -> None:
    """At the end of the text, however the client wrapped or indented it; the answer's own formula stays."""
    reply = _split(f"{ANSWER}\n\n{quote}", OURS)
    assert (reply.new, reply.reason) == (ANSWER, "our-text")


def test_a_quote_of_ours_above_the_answer_is_folded() -> None:
    """Who answers below an unmarked quote wrote what stands below it."""
    assert _split(f"{OURS}\n\nBlau, und immer nach 16 Uhr.", OURS).new == "Blau, und immer nach 16 Uhr."


@pytest.mark.parametrize(
    "introduction", [BLOCK, "Am 12.11.2026 um 10:32 schrieb Versand <support@example.com>:", ""]
)
def test_answers_between_our_lines_stay_in_their_place(introduction: str) -> None:
    """Below Outlook's block, an attribution, or nothing: what stands between known lines is an answer."""
    inside = OURS.replace("haben?\n", "haben?\nBlau bitte, wie der alte.\n").replace(
        "Hause?", "Hause?\nNach 16 Uhr."
    )
    reply = _split(f"Antworten stehen unten.\n\n{introduction}\n\n{inside}", OURS)
    assert "Blau bitte" in reply.new
    assert "Nach 16 Uhr" in reply.new


def test_the_thread_below_ours_is_folded_as_ever() -> None:
    """Their own first mail below ours is known too, and no answer."""
    first = "Ich habe am Montag einen Rahmen bestellt.\nBis heute kam nichts an."
    older = "Von: Jutta Kern <jutta@kern.example>\nGesendet: Montag, 9. November 2026 08:00\nAn: Versand\nBetreff: x"
    reply = _split(f"{ANSWER}\n\n{BLOCK}\n\n{OURS}\n\n{older}\n\n{first}", OURS, theirs=(first,))
    assert reply.new == ANSWER


@pytest.mark.parametrize(
    "text",
    [
        ANSWER,
        f"Danke.\n{OURS.splitlines()[-2]}",
        "Welche Farbe soll der Rahmen haben?\nDas frage ich mich.",
    ],
)
def test_a_line_that_ours_has_too_is_no_quote(text: str) -> None:
    """A formula of politeness, or one sentence taken up, is the writer's."""
    assert _split(text, OURS) == Reply(text, "", "")


@given(
    st.lists(st.one_of(st.sampled_from(OURS.split("\n")), st.text("ab> \n:", max_size=30)), max_size=20),
    st.lists(st.text("ab \n", max_size=60), max_size=3),
)
def test_new_and_folded_are_the_whole(lines: list[str], more: list[str]) -> None:
    """Whatever was sent before, no line of an answer is lost, and each is in one of the two."""
    text = "\n".join(lines)
    reply = _split(text, OURS, *more)
    words = sorted((reply.new + "\n" + reply.folded).split())
    assert words == sorted(text.split())


def test_comparing_is_bounded() -> None:
    """Beyond a number of lines and characters nothing is compared: such lines are new."""
    line = "a line that stood in it before"
    assert sum(known_lines([line] * 5_000, [line])) == 1_000
    assert sum(known_lines([line], ["x " * 40_000 + line])) == 0
