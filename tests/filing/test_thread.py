"""Which ticket a message belongs to, decided over values alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailhub.filing.thread import Decision, Incoming, decide
from mailhub.reading.subject_tags import subject_tags
from storage.mail.filing import MERGE_HOPS, Filed, FiledTicket, View

KIM, LEE, MALLORY = 7, 8, 9
ANY = Incoming(
    address="kim@x.example", contact=KIM, user=None, tokens=(), references=(), bounced=None, subject="Printer"
)
STRANGER = replace(ANY, address="mallory@x.example", contact=MALLORY)
ID, OTHER = b"i" * 16, b"o" * 16


def ticket(
    id: int, *, state: str = "open", merged_into: int | None = None, contact: int = KIM
) -> FiledTicket:
    """Ticket number ``id`` of Kim's, Lee copied."""
    return FiledTicket(
        id,
        id,
        1,
        contact,
        state,
        merged_into,
        participants={"lee@x.example": "cc", "guest@x.example": "guest"},
    )


def view(*tickets: FiledTicket) -> View:
    """These tickets; message 100 + id of each bears ID, the youngest last, and ours bear OTHER."""
    return View(
        tickets={each.id: each for each in tickets},
        numbers={each.number: each.id for each in tickets},
        references={
            ID: [Filed(100 + each.id, each.id) for each in tickets],
            OTHER: [Filed(200 + each.id, each.id) for each in tickets],
        },
        outgoing={200 + each.id for each in tickets},
    )


def where(decision: Decision) -> tuple[int | None, str, int | None]:
    """(ticket, reason, may belong to)."""
    return decision.ticket.id if decision.ticket else None, decision.reason, decision.may_belong_to


def test_the_order_is_token_then_ids_then_number() -> None:
    """A proof wins over ids, an id over a number, and In-Reply-To over References, as they are given."""
    all_ways = replace(
        ANY,
        tokens=((1, KIM, "reply-address"),),
        references=((ID, "in-reply-to"), (OTHER, "references")),
        subject="[#3]",
    )
    known = view(ticket(1), ticket(2), ticket(3))
    known.references[ID], known.references[OTHER] = [Filed(102, 2)], [Filed(103, 3)]
    assert where(decide(all_ways, known)) == (1, "reply-address", None)
    assert where(decide(replace(all_ways, tokens=()), known)) == (2, "in-reply-to", None)
    assert where(decide(replace(all_ways, tokens=(), references=()), known)) == (3, "subject-tag", None)
    assert where(decide(ANY, known)) == (None, "new", None)


def test_what_leads_nowhere_is_passed_over() -> None:
    """Unknown tickets, ids and numbers are passed over for the next that is known."""
    tried = replace(
        ANY, tokens=((9, KIM, "reply-address"),), references=((b"?" * 16, "references"),), subject="[#9][#1]"
    )
    assert where(decide(tried, view(ticket(1)))) == (1, "subject-tag", None)


@pytest.mark.parametrize("way", [{"references": ((ID, "references"),)}, {"subject": "[#1]"}])
@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (ANY, True),
        (replace(ANY, contact=LEE, address="lee@x.example"), True),
        (replace(ANY, contact=None, user=5, address="ana@x.example"), True),
        (STRANGER, False),
        (replace(ANY, contact=None, address=""), False),
        (replace(STRANGER, address="guest@x.example"), False),
        (replace(ANY, forged=True), False),
        (replace(ANY, contact=LEE, address="lee@x.example", forged=True), False),
        (replace(ANY, contact=None, user=5, forged=True), False),
    ],
)
def test_ids_and_numbers_let_participants_in(way: dict[str, object], who: Incoming, expected: bool) -> None:
    """By id or number join requester, people copied and users, authenticated; others are linked, each with a reason."""
    decision = decide(replace(who, **way), view(ticket(1)))  # type: ignore[arg-type]
    alone = (None, "authentication-failed" if who.forged else "not-a-participant", 1)
    assert where(decision)[0:3:2] == (1, None) if expected else where(decision) == alone


