"""A request that crashes is answered, and logged once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from structlog.testing import capture_logs

from mailhub import clock
from mailhub.api.frame.app import create_app
from mailhub.health.vitals import Vitals

if TYPE_CHECKING:
    from tests.api.conftest import Home


def test_a_crash_is_logged_once(home: Home) -> None:
    """The client gets a problem with an id, the log has it once, and nothing is left for the server to log."""
    vitals = Vitals(
        directory=home.house.config.storage.directory, started_at=clock.now(), intake=home.house.reception
    )
    app = create_app(home.house, vitals)

    @app.get("/crash")
    async def crash() -> None:
        raise RuntimeError("secret")

    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/crash",
        "raw_path": b"/crash",
        "query_string": b"",
        "headers": [],
    }
    with capture_logs() as logged:
        asyncio.run(app({**scope, "state": {"door": "admin", "uid": 0}, "root_path": ""}, receive, send))
    assert sent[0]["status"] == 500
    assert b"secret" not in sent[1]["body"]
    assert [each["event"] for each in logged] == ["request crashed"]
