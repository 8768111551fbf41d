"""The daemon as a service manager sees it: sockets handed in, readiness, watchdog, drain, reload."""

from __future__ import annotations

import os
import shutil
import signal
import smtplib
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.houses.hub import Hub

HEAD = b"From: ana@customer.example\r\nSubject: drained\r\nMessage-ID: <d@customer.example>\r\n\r\n"
OPENSSL = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2")
ACTIVATE = """
import os, sys
for number, fd in enumerate(map(int, sys.argv[1].split(",")), 3):
    os.dup2(fd, number)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(number - 2), LISTEN_FDNAMES=sys.argv[2])
os.execv(sys.executable, [sys.executable, "-m", "mailhub", *sys.argv[3:]])
"""  # as systemd does it: descriptors from 3 on, named, for this very process


def test_admin_socket_is_private(own_hub: Hub) -> None:
    """Nobody else may open the admin socket, nor read anything in the data directory."""
    assert stat.S_IMODE(own_hub.socket.stat().st_mode) == 0o600
    own_hub.send(HEAD + b"x\r\n")
    for path in own_hub.directory.rglob("*"):
        if path.is_file() and path.name not in ("daemon.log", "mailhub.toml"):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_sigterm_lets_a_running_message_finish(own_hub: Hub) -> None:
    """A message whose DATA is under way at SIGTERM is filed and answered 250; then the daemon ends with status 0."""
    smtp = own_hub.smtp()
    smtp.ehlo()
    smtp.mail("ana@customer.example")
    smtp.rcpt("support@example.com")
    smtp.putcmd("DATA")
    assert smtp.getreply()[0] == 354
    smtp.send(HEAD + b"first half\r\n")
    assert own_hub.process is not None
    own_hub.process.send_signal(signal.SIGTERM)
    own_hub.wait_until(lambda: "draining" in own_hub.log)
    smtp.send(b"second half\r\n.\r\n")
    assert smtp.getreply()[0] == 250
    smtp.close()
    assert own_hub.process.wait(60) == 0
    own_hub.start()
    assert [each["subject"] for each in own_hub.json("ticket", "list")] == ["drained"]


def test_kill_loses_nothing_that_was_answered(own_hub: Hub) -> None:
    """A message answered 250 is there after kill -9 and a new start, which finds the old socket and lock."""
    own_hub.send(HEAD + b"x\r\n")
    assert own_hub.stop(signal.SIGKILL) == -signal.SIGKILL
    own_hub.start()
    assert [each["subject"] for each in own_hub.json("ticket", "list")] == ["drained"]
    assert own_hub.stop() == 0


def test_reload_applies_a_good_configuration(own_hub: Hub) -> None:
    """SIGHUP takes new settings at once and names those that wait for a restart."""
    with own_hub.config.open("a", encoding="utf-8") as file:
        file.write(
            "[spam]\nminimum_trained = 3\n[limits]\nmessage_bytes = 100000\n[mail]\ncatch_all = true\n"
        )
    assert own_hub.process is not None
    own_hub.process.send_signal(signal.SIGHUP)
    own_hub.wait_until(lambda: "configuration read again" in own_hub.log)
    assert '"needs_restart": ["mail.catch_all"]' in own_hub.log
    assert own_hub.json("spam", "stats")["minimum_trained"] == 3
    with own_hub.smtp() as smtp:
        smtp.ehlo()
        assert smtp.esmtp_features["size"] == "100000"


def test_reload_keeps_the_old_configuration_if_the_new_one_is_bad(own_hub: Hub) -> None:
    """After a bad SIGHUP the old settings are in force, the log says why, and a metric counts it."""
    with own_hub.config.open("a", encoding="utf-8") as file:
        file.write("[spam]\nminimum_trained = 3\nthreshold = 1\n")
    assert own_hub.process is not None
    own_hub.process.send_signal(signal.SIGHUP)
    own_hub.wait_until(lambda: "kept as it was" in own_hub.log)
    assert "mailhub.toml:10: unknown setting spam.threshold" in own_hub.log
    assert own_hub.json("spam", "stats")["minimum_trained"] == 5
    assert 'mailhub_configuration_reloads_total{result="refused"} 1.0' in own_hub.text("/metrics")
    own_hub.send(HEAD + b"x\r\n")


