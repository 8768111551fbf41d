"""What every request and every answer passes, whoever asks: the outermost layer of the API.

In: where the request comes from (``request.state.address``), whether that address asks too often, or the
session or ApiToken that was found good there before (an office has one address), and no more of a body than the
route takes. Out: headers that keep a browser from guessing, framing, running or keeping what it got; every
refusal of the framework's own as a problem; a count for the metrics. Sources: OWASP REST
Security Cheat Sheet, RFC 6797 (HSTS), RFC 6585 4 (429).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mailhub.callers import problems
from mailhub.callers.origin import ADMIN, address_of
from mailhub.callers.rates import ProvenCallers, Rates
from mailhub.config.live import Current
from mailhub.errors import TooManyRequests, Unavailable
from mailhub.health.vitals import Vitals
from mailhub.house import House
from mailhub.intake.smtp.limits import address_group
from mailhub.system.budget import API, NO_ROOM, Charges

HEADERS = (  # of every answer; all of them may hold personal data
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
BODY_BYTES = 1024 * 1024  # of a request, where its route takes no more
HSTS = (
    b"strict-transport-security",
    b"max-age=31536000",
)  # a year; other names of the host are not ours to bind


class Doorway:
    """The ASGI layer around the whole app."""

    def __init__(
        self, app: ASGIApp, house: House, vitals: Vitals, larger_bodies: Current[Mapping[str, int]]
    ) -> None:
        self._app = app
        self._house = house
        self._vitals = vitals
        self._larger_bodies = larger_bodies  # bytes, by path
        self._rates = Rates()
        self._proven = ProvenCallers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        outwards = _Answer(scope, receive, send, self._vitals)
        try:
            self._enter(scope)
            charges = scope["state"]["charges"]
            inwards = _Body(scope, receive, self._larger_bodies.now.get(scope["path"], BODY_BYTES), charges)
            inwards.require_bounded()
        except (TooManyRequests, Unavailable) as error:
            await problems.known(error)(scope, receive, outwards.send)
        except HTTPException as error:
            await problems.by_status(error.status_code, error.detail)(scope, receive, outwards.send)
        else:
            try:
                await self._app(scope, inwards.receive, outwards.send)
            finally:
                charges.give_back()
                if user := scope["state"]["user"]:
                    self._proven.add(scope["state"]["proof"], user, time.monotonic())

    def _enter(self, scope: Scope) -> None:
        """Note whom the request comes from, and open its account of bytes. Raises ``TooManyRequests``."""
        state = scope["state"]
        state["address"] = None
        state["user"] = ""  # until a session or ApiToken was found good
        state["proof"] = ""
        if state["door"] == ADMIN:
            state["charges"] = Charges(self._house.budget, f"{API}:{ADMIN}")
            return

        config = self._house.config
        peer = (scope.get("client") or ("", 0))[0]
        state["address"] = address_of(config, peer, scope["headers"])
        client = address_group(str(state["address"] or peer))
        state["charges"] = Charges(self._house.budget, f"{API}:{client}")
        now = time.monotonic()
        proof = state["proof"] = ProvenCallers.of(client, _shown(scope))
        if self._proven.holds(proof, now):
            if wait := self._rates.wait_seconds(proof, config.limits.requests_per_user, now):
                raise TooManyRequests("too many requests by this user", after_seconds=wait)
        elif wait := self._rates.wait_seconds(client, config.limits.requests_per_address, now):
            raise TooManyRequests("too many requests from this address", after_seconds=wait)


class _Body:
    """The body of one request, up to the bytes its route takes and the house has room for."""

    def __init__(self, scope: Scope, receive: Receive, limit: int, charges: Charges) -> None:
        self._scope = scope
        self._receive = receive
        self._limit = limit
        self._read = 0
        self._charges = charges

    def require_bounded(self) -> None:
        """Raise for a body that announces itself as too long for its route or for now, before any of it is read."""
        announced = [value for name, value in self._scope["headers"] if name == b"content-length"]
        if announced and int(announced[0]) > self._limit:  # the parser has let only digits through
            raise HTTPException(413)
        if announced and not self._charges.has_room(int(announced[0])):
            raise Unavailable(NO_ROOM)

    async def receive(self) -> Message:
        message = await self._receive()
        count = len(message.get("body", b""))
        self._read += count
        if self._read > self._limit:
            raise HTTPException(413)
        if count and not self._charges.take(count, self._read):
            raise HTTPException(503)
        return message


class _Answer:
    """One answer on its way out."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, vitals: Vitals) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._vitals = vitals
        self._replaced = False

    async def send(self, message: Message) -> None:
        if self._replaced:
            return

        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            if message["status"] >= 400 and (b"content-type", b"text/plain; charset=utf-8") in headers:
                self._replaced = True
                await self._replace(message["status"])
                return
            message = {**message, "headers": _with_ours(headers, self._scope["state"]["door"])}
            self._vitals.requests[self._scope["state"]["door"], message["status"]] += 1

        await self._send(message)

    async def _replace(self, status: int) -> None:
        """The framework's own word, in the form of every other error."""
        answer = problems.by_status(status, HTTPStatus(status).phrase)
        await answer(
            self._scope, self._receive, _Answer(self._scope, self._receive, self._send, self._vitals).send
        )


def _shown(scope: Scope) -> bytes:
    """What the request shows of its caller, unread: the bearer of a program, the cookie of a browser."""
    return b"\0".join(value for name, value in scope["headers"] if name in (b"authorization", b"cookie"))


def _with_ours(headers: list[tuple[bytes, bytes]], door: str) -> list[tuple[bytes, bytes]]:
    ours = (*HEADERS, HSTS) if door == "https" else HEADERS
    given = {name for name, _ in headers}
    return headers + [each for each in ours if each[0] not in given]
