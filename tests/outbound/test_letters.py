"""Mail that mailhub itself writes: queued with what it tells of, sent once, and nothing of it kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from sqlalchemy import select

from mailhub.clock import DAY, HOUR
from mailhub.config import Config, Letters, Relay
from mailhub.config.live import Live
from mailhub.errors import ConfigurationError
from mailhub.outbound import letter_settings, letters
from mailhub.outbound.letters import Letter
from mailhub.outbound.relay import Relay as Sender
from mailhub.outbound.sealing import open_letter
from storage.accounts import accounts
from storage.mail import outbox
from storage.mail.outbox import OutboxRow
from storage.schema import outbox as outbox_table
from tests.houses.desk import Desk, post_of
from tests.houses.sink import Sink, listening

SENDER = "noreply@hub.example"
WRITING = {
    "letters": Letters(sender=SENDER, site="https://hub.example", per_recipient=2),
    "relay": Relay(host="r"),
}
VALUES = {"account": "Example", "link": "https://hub.example/password/mhl_secret", "until": "tomorrow"}


def letter_to(desk: Desk, recipient: str = "kim@customer.example", **more: Any) -> Letter:
    given: dict[str, Any] = {"kind": "reset", "values": VALUES, "not_after": desk.now + DAY} | more
    return Letter(account=desk.account, recipient=recipient, **given)


def queue(desk: Desk, letter: Letter, **more: Any) -> str:
    post = post_of(desk, **WRITING | more)
    return desk.do(lambda tx: letters.queue(tx, post, letter, now=desk.now))


def rows(desk: Desk) -> list[OutboxRow]:
    with desk.database.read() as connection:
        ids = connection.execute(select(outbox_table.c.id).order_by(outbox_table.c.id)).scalars().all()
        found = [outbox.find_row(connection, desk.account, each) for each in ids]
    return [row for row in found if row is not None]


def send(desk: Desk, sink: Sink) -> int:
    async def work() -> int:
        async with listening(sink):
            settings = Relay(host="127.0.0.1", port=sink.port, tls="none", timeout_seconds=10.0)
            post = post_of(desk)
            relay = Sender(
                desk.database,
                desk.writer,
                Live(settings),
                post.keys,
                hostname="desk.example",
                now=lambda: desk.now,
            )
            return await relay.send_due()

    return asyncio.run(work())


def read(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, _class=EmailMessage, policy=policy.default)


def test_a_letter_is_sent_once_and_nothing_of_it_is_kept(desk: Desk) -> None:
    """A letter goes out with the null sender and says that no person wrote it; its bytes go when it has left."""
    assert queue(desk, letter_to(desk), contact="privacy@hub.example") == "queued"
    [row] = rows(desk)
    assert b"mhl_secret" not in (row.letter or b"")  # sealed while it waits
    sink = Sink()
    assert [send(desk, sink), send(desk, sink)] == [1, 0]
    [taken] = sink.taken
    made = read(taken.raw)
    assert (taken.mail_from, taken.recipients) == ("", ("kim@customer.example",))
    assert (made["From"], made["To"], made["Auto-Submitted"]) == (
        f"mailhub <{SENDER}>", "kim@customer.example", "auto-generated",
    )  # fmt: skip
    assert [made["Reply-To"], made["Subject"]] == [None, "Set a new password for Example"]
    assert VALUES["link"] in made.get_content()
    assert "privacy@hub.example" in made.get_content()
    [row] = rows(desk)
    assert (row.state, row.letter, row.message_id, row.ticket_id) == ("sent", None, None, None)


def test_a_letter_that_cannot_be_delivered_is_not_kept_either(desk: Desk) -> None:
    """Refused for good, or too late: the row says so, and its bytes are gone."""
    queue(desk, letter_to(desk, "never@customer.example"))
    send(desk, Sink())
    queue(desk, letter_to(desk, "late@customer.example"))
    desk.now += 2 * DAY
    send(desk, Sink())
    assert [(row.state, row.reason, row.letter) for row in rows(desk)] == [
        ("failed", "recipient-refused", None),
        ("expired", "expired", None),
    ]


def test_a_letter_goes_out_while_the_account_is_closed(desk: Desk) -> None:
    """The owner of a suspended account is written to; its answers to customers wait."""
    desk.answer(desk.ticket_of(desk.mail("leo@customer.example")))
    desk.do(lambda tx: accounts.change_account(tx.connection, desk.account, stage="suspended"))
    queue(desk, letter_to(desk))
    sink = Sink()
    assert send(desk, sink) == 1
    assert [taken.recipients for taken in sink.taken] == [("kim@customer.example",)]


def test_a_letter_is_committed_with_what_it_tells_of_or_not_at_all(desk: Desk) -> None:
    """A transaction that fails leaves no letter, and nobody is woken."""
    post = post_of(desk, **WRITING, wake=lambda: woken.append(1))
    woken: list[int] = []

    def fail(transaction: Any) -> None:
        letters.queue(transaction, post, letter_to(desk), now=desk.now)
        raise ConfigurationError("no")

    with pytest.raises(ConfigurationError):
        desk.do(fail)
    assert (rows(desk), woken) == ([], [])
    desk.do(lambda tx: letters.queue(tx, post, letter_to(desk), now=desk.now))
    assert (len(rows(desk)), woken) == (1, [1])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"recipient": "kim@customer.example\r\nBcc: all@customer.example"}, "bad-address"),
        ({"recipient": "support@example.com"}, "own-address"),
        ({"recipient": SENDER, "to_user": True}, "own-address"),
        ({"recipient": "delete@hub.example"}, "own-address"),
        ({"answers_automatic": "out-of-office"}, "automatic"),
        ({"answers_null_sender": True}, "null-sender"),
        ({"recipient": "mailer-daemon@customer.example"}, "robot-address"),
        ({"recipient": "postmaster@customer.example", "to_user": True}, "queued"),
        ({"not_after": 1}, "too-late"),
    ],
)
def test_what_could_loop_or_forge_is_not_written(desk: Desk, change: dict[str, Any], reason: str) -> None:
    """No letter goes to an address of ours, to a robot, in answer to one, or to what is no address."""
    given = {"recipient": "kim@customer.example"} | change
    assert queue(desk, letter_to(desk, **given), deletion_address="delete@hub.example") == reason
    assert len(rows(desk)) == (reason == "queued")


def test_letters_of_a_kind_to_an_address_are_capped_by_day(desk: Desk) -> None:
    """The cap counts a kind at an address within a day: others are not kept back by it."""
    said = [queue(desk, letter_to(desk)) for _ in range(3)]
    assert said == ["queued", "queued", "cap"]
    assert queue(desk, letter_to(desk, "leo@customer.example")) == "queued"
    assert queue(desk, letter_to(desk, kind="invitation")) == "queued"
    desk.now += DAY + HOUR
    assert queue(desk, letter_to(desk)) == "queued"


@pytest.mark.parametrize("missing", [{"letters": Letters()}, {"relay": Relay()}])
def test_nothing_is_queued_that_cannot_be_sent(desk: Desk, missing: dict[str, Any]) -> None:
    """Without a sender or a relay no letter is written, and the operator is told why."""
    assert queue(desk, letter_to(desk), **missing) == "not-configured"
    assert rows(desk) == []
    assert letters.why_none(post_of(desk, **WRITING | missing)) != ""


def test_a_name_writes_no_line_of_its_own(desk: Desk) -> None:
    """Line ends in a value are spaces, in the header and in the text, and a $ in it is no value."""
    evil = "Example\r\nBcc: all@customer.example\r\n\r\nPay here: $link"
    queue(desk, letter_to(desk, values=VALUES | {"account": evil}))
    sink = Sink()
    send(desk, sink)
    made = read(sink.taken[0].raw)
    assert made["Bcc"] is None
    assert made["Subject"] == "Set a new password for Example Bcc: all@customer.example Pay here: $link"
    assert [line for line in made.get_content().splitlines() if line.startswith(("Bcc", "Pay"))] == []


def test_a_sealed_letter_opens_for_its_own_row_alone(desk: Desk) -> None:
    """The bytes of one row put into another do not open."""
    queue(desk, letter_to(desk))
    queue(desk, letter_to(desk, "leo@customer.example"))
    first, second = rows(desk)
    keys = post_of(desk).keys
    assert b"kim@customer.example" in open_letter(keys, first)
    with pytest.raises(ConfigurationError):
        open_letter(keys, replace(second, letter=first.letter))


@pytest.mark.parametrize(
    "wrong",
    [
        Config(letters=Letters(sender="no address")),
        Config(letters=Letters(sender="a@b.example\r\nX: y")),
        Config(letters=Letters(site="ftp://hub.example")),
        Config(letters=Letters(site="hub.example")),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong: Config) -> None:
    """A sender that is no address, and a site that is no page, stop the start."""
    with pytest.raises(ConfigurationError):
        letter_settings.require_usable(wrong)
    letter_settings.require_usable(Config(letters=Letters(sender=SENDER, site="https://hub.example:8443")))


def test_every_text_is_filled_by_its_values() -> None:
    """Each text renders with the values it names, and every reason and meaning of a step has its words."""
    from mailhub.accounts.stages import ASKED, TRANSITIONS
    from mailhub.outbound.letter_texts import MEANINGS, REASONS, TEXTS, WAYS_OUT, written

    names = [
        "account",
        "mailbox",
        "link",
        "links",
        "until",
        "reason",
        "to",
        "stage",
        "step_at",
        "at",
        "meaning",
        "way_out",
    ]
    for kind in TEXTS:
        subject, text = written(kind, dict.fromkeys(names, "word"), contact="privacy@hub.example")
        assert "$" not in subject + text
    warned = [step for step in TRANSITIONS.values() if step.warned]
    assert {step.reason for step in warned} | {ASKED, "by-operator"} == REASONS.keys() == WAYS_OUT.keys()
    assert {step.to for step in warned} == MEANINGS.keys()


def test_a_letter_is_no_answer_of_a_person(desk: Desk) -> None:
    """An answer of an agent bears no mark of a machine (RFC 3834 is about letters)."""
    desk.answer(desk.ticket_of(desk.mail()))
    sink = Sink()
    send(desk, sink)
    made = read(sink.taken[0].raw)
    assert (made["Auto-Submitted"], made["Reply-To"] is not None) == (None, True)


def test_rows_of_letters_go_a_month_after_their_end(desk: Desk) -> None:
    """Recipients are not kept for ever; what waits, and what belongs to a message, stays."""
    desk.answer(desk.ticket_of(desk.mail("leo@customer.example")))
    queue(desk, letter_to(desk))
    send(desk, Sink())
    queue(desk, letter_to(desk, "late@customer.example"))
    done, later = desk.now - HOUR, desk.now + 30 * DAY
    with desk.database.read() as connection:
        assert outbox.old_letters(connection, before=done, after=(0, 0), limit=10) == []
        ((account, letter),) = outbox.old_letters(connection, before=later, after=(0, 0), limit=10)
    assert desk.do(lambda tx: outbox.delete_letters(tx.connection, account, [letter])) == 1
    assert [row.recipient for row in rows(desk)] == ["leo@customer.example", "late@customer.example"]
