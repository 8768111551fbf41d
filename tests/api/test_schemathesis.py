"""Requests made from the API's own description, right and wrong ones, by schemathesis: the app keeps to every word.

In this process, over the real app and a small database; derandomised and bounded. A longer run:
`MAILHUB_API_EXAMPLES=500 scripts/test -k schemathesis`.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok

from mailhub.config import Limits
from mailhub.config.live import Live
from tests.houses.asking import Asker

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from tests.api.conftest import Home

EXAMPLES = int(os.environ.get("MAILHUB_API_EXAMPLES", "15"))  # of each operation and mode
SHARDS = 4
MAIL = b"From: Kim <kim@customer.example>\r\nMessage-ID: <1@customer.example>\r\nSubject: Oven\r\n\r\nIt smokes.\r\n"


# A request of the right form may be wrong in what it says (a network that is everybody, an end before the
# beginning).
SETTINGS = {
    "checks": {
        "positive_data_acceptance": {"expected-statuses": ["2xx", 400, 401, 403, 404, 409, 412, 422]},
        "negative_data_rejection": {"expected-statuses": [400, 401, 403, 404, 405, 409, 413, 422]},
    },
    "generation": {
        "with-security-parameters": False
    },  # every request has its bearer; one check takes it away
}


@schemathesis.serializer("message/rfc822")
def as_mail(_context: schemathesis.SerializationContext, value: bytes | str) -> bytes:
    """The body as it is: any bytes are a mail."""
    return value if isinstance(value, bytes) else str(value).encode()


class AtTheDoor:
    """The app as requests over TLS reach it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = {"door": "https", "uid": None}
        await self._app(scope, receive, send)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_the_app_keeps_to_its_description(home: Home, shard: int) -> None:
    """No answer that is not described, no crash, no wrong request taken, no right one refused as malformed."""
    limits = Limits(requests_per_address=10**6, requests_per_user=10**6)
    app = replace(
        home, house=replace(home.house, configuration=Live(replace(home.house.config, limits=limits)))
    ).app()
    token = home.token(11)
    owner = Asker(app=app, token=token)
    assert owner("POST", "/v1/deliveries", raw=MAIL).status == 200
    schema = schemathesis.openapi.from_dict(app.openapi(), config=schemathesis.Config.from_dict(SETTINGS))
    schema.app = AtTheDoor(app)
    failures, operations = [], [each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)]
    for operation in operations[shard::SHARDS]:
        for mode in GenerationMode:

            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.explicit, Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def run(case: Case[Any]) -> None:
                case.call_and_validate(headers={"Authorization": f"Bearer {token}"})

            try:
                run()
            except Unsatisfiable:
                assert mode is GenerationMode.NEGATIVE  # there is no wrong way to ask for /livez
            except BaseException as error:
                failures.append(
                    f"{operation.label} {mode}: {error} {getattr(error, 'exceptions', '')}"[:1500]
                )
    assert failures == [], "\n\n".join(failures)
    assert owner("GET", "/v1/whoami").status == 200
