"""Conversations with a real door: what SMTP and LMTP clients may expect."""

import asyncio
import socket
from pathlib import Path

import pytest

from mailhub.envelope import Fate, Outcome, Source
from mailhub.intake.smtp.door import Door
from mailhub.intake.smtp.limits import DoorSettings
from tests.houses.door_house import FakePipeline, House, Runner, until


def test_a_message_is_filed_as_sent(with_door: Runner) -> None:
    """The pipeline gets the envelope and exactly the bytes between DATA and the final dot, and the client the id."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        assert await client.reply() == "220 mail.example.com ESMTP mailhub"
        await client.say("EHLO client.example")
        assert await client.say("MAIL FROM:<Kim@Customer.example> SIZE=20 BODY=8BITMIME") == "250 2.1.0 Ok"
        assert await client.say("RCPT TO:<Support+tag@Example.com>") == "250 2.1.5 Ok"
        assert await client.say("RCPT TO:<sales@example.com>") == "250 2.1.5 Ok"
        assert (await client.say("DATA"))[:3] == "354"
        await client.send(b"Subject: \xff\r\n\r\n..dot\nbare\rbytes\0\r\n.\r\n")
        assert await client.reply() == "250 2.0.0 Ok: message 1"
        [(envelope, raw)] = house.pipeline.filed
        assert raw == b"Subject: \xff\r\n\r\n.dot\nbare\rbytes\0\r\n"
        assert envelope.source is Source.SMTP
        assert envelope.mail_from == "Kim@Customer.example"
        assert envelope.recipients == ("Support+tag@Example.com", "sales@example.com")
        assert (envelope.peer, envelope.helo, envelope.tls) == ("127.0.0.1", "client.example", False)
        assert house.door.counters.messages == 1
        assert house.door.counters.message_bytes == len(raw)
        assert house.door.counters.in_flight_bytes == 0
        assert house.door.counters.last_mail_at is not None

    with_door(scenario)


def test_everything_may_be_pipelined(with_door: Runner) -> None:
    """Commands in one write, the body with them and the next message behind it, are answered in order (RFC 2920)."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        message = "MAIL FROM:<>\r\nRCPT TO:<support@example.com>\r\nRCPT TO:<unknown@example.com>\r\nDATA\r\nx\r\n.\r\n"
        await client.send(b"EHLO c\r\n" + message.encode() * 2 + b"QUIT\r\n")
        codes = [(await client.reply())[:3] for _ in range(13)]
        assert codes == ["220", "250", *["250", "250", "550", "354", "250"] * 2, "221"]
        assert await client.rest() == ""
        assert [envelope.mail_from for envelope, _ in house.pipeline.filed] == [None, None]
        assert house.pipeline.raws == [b"x\r\n", b"x\r\n"]

    with_door(scenario)


