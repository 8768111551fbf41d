"""The relay sends what is due, once if it can, and records what became of every try."""

from __future__ import annotations

import asyncio
import base64
import datetime
import ipaddress
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs

from mailhub.clock import HOUR, MINUTE, SECOND
from mailhub.config import Relay as RelaySettings
from mailhub.config.live import Live
from mailhub.keys import Keys
from mailhub.outbound.relay import Relay
from storage.errors import StorageError
from storage.mail import outbox, raws
from storage.mail.outbox import OutboxRow
from tests.houses.desk import Desk
from tests.houses.sink import Sink, listening

KEYS = Keys(bytes(range(32)))
GUARD_SECONDS = 30.0  # only a hang gets there


def run(work: Coroutine[Any, Any, None]) -> None:
    async def guarded() -> None:
        async with asyncio.timeout(GUARD_SECONDS):
            await work

    asyncio.run(guarded())


def relay_of(desk: Desk, settings: RelaySettings, **more: Any) -> Relay:
    return Relay(
        desk.database, desk.writer, Live(settings), KEYS, hostname="desk.example", now=lambda: desk.now,
        jitter=lambda: 1.0, **more,
    )  # fmt: skip


def settings_for(sink: Sink, **more: Any) -> RelaySettings:
    return RelaySettings(host="127.0.0.1", port=sink.port, **{"tls": "none", "timeout_seconds": 10.0, **more})


def answered(desk: Desk, *senders: str) -> list[OutboxRow]:
    """Answer a new mail of each sender; the rows queued."""
    return [desk.answer(desk.ticket_of(desk.mail(sender))).queued[0] for sender in senders]


def row_of(desk: Desk, row: OutboxRow) -> OutboxRow:
    """The row as it is now."""
    with desk.database.read() as connection:
        found = outbox.find_row(connection, desk.account, row.id)
    assert found is not None
    return found


def states(desk: Desk, rows: list[OutboxRow]) -> list[tuple[str, str, str | None, int]]:
    return [(r.state, r.reason, r.reply, r.attempts) for r in (row_of(desk, row) for row in rows)]


def raw_of(desk: Desk, row: OutboxRow) -> bytes:
    with desk.database.read() as connection:
        raw = raws.read(connection, desk.account, row.message_id or 0)
    assert raw is not None
    return raw


def test_what_is_due_is_sent_once(desk: Desk) -> None:
    """Queued answers go out over one connection, byte for byte, and are not sent again."""
    rows = answered(desk, "kim@customer.example", "leo@other.example")

    async def work() -> None:
        async with listening(Sink()) as sink:
            relay = relay_of(desk, settings_for(sink))
            assert [await relay.send_due(), await relay.send_due()] == [2, 0]
            assert [(taken.mail_from, taken.recipients) for taken in sink.taken] == [
                (row.mail_from, (row.recipient,)) for row in rows
            ]
            assert [taken.raw for taken in sink.taken] == [raw_of(desk, row) for row in rows]
            assert (sink.connections, sink.helo) == (1, ["desk.example"])
            assert relay.counts == {"sent": 2, "failed": 0, "expired": 0, "retry": 0}

    run(work())
    assert states(desk, rows) == [("sent", "accepted", "250 2.0.0", 1)] * 2
    assert row_of(desk, rows[0]).done_at == desk.now


@pytest.mark.parametrize(
    ("sender", "state", "reason", "reply"),
    [
        ("never@customer.example", "failed", "recipient-refused", "550 5.1.1"),
        ("later@customer.example", "queued", "allowed", "451 4.2.1"),
        ("close@customer.example", "queued", "allowed", "421 4.3.2"),
        ("full@customer.example", "queued", "allowed", "452 4.3.1"),
        ("spam@customer.example", "failed", "message-refused", "554 5.7.1"),
        ("drop@customer.example", "queued", "allowed", None),
        ("hang@customer.example", "queued", "allowed", None),
    ],
)
def test_one_mail_in_trouble_does_not_hold_up_the_next(
    desk: Desk, sender: str, state: str, reason: str, reply: str | None
) -> None:
    """5xx ends a row, 4xx, silence and a lost connection leave it queued, and the mail behind it goes out."""
    rows = answered(desk, sender, "kim@customer.example")

    async def work() -> None:
        async with listening(Sink()) as sink:
            relay = relay_of(desk, settings_for(sink, timeout_seconds=0.5 if "hang" in sender else 10.0))
            await relay.send_due()

    run(work())
    assert states(desk, rows) == [(state, reason, reply, 1), ("sent", "accepted", "250 2.0.0", 1)]


