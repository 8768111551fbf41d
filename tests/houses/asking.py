"""Requests to the real app in this process, as they come from a door: no socket, the same layers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp

ELSEWHERE = "203.0.113.5"


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Somebody at a door of an app: with ``uid`` at the admin socket, else over TCP from ``peer``."""

    app: ASGIApp
    token: str | None = None
    uid: int | None = None
    peer: str = ELSEWHERE
    door: str = "https"

    def __call__(
        self,
        method: str,
        target: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """Ask, and wait for the whole answer."""
        return asyncio.run(self.ask(method, target, body, raw=raw, headers=headers))

    async def ask(
        self,
        method: str,
        target: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """The same within a loop: several at once."""
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        given = {"content-length": str(len(data))} if data else {}
        given |= {"content-type": "application/json"} if body is not None else {}
        given |= {"authorization": f"Bearer {self.token}"} if self.token else {}
        given |= {name.lower(): value for name, value in (headers or {}).items()}
        return await self._exchange(method, target, data, given)

    async def _exchange(self, method: str, target: str, data: bytes, headers: Mapping[str, str]) -> Answered:
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "scheme": "https",
            "server": ("mail.example.com", 443),
            "client": None if self.uid is not None else (self.peer, 40_000),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "state": {"door": "admin" if self.uid is not None else self.door, "uid": self.uid},
        }
        sent: list[Any] = []

        asked = [{"type": "http.request", "body": data, "more_body": False}]

        async def receive() -> Any:
            if not asked:
                await asyncio.Event().wait()  # the client stays, and says nothing more
            return asked.pop()

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answered(sent[0]["status"], answered, b"".join(each.get("body", b"") for each in sent[1:]))
