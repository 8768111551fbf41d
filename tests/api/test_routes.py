"""Every route asks for a right, and says what it answers."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from mailhub import clock
from mailhub.access.roles import ACTIONS
from mailhub.api.frame import app as api
from mailhub.health.vitals import Vitals

if TYPE_CHECKING:
    from tests.api.conftest import Home

OPEN = {"/livez", "/readyz", "/metrics", "/v1/openapi.json"}  # numbers only, or public text
WAYS_IN = {"/v1/login", "/v1/links/use", "/v1/billing"}  # what is shown is checked in the flow
MODULES = [
    module
    for module in vars(api).values()
    if inspect.ismodule(module) and module.__name__.startswith("mailhub.api.")
]


@pytest.fixture
def openapi(home: Home) -> dict[str, Any]:
    """The API's own description."""
    vitals = Vitals(
        directory=home.house.config.storage.directory, started_at=clock.now(), intake=home.house.reception
    )
    found: dict[str, Any] = api.create_app(home.house, vitals).openapi()
    return found


def test_every_route_says_what_it_does(openapi: dict[str, Any]) -> None:
    """Each operation has a description and a documented answer."""
    operations = [
        (path, method, operation)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    ]
    assert len(operations) > 30
    assert [(path, method) for path, method, each in operations if not each.get("description")] == []
    assert {path.split("/")[1] for path, _, _ in operations} == {"v1", "livez", "readyz", "metrics"}


def test_every_action_is_asked_for_somewhere() -> None:
    """No action of the matrix is without a route, and no route asks for one that is not there."""
    source = "".join(inspect.getsource(module) for module in MODULES)
    nouns = "|".join({each.split(".")[0] for each in ACTIONS})
    asked = set(re.findall(rf'"((?:{nouns})\.[a-z]+)"', source))
    assert asked <= set(ACTIONS)
    assert set(ACTIONS) == asked


def test_every_function_of_a_route_asks(openapi: dict[str, Any]) -> None:
    """Every route that is not open calls ``require``, itself or through one helper of its module."""
    silent = []
    for module in MODULES:
        source = inspect.getsource(module)
        helpers = set(re.findall(r"def (_\w+)\([^)]*call: Call", source))
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ != module.__name__ or name.startswith("_"):
                continue
            text = inspect.getsource(function)
            if "@router." not in text and "InAccount" not in text:
                continue
            asks = "require(" in text or any(
                f"{helper}(" in text or f"({helper}" in text for helper in helpers
            )
            if not asks:
                silent.append(f"{module.__name__}.{name}")
    signed_or_open = [
        "accounts.billing.take_event",
        "people.login.login",
        "people.login.use_link",
        "service.health.whoami",
    ]
    assert silent == [f"mailhub.api.{name}" for name in signed_or_open]


def test_open_routes_are_these(home: Home) -> None:
    """Only health, metrics and the description answer without a caller."""
    vitals = Vitals(
        directory=home.house.config.storage.directory, started_at=clock.now(), intake=home.house.reception
    )
    app = api.create_app(home.house, vitals)
    paths: Counter[str] = Counter()
    for route in app.routes:
        dependant = getattr(route, "dependant", None)
        names = str([each.call for each in dependant.dependencies]) + str(dependant) if dependant else ""
        if "identify" not in names:
            paths[str(getattr(route, "path", ""))] += 1
    assert {path for path in paths if path} <= OPEN | WAYS_IN