def test_a_stranger_is_let_into_a_later_candidate_that_is_his() -> None:
    """A candidate they may not write into does not hide the next one, which is their own."""
    known = view(ticket(1), ticket(2, contact=MALLORY))
    assert where(decide(replace(STRANGER, subject="[#1] [#2]"), known)) == (2, "subject-tag", None)


@pytest.mark.parametrize(
    ("who", "guest"),
    [(ANY, False), (STRANGER, True), (replace(ANY, forged=True), True), (replace(ANY, contact=LEE), True)],
)
def test_a_proof_joins_whoever_sends(who: Incoming, guest: bool) -> None:
    """A proof joins its person as themselves, and everybody else, the unauthenticated included, as a guest."""
    decision = decide(replace(who, tokens=((1, KIM, "reply-address"),)), view(ticket(1)))
    assert (where(decision), decision.guest, bool(decision.evidence)) == (
        (1, "reply-address", None),
        guest,
        guest,
    )


def test_a_bounce_joins_only_mail_of_ours() -> None:
    """A bounce joins by the id of what we sent, whoever sends it, and not by the id of what a customer sent."""
    known = view(ticket(1))
    assert where(decide(replace(STRANGER, bounced=OTHER), known)) == (1, "bounce", None)
    assert where(decide(replace(STRANGER, bounced=ID), known)) == (None, "new", None)


def test_the_younger_of_two_tickets_is_taken() -> None:
    """An id that two tickets know leads to the one filed last; to the other where the younger is none of theirs."""
    known = view(ticket(1), ticket(2))
    assert where(decide(replace(ANY, references=((ID, "references"),)), known))[0] == 2
    known.tickets[2].contact_id = MALLORY
    assert where(decide(replace(ANY, references=((ID, "references"),)), known))[0] == 1


@pytest.mark.parametrize("hops", [1, 5, MERGE_HOPS - 1])
def test_merged_tickets_are_followed(hops: int) -> None:
    """A chain of merges leads to its live end."""
    chain = [ticket(n, state="merged", merged_into=n + 1) for n in range(1, hops + 1)]
    assert where(decide(replace(ANY, subject="[#1]"), view(*chain, ticket(hops + 1))))[0] == hops + 1


def test_a_ring_of_merges_ends() -> None:
    """Tickets merged in a ring, or into one that is gone, take nothing and do not hang."""
    ring = view(ticket(1, state="merged", merged_into=2), ticket(2, state="merged", merged_into=1))
    gone = view(ticket(1, state="merged", merged_into=99))
    tried = replace(
        ANY, subject="[#1]", tokens=((1, KIM, "reply-address"),), references=((ID, "references"),)
    )
    assert [where(decide(tried, each)) for each in (ring, gone)] == [(None, "new", None)] * 2


def test_the_trash_takes_nothing() -> None:
    """A ticket in the trash, or merged into one there, is joined by no way."""
    tried = replace(
        ANY, subject="[#1]", tokens=((1, KIM, "reply-address"),), references=((ID, "references"),)
    )
    direct, merged = (
        view(ticket(1, state="trash")),
        view(ticket(1, state="merged", merged_into=2), ticket(2, state="trash")),
    )
    assert [where(decide(tried, each)) for each in (direct, merged)] == [(None, "new", None)] * 2


@pytest.mark.parametrize(
    ("subject", "numbers"),
    [
        ("", []),
        ("[#12] x [#3]", [12, 3]),
        ("[#12", []),
        ("[ #12]", []),
        ("#12", []),
        ("[x #12]", []),
        ("[#-1]", []),
        ("[#0012]", [12]),
        ("[#١٢]", [12]),
        ("[#" + "9" * 15 + "]", [10**15 - 1]),
        ("[#" + "9" * 16 + "]", []),
        ("[#1]" * 1000, [1] * 10),
        ("[#" * 10_000, []),
    ],
)
def test_numbers_in_a_subject(subject: str, numbers: list[int]) -> None:
    """Only [#digits] is a number of ours; at most ten are looked at, and none is too large for the database."""
    assert subject_tags(subject) == numbers
