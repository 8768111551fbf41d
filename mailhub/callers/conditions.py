"""What a client may ask of a write: only once (Idempotency-Key), and only on the state they saw (If-Match).

Both are looked at in the transaction of the act itself, before it: ``Conditional`` is the writer that a route
is given, and its first function begins with them. So a key is on record exactly when something was committed,
and nobody gets in between a comparison and its act.

A POST that repeats a key within a day gets the first one's answer again; with another body it is refused.
Where the answer is not known any more (lost in a crash, too long, or forgotten because something it spoke of
was removed), the client hears that the act was done; so does one whose rights are not those of then (another
role, an ApiToken with other scopes, a second factor no longer fresh), since an answer can hold what is shown
once. A refused request leaves no key: nothing was done. Sources: RFC 9110 8.8.3 and 13.1.1 (ETag, If-Match),
draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import astuple, dataclass, field, replace
from hashlib import blake2b
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar

import structlog
from fastapi import FastAPI, Header, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mailhub import clock
from mailhub.access.actor import Actor
from mailhub.access.freshness import is_fresh
from mailhub.callers.problems import KeyReused
from mailhub.errors import BadRequest, Conflict, MailhubError, NotFound, Stale
from mailhub.house import House
from mailhub.keys import Keys
from storage.errors import StorageError
from storage.people.idempotency import RequestKey, add_done, find_done, keep_answer
from storage.tickets.tickets import Ticket, find_ticket, lock_tickets
from storage.writer import Transaction, Writer

T = TypeVar("T")
P = ParamSpec("P")

KEPT = clock.DAY
KEY_CHARACTERS = 255
ANSWER_BYTES = 64 * 1024  # longer ones are not kept
ALREADY = "this request was carried out already, and what it was answered is not known any more: look at what it was about"
KEPT_HEADERS = (b"content-type", b"etag", b"location")

log = structlog.get_logger("mailhub.api")


@dataclass(slots=True)
class KeyClaim:
    """One request with a key. ``done``: it is on record that it was carried out."""

    key: RequestKey
    request: bytes = field(repr=False)
    rights: str  # of who asks
    done: bool = False


class Replayed(Exception):
    """Not an error: the way out of a request that was answered before. Carries that answer."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__()
        self.answer = answer


class Conditional:
    """A writer whose first function begins with ``conditions``, in the same transaction; the rest is another one's."""

    def __init__(
        self, writer: Writer, conditions: Callable[[Transaction], None], met: Callable[[], None]
    ) -> None:
        self._writer = writer
        self._conditions = conditions
        self._met = met
        self._are_met = False

    def submit(
        self, function: Callable[Concatenate[Transaction, P], T], /, *args: P.args, **named: P.kwargs
    ) -> Future[T]:
        """As ``Writer.submit``, after the conditions."""
        if self._are_met:
            return self._writer.submit(function, *args, **named)

        def both(transaction: Transaction) -> T:
            self._conditions(transaction)
            result = function(transaction, *args, **named)
            transaction.after_commit(self._committed)
            return result

        return self._writer.submit(both)

    def run(
        self, function: Callable[Concatenate[Transaction, P], T], /, *args: P.args, **named: P.kwargs
    ) -> T:
        """As ``Writer.run``, after the conditions."""
        return self.submit(function, *args, **named).result()

    def _committed(self) -> None:
        self._are_met = True
        self._met()


def tag_of(ticket: Ticket) -> str:
    """The ETag of a ticket: changes with its row, which every act and every mail changes."""
    return '"' + blake2b(repr(astuple(ticket)).encode(), digest_size=12).hexdigest() + '"'


async def digest_of(request: Request, idempotency_key: Annotated[str | None, Header()] = None) -> bytes:
    """What makes this request another one: path, query and body. Empty for what needs none."""
    if request.method != "POST" or idempotency_key is None:
        return b""
    body = await request.body()
    told = f"{request.url.path}?{request.url.query}".encode()
    return blake2b(len(told).to_bytes(4, "big") + told + body, digest_size=32).digest()


def conditional(request: Request, house: House, actor: Actor, account: int, digest: bytes) -> House:
    """The house for one request: the same, or with a writer that keeps its conditions. Raises ``Replayed``."""
    claim = _claim(request, house, actor, account, digest) if digest else None
    wanted = (
        request.headers.get("if-match")
        if request.method != "GET" and "ticket" in request.path_params
        else None
    )
    if claim is None and wanted is None:
        return house

    def conditions(transaction: Transaction) -> None:
        now = clock.now()
        if claim and not add_done(transaction.connection, claim.key, claim.request, at=now, since=now - KEPT):
            raise Conflict(ALREADY)
        if wanted is not None:
            _require_unchanged(transaction, account, request.path_params["ticket"], wanted)

    def met() -> None:
        if claim:
            claim.done = True

    return replace(house, writer=Conditional(house.writer, conditions, met))