def test_no_word_of_the_relay_is_kept(desk: Desk) -> None:
    """What the other side says may hold addresses: only its numbers are stored and logged."""
    rows = answered(desk, "never@customer.example", "kim@customer.example")

    async def work() -> None:
        async with listening(Sink()) as sink:
            await relay_of(desk, settings_for(sink)).send_due()

    with capture_logs() as logs:
        run(work())
    assert [row_of(desk, row).reply for row in rows] == ["550 5.1.1", "250 2.0.0"]
    assert [line["reply"] for line in logs if line["event"] == "tried"] == ["550 5.1.1", "250 2.0.0"]
    assert "@" not in str(logs)


def test_tries_are_made_later_and_later(desk: Desk) -> None:
    """A row that is put off is tried after 1, 2, 4 minutes and so on up to an hour, and not before."""
    (row,) = answered(desk, "later@customer.example")
    waits = []

    async def work() -> None:
        async with listening(Sink()) as sink:
            relay = relay_of(desk, settings_for(sink))
            for _ in range(9):
                assert await relay.send_due() == 1
                due = row_of(desk, row).next_attempt_at
                waits.append((due - desk.now) // MINUTE)
                desk.now = due - 1
                assert await relay.send_due() == 0
                desk.now = due

    run(work())
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_the_last_try_is_made_when_time_runs_out(desk: Desk) -> None:
    """A row is not put off beyond its end, and after its end it expires without being offered again."""
    (row,) = answered(desk, "later@customer.example")

    async def work() -> None:
        async with listening(Sink()) as sink:
            relay = relay_of(desk, settings_for(sink))
            desk.now = row.not_after - 10
            assert await relay.send_due() == 1
            assert row_of(desk, row).next_attempt_at == desk.now + SECOND
            desk.now += SECOND
            offers = sink.commands.count("DATA") + sum("RCPT" in command for command in sink.commands)
            assert await relay.send_due() == 1
            assert offers == sink.commands.count("DATA") + sum("RCPT" in command for command in sink.commands)
            assert relay.counts["expired"] == 1

    run(work())
    assert states(desk, [row]) == [("expired", "expired", "451 4.2.1", 2)]


def test_old_mail_is_not_sent_when_a_relay_is_configured_later(desk: Desk) -> None:
    """A row whose time is over when somebody at last configures a relay is not sent any more."""
    (row,) = answered(desk, "kim@customer.example")
    desk.now = row.not_after + HOUR

    async def work() -> None:
        async with listening(Sink()) as sink:
            await relay_of(desk, settings_for(sink)).send_due()
            assert sink.taken == []

    run(work())
    assert states(desk, [row])[0][:2] == ("expired", "expired")


def test_a_smarthost_that_is_away_is_asked_once(desk: Desk) -> None:
    """While nobody answers at the smarthost one row tries and the others wait untouched; then all go out."""
    rows = answered(desk, "a@a.example", "b@b.example", "c@c.example")

    async def work() -> None:
        async with listening(Sink()) as sink:
            settings = settings_for(sink)
        relay = relay_of(desk, settings)
        assert [await relay.send_due(), await relay.send_due()] == [1, 0]
        assert [row_of(desk, row).attempts for row in rows] == [1, 0, 0]
        desk.now += 2 * MINUTE
        async with listening(Sink()) as back:
            again = relay_of(desk, replace(settings, port=back.port))
            assert await again.send_due() == 3
            assert len(back.taken) == 3

    run(work())
    assert [row_of(desk, row).state for row in rows] == ["sent"] * 3


def test_a_crash_after_the_dot_sends_the_same_mail_again(desk: Desk) -> None:
    """When the commit of ``sent`` is lost the row is due when its claim ends, and the same bytes go out again."""
    (row,) = answered(desk, "kim@customer.example")

    async def work() -> None:
        async with listening(Sink()) as sink:
            settings = settings_for(sink)
            relay = relay_of(desk, settings)
            relay._settle = lost  # type: ignore[assignment, method-assign]
            assert await relay.send_due() == 1
            assert row_of(desk, row).state == "queued"
            again = relay_of(desk, settings)
            assert await again.send_due() == 0
            desk.now += int(2 * settings.timeout_seconds * SECOND)
            assert await again.send_due() == 1
            assert [taken.raw for taken in sink.taken] == [raw_of(desk, row)] * 2

    async def lost(*_: object) -> None:
        raise StorageError("the machine is gone")

    run(work())
    assert states(desk, [row]) == [("sent", "accepted", "250 2.0.0", 1)]


def test_two_nodes_send_a_row_once(desk: Desk) -> None:
    """Of two relays on one database only one gets a row."""
    rows = answered(desk, *(f"p{n}@customer.example" for n in range(6)))

    async def work() -> None:
        async with listening(Sink()) as sink:
            relays = [relay_of(desk, settings_for(sink)) for _ in range(2)]
            assert sum(await asyncio.gather(*(relay.send_due() for relay in relays))) == len(rows)
            assert sorted(taken.recipients for taken in sink.taken) == sorted(
                (row.recipient,) for row in rows
            )

    run(work())


def test_a_row_that_went_meanwhile_stays_gone(desk: Desk) -> None:
    """A row that bounced or was removed while it was being sent is not brought back by the outcome."""
    (row,) = answered(desk, "kim@customer.example")
    now = desk.now
    desk.do(lambda tx: outbox.set_bounced(tx.connection, desk.account, row.id, reply="5.1.1", at=now))
    outcome = {"state": "sent", "reason": "accepted", "reply": "250", "at": now}
    assert desk.do(lambda tx: outbox.set_outcome(tx.connection, row, **outcome)) is False  # type: ignore[arg-type]
    assert desk.do(lambda tx: outbox.set_retry(tx.connection, row, reply=None, next_attempt_at=now)) is False
    assert row_of(desk, row).state == "failed"


def test_the_task_sends_when_woken_and_ends_when_stopped(desk: Desk) -> None:
    """The running relay sends a new answer as soon as it is woken, and stops when told to."""

    async def work() -> None:
        async with listening(Sink()) as sink:
            relay = relay_of(desk, settings_for(sink))
            relay.wake()
            task = asyncio.create_task(relay.run())
            await asyncio.to_thread(answered, desk, "kim@customer.example")
            relay.wake()
            await sink.arrived.wait()
            relay.stop()
            await task
            relay.wake()

    run(work())


def test_a_fault_of_the_database_does_not_end_the_task(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The relay outlives a database that cannot be reached, and an error nobody thought of."""
    faults = iter([StorageError("gone"), RuntimeError("what")])
    looks = asyncio.Event()

    async def work() -> None:
        relay = relay_of(desk, RelaySettings())

        async def send_due() -> int:
            error = next(faults, None)
            if error is None:
                looks.set()
                return 0
            raise error

        monkeypatch.setattr(relay, "send_due", send_due)
        monkeypatch.setattr("mailhub.outbound.relay.LOOK_SECONDS", 0.0)
        task = asyncio.create_task(relay.run())
        await looks.wait()
        relay.stop()
        await task

    run(work())


def test_mail_to_a_local_part_in_another_script(desk: Desk) -> None:
    """SMTPUTF8 is asked for when the address needs it; a relay without it fails that row alone, at once."""
    (row,) = answered(desk, "用户@例子.example")

    async def work() -> None:
        async with listening(Sink(extensions=(b"SIZE 1000000",))) as sink:
            await relay_of(desk, settings_for(sink)).send_due()

    run(work())
    assert states(desk, [row])[0][:3] == ("failed", "no-smtputf8", "553 5.6.7")
    (other,) = answered(desk, "用户@例子.example")

    async def capable() -> None:
        async with listening(Sink()) as sink:
            await relay_of(desk, settings_for(sink)).send_due()
            assert [taken.recipients for taken in sink.taken] == [("用户@xn--fsqu00a.example",)]
            assert any("SMTPUTF8" in command for command in sink.commands if command.startswith("MAIL"))

    run(capable())
    assert row_of(desk, other).state == "sent"


# --- TLS and login ----------------------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A PEM file with a key and a self-signed certificate for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=36_500))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "relay.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def trusting(certificate: Path) -> Callable[[], ssl.SSLContext]:
    return lambda: ssl.create_default_context(cafile=str(certificate))


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("trusted", [True, False])
def test_encrypted_and_verified(desk: Desk, certificate: Path, tls: str, trusted: bool) -> None:
    """With either kind of TLS a mail goes to a host whose certificate is known, and to no other."""
    (row,) = answered(desk, "kim@customer.example")
    context = serving(certificate)

    async def work() -> None:
        implicit = context if tls == "implicit" else None
        async with listening(Sink(tls=None if implicit else context), implicit=implicit) as sink:
            more = {"tls": trusting(certificate)} if trusted else {}
            await relay_of(desk, settings_for(sink, tls=tls), **more).send_due()
            assert len(sink.taken) == int(trusted)

    run(work())
    assert row_of(desk, row).state == ("sent" if trusted else "queued")


def test_no_mail_in_the_clear_when_starttls_is_wanted(desk: Desk) -> None:
    """A host that offers no STARTTLS, or had it cut out of its answer, gets no mail."""
    (row,) = answered(desk, "kim@customer.example")

    async def work() -> None:
        async with listening(Sink()) as sink:
            await relay_of(desk, settings_for(sink, tls="starttls")).send_due()
            assert not any(command.startswith("MAIL") for command in sink.commands)

    run(work())
    assert row_of(desk, row).state == "queued"


@pytest.mark.parametrize(
    ("password", "state", "reply"),
    [("secret\n", "sent", "250 2.0.0"), ("wrong", "queued", "535 5.7.8"), (None, "queued", None)],
)
def test_login(desk: Desk, tmp_path: Path, password: str | None, state: str, reply: str | None) -> None:
    """The password comes from its file; a wrong one or a missing file keeps the mail: it is not the mail's fault."""
    (row,) = answered(desk, "kim@customer.example")
    file = tmp_path / "password"
    if password is not None:
        file.write_text(password)

    async def work() -> None:
        async with listening(Sink(login=base64.b64encode(b"\0desk\0secret"))) as sink:
            await relay_of(desk, settings_for(sink, user="desk", password_file=str(file))).send_due()

    run(work())
    assert (row_of(desk, row).state, row_of(desk, row).reply) == (state, reply)


def test_a_relay_that_wants_a_login_keeps_the_mail(desk: Desk) -> None:
    """530 to MAIL FROM means that our set-up is wrong, so the mail waits."""
    (row,) = answered(desk, "kim@customer.example")

    async def work() -> None:
        async with listening(Sink(login=b"x")) as sink:
            await relay_of(desk, settings_for(sink)).send_due()

    run(work())
    assert states(desk, [row]) == [("queued", "allowed", "530 5.7.0", 1)]


def test_a_greeting_that_refuses(desk: Desk) -> None:
    """A smarthost that greets with 554 is one that does not work today: the mail waits."""
    (row,) = answered(desk, "kim@customer.example")

    async def work() -> None:
        async with listening(Sink(greeting=b"554 5.3.2 no service\r\n")) as sink:
            await relay_of(desk, settings_for(sink)).send_due()

    run(work())
    assert states(desk, [row]) == [("queued", "allowed", "554 5.3.2", 1)]


def test_without_a_relay_queued_mail_waits(desk: Desk) -> None:
    """When the relay is taken out of the configuration, what is queued stays queued until its time is over."""
    (row,) = answered(desk, "kim@customer.example")
    run(_send_without_relay(desk))
    assert row_of(desk, row).state == "queued"
    desk.now = row.not_after + 1
    run(_send_without_relay(desk))
    assert row_of(desk, row).state == "expired"


async def _send_without_relay(desk: Desk) -> None:
    await relay_of(desk, RelaySettings()).send_due()


def test_a_letter_that_does_not_open_stops_no_mail(desk: Desk) -> None:
    """It waits, later each time, with the id of what the log says; what is behind it goes out in the same round."""
    rows = answered(desk, "kim@customer.example", "leo@other.example")
    bad = replace(rows[0], id=1, message_id=None, ticket_id=None, letter=b"no seal", next_attempt_at=1)
    desk.do(lambda tx: outbox.add_to_outbox(tx.connection, [bad]))

    async def work() -> None:
        async with listening(Sink()) as sink:
            with capture_logs() as told:
                assert await relay_of(desk, settings_for(sink)).send_due() == 3
            (failure,) = [each for each in told if each["event"] == "a mail of the outbox failed"]
            assert (failure["outbox"], failure["account"]) == (1, desk.account)
            assert len(sink.taken) == 2

    run(work())
    left = row_of(desk, bad)
    assert (left.state, left.attempts) == ("queued", 1)
    assert left.next_attempt_at > desk.now
    assert left.reply


def test_accounts_are_served_by_turns(desk: Desk) -> None:
    """Who has many letters due the longest delays another account's by one of theirs."""
    (row,) = answered(desk, "kim@customer.example")
    letter = replace(row, message_id=None, ticket_id=None, letter=b"no seal")
    many = [replace(letter, id=1 + n, next_attempt_at=1) for n in range(5)]
    others = [replace(letter, account_id=desk.account + 1, id=11 + n, next_attempt_at=2) for n in range(2)]
    desk.do(lambda tx: outbox.add_to_outbox(tx.connection, [*many, *others]))
    served: list[int] = []
    for _ in range(5):
        after = served[-1] if served else 0
        claim = partial(outbox.claim_due, now=desk.now, until=desk.now + HOUR, after=after)
        claimed = desk.do(lambda tx, claim=claim: claim(tx.connection))  # type: ignore[misc]
        assert claimed is not None
        served.append(claimed.account_id)
    assert served == [desk.account, desk.account + 1, desk.account, desk.account + 1, desk.account]
