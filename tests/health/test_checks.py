"""What `mailhub doctor` looks at: each check says OK where all is well, and names the fault and its cure where not."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from mailhub import clock, keys
from mailhub.config import Authentication, Config, Https, Relay, Smtp, Storage
from mailhub.envelope import Source
from mailhub.health.checks import database as database_check
from mailhub.health.checks import files, network
from mailhub.health.checks.finding import Finding, Level
from mailhub.message.dns_questions import DnsAnswer, Question
from mailhub.message.values import Trust
from storage import migrate
from storage.database import Database
from tests.houses.certificates import write_certificate
from tests.houses.postroom import PostRoom, mail
from tests.houses.sink import Sink, listening

ZONE: dict[Question, tuple[str, ...]] = {
    ("shop.internal", "MX"): ("mx.shop.internal",),
    ("shop.internal", "TXT"): ("something else", "V=SPF1 include:relay.internal -all"),
    ("_dmarc.shop.internal", "TXT"): ("v=DMARC1; p=reject",),
    ("bare.internal", "MX"): (),
    ("mx.shop.internal", "A"): ("192.0.2.1",),
    ("1.2.0.192.in-addr.arpa", "PTR"): ("mx.shop.internal",),
    ("other.shop.internal", "A"): ("192.0.2.2",),
    ("2.2.0.192.in-addr.arpa", "PTR"): ("host-2.provider.internal",),
}


async def from_zone(question: Question) -> tuple[DnsAnswer, float]:
    """A name server that knows ZONE."""
    return DnsAnswer(ZONE.get(question, ())), 60.0


async def silence(question: Question) -> tuple[DnsAnswer, float]:
    """A name server that does not answer in time."""
    return DnsAnswer(failed=True), 0.0


def shown(findings: Iterable[Finding]) -> list[tuple[str, str]]:
    """Level and name of each; a line that is not OK has a cure, and one that is has none."""
    found = list(findings)
    assert [bool(each.cure) for each in found] == [each.level is not Level.OK for each in found]
    return [(each.level.value, each.name) for each in found]


def config_in(directory: Path) -> Config:
    """A data directory with a root key."""
    directory.chmod(0o700)
    keys.create(directory)
    return Config(storage=Storage(directory=directory, reserve_bytes=1))


def test_directory_and_key_are_private(tmp_path: Path) -> None:
    """A directory as `init` makes it is well; each right too many is a FAIL that says how to take it back."""
    config = config_in(tmp_path)
    assert shown(files.check_key(config)) == [("OK", "root key")]
    assert shown(files.check_directory(config)) == [("OK", "directory")]
    tmp_path.chmod(0o755)
    (tmp_path / "root.key").chmod(0o640)
    assert shown(files.check_key(config)) == [("FAIL", "root key")]
    assert shown(files.check_directory(config)) == [("FAIL", "directory")] * 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_files_of_another_user_are_named(tmp_path: Path) -> None:
    """A file that root left behind in the service's directory is a FAIL with the chown that mends it."""
    config = config_in(tmp_path)
    os.chown(tmp_path, 12_345, 12_345)
    (found,) = files.check_directory(config)
    assert (found.level, found.cure) == (Level.FAIL, f"chown -R 12345: {tmp_path}")