def test_service_manager_is_told(idle_hub: Hub) -> None:
    """READY comes when mail is taken, WATCHDOG regularly, RELOADING and READY at SIGHUP, STOPPING at the end."""
    address = str(idle_hub.directory / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(60)
        idle_hub.environment |= {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "200000"}
        idle_hub.launch()

        def heard(wanted: str) -> None:
            while wanted not in manager.recv(4096).decode():
                pass

        heard("READY=1")
        idle_hub.send(HEAD + b"x\r\n")
        heard("WATCHDOG=1")
        heard("WATCHDOG=1")
        assert idle_hub.process is not None
        idle_hub.process.send_signal(signal.SIGHUP)
        heard("RELOADING=1")
        heard("READY=1")
        idle_hub.process.send_signal(signal.SIGTERM)
        heard("STOPPING=1")
        assert idle_hub.process.wait(60) == 0


def test_handed_in_sockets_are_known_by_name(idle_hub: Hub) -> None:
    """Sockets from systemd are used by their names, in whatever order they come."""
    admin = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    idle_hub.socket.parent.mkdir()
    admin.bind(str(idle_hub.socket))
    admin.listen()
    with (
        admin,
        socket.create_server(("127.0.0.1", 0)) as lmtp,
        socket.create_server(("127.0.0.1", 0)) as smtp,
    ):
        listeners = [admin.fileno(), lmtp.fileno(), smtp.fileno()]
        # above the numbers that systemd uses, so that dup2 never overwrites one that is still wanted
        high = [os.dup(fd) for fd in listeners]
        numbers = ",".join(map(str, high))
        command = [
            sys.executable,
            "-c",
            ACTIVATE,
            numbers,
            "admin:lmtp:smtp",
            "--config",
            str(idle_hub.config),
            "serve",
        ]
        with (idle_hub.directory / "daemon.log").open("ab") as log:
            idle_hub.process = subprocess.Popen(
                command, stderr=log, pass_fds=high, env=idle_hub.environment, cwd=idle_hub.directory
            )
        for fd in high:
            os.close(fd)
        listening = idle_hub.call("GET", "/v1/status")["listening"]
        assert listening["smtp"] == f"127.0.0.1:{smtp.getsockname()[1]}"
        assert listening["lmtp"] == f"127.0.0.1:{lmtp.getsockname()[1]}"
        idle_hub.send(HEAD + b"x\r\n")
    assert idle_hub.stop() == 0


def test_daemon_never_imports_sklearn(idle_hub: Hub) -> None:
    """The daemon's modules do not load scikit-learn (2 s at every start)."""
    program = "import sys, mailhub.service.daemon; print([name for name in sys.modules if name.split('.')[0] == 'sklearn'])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=idle_hub.environment, check=True
    )
    assert done.stdout.strip() == "[]"


def test_starttls_with_a_renewed_certificate(
    own_hub: Hub, tmp_path: Path, require_service: Callable[[bool, str], None]
) -> None:
    """A certificate put into the configuration is offered after SIGHUP, without closing a connection."""
    require_service(shutil.which("openssl") is not None, "openssl is not installed (Debian: openssl)")
    subprocess.run(
        [*OPENSSL, "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=mail.example.com"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    with own_hub.config.open("a", encoding="utf-8") as file:
        file.write(f'[smtp]\ntls_certificate = "{tmp_path}/cert.pem"\ntls_key = "{tmp_path}/key.pem"\n')
    with own_hub.smtp() as old:
        old.ehlo()
        assert not old.has_extn("starttls")
        assert own_hub.process is not None
        own_hub.process.send_signal(signal.SIGHUP)
        own_hub.wait_until(lambda: "configuration read again" in own_hub.log)
        assert old.noop()[0] == 250
    with own_hub.smtp() as smtp:
        smtp.starttls()
        smtp.ehlo()
        smtp.sendmail("ana@customer.example", ["support@example.com"], HEAD + b"x\r\n")
    assert own_hub.json("intake", "list")[0]["tls"] is True


def test_smtp_door_can_be_closed(idle_hub: Hub) -> None:
    """A door that is not enabled does not listen."""
    idle_hub.environment["MAILHUB_SMTP__ENABLED"] = "false"
    idle_hub.start()
    assert sorted(idle_hub.call("GET", "/v1/status")["listening"]) == ["admin", "http", "lmtp"]
    with pytest.raises(KeyError):
        idle_hub.smtp()
    host, port = idle_hub.address("lmtp")
    with smtplib.LMTP(host, port, "client.example") as lmtp:
        lmtp.sendmail("ana@customer.example", ["support@example.com"], HEAD + b"x\r\n")


def test_checkout_may_lie_deep(idle_hub: Hub) -> None:
    """A data directory whose path is longer than a Unix socket's may be is served and reached all the same."""
    deep = idle_hub.directory / ("a-rather-long-name/" * 7)
    deep.mkdir(parents=True)
    socket_path = deep / "run" / "admin.sock"
    assert len(str(socket_path)) > 107
    idle_hub.environment["MAILHUB_ADMIN__SOCKET"] = str(socket_path)
    idle_hub.launch()
    idle_hub.wait_until(lambda: idle_hub.run("status").returncode == 0)
    assert str(socket_path) in idle_hub.run("status").stdout.decode()
    assert idle_hub.stop() == 0
