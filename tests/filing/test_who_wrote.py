"""Who wrote, where From does not say it: web forms, agents' forwards, one person in two spellings, Outlook's
threads.
"""

from __future__ import annotations

import base64

import pytest

from mailhub.envelope import Fate
from mailhub.message.values import Authentication, Trust
from tests.houses.postroom import KIM, PostRoom, mail

OURS = "support@example.com"
PAULA = "paula@kern.example"
PASSED = Authentication(dkim="pass", dmarc="pass", policy="reject", domain="example.com", source="checked")
FAILED = Authentication(dmarc="fail", policy="reject", domain="example.com", source="checked")
PEER = "192.0.2.9"


def _form(id: str = "f1@www.example", sender: str = OURS, **headers: str) -> bytes:
    named = {
        "Reply-To": f"Paula Kern <{PAULA}>",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return mail("The zip broke.", sender=sender, id=id, headers=list(named.items()))


def test_a_forms_mail_is_a_ticket_of_whom_reply_to_names(room: PostRoom) -> None:
    """From is ours, the mail is proven to be: Reply-To wrote, the ticket is open and can be answered."""
    outcome = room.deliver(_form(), authentication=PASSED, peer=PEER)
    assert (room.ticket(outcome.ticket).state, room.requester(outcome.ticket)) == ("open", PAULA)
    assert "claimed-author" in room.message(outcome.message).flags
    assert room.answer(outcome.ticket or 0).queued[0].recipient == PAULA


@pytest.mark.parametrize("known", [FAILED, None, Authentication(domain="example.com", source="checked")])
def test_a_form_that_is_not_proven_to_be_ours_makes_nobody(
    room: PostRoom, known: Authentication | None
) -> None:
    """A stranger who writes as us from elsewhere names nobody: the mail is kept closed, as before."""
    outcome = room.deliver(_form(), authentication=known, peer=PEER)
    assert (room.ticket(outcome.ticket).state, room.requester(outcome.ticket)) == ("closed", None)


def test_a_claimed_author_joins_nothing(room: PostRoom) -> None:
    """Whoever fills a form with somebody's address and an id of their ticket gets a ticket of their own."""
    first = room.deliver(mail(id="a@x.example", sender=PAULA))
    second = room.deliver(_form(In_Reply_To="<a@x.example>"), authentication=PASSED, peer=PEER)
    assert (second.fate, second.ticket != first.ticket) == (Fate.FILED, True)


@pytest.mark.parametrize(
    "headers", [{"Auto-Submitted": "auto-replied"}, {"Reply-To": OURS}, {"Reply-To": "ana@example.com"}]
)
def test_our_own_robots_and_people_start_nothing_by_a_form(room: PostRoom, headers: dict[str, str]) -> None:
    """A program that answers as us, or a Reply-To that is ours or a user's, makes no loop."""
    outcome = room.deliver(_form(**headers), authentication=PASSED, peer=PEER)
    assert room.ticket(outcome.ticket).state == "closed"


@pytest.mark.parametrize(
    "text",
    [
        "---------- Forwarded message ---------\nFrom: Gus Hale <gus@hale.example>\nDate: Sun, Nov 1, 2026\n\nIt broke.",
        "FYI\n\n---- Weitergeleitete Nachricht ----\nVon: Gus Hale <gus@hale.example>\nDatum: 1.11.2026 19:12\n\nKaputt.",
        "Begin forwarded message:\n\nFrom: gus@hale.example\nDate: 1 November 2026\nTo: Ana\n\nIt broke.",
        "De : Gus Hale <gus@hale.example>\nEnvoyé : dimanche 1 novembre 2026 19:12\nÀ : Ana\nObjet : pompe\n\nCassée.",
    ],
)
def test_an_agents_forward_makes_the_customer_the_requester(room: PostRoom, text: str) -> None:
    """Whose mail an agent sends on is the ticket's requester; the agent is who wrote the mail."""
    outcome = room.deliver(mail(text, sender="ana@example.com", subject="Fwd: pump"))
    assert room.requester(outcome.ticket) == "gus@hale.example"
    assert room.message(outcome.message).user_id is not None


ATTACHED = (
    "--b\r\nContent-Type: text/plain\r\n\r\nPlease take over.\r\n--b\r\nContent-Type: {kind}\r\n"
    'Content-Disposition: attachment; filename="Pump.eml"\r\n{encoding}\r\n{mail}\r\n--b--'
)
GUS = "From: =?utf-8?q?Gus_H=C3=A4le?= <gus@hale.example>\r\nTo: ana@example.com\r\nSubject: pump\r\n\r\nIt broke."


@pytest.mark.parametrize(
    ("kind", "encoding", "attached"),
    [
        ("message/rfc822", "", GUS),
        (
            "application/octet-stream",
            "Content-Transfer-Encoding: base64\r\n",
            base64.encodebytes(GUS.encode()).decode(),
        ),
    ],
)
def test_a_mail_that_an_agent_attaches_is_the_customers(
    room: PostRoom, kind: str, encoding: str, attached: str
) -> None:
    """A mail sent on as a file, as most programs attach it and as Outlook does, makes its sender the requester."""
    headers = [("MIME-Version", "1.0"), ("Content-Type", "multipart/mixed; boundary=b")]
    text = ATTACHED.format(kind=kind, encoding=encoding, mail=attached)
    outcome = room.deliver(mail(text, sender="ana@example.com", subject="pump", headers=headers))
    assert room.requester(outcome.ticket) == "gus@hale.example"
    stranger = room.deliver(mail(text, sender=KIM, subject="pump", headers=headers))
    assert room.requester(stranger.ticket) == KIM


def test_a_forward_of_a_program_that_says_nothing_is_the_customers(room: PostRoom) -> None:
    """Of our own people a whole header block is enough, whatever subject and separator; half of one is a journey."""
    block = "From: Gus Hale <gus@hale.example>\nSent: Sunday, 1 November 2026 19:12\nTo: Ana\nSubject: pump\n\nIt broke."
    outcome = room.deliver(mail(block, sender="ana@example.com", subject="pump"))
    assert room.requester(outcome.ticket) == "gus@hale.example"
    journey = room.deliver(
        mail("From: gus@hale.example\nTo: Porto\n", sender="ana@example.com", subject="trip")
    )
    assert room.requester(journey.ticket) is None


@pytest.mark.parametrize(("lists", "requester"), [("support.example.com", "lia@where.example"), ("", PAULA)])
def test_x_original_from_counts_of_lists_that_the_operator_names(
    room: PostRoom, lists: str, requester: str
) -> None:
    """A Google Group rewrites From to our address and says who wrote; of any other list Reply-To alone counts."""
    group = _form(List_ID="Support <support.example.com>", X_Original_From="Lia <lia@where.example>")
    outcome = room.deliver(group, authentication=PASSED, peer=PEER, trust=Trust.of(lists=lists))
    assert room.requester(outcome.ticket) == requester


def test_a_strangers_forward_is_the_strangers(room: PostRoom) -> None:
    """Only our own people say whose mail it was."""
    text = "---------- Forwarded message ---------\nFrom: Gus <gus@hale.example>\nDate: Sun, Nov 1, 2026\nSubject: x\n\ny"
    outcome = room.deliver(mail(text, sender=KIM, subject="Fwd: pump"))
    assert room.requester(outcome.ticket) == KIM


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("jo@bücher.example", "jo@xn--bcher-kva.example"),
        ("jo@xn--bcher-kva.example", "Jo <JO@BÜCHER.example>"),
        ("jo@b.example.", "jo@b.example"),
        ('"jo"@b.example', "jo@b.example"),
        ("jo@b.example (home)", "JO@B.EXAMPLE"),
    ],
)
def test_one_person_in_two_spellings_is_one(room: PostRoom, first: str, second: str) -> None:
    """Case, script and last dot of a domain, needless quotes and comments do not make somebody else."""
    one = room.deliver(mail(id="a@x.example", sender=first))
    other = room.deliver(
        mail("And more.", id="b@x.example", sender=second, headers=[("In-Reply-To", "<a@x.example>")])
    )
    assert other.ticket == one.ticket


