"""Which ticket a mail joins: the peers' 87 scenarios, each that our policy covers named by its id.

The rows are in ``threading_scenarios.jsonl`` beside the checkout; the mails here are our own. Where our
policy differs from the peer a row was read in, the test's docstring says what we do and why. ``OUT_OF_SCOPE``
names the rest with its reason, and ``test_every_row_is_accounted_for`` compares both with the file. Every
test goes through the real pipeline on both engines, and the fixture ``room`` checks afterwards that no
delivery is without a fate.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mailhub.message.parse import parse
from mailhub.reading import reply_token
from mailhub.tickets.reply import Replied
from tests.houses.postroom import MALLORY, MINE, PostRoom, alone, answering, filed, joined, mail, tokened

HERE = Path(__file__).parent
DEFINED = re.compile(r"^def (test_T\w+)", re.MULTILINE)
ROWS = Path(__file__).parents[2] / "../shared/threading_scenarios.jsonl"

OUT_OF_SCOPE = {
    "T24": "we send agents no notification mails, so there is no id form of theirs to forge",
    "T28": "an exception for one sender's ids; such mail is threaded by References or starts tickets",
    "T39": "we send agents no notification mails to be answered by e-mail",
    "T40": "as T39: rights of agents are checked at the API, not by mail",
    "T59": "on_reply_to_closed is reopen or new-ticket; a time limit is no setting",
    "T60": "a ticket keeps its assignee when it reopens; there is no setting to lose him",
    "T64": "no commands in mail: an agent changes the requester in the ticket",
    "T74": "we send no rejection mails at all",
    "T76": "we send agents no notification mails, so nothing answers them",
    "T80": "we send with our own signed reverse path per ticket and person, not with VERP",
    "T81": "addresses are not scored or deactivated; a bounce fails the outbox row it is about (T79)",
    "T87": "attachments are read out of the raw message, which is stored in the same commit as the ticket",
}


# --- subject ----------------------------------------------------------------------------------------------------------


def test_T01_number_in_subject(room: PostRoom, kims_ticket: int) -> None:
    """The number of an open ticket in the subject joins it, when its requester writes."""
    assert (
        joined(room, room.deliver(mail("Any news?", subject="Re: [#1] Printer")), kims_ticket)
        == "subject-tag"
    )


def test_T02_made_up_number_before_a_real_one(room: PostRoom, kims_ticket: int) -> None:
    """A number that does not exist before a real one does no harm: the real one wins."""
    assert joined(room, room.deliver(mail("Any news?", subject="[#999] [#1]")), kims_ticket) == "subject-tag"


def test_T03_another_token_form(room: PostRoom, kims_ticket: int) -> None:
    """Differs: the form [#1] is fixed, so that a stranger's form is never taken for ours; nothing is configured."""
    assert alone(room, room.deliver(mail("Any news?", subject="VD-Ticket#1"))) == ("new", None)


def test_T04_number_of_another_installation(room: PostRoom, kims_ticket: int) -> None:
    """A number with somebody else's name before it is not ours."""
    assert alone(room, room.deliver(mail("Any news?", subject="[other.example #1] Printer"))) == ("new", None)


def test_T05_stranger_with_guessed_number(room: PostRoom, kims_ticket: int) -> None:
    """A stranger who guesses a number gets a ticket of their own, linked as perhaps belonging there."""
    outcome = room.deliver(mail("Pay me.", sender=MALLORY, subject="[#1]"))
    assert alone(room, outcome) == ("not-a-participant", kims_ticket)
    assert room.requester(outcome.ticket) == MALLORY


@pytest.mark.parametrize("sender", ["Kim@Customer.Example", "lee@customer.example", "ana@example.com"])
def test_T06_participant_with_number(room: PostRoom, sender: str) -> None:
    """The requester, someone copied earlier and an agent join by number, each as themselves."""
    ticket_id = filed(room.deliver(mail(headers=[("Cc", "lee@customer.example")])))
    outcome = room.deliver(mail("Me too.", sender=sender, subject="Re: [#1]"))
    assert joined(room, outcome, ticket_id) == "subject-tag"
    assert room.message(outcome.message).from_address.lower() == sender.lower()


def test_T07_stranger_with_valid_number(room: PostRoom, kims_ticket: int) -> None:
    """Differs: not refused, since a refused mail is lost, but filed alone and linked; nothing reaches the ticket."""
    assert alone(room, room.deliver(mail("Hello.", sender=MALLORY, subject="Re: [#1]"))) == (
        "not-a-participant",
        kims_ticket,
    )
    assert room.ticket(kims_ticket).message_count == 1


def test_T08_stranger_to_a_mailbox(room: PostRoom) -> None:
    """Differs: everybody may write to a support address; a stranger's mail makes a ticket."""
    assert alone(room, room.deliver(mail(sender=MALLORY))) == ("new", None)


# --- body -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        pytest.param("About [#1]: any news?", [], id="T09"),
        pytest.param("Foo..[#1]bar", [], id="T10"),
        pytest.param('<p bgcolor="[#1]">Any news?</p>', [("Content-Type", "text/html")], id="T11"),
        pytest.param("[#1]", [("Content-Disposition", "attachment; filename=a.txt")], id="T12"),
        pytest.param(
            "[#1]", [("Content-Type", "image/jpeg"), ("Content-Disposition", "attachment")], id="T13"
        ),
        pytest.param(f'<p class="mid-{MINE}">Ref-Mid: {MINE}</p>', [("Content-Type", "text/html")], id="T14"),
    ],
)
def test_T09_T10_T11_T12_T13_T14_marks_in_the_body(
    room: PostRoom, kims_ticket: int, text: str, headers: list[tuple[str, str]]
) -> None:
    """Differs where a peer searches bodies: quoted text is anybody's, so no text, markup or file ever decides."""
    assert alone(room, room.deliver(mail(text, subject="Something else", headers=headers))) == ("new", None)