def _claim(request: Request, house: House, actor: Actor, account: int, digest: bytes) -> KeyClaim:
    key = request.headers["idempotency-key"]
    if not (0 < len(key) <= KEY_CHARACTERS and key.isascii() and key.isprintable()):
        raise BadRequest(f"an Idempotency-Key has 1 to {KEY_CHARACTERS} printable ASCII characters")

    route = f"{request.method} {request.scope['route'].path}"
    now = clock.now()
    claim = KeyClaim(
        RequestKey(account_id=account, actor=actor.name, route=route, key=key), digest, _rights(actor, now)
    )
    with house.database.read() as connection:
        done = find_done(connection, claim.key, since=now - KEPT)
    if done is None:
        request.state.claim = claim
        return claim

    if done.request != digest:
        raise KeyReused("this Idempotency-Key was sent with another request: a new request needs a new key")
    if done.answer is None:
        raise Conflict(ALREADY)

    answer = json.loads(house.keys.open("answers", done.answer, bound_to=_bound(claim.key)))
    if answer.get("rights") != claim.rights:
        raise Conflict(ALREADY)

    raise Replayed(answer)


def _rights(actor: Actor, now: int) -> str:
    """What a route would look at before it lets the actor act."""
    return " ".join((actor.role, "fresh" if is_fresh(actor, now) else "stale", *sorted(actor.scopes)))


def _require_unchanged(transaction: Transaction, account: int, reference: str, wanted: str) -> None:
    """Raise ``Stale`` unless the ticket, locked now, has one of the tags. Weak tags never match (RFC 9110 13.1.1)."""
    digits = reference.removeprefix("#")
    known = digits.isascii() and digits.isdecimal() and len(digits) < 19
    ticket = find_ticket(transaction.connection, account, int(digits)) if known else None
    if ticket is None:
        raise NotFound(f"no such ticket: {reference}")
    now = lock_tickets(transaction.connection, account, [ticket.id])[ticket.id]
    if wanted.strip() != "*" and tag_of(now) not in [each.strip() for each in wanted.split(",")]:
        raise Stale("the ticket was changed since you read it: read it again, then decide")


def _bound(key: RequestKey) -> bytes:
    return f"idempotency:{key.account_id}:{key.actor}:{key.route}:{key.key}".encode()


def install(app: FastAPI) -> None:
    """Give an answer again where a request is sent again."""
    app.add_exception_handler(Replayed, _replay)


async def _replay(_request: Request, replayed: Exception) -> Response:
    assert isinstance(replayed, Replayed)
    answer = replayed.answer
    headers = {**answer["headers"], "Idempotency-Replayed": "true"}
    return Response(base64.b64decode(answer["body"]), answer["status"], headers=headers)


class Keeping:
    """The ASGI layer that keeps the answers of requests with a key, before the client has them."""

    def __init__(self, app: ASGIApp, house: House) -> None:
        self._app = app
        self._house = house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        held: list[Message] = []

        async def hold(message: Message) -> None:
            claim: KeyClaim | None = scope["state"].get("claim")
            if claim is None:
                await send(message)
                return
            held.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                await self._keep(claim, held)
                for each in held:
                    await send(each)

        await self._app(scope, receive, hold if scope["type"] == "http" else send)

    async def _keep(self, claim: KeyClaim, messages: list[Message]) -> None:
        body = b"".join(each.get("body", b"") for each in messages[1:])
        if not claim.done or messages[0]["status"] >= 400 or len(body) > ANSWER_BYTES:
            return
        sealed = _sealed(self._house.keys, claim, messages[0], body)
        try:
            future = self._house.writer.submit(lambda tx: keep_answer(tx.connection, claim.key, sealed))
            await asyncio.wrap_future(future)
        except (MailhubError, StorageError) as error:  # the act is done and the client shall hear of it
            log.warning("an answer was not kept", error=type(error).__name__)


def _sealed(keys: Keys, claim: KeyClaim, start: Message, body: bytes) -> bytes:
    headers = {name.decode(): value.decode() for name, value in start["headers"] if name in KEPT_HEADERS}
    text = base64.b64encode(body).decode()
    answer = {"status": start["status"], "headers": headers, "body": text, "rights": claim.rights}
    return keys.seal("answers", json.dumps(answer).encode(), bound_to=_bound(claim.key))