def test_a_weak_header_does_not_keep_a_ticket_closed(room: PostRoom) -> None:
    """Outlook's X-Auto-Response-Suppress on an answer with words reopens; what says that it was sent by
    itself does not.
    """
    first = room.deliver(mail(id="a@x.example"))
    answer = [("In-Reply-To", "<a@x.example>"), ("X-Auto-Response-Suppress", "DR, OOF, AutoReply")]
    room.set_ticket(first.ticket or 0, state="closed")
    room.deliver(mail("I am away.", id="b@x.example", headers=[*answer, ("Auto-Submitted", "auto-replied")]))
    assert room.ticket(first.ticket).state == "closed"
    room.deliver(mail("It beeps again.", id="c@x.example", headers=answer))
    assert room.ticket(first.ticket).state == "open"


@pytest.mark.parametrize("blank", ["", "> It was fixed.\n"])
def test_a_weak_header_without_new_words_keeps_it_closed(room: PostRoom, blank: str) -> None:
    """Without a word of its own such a mail changes nothing."""
    first = room.deliver(mail(id="a@x.example"))
    room.set_ticket(first.ticket or 0, state="closed")
    headers = [("In-Reply-To", "<a@x.example>"), ("X-Auto-Response-Suppress", "All")]
    text = f"On Tue, 3 Mar 2026 at 09:14, Ben <b@s.example> wrote:\n{blank}" if blank else ""
    room.deliver(mail(text, id="b@x.example", headers=headers))
    assert room.ticket(first.ticket).state == "closed"


