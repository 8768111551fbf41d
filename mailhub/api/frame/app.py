"""The API: every router put together. One app, for the admin socket and TCP; who calls is found in ``caller``.

Must not: decide anything. A route asks ``require``, reads storage or hands a flow to the writer, and answers.
Routes that touch the database are plain functions: they run in a bounded pool of threads, never on the event
loop.
"""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, cast

import anyio.to_thread
from anyio._backends._asyncio import WorkerThread
from fastapi import Depends, FastAPI, Response
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mailhub import __version__, clock
from mailhub.api.accounts import accounts, billing, sweeps
from mailhub.api.filter import backtests, learning, rebuilding, senders, spam, suggestions
from mailhub.api.filter.spam import EXPLAINED_BYTES
from mailhub.api.frame import description
from mailhub.api.frame.doorway import Doorway
from mailhub.api.frame.parameters import require_known
from mailhub.api.mailboxes import imap_oauth, imap_sources, mailbox_domains, mailboxes
from mailhub.api.people import allow_lists, grants, login, second_factor, sessions, tokens, users
from mailhub.api.privacy import (
    breaches,
    consents,
    contacts,
    erasures,
    exports,
    holds,
    privacy_requests,
    record,
    retention,
)
from mailhub.api.rules import rules
from mailhub.api.service import audit, backups, health
from mailhub.api.tickets import deliveries, drafts, intake, messages, ticket_state, ticket_work, tickets
from mailhub.callers import conditions, problems
from mailhub.callers.conditions import Keeping
from mailhub.callers.rates import Rates
from mailhub.callers.slots import Slots
from mailhub.callers.turns import Turns
from mailhub.health.metrics import Metrics
from mailhub.health.vitals import Vitals
from mailhub.house import House
from mailhub.privacy.breaches import list_overdue
from storage.engine import queue_faults
from storage.mail import intake_lists
from storage.mail.watches import Watched, every_watch
from storage.sources.imap_sources import Figures, every_folder
from storage.sources.oauth_grants import Authorisation, every_grant

THREADS = 8  # requests that read or wait for the writer at once; more would only queue at the database
TURNS = (
    6  # of them for requests of known callers: who they are, logins and pages by link find a thread besides
)

START_SECONDS = 10  # within which the machine gives these threads, or the API does not start
FOR_GOOD = 2**40  # seconds

ROUTERS = (
    health,
    tickets,
    ticket_state,
    ticket_work,
    drafts,
    rules,
    messages,
    spam,
    suggestions,
    learning,
    rebuilding,
    senders,
    backtests,
    intake,
    login,
    deliveries,
    accounts,
    sweeps,
    billing,
    users,
    second_factor,
    sessions,
    mailbox_domains,
    mailboxes,
    imap_oauth,
    imap_sources,
    tokens,
    exports,
    grants,
    holds,
    retention,
    contacts,
    erasures,
    audit,
    allow_lists,
    backups,
    consents,
    record,
    privacy_requests,
    breaches,
)


class Api(FastAPI):
    """FastAPI inside of the doorway: what the framework answers by itself passes it, too."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = description.complete(super().openapi())
        return self.openapi_schema

    def build_middleware_stack(self) -> ASGIApp:
        whole = super().build_middleware_stack()
        house = cast(House, self.state.house)
        larger = house.configuration.view(
            lambda config: {
                "/v1/deliveries": config.limits.message_bytes,
                "/v1/spam/explain": EXPLAINED_BYTES,
            }
        )
        return Doorway(whole, house, self.state.vitals, larger)


def create_app(house: House, vitals: Vitals) -> Api:
    """The ASGI app of one process."""
    app = Api(
        title="mailhub",
        version=__version__,
        openapi_url=None,  # ours is rendered once: see ``_describe``
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
        redirect_slashes=False,  # a path is right or it is not
        lifespan=_bounded_threads,
    )
    app.state.house = house
    app.state.vitals = vitals
    app.state.turns = Turns(TURNS)  # by account
    app.state.slots = Slots()  # by account, of what takes long
    app.state.rates = Rates()  # by user
    app.state.metrics = Metrics(
        vitals,
        turns=lambda: house.writing.turns,
        quarantine=lambda: _quarantine(house),
        fetched=lambda: _fetched(house),
        authorised=lambda: _authorised(house),
        watched=lambda: _watched(house),
        failing=lambda: _failing(house),
        overdue=lambda: _overdue(house),
    )
    problems.install(app)
    conditions.install(app)
    app.include_router(health.open_router)
    for module in ROUTERS:
        app.include_router(module.router, prefix="/v1", dependencies=[Depends(require_known)])
    _describe(app)
    app.add_middleware(_Crashes)
    app.add_middleware(Keeping, house=house)

    return app


def _describe(app: Api) -> None:
    """Serve the description, which anybody may ask for, as bytes made once: rendering it costs the loop 10 ms."""

    @cache
    def text() -> bytes:
        return json.dumps(app.openapi(), ensure_ascii=False).encode()

    @app.get("/v1/openapi.json", include_in_schema=False)
    def describe() -> Response:
        return Response(text(), media_type="application/json")


@asynccontextmanager
async def _bounded_threads(_app: FastAPI) -> AsyncIterator[None]:
    """All of the API's threads from the start, for good: whatever else takes threads later, requests have theirs."""
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    WorkerThread.MAX_IDLE_TIME = FOR_GOOD  # else those that were idle for ten seconds end
    together = threading.Barrier(THREADS)

    def wait_for_all() -> None:
        together.wait(START_SECONDS)

    async with anyio.create_task_group() as group:
        for _ in range(THREADS):
            group.start_soon(anyio.to_thread.run_sync, wait_for_all)
    yield


def _fetched(house: House) -> Sequence[Figures]:
    with house.database.read() as connection:
        return every_folder(connection)


def _authorised(house: House) -> Sequence[Authorisation]:
    with house.database.read() as connection:
        return every_grant(connection)


def _watched(house: House) -> Sequence[Watched]:
    with house.database.read() as connection:
        return every_watch(connection)


def _quarantine(house: House) -> int:
    with house.database.read() as connection:
        return intake_lists.count_unreadable(connection)


def _overdue(house: House) -> int:
    with house.database.read() as connection:
        return len(list_overdue(connection, clock.now()))


def _failing(house: House) -> int:
    with house.database.read() as connection:
        return queue_faults.count_faults(connection)


class _Crashes:
    """Answers for what crashed, inside of everything that would answer in another form."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except ClientDisconnect:
            return  # whoever asked is gone: nobody is left to be answered
        except Exception as error:  # noqa: BLE001 boundary: logged here, once; further out uvicorn would do it again
            response = await problems.crashed(Request(scope), error)
            if not started:
                await response(scope, receive, noted)
