"""The API's server: uvicorn on sockets that are bound already, and the TLS door beside them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import uvicorn

from mailhub.api.frame.app import create_app
from mailhub.callers.peer import Admission, PeerProtocol
from mailhub.health.vitals import Vitals
from mailhub.house import House
from mailhub.service.tls_door import TlsDoor
from mailhub.system.certificates import https_context
from mailhub.web.pages import install

DRAIN_SECONDS = 10  # a stop waits so long for answers under way


class ApiServer(uvicorn.Server):
    """uvicorn without its signal handlers (the daemon owns those), with TLS, and with a way to know that it listens."""

    def __init__(self, built: House, vitals: Vitals) -> None:
        admission = Admission()
        self._app = install(create_app(built, vitals))
        super().__init__(_settings(self._app, admission))
        self.listening = asyncio.Event()
        self.tls: TlsDoor | None = None
        self._tls_sockets: Sequence[socket.socket] = ()
        self._admission = admission

    def open_tls(self, house: House, sockets: Sequence[socket.socket]) -> None:
        """Listen with TLS, too, once it starts. Raises ``ConfigurationError`` for an unusable certificate."""
        self.tls = TlsDoor(
            https_context(house.config.https.certificate, house.config.https.key), self._admission
        )
        self._tls_sockets = sockets

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.tls is not None:
            self.tls.listen(self._tls_sockets, self._protocol)
        self.listening.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self.tls is not None:
            await self.tls.close()
        await super().shutdown([*(sockets or []), *self._tls_sockets])

    def _protocol(self) -> asyncio.Protocol:
        """As the parent makes one for each connection."""
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]  # the class has an argument
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _settings(app: object, admission: Admission) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # an ASGI app
        http=partial(PeerProtocol, admission),  # type: ignore[arg-type]  # it is only called
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
