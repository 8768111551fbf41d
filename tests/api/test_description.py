"""The API's description is complete: who may call, what may go wrong, an example of everything, lists that go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest

from mailhub.api.frame.description import operations

if TYPE_CHECKING:
    from tests.api.conftest import Home

OPEN = {
    "/livez",
    "/readyz",
    "/metrics",
    "/v1/login",
    "/v1/links/use",
    "/v1/billing",
}  # the last by its signature


@pytest.fixture
def described(home: Home) -> dict[str, Any]:
    """The description."""
    return home.app().openapi()


def resolved(described: dict[str, Any], response: dict[str, Any]) -> dict[str, Any]:
    """A response, or the shared one that it names."""
    name = response.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = described["components"]["responses"][name] if name else response
    return found


def test_who_may_call_is_told(described: dict[str, Any]) -> None:
    """Every operation asks for a bearer but those that are open; none takes credentials another way."""
    assert described["openapi"].startswith("3.1")
    for path, _method, operation in operations(described):
        assert bool(operation["security"]) == (path not in OPEN), path
        assert "authorization" not in [each["name"] for each in operation.get("parameters", [])]


def test_operations_have_names_of_their_own(described: dict[str, Any]) -> None:
    """A client made from the description has one function for each operation, none twice."""
    names = [operation["operationId"] for _, _, operation in operations(described)]
    assert sorted(names) == sorted(set(names))


def test_every_error_is_told(described: dict[str, Any]) -> None:
    """Each operation names its errors, each a problem with an example; none is FastAPI's own."""
    for path, method, operation in operations(described):
        errors = {int(status) for status in operation["responses"] if int(status) >= 400}
        assert errors >= {400, 404, 413, 429, 500, 503}, path
        assert path in OPEN or errors >= {401, 403}, path
        assert method == "get" or errors >= {409, 422, 507}, path
        for status, response in operation["responses"].items():
            if int(status) >= 400 and path != "/readyz":
                content = resolved(described, response)["content"]
                assert content["application/problem+json"]["example"]["status"] == int(status)
    assert "HTTPValidationError" not in described["components"]["schemas"]


def test_every_example_is_one(described: dict[str, Any]) -> None:
    """Each body and parameter has an example that its schema allows."""
    seen = 0
    for path, method, operation in operations(described):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        contents = [
            content for each in bodies for content in resolved(described, each).get("content", {}).items()
        ]
        told = [content for kind, content in contents if "json" in kind] + operation.get("parameters", [])
        for each in told:
            schema = {"components": described["components"], **each["schema"]}
            assert "example" in each, (path, method, each)
            problems = [fault.message for fault in jsonschema_rs.iter_errors(schema, each["example"])]
            assert problems == [], (path, method, each["example"])
            seen += 1
    assert seen > 500


def test_every_list_goes_on(described: dict[str, Any]) -> None:
    """No answer to GET is a bare list; each page says where the next begins, and takes that."""
    shapes = described["components"]["schemas"]
    for path, method, operation in operations(described):
        schema = (
            operation["responses"]
            .get("200", {})
            .get("content", {})
            .get("application/json", {})
            .get("schema", {})
        )
        shape = shapes.get(schema.get("$ref", "").rpartition("/")[2], schema)
        if method != "get":
            continue
        assert shape.get("type") != "array", path
        if "items" in shape.get("properties", {}):
            assert "next" in shape["properties"], path
            assert {"limit", "after"} <= {each["name"] for each in operation["parameters"]}, path
