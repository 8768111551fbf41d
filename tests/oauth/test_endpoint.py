"""What a token endpoint may do to us, and where secrets do not go."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from mailhub.oauth import grants
from mailhub.oauth.endpoint import ANSWER_BYTES, Denied, OauthFault, Reach, ask, require_sound
from mailhub.oauth.providers import PROVIDERS
from mailhub.system.outgoing import parse_local_servers
from tests.houses.token_endpoint import CLIENT, Endpoint, token_endpoint

SECRET = "not-to-be-seen"
HERE = Reach(local=parse_local_servers("127.0.0.1:1024-65535"))  # the endpoint takes a free port


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """A token endpoint on loopback."""
    with token_endpoint() as started:
        yield started


def client(url: str) -> grants.OauthClient:
    """Who asks there."""
    return grants.OauthClient(token_url=url, client_id=CLIENT, client_secret=SECRET, scope="imap", reach=HERE)


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.com/token", "http://localhost/token", "http://10.0.0.1/", "ftp://127.0.0.1/"),
        *(
            "",
            "https://",
            "https://a:b@example.com/",
            "https://[::1",
            "https://example.com:port/",
            "file:///etc/passwd",
        ),
    ],
)
def test_secrets_go_nowhere_without_tls(url: str) -> None:
    """Only https is asked, and http on loopback by number; a malformed URL is refused."""
    with pytest.raises(OauthFault):
        require_sound(url)


def test_the_providers_own_endpoints_are_sound() -> None:
    """What the presets name is https."""
    for provider in PROVIDERS.values():
        for url in (provider.token_url, *filter(None, provider.consent_urls.values())):
            assert require_sound(url.format(tenant="organizations")).scheme == "https"


@pytest.mark.parametrize(
    "answer",
    [
        *(
            b"<html>",
            b"[]",
            b"null",
            b"{}",
            b"[" * 100_000,
            b" " * (ANSWER_BYTES + 1),
            b'{"access_token": 7}',
        ),
        *(
            b'{"access_token": ""}',
            b'{"access_token": "a\\r\\nb"}',
            b'{"access_token": "' + b"a" * 40_000 + b'"}',
        ),
    ],
)
def test_an_answer_that_is_none_is_a_fault(endpoint: Endpoint, answer: bytes) -> None:
    """No token, or one that could not go into a command, is a fault without a secret in its words."""
    endpoint.raw = answer
    with pytest.raises(OauthFault) as caught:
        grants.renew(client(f"{endpoint.url}/token"), SECRET)
    assert SECRET not in str(caught.value)


def test_a_word_of_the_endpoint_that_is_none_of_the_standards_is_not_repeated(endpoint: Endpoint) -> None:
    """What stands in an answer gets into a fault only as a word of the standard's form."""
    endpoint.raw = f'{{"error": "{SECRET} \\u001b[31m", "error_description": "{SECRET}"}}'.encode()
    with pytest.raises(Denied) as caught:
        grants.renew(client(f"{endpoint.url}/token"), SECRET)
    assert str(caught.value) == "error"


@pytest.mark.parametrize("seconds", ['"3599"', "3599", "1e400", "-1", "null", "[]", '"soon"'])
def test_any_expiry_is_a_number_of_seconds(endpoint: Endpoint, seconds: str) -> None:
    """An expiry is taken as number or text; what is none is five minutes."""
    endpoint.raw = f'{{"access_token": "a", "expires_in": {seconds}}}'.encode()
    given = grants.renew(client(f"{endpoint.url}/token"), endpoint.new_refresh())
    assert given.seconds == (3599 if "3599" in seconds else 300)


def test_an_endpoint_that_trickles_is_cut() -> None:
    """An endpoint that sends a byte now and then for ever is given up on at the deadline."""
    done = threading.Event()

    def trickle(listening: socket.socket) -> None:
        connected, _ = listening.accept()
        with connected:
            connected.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not done.wait(0.05):
                try:
                    connected.sendall(b" ")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=trickle, args=(listening,))
        thread.start()
        try:
            with pytest.raises(OauthFault):
                ask(f"http://127.0.0.1:{listening.getsockname()[1]}/", {}, replace(HERE, seconds=0.5))
        finally:
            done.set()
            thread.join()