def test_byte_by_byte_is_the_same_conversation(with_door: Runner) -> None:
    """However slowly the bytes drip in, the message is the same."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        stream = b"EHLO c\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<support@example.com>\r\nDATA\r\n..x\r\n\r\n.\r\nQUIT\r\n"
        for byte in stream:
            await client.send(bytes([byte]))
            await asyncio.sleep(0)
        assert (await client.rest()).splitlines()[-2:] == ["250 2.0.0 Ok: message 1", "221 2.0.0 Bye"]
        assert house.pipeline.raws == [b".x\r\n\r\n"]

    with_door(scenario)


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("NOOP anything", "250 2.0.0 Ok"),
        ("RSET", "250 2.0.0 Ok"),
        ("RSET now", "501 5.5.4 This command takes no argument"),
        ("QUIT now", "501 5.5.4 This command takes no argument"),
        ("HELP", "214 2.0.0 https://www.rfc-editor.org/rfc/rfc5321"),
        ("EHLO", "501 5.5.4 Say your host name"),
        ("HELO again.example", "250 mail.example.com"),
        ("LHLO c", "500 5.5.1 Command not recognised"),
        ("AUTH PLAIN AAAA", "500 5.5.1 Command not recognised"),
        ("BDAT 3 LAST", "500 5.5.1 Command not recognised"),
        ("", "500 5.5.1 Command not recognised"),
        ("STARTTLS", "454 4.7.0 TLS is not available"),
        ("STARTTLS now", "501 5.5.4 This command takes no argument"),
        ("DATA", "503 5.5.1 MAIL comes first"),
        ("RCPT TO:<support@example.com>", "503 5.5.1 MAIL comes first"),
        ("mail from: <a@b.c> size=5", "250 2.1.0 Ok"),
        ("MAIL FROM:<>", "250 2.1.0 Ok"),
        ("MAIL FROM:<> BODY=8BITMIME", "250 2.1.0 Ok"),
        ("MAIL FROM:<postmaster>", "250 2.1.0 Ok"),
        ('MAIL FROM:<"quoted one"@b.c>', "250 2.1.0 Ok"),
        ("MAIL FROM:<@relay.example:a@b.c>", "250 2.1.0 Ok"),
        ("MAIL FROM:<k\u00e9@b.c>", "553 5.6.7 A non-ASCII address needs SMTPUTF8"),
        ("MAIL FROM:<k\u00e9@b.c> SMTPUTF8", "250 2.1.0 Ok"),
        ("MAIL", "501 5.5.4 Syntax: MAIL FROM:<address> [parameters]"),
        ("MAIL FROM:", "501 5.5.4 Syntax: MAIL FROM:<address> [parameters]"),
        ("MAIL TO:<a@b.c>", "501 5.5.4 Syntax: MAIL FROM:<address> [parameters]"),
        ("MAIL FROM:<a@b.c> SIZE=\u00b2", "501 5.5.4 Syntax: MAIL FROM:<address> [parameters]"),
        ("MAIL FROM:<a@b.c> SIZE=-1", "501 5.5.4 Syntax: MAIL FROM:<address> [parameters]"),
        ("MAIL FROM:<a@b.c> BODY=BINARYMIME", "501 5.5.4 Syntax: MAIL FROM:<address> [parameters]"),
        ("MAIL FROM:<a@b.c> SMTPUTF8=1", "501 5.5.4 Syntax: MAIL FROM:<address> [parameters]"),
        ("MAIL FROM:<a@b.c> A-B=1", "501 5.5.4 Syntax: MAIL FROM:<address> [parameters]"),
        ("MAIL FROM:<a@b.c> RET=HDRS", "555 5.5.4 Parameter not recognised"),
        ("MAIL FROM:a@b.c", "553 5.1.7 Malformed sender address"),
        ("MAIL FROM:<a@b.c> SIZE=52428801", "552 5.3.4 Message is larger than the limit"),
        ("MAIL FROM:<a@b.c> SIZE=52428800", "250 2.1.0 Ok"),
    ],
)
def test_replies_to_single_commands(with_door: Runner, line: str, reply: str) -> None:
    """Each command gets its code and its enhanced code, and a session goes on after a refusal."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        await client.say("EHLO client.example")
        assert await client.say(line) == reply
        assert (await client.say("NOOP"))[:3] == "250"

    with_door(scenario)


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("RCPT TO:<unknown@example.com>", "550 5.1.1 No such recipient"),
        ("RCPT TO:<suspended@example.com>", "450 4.2.1 Recipient cannot take mail now, try again"),
        ("RCPT TO:<Postmaster>", "250 2.1.5 Ok"),
        ("RCPT TO:<k\u00e9@example.com>", "553 5.6.7 A non-ASCII address needs SMTPUTF8"),
        ("RCPT TO:<support@example.com> NOTIFY=NEVER", "555 5.5.4 Parameter not recognised"),
        ("RCPT TO:<>", "553 5.1.3 Malformed recipient address"),
        ("RCPT FROM:<support@example.com>", "501 5.5.4 Syntax: RCPT TO:<address>"),
        ("MAIL FROM:<again@b.c>", "503 5.5.1 A message has been begun already"),
        ("DATA", "503 5.5.1 No valid recipient"),
        ("DATA now", "501 5.5.4 This command takes no argument"),
    ],
)
def test_replies_within_a_transaction(with_door: Runner, line: str, reply: str) -> None:
    """Recipients are refused at RCPT, and the transaction survives a refused command."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        await client.say("EHLO client.example")
        await client.say("MAIL FROM:<a@b.c>")
        assert await client.say(line) == reply
        assert await client.say("RCPT TO:<support@example.com>") == "250 2.1.5 Ok"

    with_door(scenario)


def test_mail_needs_a_greeting_first(with_door: Runner) -> None:
    """MAIL before EHLO is out of order."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        assert await client.say("MAIL FROM:<a@b.c>") == "503 5.5.1 Say EHLO or HELO first"

    with_door(scenario)