def test_disk_is_measured_against_the_reserve(tmp_path: Path) -> None:
    """Below the reserve is a FAIL, near it a WARN."""
    config, free = config_in(tmp_path), os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    levels = []
    for reserve in (1, free // 2, 2 * free):
        storage = replace(config.storage, reserve_bytes=reserve)
        levels += [level for level, _ in shown(files.check_disk(replace(config, storage=storage)))]
    assert levels == ["OK", "WARN", "FAIL"]


def test_clock_behind_the_newest_mail_is_a_fault() -> None:
    """A clock that stands before what is stored is wrong; one that jumps while we look is suspicious."""
    started = time.time(), time.monotonic()
    (behind,) = files.check_clock(newest=clock.now() + clock.HOUR, started=started)
    assert behind.level is Level.FAIL
    (jumped,) = files.check_clock(newest=None, started=(started[0] - 60, started[1]))
    assert (jumped.level, "jumped by 60 s" in jumped.text) == (Level.WARN, True)
    (now,) = files.check_clock(newest=clock.now(), started=started)
    assert now.level in (
        Level.OK,
        Level.WARN,
    )  # whether somebody keeps this machine's clock is not ours to say


@pytest.mark.parametrize(("days", "level"), [(90, "OK"), (5, "WARN"), (-1, "FAIL")])
def test_certificate_that_runs_out_is_seen(tmp_path: Path, days: int, level: str) -> None:
    """A certificate is well, runs out soon, or has run out."""
    certificate, key = write_certificate(tmp_path, days=days)
    config = Config(smtp=Smtp(tls_certificate=str(certificate), tls_key=str(key)))
    assert shown(files.check_certificates(config, "mail.example.com", smtp_open=True)) == [
        (level, "smtp TLS")
    ]


def test_certificate_for_another_name_or_key_is_seen(tmp_path: Path) -> None:
    """A certificate must name this host, and fit its key; a door without one is a WARN, a closed door nothing."""
    certificate, key = write_certificate(tmp_path)
    config = Config(https=Https(certificate=str(certificate), key=str(key)))
    assert shown(files.check_certificates(config, "mail.example.com", smtp_open=False)) == [
        ("OK", "https TLS")
    ]
    assert shown(files.check_certificates(config, "example.net", smtp_open=False)) == [("WARN", "https TLS")]
    config = Config(https=Https(certificate=str(certificate), key=str(certificate)))
    assert shown(files.check_certificates(config, "mail.example.com", smtp_open=False)) == [
        ("FAIL", "https TLS")
    ]
    assert shown(files.check_certificates(Config(), "x", smtp_open=True)) == [("WARN", "smtp TLS")]


def test_password_that_all_may_read_is_seen(tmp_path: Path) -> None:
    """The relay's password is there, is missing, or is open to everybody."""
    path = tmp_path / "password"
    config = Config(relay=Relay(host="relay.internal", password_file=str(path)))
    assert shown(files.check_secrets(config)) == [("FAIL", "credentials")]
    path.write_text("secret\n", encoding="utf-8")
    path.chmod(0o600)
    assert shown(files.check_secrets(config)) == [("OK", "credentials")]
    path.chmod(0o644)
    assert shown(files.check_secrets(config)) == [("FAIL", "credentials")]


def test_database_of_any_kind_is_recognised(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database is well, empty or absent; one of a newer mailhub is a FAIL, one of an older a WARN."""
    (tmp_path / "data").mkdir()
    config = config_in(tmp_path / "data")
    assert shown(database_of(config, "")) == [("FAIL", "database")]
    url = database.url.render_as_string(hide_password=False)
    lines = [("OK", "database"), ("OK", "outbox"), ("OK", "quarantine"), ("OK", "filter"), ("OK", "silence")]
    assert shown(database_of(config, url)) == lines
    monkeypatch.setattr(
        migrate, "known_revisions", lambda: {"0000", migrate.HEAD}
    )  # one that came before ours
    for revision, level in (("9999", "FAIL"), ("0000", "WARN")):
        set_revision(database, revision)
        assert shown(database_of(config, url)) == [(level, "database")]


def database_of(config: Config, url: str) -> Iterable[Finding]:
    """What is said of a database."""
    return database_check.look(replace(config, storage=replace(config.storage, url=url))).findings


def set_revision(opened: Database, revision: str) -> None:
    """As another version would have left it."""
    with opened.writing.begin() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")


def examine(ask: object = from_zone, **changes: object) -> list[tuple[str, str]]:
    """The network's findings but for the relay's, which is not set."""
    asked = {"hostname": "mx.shop.internal", "addresses": (), "listening": {}, **changes}
    found = asyncio.run(network.examine(Config(), ask=ask, **asked))  # type: ignore[arg-type]
    return [each for each in shown(found) if each[1] != "relay"]


def test_domains_of_mailboxes_are_asked_about() -> None:
    """MX, SPF and DMARC are there or named as missing; names for examples and silent name servers are a WARN."""
    addresses = ["support@shop.internal", "sales@shop.internal", "help@bare.internal", "a@example.com"]
    assert examine(addresses=addresses) == [
        *[("WARN", "DNS bare.internal")] * 3,
        ("WARN", "DNS example.com"),
        ("OK", "DNS shop.internal"),
    ]
    assert examine(silence, addresses=["a@shop.internal"]) == [("WARN", "DNS shop.internal")]


def test_a_trusted_host_without_results_is_seen(room: PostRoom, tmp_path: Path) -> None:
    """A host that is believed and writes no DMARC result, or nothing at all, is a warning until it does."""

    (tmp_path / "data").mkdir()
    config = replace(
        config_in(tmp_path / "data"), authentication=Authentication(trusted_hosts="MX.ours.example")
    )
    url = room.database.url.render_as_string(hide_password=False)

    def level(*results: str) -> str:
        for number, said in enumerate(results):
            top = f"Authentication-Results: mx.ours.example; {said}\r\n" if said else ""
            room.deliver(top.encode() + mail(f"{number} {results}"), trust=Trust.of("mx.ours.example"))
        (found,) = [each for each in database_of(config, url) if each.name.startswith("trusted")]
        return found.level.value

    assert level() == "OK"
    assert level("") == "WARN"
    assert level(*["spf=pass smtp.mailfrom=customer.example"] * 10) == "WARN"
    assert level("dmarc=pass header.from=customer.example") == "OK"


@pytest.mark.parametrize(
    ("top", "host"),
    [
        ("Authentication-Results: mx.google.com; spf=pass", "mx.google.com"),
        (
            "Authentication-Results: spf=pass smtp.mailfrom=a.example; dmarc=pass action=none\r\n"
            "Received: from a.example by x.mail.protection.outlook.com with SMTP; Mon, 2 Nov 2026 08:00:00 +0000",
            "mail.protection.outlook.com",
        ),
        ("X-Nothing: here", None),
        ("Authentication-Results: ; spf=pass", None),
    ],
)
def test_results_that_nobody_believes_are_seen(
    room: PostRoom, tmp_path: Path, top: str, host: str | None
) -> None:
    """Where mail comes with a host's results and the setting does not name it, doctor says how to name it."""
    (tmp_path / "data").mkdir()
    config = config_in(tmp_path / "data")
    url = room.database.url.render_as_string(hide_password=False)
    for number in range(5):
        room.deliver(f"{top}\r\n".encode() + mail(str(number)), source=Source.LMTP)

    def unbelieved(trusted_hosts: str) -> list[Finding]:
        asked = replace(config, authentication=Authentication(trusted_hosts=trusted_hosts))
        return [each for each in database_of(asked, url) if each.name.startswith("results of ")]

    assert [each.name for each in unbelieved("")] == ([f"results of {host}"] if host else [])
    if host is not None:
        assert f'trusted_hosts = "mx.example.com {host}"' in (unbelieved("mx.example.com")[0].cure or "")
        assert unbelieved(host) == []


def test_own_name_matters_to_an_mx() -> None:
    """The PTR of an MX's address is its name; behind another mail server nobody looks."""
    open_to_all = {"smtp": "0.0.0.0:9"}
    assert examine(listening=open_to_all)[1:] == [("OK", "own name")]
    assert examine(listening=open_to_all, hostname="other.shop.internal")[1:] == [("WARN", "own name")]
    assert examine(listening=open_to_all, hostname="unknown.internal")[1:] == [("WARN", "own name")]
    assert examine(listening={"smtp": "127.0.0.1:9"})[1:] == []


def test_door_that_does_not_answer_is_seen() -> None:
    """A door that greets is well; a port where nobody is, or somebody else, is a FAIL."""

    async def everything() -> None:
        async with listening(Sink()) as sink, listening(Sink(greeting=b"SSH-2.0-x\r\n")) as stranger:
            places = f"127.0.0.1:{sink.port}, 127.0.0.1:{stranger.port}, 127.0.0.1:9"
            found = await network.examine(Config(), hostname="x", addresses=(), listening={"lmtp": places})
            assert shown(found)[:3] == [("OK", "lmtp door"), ("FAIL", "lmtp door"), ("FAIL", "lmtp door")]

    asyncio.run(everything())


def test_relay_is_asked_without_a_mail(tmp_path: Path) -> None:
    """The relay is reached and takes the login; one that is not there, or refuses it, is a FAIL. No mail is sent."""
    password = tmp_path / "password"
    password.write_text("right\n", encoding="utf-8")

    async def everything() -> None:
        async with listening(Sink(login=b"AHVzZXIAcmlnaHQ=")) as sink:
            relay = Relay(
                host="127.0.0.1", port=sink.port, tls="none", user="user", password_file=str(password)
            )
            assert await relay_of(relay) == [("OK", "relay")]
            password.write_text("wrong\n", encoding="utf-8")
            assert await relay_of(relay) == [("FAIL", "relay")]
            assert [each for each in sink.commands if each.startswith("MAIL")] == []
        assert await relay_of(relay) == [("FAIL", "relay")]
        assert await relay_of(Relay()) == [("WARN", "relay")]

    asyncio.run(everything())


async def relay_of(relay: Relay) -> list[tuple[str, str]]:
    """What is said of a relay."""
    found = await network.examine(
        Config(relay=relay), hostname="mail.example.com", addresses=(), listening={}
    )
    return shown(found)
