"""Bad input gets a clear error and a telling exit status, and loses nothing (issue: "It must show", 8)."""

from __future__ import annotations

import smtplib
import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.houses.hub import Hub

RAW = b"From: ana@customer.example\r\nSubject: kept\r\nMessage-ID: <kept@customer.example>\r\n\r\nx\r\n"


def refused(hub: Hub, **environment: str) -> tuple[int, str]:
    """Exit status and text of a daemon that does not start."""
    done = hub.run("serve", environment=environment)
    return done.returncode, done.stderr.decode()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[smtp]\nprot = 1\n", "mailhub.toml:9: unknown setting smtp.prot; did you mean smtp.port?"),
        ('[smtp]\nport = "x"\n', "mailhub.toml:9: smtp.port must be a whole number, not 'x'"),
        ("[smtp\n", "mailhub.toml:8: not TOML"),
    ],
)
def test_bad_configuration_is_named(idle_hub: Hub, text: str, fault: str) -> None:
    """An unknown key, a wrong type and a syntax error stop the start with file and line, exit status 78."""
    with idle_hub.config.open("a", encoding="utf-8") as file:
        file.write(text)
    status, said = refused(idle_hub)
    assert status == 78
    assert fault in said
    checked = idle_hub.run("check-config")
    assert (checked.returncode, fault in checked.stderr.decode()) == (78, True)


def test_unreadable_certificate(idle_hub: Hub) -> None:
    """A certificate that is not there stops the start, and check-config names it."""
    wrong = {
        "MAILHUB_SMTP__TLS_CERTIFICATE": "/nonexistent/cert.pem",
        "MAILHUB_SMTP__TLS_KEY": "/nonexistent/key.pem",
    }
    status, said = refused(idle_hub, **wrong)
    assert (status, "/nonexistent/cert.pem" in said) == (78, True)
    checked = idle_hub.run("check-config", environment=wrong)
    assert (checked.returncode, "smtp.tls_certificate" in checked.stderr.decode()) == (78, True)


def test_certificate_without_a_key(idle_hub: Hub) -> None:
    """Half a pair is a fault of the configuration."""
    status, said = refused(idle_hub, MAILHUB_SMTP__TLS_CERTIFICATE="/etc/hostname")
    assert (status, "give both or neither" in said) == (78, True)


@pytest.mark.parametrize("section", ["smtp", "lmtp", "http"])
def test_port_taken_names_the_setting(idle_hub: Hub, section: str) -> None:
    """A port that another program has is named with its setting."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, said = refused(idle_hub, **{f"MAILHUB_{section.upper()}__PORT": str(port)})
    assert (
        status,
        f"{section}.port: cannot listen on 127.0.0.1 port {port}: another program has it" in said,
    ) == (
        78,
        True,
    )


def test_address_of_another_machine(idle_hub: Hub) -> None:
    """An address this machine has not is named with its setting."""
    status, said = refused(idle_hub, MAILHUB_SMTP__ADDRESS="192.0.2.1")
    assert (status, "smtp.address: this machine has no address 192.0.2.1" in said) == (78, True)


def test_directory_that_cannot_be_written(idle_hub: Hub) -> None:
    """A data directory that refuses writing is named (/proc refuses root too)."""
    status, said = refused(idle_hub, MAILHUB_STORAGE__DIRECTORY="/proc")
    assert (status, "storage.directory: cannot write in /proc" in said) == (78, True)


def test_directory_that_was_never_initialised(idle_hub: Hub) -> None:
    """A missing data directory, and one without a key, say what to run."""
    status, said = refused(idle_hub, MAILHUB_STORAGE__DIRECTORY=str(idle_hub.directory / "none"))
    assert (status, "run `mailhub init` first" in said) == (78, True)
    (idle_hub.directory / "root.key").unlink()
    status, said = refused(idle_hub)
    assert (status, "there is no root key" in said) == (78, True)


def test_second_daemon_on_the_same_directory(own_hub: Hub) -> None:
    """A second daemon leaves with "try again" and the first one's process id; the first goes on."""
    assert own_hub.process is not None
    status, said = refused(own_hub)
    assert (status, f"another mailhub (process {own_hub.process.pid}) runs on the directory" in said) == (
        75,
        True,
    )
    own_hub.send(RAW)
    assert [each["subject"] for each in own_hub.json("ticket", "list")] == ["kept"]


def test_database_of_a_newer_mailhub(idle_hub: Hub) -> None:
    """A schema newer than this version is refused and left alone."""
    import pysqlite3.dbapi2 as sqlite

    connection = sqlite.connect(idle_hub.directory / "mailhub.sqlite3")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    status, said = refused(idle_hub)
    assert (status, "newer than" in said) == (78, True)


@pytest.mark.parametrize("url", ["postgresql://127.0.0.1:1/nothing", "nonsense://x", "sqlite:////proc/1"])
def test_database_that_does_not_open(idle_hub: Hub, url: str) -> None:
    """A database that does not answer is a temporary fault that names the setting."""
    status, said = refused(idle_hub, MAILHUB_STORAGE__URL=url)
    assert (status, "storage.url: the database cannot be opened" in said) == (75, True)
    assert "Traceback" not in said


def test_init_refuses_what_is_no_address(idle_hub: Hub) -> None:
    """init says which option is wrong."""
    done = idle_hub.run("init", "--mailbox", "support")
    assert (done.returncode, b"--mailbox must be an address" in done.stderr) == (65, True)


def test_init_is_safe_to_run_again(idle_hub: Hub) -> None:
    """A second init changes nothing that is there."""
    before = [(path.name, path.read_bytes()) for path in (idle_hub.config, idle_hub.directory / "root.key")]
    done = idle_hub.run("init", "--directory", str(idle_hub.directory), "--json")
    assert (done.returncode, b'"password": null' in done.stdout) == (0, True)
    assert [
        (path.name, path.read_bytes()) for path in (idle_hub.config, idle_hub.directory / "root.key")
    ] == before


def test_doctor_sees_what_is_wrong(idle_hub: Hub) -> None:
    """doctor names a missing key and a missing daemon, and exits 69."""
    (idle_hub.directory / "root.key").unlink()
    done = idle_hub.run("doctor")
    assert done.returncode == 69
    assert b"there is no root key" in done.stdout
    assert b"no daemon answers" in done.stdout


def test_usage_errors_are_64(idle_hub: Hub) -> None:
    """A command or option that does not exist exits 64."""
    assert idle_hub.run("tickets").returncode == 64
    assert idle_hub.run("ticket", "list", "--colour").returncode == 64


def test_no_room_is_452_until_there_is(idle_hub: Hub) -> None:
    """Below the disk reserve every door defers, /readyz says why, and with room again the same mail is filed."""
    idle_hub.environment["MAILHUB_STORAGE__RESERVE_BYTES"] = str(2**60)
    idle_hub.start()
    with idle_hub.smtp() as smtp, pytest.raises(smtplib.SMTPDataError) as refusal:
        smtp.sendmail("ana@customer.example", ["support@example.com"], RAW)
    assert (refusal.value.smtp_code, refusal.value.smtp_error[:5]) == (452, b"4.3.1")
    assert idle_hub.run("deliver", stdin=RAW).returncode == 75
    status = idle_hub.run("status")
    assert (status.returncode, b"mail does NOT flow" in status.stdout) == (75, True)
    assert idle_hub.stop() == 0
    del idle_hub.environment["MAILHUB_STORAGE__RESERVE_BYTES"]
    idle_hub.start()
    idle_hub.send(RAW)
    assert [each["fate"] for each in idle_hub.json("intake", "list")] == ["filed"]