def test_an_odd_host_name_is_no_reason_to_refuse(with_door: Runner) -> None:
    """A name in Latin-1 is kept for show; an address in it is refused."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        await client.send(b"HELO B\xfcro\r\nMAIL FROM:<b\xfcro@b.c>\r\n")
        assert await client.reply() == "250 mail.example.com"
        assert await client.reply() == "500 5.5.2 Command is neither ASCII nor UTF-8"

    with_door(scenario)


def test_lmtp_answers_for_every_recipient(with_door: Runner) -> None:
    """One reply for each recipient in their order, each its own (RFC 2033 4.2)."""

    async def scenario(house: House) -> None:
        house.pipeline.fates = {
            "b@example.com": Outcome(recipient="", fate=Fate.DEFERRED),
            "c@example.com": Outcome(recipient="", fate=Fate.REJECTED, reason="policy"),
        }
        client = await house.connect()
        await client.begin("a@example.com", "b@example.com", "c@example.com", hello="LHLO mta.example")
        await client.send(b"x\r\n.\r\n")
        assert [(await client.reply())[:9] for _ in range(3)] == ["250 2.0.0", "451 4.3.0", "554 5.7.1"]
        assert house.pipeline.filed[0][0].source is Source.LMTP
        assert (await client.say("NOOP"))[:3] == "250"

    with_door(scenario, lmtp=True)


@pytest.mark.parametrize("line", ["EHLO c", "HELO c"])
def test_lmtp_knows_only_lhlo(with_door: Runner, line: str) -> None:
    """RFC 2033 4.1: an LMTP server refuses HELO and EHLO."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        assert await client.reply() == "220 mail.example.com LMTP mailhub"
        assert await client.say(line) == "500 5.5.1 Command not recognised"
        assert await client.say("MAIL FROM:<a@b.c>") == "503 5.5.1 Say LHLO first"

    with_door(scenario, lmtp=True)


@pytest.mark.parametrize(("lmtp", "hello"), [(False, "EHLO c"), (True, "LHLO c")])
def test_errors_after_354_are_owed_to_every_lmtp_recipient(with_door: Runner, lmtp: bool, hello: str) -> None:
    """Too large and a line too long are answered once in SMTP and for each recipient in LMTP."""
    bodies = {
        b"x" * 90 + b"\r\n" + b"y" * 150 + b"\r\n": "552 5.3.4",
        b"x" * 120 + b"\r\n": "554 5.6.0",
    }

    async def scenario(house: House) -> None:
        for body, code in bodies.items():
            client = await house.connect()
            await client.begin("a@example.com", "b@example.com", hello=hello)
            await client.send(body + b".\r\nNOOP\r\n")
            expected = [code] * (2 if lmtp else 1) + ["250 2.0.0"]
            assert [(await client.reply())[:9] for _ in expected] == expected
        assert house.pipeline.filed == []
        assert sorted(house.pipeline.refusals) == ["line-too-long", "message-too-big"]

    with_door(scenario, lmtp=lmtp, message_bytes=200, line_bytes=100)


