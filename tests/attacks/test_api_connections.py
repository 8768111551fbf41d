"""What a stranger can do to the API before anybody knows who they are: next to nothing."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from mailhub.callers import peer
from mailhub.callers.peer import Admission, PeerProtocol

GUARD_SECONDS = 30.0


async def _app(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def _connected(
    admission: Admission, family: int = socket.AF_INET
) -> tuple[asyncio.Transport, socket.socket]:
    """A protocol at one end of a pair of sockets; the other end."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair() if family == socket.AF_UNIX else _tcp_pair()
    config = uvicorn.Config(_app, lifespan="off", log_config=None)
    config.load()
    transport, _ = await loop.connect_accepted_socket(
        lambda: PeerProtocol(admission, config=config, server_state=ServerState(), app_state={}), ours
    )
    theirs.setblocking(False)
    return transport, theirs


def _tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        theirs = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
    return ours, theirs


def talk(sent: bytes, *, family: int = socket.AF_INET, admission: Admission | None = None) -> bytes:
    """All that comes back until the server closes."""

    async def main() -> bytes:
        loop = asyncio.get_running_loop()
        _, theirs = await _connected(admission or Admission(), family)
        with theirs:
            got = b""
            try:
                await loop.sock_sendall(theirs, sent)
                while data := await loop.sock_recv(theirs, 65536):
                    got += data
            except ConnectionError:
                pass
            return got

    return asyncio.run(asyncio.wait_for(main(), GUARD_SECONDS))


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nX: " + b"x" * 1_000_000,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 50_000,
        b"GET /" + b"x" * 100_000,
        b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: " + b"x" * 200_000,
    ],
)
def test_a_long_head_is_cut_off(head: bytes) -> None:
    """A head, or a trailer, over 64 KiB closes the connection, with 431 where an answer is still to be given."""
    got = talk(head)
    assert got == b"" or got.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))
    assert b"200" not in got[:12]


def test_a_long_body_is_no_long_head() -> None:
    """A request with an ordinary head and a body of a megabyte, whole or in small chunks, is served."""
    whole = b"POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000
    chunks = (
        b"POST / HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 50_000
    )
    for sent in (whole, chunks + b"0\r\n\r\n"):
        assert talk(sent).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\nX:", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx"]
)
def test_a_request_that_never_ends_is_closed(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle connection, half a head and half a body end when the time for them is over."""
    monkeypatch.setattr(peer, "HEAD_SECONDS", 0.05)
    monkeypatch.setattr(peer, "BODY_SECONDS", 0.05)
    assert talk(sent) == b""


def test_strangers_do_not_lock_out_the_admin_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """When TCP has as many connections as it may, another one hears 503 and the admin socket answers."""
    monkeypatch.setattr(peer, "CONNECTIONS", {"admin": 1, "http": 1})
    admission = Admission()
    assert admission.admit("http", "192.0.2.1")
    request = b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"
    assert talk(request, admission=admission).startswith(b"HTTP/1.1 503 ")
    assert talk(request, admission=admission, family=socket.AF_UNIX).startswith(b"HTTP/1.1 200 ")
    admission.leave("http", "192.0.2.1")
    assert talk(request, admission=admission).startswith(b"HTTP/1.1 200 ")


def test_one_address_has_a_share() -> None:
    """A client has 32 connections and no more, and gets them back; others are not touched."""
    admission = Admission()
    assert [admission.admit("http", "192.0.2.1") for _ in range(33)] == [True] * 32 + [False]
    assert admission.admit("http", "192.0.2.2")
    admission.leave("http", "192.0.2.1")
    assert admission.admit("http", "192.0.2.1")