# --- headers ----------------------------------------------------------------------------------------------------------


def test_T15_in_reply_to_with_another_subject(room: PostRoom, kims_ticket: int) -> None:
    """Like the other peers, unlike Zammad's default: In-Reply-To decides whatever the subject says."""
    outcome = room.deliver(mail("Any news?", subject="Completely different", headers=answering(MINE)))
    assert joined(room, outcome, kims_ticket) == "in-reply-to"


def test_T16_in_reply_to_with_reply_prefixes(room: PostRoom, kims_ticket: int) -> None:
    """In-Reply-To joins; the prefixes count for nothing, and without it the same subject joins nothing."""
    subject = "AW: RE: Printer"
    assert (
        joined(room, room.deliver(mail("A", subject=subject, headers=answering(MINE))), kims_ticket)
        == "in-reply-to"
    )
    assert alone(room, room.deliver(mail("B", subject=subject))) == ("new", None)


def test_T17_references_alone(room: PostRoom, kims_ticket: int) -> None:
    """A known id in References joins without In-Reply-To."""
    outcome = room.deliver(mail("Any news?", headers=answering(references=["unknown@x.example", MINE])))
    assert joined(room, outcome, kims_ticket) == "references"


def test_T18_id_known_in_two_tickets(room: PostRoom, kims_ticket: int) -> None:
    """An id that two tickets know leads to the younger one."""
    younger = filed(room.deliver(mail("Another body, same id.", id=MINE)))
    assert younger != kims_ticket
    assert joined(room, room.deliver(mail("Any news?", headers=answering(MINE))), younger) == "in-reply-to"


def test_T19_automatic_reply_by_references(room: PostRoom, kims_ticket: int) -> None:
    """An automatic reply with known References opens no ticket of its own, and changes no state."""
    room.set_ticket(kims_ticket, state="closed")
    headers = [*answering(references=[MINE]), ("Auto-Submitted", "auto-replied")]
    assert joined(room, room.deliver(mail("Away.", headers=headers)), kims_ticket) == "references"
    assert room.ticket(kims_ticket).state == "closed"


def test_T20_references_from_the_right(room: PostRoom, kims_ticket: int) -> None:
    """Of several known ids in References the rightmost, the nearest parent, decides."""
    other = filed(room.deliver(mail("Other.", id="other@customer.example")))
    for chain, expected in (
        ([MINE, "other@customer.example"], other),
        (["other@customer.example", MINE], kims_ticket),
    ):
        outcome = room.deliver(mail(f"To {expected}.", headers=answering(references=chain)))
        assert joined(room, outcome, expected) == "references"