def test_bytes_in_flight_are_bounded(with_door: Runner) -> None:
    """When commits hold the room, a large message is put off before 354 and a small one still gets through."""

    async def scenario(house: House) -> None:
        house.pipeline.held = asyncio.Event()
        early = await house.connect()
        await early.reply()
        await early.send(b"EHLO c\r\nMAIL FROM:<a@b.c> SIZE=1000000\r\nRCPT TO:<support@example.com>\r\n")
        assert [(await early.reply())[:3] for _ in range(3)] == ["250"] * 3
        first = await house.connect()
        await first.begin("support@example.com")
        await first.send((b"x" * 998 + b"\r\n") * 3_000 + b".\r\n")
        await house.pipeline.begun.wait()
        assert house.door.counters.in_flight_bytes == 3_000_003
        second = await house.connect()
        await second.reply()
        await second.say("EHLO c")
        no_room = "452 4.3.1 Not enough room now, try again"
        assert await second.say("MAIL FROM:<a@b.c> SIZE=2000000") == no_room
        assert await early.say("DATA") == no_room
        liar = await house.connect()
        await liar.begin("support@example.com")
        await liar.send((b"x" * 998 + b"\r\n") * 2_000 + b".\r\n")
        assert await liar.reply() == no_room
        assert await liar.say("NOOP") == "250 2.0.0 Ok"  # our want of room is not its error
        house.pipeline.held.set()
        assert await first.reply() == "250 2.0.0 Ok: message 1"
        assert (await second.say("MAIL FROM:<a@b.c> SIZE=2000000"))[:3] == "250"
        assert house.door.counters.in_flight_bytes == 0

    with_door(scenario, in_flight_bytes=4_000_000, message_bytes=3_500_000, errors=1)


def test_ten_messages_of_20_mb_beside_small_ones(with_door: Runner) -> None:
    """Ten large messages at once arrive whole, and a small one sent amid them is answered before the last."""
    large = (b"x" * 998 + b"\r\n") * 20_000

    async def scenario(house: House) -> None:
        async def deliver(body: bytes) -> None:
            client = await house.connect()
            await client.begin("support@example.com")
            await client.send(body + b".\r\n")
            assert (await client.reply())[:9] == "250 2.0.0"

        tasks = [asyncio.create_task(deliver(large)) for _ in range(10)]
        await until(lambda: house.door.counters.in_flight_bytes)
        await deliver(b"small\r\n")
        sizes_then = [len(raw) for raw in house.pipeline.raws]
        await asyncio.gather(*tasks)
        assert 7 in sizes_then
        assert sizes_then.count(len(large)) < 10
        assert sorted(map(len, house.pipeline.raws)) == [7, *[len(large)] * 10]

    with_door(scenario, in_flight_bytes=256 * 2**20)


def test_a_deferred_message_is_not_counted_as_taken(with_door: Runner) -> None:
    """451 leaves the message with its sender, and the counters say so."""

    async def scenario(house: House) -> None:
        house.pipeline.fates = {"support@example.com": Outcome(recipient="", fate=Fate.DEFERRED)}
        client = await house.connect()
        await client.begin("support@example.com")
        await client.send(b"x\r\n.\r\n")
        assert await client.reply() == "451 4.3.0 Temporary failure, try again"
        assert (house.door.counters.messages, house.door.counters.last_mail_at) == (0, None)

    with_door(scenario)


