"""A door: listens, admits, watches over its sessions, drains. SMTP and LMTP differ by one flag.

Runs on the daemon's own loop (asyncio or uvloop), not on aiosmtpd's threaded Controller. Nothing here is
durable: a message belongs to its sender until ``Pipeline.deliver`` has committed it (docs/design.md,
principle 1).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Sequence

from mailhub.envelope import Pipeline
from mailhub.intake.smtp.connection import DoorState
from mailhub.intake.smtp.limits import Counters, DoorSettings
from mailhub.intake.smtp.session import SmtpSession
from mailhub.system.budget import ByteBudget

# How often the sessions' deadlines are looked at: one pass over 1,000 sessions takes 0.1 ms.
_WATCH_SECONDS = 1.0
_BACKLOG = 512


class Door:
    """One SMTP or LMTP door. Made and used on one event loop."""

    def __init__(
        self, pipeline: Pipeline, settings: DoorSettings, *, lmtp: bool, budget: ByteBudget | None = None
    ) -> None:
        """``budget`` is the one of all doors; without it this one has its own."""
        logging.getLogger("mail.log").disabled = True  # aiosmtpd prints addresses there
        self._state = DoorState(pipeline, settings, lmtp, budget)
        self._servers: list[asyncio.Server] = []
        self._watch: asyncio.TimerHandle | None = None

    @property
    def counters(self) -> Counters:
        """What the door has counted; live, not a copy."""
        return self._state.counters

    def configure(self, settings: DoorSettings) -> None:
        """Take other settings without closing a connection (SIGHUP). What is admitted already stays."""
        self._state.configure(settings)

    def protocol(self) -> SmtpSession:
        """The protocol factory for ``loop.create_server``: one session for each connection."""
        return SmtpSession(self._state)

    async def listen(self, sockets: Sequence[socket.socket]) -> None:
        """Accept on sockets that are bound (TCP or Unix); the door owns them from now on. Raises ``OSError``."""
        loop = asyncio.get_running_loop()
        for listener in sockets:
            create = loop.create_unix_server if listener.family == socket.AF_UNIX else loop.create_server
            self._servers.append(await create(self.protocol, sock=listener, backlog=_BACKLOG))
        if self._watch is None:
            self._watch = loop.call_later(_WATCH_SECONDS, self._watch_again)

    def watch(self, now: float) -> None:
        """End the sessions whose time is up; ``now`` is the loop's time in seconds. Runs by itself once listening."""
        for session in tuple(self._state.sessions):
            session.watch(now)

    async def drain(self, timeout_seconds: float) -> int:
        """Stop accepting, let messages under way finish, tell the others 421 4.3.2. No connection is reset.

        Returns how many sessions were still busy at the timeout. Their connections are cut, but a commit
        under way goes on: the pipeline must be closed after the door.
        """
        self._state.draining = True
        for server in self._servers:
            server.close()
        for session in tuple(self._state.sessions):
            session.shut_down()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._all_gone(), timeout_seconds)
        busy = len(self._state.tasks)
        for session in tuple(self._state.sessions):
            session.abort()

        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

        return busy

    async def _all_gone(self) -> None:
        while self._state.tasks:
            await asyncio.wait(self._state.tasks)
        if self._state.sessions:  # those that still may read their last reply
            await self._state.all_ended.wait()

    def _watch_again(self) -> None:
        loop = asyncio.get_running_loop()
        self._watch = loop.call_later(_WATCH_SECONDS, self._watch_again)
        self.watch(loop.time())