def test_T21_several_in_reply_to(room: PostRoom, kims_ticket: int) -> None:
    """Of several ids in In-Reply-To the first known one decides, before References."""
    other = filed(room.deliver(mail("Other.", id="other@customer.example")))
    headers = answering(
        "unknown@x.example", MINE, "other@customer.example", references=["other@customer.example"]
    )
    assert joined(room, room.deliver(mail("Any news?", headers=headers)), kims_ticket) == "in-reply-to"
    assert other != kims_ticket


def test_T22_chain_with_trashed_posts(room: PostRoom, kims_ticket: int) -> None:
    """Four mails, each answering the one before by In-Reply-To or References, are one ticket, in one batch too."""
    chain = [mail("2", id="2@x.example", headers=answering(MINE))]
    chain += [mail("3", id="3@x.example", headers=answering(references=["2@x.example"]))]
    chain += [
        mail(
            "4",
            id="4@x.example",
            headers=answering("gone@x.example", references=["2@x.example", "3@x.example"]),
        )
    ]
    outcomes = room.deliver_all(chain)
    assert [joined(room, outcome, kims_ticket) for outcome in outcomes] == [
        "in-reply-to",
        "references",
        "references",
    ]


def test_T23_our_id_form_with_a_wrong_proof(room: PostRoom, kims_ticket: int, anas_answer: Replied) -> None:
    """An id in our form whose proof is wrong means nothing, whatever ticket it names; the mail is filed."""
    genuine = anas_answer.message_id
    forged = genuine[:25] + ("a" if genuine[25] != "a" else "b") + genuine[26:]
    assert alone(room, room.deliver(mail("Hello.", sender=MALLORY, headers=answering(forged)))) == (
        "new",
        None,
    )


def test_T25_proof_of_another_ticket(room: PostRoom, kims_ticket: int, anas_answer: Replied) -> None:
    """A proof covers its ticket and person together: parts of two genuine ones prove nothing."""
    second = filed(room.deliver(mail("Other.", id="other@x.example")))
    one, two = tokened(anas_answer), tokened(room.answer(second))
    mixed = one[: len("support+") + 8] + two[len("support+") + 8 :]
    assert mixed not in (one, two)
    assert alone(room, room.deliver_to(mail("Hello.", sender=MALLORY), mixed)[0]) == ("new", None)


def test_T26_reply_to_a_mail_that_is_no_ticket(room: PostRoom) -> None:
    """Differs: an answer to something we do not know is not refused but a ticket of its own."""
    assert alone(room, room.deliver(mail(headers=answering("digest@example.com")))) == ("new", None)


def test_T27_what_our_answer_carries(room: PostRoom, kims_ticket: int, anas_answer: Replied) -> None:
    """Our answer names the customer's mail in In-Reply-To and References, and has an id of ours with the proof."""
    raw = room.raw(anas_answer.message)
    assert raw is not None
    sent = parse(raw)
    assert (sent.in_reply_to, sent.references[-1]) == ((MINE,), MINE)
    assert sent.message_id == anas_answer.message_id
    proof = reply_token.read_message_id(sent.message_id, room.secrets.reply_token)
    assert proof == (kims_ticket, room.ticket(kims_ticket).contact_id)
    assert "[#1]" in sent.subject


def test_every_row_is_accounted_for() -> None:
    """Every row of the file is either named by a test or out of scope with a reason, none is both or unknown."""
    if not ROWS.exists():
        pytest.skip("threading_scenarios.jsonl is not beside the checkout")
    rows = {json.loads(line)["id"] for line in ROWS.read_text(encoding="utf-8").splitlines() if line}
    tests = [
        name for file in HERE.glob("test_threading_*.py") for name in DEFINED.findall(file.read_text("utf-8"))
    ]
    named = {id for name in tests for id in re.findall(r"T\d\d", name)}
    assert named & OUT_OF_SCOPE.keys() == set()
    assert named | OUT_OF_SCOPE.keys() == rows