def test_settings_can_change_while_connected(with_door: Runner) -> None:
    """New limits hold at once, for sessions that are open, too, and nobody is cut off."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        await client.say("EHLO c")
        house.door.configure(DoorSettings(greeting_seconds=0, message_bytes=1_000, connections=1))
        assert (await client.say("MAIL FROM:<a@b.c> SIZE=1001"))[:3] == "552"
        assert (await (await house.connect()).reply())[:3] == "421"
        house.door.configure(DoorSettings(greeting_seconds=0, message_bytes=2_000))
        assert (await client.say("MAIL FROM:<a@b.c> SIZE=1001"))[:3] == "250"
        assert (await (await house.connect()).reply())[:3] == "220"

    with_door(scenario)


def test_draining_finishes_what_runs_and_says_421_to_the_rest(with_door: Runner) -> None:
    """A commit under way and a message half sent are completed; idle sessions hear 421; nobody new gets in."""

    async def scenario(house: House) -> None:
        house.pipeline.held = asyncio.Event()
        idle, committing, sending = [await house.connect() for _ in range(3)]
        await idle.reply()
        await committing.begin("support@example.com")
        await committing.send(b"a\r\n.\r\n")
        await house.pipeline.begun.wait()
        await sending.begin("support@example.com")
        await sending.send(b"b\r\n")
        draining = asyncio.create_task(house.door.drain(20))
        assert await idle.rest() == "421 4.3.2 Service is shutting down, try again\r\n"
        idle.close()
        await sending.send(b"c\r\n.\r\n")
        house.pipeline.held.set()
        for client in (committing, sending):
            assert (await client.reply())[:9] == "250 2.0.0"
            assert (await client.reply())[:9] == "421 4.3.2"
            client.close()
        assert await draining == 0
        assert sorted(house.pipeline.raws) == [b"a\r\n", b"b\r\nc\r\n"]
        with pytest.raises(OSError):
            await house.connect()

    with_door(scenario)


def test_draining_gives_up_at_its_time(with_door: Runner) -> None:
    """What is still busy at the timeout is counted and cut off, and its commit goes on."""

    async def scenario(house: House) -> None:
        house.pipeline.held = asyncio.Event()
        client = await house.connect()
        await client.begin("support@example.com")
        await client.send(b"a\r\n.\r\n")
        await house.pipeline.begun.wait()
        assert await house.door.drain(0) == 1
        assert await client.rest() == ""
        house.pipeline.held.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert house.pipeline.raws == [b"a\r\n"]

    with_door(scenario)


def test_listens_on_a_unix_socket(tmp_path: Path) -> None:
    """LMTP over a Unix socket works the same; such a peer has no address."""

    async def main() -> None:
        pipeline = FakePipeline()
        door = Door(pipeline, DoorSettings(greeting_seconds=0), lmtp=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(tmp_path / "lmtp.sock"))
        await door.listen([listener])
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "lmtp.sock"))
        writer.write(b"LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@example.com>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n")
        assert (await reader.read()).splitlines()[-2:] == [b"250 2.0.0 Ok: message 1", b"221 2.0.0 Bye"]
        writer.close()
        await writer.wait_closed()
        assert pipeline.filed[0][0].peer == ""
        assert await door.drain(10) == 0

    asyncio.run(main())


class _Question:
    """A check that remembers whether it was given up."""

    def __init__(self) -> None:
        self.abandoned = 0

    def abandon(self) -> None:
        self.abandoned += 1


def test_authentication_begins_with_the_first_recipient_and_ends_with_the_message(with_door: Runner) -> None:
    """The check starts once a recipient is known, goes with the message, and is abandoned when RSET drops it."""

    async def scenario(house: House) -> None:
        question = house.pipeline.check = _Question()
        client = await house.connect()
        await client.reply()
        for command in ("EHLO c", "MAIL FROM:<a@b.c>", "RCPT TO:<a@example.com>", "RSET"):
            assert (await client.say(command))[:3] == "250"
        assert (len(house.pipeline.checks), question.abandoned) == (1, 1)
        await client.send(
            b"MAIL FROM:<a@b.c>\r\nRCPT TO:<unknown@example.com>\r\nRCPT TO:<a@example.com>\r\n"
        )
        replies = [await client.reply() for _ in range(3)]
        assert [reply[:3] for reply in replies] == ["250", "550", "250"]
        assert (await client.say("DATA"))[:3] == "354"
        assert (await client.say("x\r\n."))[:3] == "250"
        assert (len(house.pipeline.checks), question.abandoned) == (2, 1)

    with_door(scenario)
