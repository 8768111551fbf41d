"""The API: every router put together. One app, for the admin socket and TCP; who calls is found in ``caller``.

Must not: decide anything. A route asks ``require``, reads storage or hands a flow to the writer, and answers.
Routes that touch the database are plain functions: they run in a bounded pool of threads, never on the event loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio.to_thread
from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mailhub import __version__
from mailhub.api import (
    accounts,
    audit,
    backups,
    deliveries,
    grants,
    health,
    intake,
    mailboxes,
    messages,
    problems,
    sessions,
    spam,
    ticket_work,
    tickets,
    tokens,
    users,
)
from mailhub.health.metrics import Metrics
from mailhub.health.vitals import Vitals
from mailhub.house import House
from storage import intake_lists

THREADS = 8  # requests that read or wait for the writer at once; more would only queue at the database
BODY_BYTES = 1024 * 1024  # of a request; a delivery may be as long as a message

ROUTERS = (
    health,
    tickets,
    ticket_work,
    messages,
    spam,
    intake,
    accounts,
    users,
    sessions,
    mailboxes,
    tokens,
    grants,
    audit,
    backups,
)


def create_app(house: House, vitals: Vitals, wake_relay: Callable[[], None]) -> FastAPI:
    """The ASGI app of one process. ``wake_relay`` is called after an answer was queued."""
    app = FastAPI(
        title="mailhub",
        version=__version__,
        openapi_url="/v1/openapi.json",
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        lifespan=_bounded_threads,
        max_body_size=BODY_BYTES,
    )
    app.state.house, app.state.vitals, app.state.wake_relay = house, vitals, wake_relay
    app.state.metrics = Metrics(vitals, turns=lambda: house.writer.turns, quarantine=lambda: _quarantine(house))
    problems.install(app)
    app.include_router(health.open_router)
    for module in ROUTERS:
        app.include_router(module.router, prefix="/v1")
    app.include_router(deliveries.make_router(house.config.limits.message_bytes), prefix="/v1")
    app.add_middleware(_Counting, vitals=vitals)
    return app


@asynccontextmanager
async def _bounded_threads(_app: FastAPI) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield


def _quarantine(house: House) -> int:
    with house.database.read() as connection:
        return intake_lists.count_unreadable(connection)


class _Counting:
    """Counts answers by door and status, for the metrics; answers for what crashed."""

    def __init__(self, app: ASGIApp, vitals: Vitals) -> None:
        self._app = app
        self._vitals = vitals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        door = str(scope.get("state", {}).get("door", "http"))

        started = False

        async def counted(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                self._vitals.requests[door, message["status"]] += 1
            await send(message)

        try:
            await self._app(scope, receive, counted)
        except Exception as error:  # noqa: BLE001 boundary: logged here, once; further out uvicorn would do it again
            response = await problems.crashed(Request(scope), error)
            if not started:
                await response(scope, receive, counted)
