"""One request to a token endpoint, bounded: a form goes there by HTTPS, an object of JSON comes back.

    OauthFault   the endpoint cannot be used now: tried again later
    `- Denied    the endpoint refuses, and says why by a word of the standard (``code``)

Nothing of a request or an answer gets into a fault but that word: both hold secrets. Redirections are not
followed. Sources: RFC 6749 4, 5; RFC 8628 3.4.
"""

from __future__ import annotations

import ipaddress
import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

from mailhub.system import outgoing
from mailhub.system.outgoing import LocalServers

ANSWER_BYTES = 256 * 1024
TOKEN_BYTES = 32 * 1024  # of one token; Microsoft's have some thousand
_HEAD = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
_PASSING = frozenset({"temporarily_unavailable", "server_error"})  # RFC 6749 4.1.2.1: no refusal
_CODE = re.compile(r"[a-z][a-z_]{1,60}")
_MICROSOFT_CODE = re.compile(r"\bAADSTS[0-9]{4,8}\b")


class OauthFault(Exception):
    """``str`` says what is wrong, and holds no secret."""


class Denied(OauthFault):
    """What the endpoint said no by: ``invalid_grant``, ``authorization_pending`` and so on."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code} ({detail})" if detail else code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How to reach endpoints, and how patient to be."""

    ca_file: str = ""  # authorities trusted besides the system's
    seconds: float = 30.0  # for one request with its whole answer
    local: LocalServers = field(default_factory=LocalServers)  # those that may be in private networks


def ask(url: str, form: Mapping[str, str], reach: Reach) -> Mapping[str, Any]:
    """POST a form, and read the object that comes back. Raises ``OauthFault``, ``Denied``."""
    parts = require_sound(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    try:
        with closing(_connection(parts, reach)) as connection, _deadline(connection.sock, reach.seconds):
            connection.request("POST", target, urlencode(form).encode(), _HEAD)
            answer = connection.getresponse()
            return _read(answer.status, answer.read(ANSWER_BYTES + 1))
    except outgoing.Shut as shut:
        raise OauthFault(f"the token endpoint cannot be asked: {shut}") from None
    except ssl.SSLCertVerificationError:
        raise OauthFault(
            "the certificate of the token endpoint is not trusted: check its name, or imap.ca_file"
        ) from None
    except (OSError, HTTPException, UnicodeError, outgoing.Unreachable):
        raise OauthFault("the token endpoint does not answer: check its URL, DNS and firewall") from None


def require_sound(url: str) -> SplitResult:
    """The URL in its parts; raises ``OauthFault`` where secrets must not go: without TLS off this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        raise OauthFault("the URL of an OAuth endpoint is malformed") from None

    if not host or parts.username is not None or parts.fragment:
        raise OauthFault("the URL of an OAuth endpoint is https://HOST/PATH")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise OauthFault("an OAuth endpoint must be https: secrets go there")

    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name, which may lead anywhere


def _connection(parts: SplitResult, reach: Reach) -> HTTPConnection:
    """A connection that is made already: to the address that the guard saw, not to where the name leads by now."""
    host = str(parts.hostname)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    addresses = outgoing.look_up(host, port, local=reach.local.names(host, port))
    connection = HTTPConnection(host, port, timeout=reach.seconds)
    connection.sock = outgoing.dial(addresses, port, reach.seconds)

    if secure:
        connection.sock = _encrypted(connection.sock, host, reach)
        connection.default_port = 443  # as the Host header leaves it out

    return connection


def _encrypted(connected: socket.socket, host: str, reach: Reach) -> ssl.SSLSocket:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if reach.ca_file:
        context.load_verify_locations(reach.ca_file)
    return context.wrap_socket(connected, server_hostname=host)  # closes it when that fails


@contextmanager
def _deadline(connected: socket.socket, seconds: float) -> Iterator[None]:
    """Cut the connection when all of it takes longer: a byte a minute is as dead as silence."""
    cut = threading.Timer(seconds, _cut, [connected])
    cut.daemon = True
    cut.start()
    try:
        yield
    finally:
        cut.cancel()


def _cut(connected: socket.socket) -> None:
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


def _read(status: int, body: bytes) -> Mapping[str, Any]:
    if len(body) > ANSWER_BYTES:
        raise OauthFault("the token endpoint answers too much")

    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None

    if not isinstance(found, dict):
        raise OauthFault(f"the token endpoint answers {status} without JSON: check its URL")

    code = found.get("error")
    if isinstance(code, str) and status < 500 and code not in _PASSING:
        known = code if _CODE.fullmatch(code) else "error"
        detail = _MICROSOFT_CODE.search(str(found.get("error_description", ""))[:1000])
        raise Denied(known, detail[0] if detail else "")

    if status != 200:
        raise OauthFault(f"the token endpoint answers {status}")

    return found
