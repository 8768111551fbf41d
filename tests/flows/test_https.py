"""The API over TLS, by a real daemon: who may not connect, what answers carry, and a certificate renewed in use."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import ssl
import warnings
from contextlib import suppress

import pytest

from tests.houses.certificates import trusting, write_certificate
from tests.houses.hub import GUARD_SECONDS, Hub


@pytest.fixture
def hub(idle_hub: Hub) -> Hub:
    """A daemon with the TLS door open on a free port."""
    made = idle_hub
    certificate, key = write_certificate(made.directory)
    made.environment |= {
        "MAILHUB_HTTPS__ENABLED": "true",
        "MAILHUB_HTTPS__ADDRESS": "127.0.0.1",
        "MAILHUB_HTTPS__PORT": "0",
        "MAILHUB_HTTPS__CERTIFICATE": str(certificate),
        "MAILHUB_HTTPS__KEY": str(key),
    }
    made.start()
    return made


def connected(hub: Hub) -> http.client.HTTPSConnection:
    """A client that believes the certificate that is on the disk now."""
    host, port = hub.address("https")
    context = trusting(hub.directory / "https.pem")
    return http.client.HTTPSConnection(host, port, timeout=GUARD_SECONDS, context=context)


def asked(
    client: http.client.HTTPSConnection, path: str, **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    """One request, its connection left open."""
    client.request("GET", path, headers=headers)
    answer = client.getresponse()
    return answer, answer.read()


def test_the_api_answers_over_tls(hub: Hub) -> None:
    """A program with an ApiToken works over TLS; without one it is nobody; a browser is told to stay with TLS."""
    token = hub.call("POST", "/v1/tokens", body={"name": "t", "days": 1})["token"]
    client = connected(hub)
    answer, body = asked(client, "/v1/whoami", Authorization=f"Bearer {token}")
    assert (answer.status, json.loads(body)["role"]) == (200, "owner")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert asked(client, "/v1/whoami")[0].status == 401
    client.close()


def test_old_tls_and_no_tls_are_refused(hub: Hub) -> None:
    """TLS before 1.2 gets no handshake, and plain HTTP no answer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the old versions: that is the point
        old = trusting(hub.directory / "https.pem")
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
    with (
        socket.create_connection(hub.address("https"), GUARD_SECONDS) as plain,
        pytest.raises((ssl.SSLError, ConnectionError)),
        old.wrap_socket(plain, server_hostname="127.0.0.1"),
    ):
        pass
    with socket.create_connection(hub.address("https"), GUARD_SECONDS) as plain:
        plain.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        with suppress(ConnectionError):
            assert not plain.recv(100).startswith(b"HTTP/")


def test_a_renewed_certificate_is_used_and_nothing_is_dropped(hub: Hub) -> None:
    """After SIGHUP new connections get the new certificate; one that is open goes on; a bad one changes nothing."""
    assert hub.process is not None
    open_before = connected(hub)
    assert asked(open_before, "/livez")[0].status == 200
    write_certificate(hub.directory)
    with pytest.raises(ssl.SSLCertVerificationError):
        asked(connected(hub), "/livez")
    hub.process.send_signal(signal.SIGHUP)
    hub.wait_until(lambda: 'mailhub_configuration_reloads_total{result="applied"} 1' in hub.text("/metrics"))
    renewed = connected(hub)
    assert asked(renewed, "/livez")[0].status == 200
    assert asked(open_before, "/livez")[0].status == 200
    good = (hub.directory / "https.pem").read_bytes()
    (hub.directory / "https.pem").write_bytes(b"nonsense")
    hub.process.send_signal(signal.SIGHUP)
    hub.wait_until(lambda: 'mailhub_configuration_reloads_total{result="refused"} 1' in hub.text("/metrics"))
    (hub.directory / "https.pem").write_bytes(good)
    again = connected(hub)
    assert asked(again, "/livez")[0].status == 200
    for client in (open_before, renewed, again):
        client.close()


@pytest.mark.parametrize(
    ("setting", "value", "named"),
    [
        ("HTTP__ADDRESS", "0.0.0.0", "http.address"),
        ("HTTPS__ENABLED", "true", "https.certificate"),
        ("PROXY__NETWORKS", "10.0.0.1/8", "proxy.networks"),
    ],
)
def test_what_would_be_unsafe_does_not_start(idle_hub: Hub, setting: str, value: str, named: str) -> None:
    """No ApiToken in the clear beyond this machine, no TLS without a certificate, no proxy that is everybody."""
    hub = idle_hub
    hub.environment[f"MAILHUB_{setting}"] = value
    for arguments in (("serve",), ("check-config",)):
        done = hub.run(*arguments)
        assert done.returncode == 78
        assert named in done.stderr.decode()
