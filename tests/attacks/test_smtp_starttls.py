"""STARTTLS: commands injected in the clear (CVE-2011-0411), failed handshakes, and what is forgotten at the change."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mailhub.errors import ConfigurationError
from mailhub.system.certificates import mail_context
from tests.houses.door_house import Client, House, Runner, until


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for mail.example.com that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example.com")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return folder / "cert.pem", folder / "key.pem"


def client_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def secure(client: Client) -> None:
    """The client's half of the handshake."""
    await client.writer.start_tls(client_context())


def test_mail_over_tls(with_door: Runner, certificate: tuple[Path, Path]) -> None:
    """STARTTLS is offered, not again inside TLS, and the envelope says the mail came over TLS."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        assert (await client.say("EHLO c")).endswith("|250 STARTTLS")
        assert await client.say("STARTTLS") == "220 2.0.0 Ready to start TLS"
        await secure(client)
        assert await client.say("MAIL FROM:<a@b.c>") == "503 5.5.1 Say EHLO or HELO first"
        assert "STARTTLS" not in await client.say("EHLO c")
        assert await client.say("STARTTLS") == "503 5.5.1 TLS is on already"
        await client.send(
            b"MAIL FROM:<a@b.c>\r\nRCPT TO:<support@example.com>\r\nDATA\r\n" + b"x" * 100_000 + b"\r\n.\r\n"
        )
        assert [(await client.reply())[:3] for _ in range(4)] == ["250", "250", "354", "250"]
        [(envelope, raw)] = house.pipeline.filed
        assert (envelope.tls, len(raw)) == (True, 100_002)
        assert (await client.say("QUIT"))[:3] == "221"

    with_door(scenario, tls=mail_context(*certificate))


def test_commands_injected_in_the_clear_are_thrown_away(
    with_door: Runner, certificate: tuple[Path, Path]
) -> None:
    """What stands behind STARTTLS in the clear is never obeyed, before or after the handshake."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        await client.say("EHLO c")
        await client.send(b"STARTTLS\r\nEHLO injected\r\nMAIL FROM:<mallory@b.c>\r\n")
        assert await client.reply() == "220 2.0.0 Ready to start TLS"
        await secure(client)
        assert (await client.say("EHLO c"))[:4] == "250-"
        assert await client.say("RCPT TO:<support@example.com>") == "503 5.5.1 MAIL comes first"

    with_door(scenario, tls=mail_context(*certificate))


def test_a_failed_handshake_leaves_nothing_behind(with_door: Runner, certificate: tuple[Path, Path]) -> None:
    """Plain text instead of a handshake ends the connection, and it is counted out."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        await client.say("STARTTLS")
        await client.send(b"MAIL FROM:<a@b.c>\r\n" * 50)
        await client.reader.read()
        await until(lambda: not house.door.counters.connections)
        assert house.pipeline.filed == []

    with_door(scenario, tls=mail_context(*certificate))


def test_a_client_that_leaves_in_the_handshake_is_counted_out(
    with_door: Runner, certificate: tuple[Path, Path]
) -> None:
    """Connections that end within the handshake do not use up the limit."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        await client.say("STARTTLS")
        client.writer.transport.abort()
        await until(lambda: not house.door.counters.connections)

    with_door(scenario, tls=mail_context(*certificate))


def test_required_tls_allows_nothing_before(with_door: Runner, certificate: tuple[Path, Path]) -> None:
    """Before STARTTLS only greetings, NOOP and QUIT pass (RFC 3207 4)."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        assert (await client.say("EHLO c"))[:3] == "250"
        for line in ("MAIL FROM:<a@b.c>", "VRFY a", "RSET", "HELP"):
            assert await client.say(line) == "530 5.7.0 Say STARTTLS first"
        assert (await client.say("NOOP"))[:3] == "250"
        assert (await client.say("STARTTLS"))[:3] == "220"
        await secure(client)
        await client.say("EHLO c")
        assert (await client.say("MAIL FROM:<a@b.c>"))[:3] == "250"

    with_door(scenario, tls=mail_context(*certificate), require_tls=True)


def test_old_tls_is_not_spoken(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    """TLS 1.2 is the least; files that cannot be used are a configuration error that names them."""
    assert mail_context(*certificate).minimum_version is ssl.TLSVersion.TLSv1_2
    with pytest.raises(ConfigurationError, match="absent"):
        mail_context(tmp_path / "absent.pem", certificate[1])