def test_a_reaction_is_no_answer(room: PostRoom) -> None:
    """Gmail's emoji is shown as a reaction and leaves the ticket closed."""
    first = room.deliver(mail(id="a@x.example"))
    room.set_ticket(first.ticket or 0, state="closed")
    parts = (
        "--b\r\nContent-Type: text/plain\r\n\r\nKim reacted via Gmail\r\n--b\r\n"
        'Content-Type: text/vnd.google.email-reaction+json\r\n\r\n{"emoji": "\\ud83d\\udc4d", "version": 1}\r\n--b--'
    )
    headers = [
        ("In-Reply-To", "<a@x.example>"),
        ("MIME-Version", "1.0"),
        ("Content-Type", "multipart/alternative; boundary=b"),
    ]
    outcome = room.deliver(mail(parts, id="b@x.example", headers=headers))
    assert (room.ticket(first.ticket).state, room.message(outcome.message).automatic.split()[0]) == (
        "closed",
        "reaction",
    )


INDEX = bytes(range(1, 23))


def _indexed(extra: bytes, **more: str) -> bytes:
    header = ("Thread-Index", base64.b64encode(INDEX + extra).decode())
    return mail("x", headers=[header], **more)


def test_thread_index_joins_for_who_takes_part(room: PostRoom) -> None:
    """An answer in the same conversation of Outlook's joins; another beginning with the same bytes does not."""
    first = room.deliver(_indexed(b"", id="a@x.example"))
    second = room.deliver(_indexed(b"12345", id="b@x.example"))
    assert (second.ticket, second.reason) == (first.ticket, "thread-index")
    assert room.deliver(_indexed(b"", id="c@x.example")).ticket != first.ticket


def test_thread_index_only_links_a_stranger(room: PostRoom) -> None:
    """Whoever knows the name of a conversation and takes no part gets a ticket of their own, with a link."""
    first = room.deliver(_indexed(b"", id="a@x.example"))
    other = room.deliver(_indexed(b"12345", id="b@x.example", sender="mallory@evil.example"))
    assert (other.ticket != first.ticket, other.reason) == (True, "not-a-participant")


def test_an_agents_mail_into_a_ticket_says_that_nobody_got_it(room: PostRoom) -> None:
    """What one of our people writes into a ticket by mail is not sent on, and flagged so; what opens one is not."""
    first = room.deliver(mail(id="a@x.example"))
    answer = room.deliver(mail("Done.", sender="ana@example.com", headers=[("In-Reply-To", "<a@x.example>")]))
    assert (answer.ticket, "not-sent-on" in room.message(answer.message).flags) == (first.ticket, True)
    alone = room.deliver(mail("New.", sender="ana@example.com", id="z@x.example"))
    assert "not-sent-on" not in room.message(alone.message).flags
