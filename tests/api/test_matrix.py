"""Role x action x account x freshness x scope, asked of every route there is: nobody gets further than the table says.

The routes come from the OpenAPI document, their requests from its schemas, so a new route is asked too. Each
request is stopped where it would begin to act: the first ``require`` that lets it pass answers 418 instead.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from mailhub import clock
from mailhub.access import roles
from mailhub.access.actor import Actor, Role
from mailhub.access.bearers import Kind, new_bearer
from mailhub.api.frame import app as api
from mailhub.callers import caller as caller_module
from mailhub.callers import problems
from mailhub.errors import Unavailable
from storage.people import second_factors
from storage.people.sessions import Session, add_session
from storage.writer import Transaction, WritingThread
from tests.access.test_roles import EXPECTED, LETTERS
from tests.api.test_routes import OPEN, WAYS_IN
from tests.houses.asking import Asker

if TYPE_CHECKING:
    from tests.api.conftest import Home

ANYBODY = {"/v1/whoami"}  # whoever is somebody may ask who they are
LISTED = {"/v1/accounts"}  # shows each caller their own account
IDS = {"user": "12"}  # of what the path names; everything else is 1
PASSED, REFUSED, UNKNOWN = 418, 403, 404
MODULES = [module for module in vars(api).values() if inspect.ismodule(module)]


class Passed(Unavailable):
    """Somebody may do what they asked for."""


@dataclass
class Questions:
    """What the request that runs was asked: actions, and about which account."""

    asked: list[tuple[Role, str, int | None]] = field(default_factory=list)


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> Questions:
    """Every ``require`` notes the question, decides as in earnest, and stops who may pass."""
    noted, decide = Questions(), roles.require

    def require(actor: Actor, action: str, account: int | None) -> None:
        noted.asked.append((actor.role, action, account))
        decide(actor, action, account)
        raise Passed

    def needs_grant(actor: Actor, action: str) -> bool:
        if roles.needs_grant(actor, action):  # ends in 403 without asking further: nobody gave one
            noted.asked.append((actor.role, action, None))
            return True
        return False

    monkeypatch.setattr(caller_module, "needs_grant", needs_grant)
    for module in (*MODULES, caller_module):
        if vars(module).get("require") is decide:
            monkeypatch.setattr(module, "require", require)
    monkeypatch.setattr("mailhub.callers.problems.STATUSES", ((Passed, PASSED, "passed"), *problems.STATUSES))
    return noted


def example(schema: dict[str, Any], named: dict[str, Any]) -> Any:
    """Something that fits a JSON schema."""
    if "$ref" in schema:
        return example(named[schema["$ref"].rpartition("/")[2]], named)
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return example(schema[choice][0], named)
    if schema.get("examples"):
        return schema["examples"][0]
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    kind = schema.get("type")
    if kind == "object":
        wanted = schema.get("required", [])
        return {name: example(schema["properties"][name], named) for name in wanted}
    if kind == "array":
        return [example(schema["items"], named)] * schema.get("minItems", 0)
    if schema.get("format") == "date-time":
        return "2099-12-31T00:00:00Z"
    if kind == "string":
        return "a@b.example" if "@" in schema.get("pattern", "") else "x" * schema.get("minLength", 12)
    return {"integer": schema.get("minimum", 1), "number": 1.0, "boolean": True}.get(str(kind))


def operations(home: Home) -> Iterator[tuple[str, str, Any]]:
    """Method, target and body of a request to each route that is not open."""
    document = home.app().openapi()
    named = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if path in OPEN | WAYS_IN:
                continue
            target, query = path, []
            for parameter in operation.get("parameters", []):
                name, value = parameter["name"], example(parameter["schema"], named)
                if parameter["in"] == "path":
                    named_word = value if "enum" in parameter["schema"] else "1"
                    target = target.replace("{" + name + "}", IDS.get(name, named_word))
                elif parameter["in"] == "query" and parameter.get("required"):
                    query.append(f"{name}={value}")
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            body = None if content is None else example(content["schema"], named)
            yield method.upper(), target + "?" + "&".join(query), body


def test_every_cell_of_the_matrix(home: Home, questions: Questions) -> None:
    """No role passes a route that the table closes to it, none is refused one that is open, and others'
    accounts are not found; there is no route that asks nothing, or asks for what is not in the table.
    """
    app, tokens = home.app(), {Role.OWNER: 11, Role.AGENT: 12, Role.ADMIN: 13}
    callers = {role: Asker(app=app, token=home.token(user)) for role, user in tokens.items()}
    callers[Role.OPERATOR] = Asker(app=app, uid=0)
    wrong, cells = [], 0
    for method, target, body in operations(home):
        for role, caller in callers.items():
            for account in ("first", "second"):
                questions.asked.clear()
                answer = caller(method, f"{target}&account={account}", body)
                cells += 1
                if fault := judge(role, account, answer.status, questions, target):
                    wrong.append((method, target, role.value, account, answer.status, fault))
    assert "\n".join(map(str, wrong)) == ""
    assert cells > 600


def judge(role: Role, account: str, status: int, questions: Questions, target: str) -> str:
    """What is wrong with one cell; "" for nothing."""
    if target.partition("?")[0] in ANYBODY:
        return "" if status == 200 else "everybody may"
    if not questions.asked:
        return "asked nothing"
    _, action, about = questions.asked[0]
    if action not in EXPECTED:
        return f"{action} is not in the table"
    may = LETTERS[role] in EXPECTED[action]
    elsewhere = role is not Role.OPERATOR and about == 2
    expected = UNKNOWN if elsewhere else PASSED if may else REFUSED
    if account == "second" and about == 1 and target.partition("?")[0] not in LISTED:
        return f"{action} was asked about another account than the one named"
    return "" if status == expected else f"{action}: expected {expected}"


# --- the third axis: freshness ----------------------------------------------------------------------------------------

FRESHLY = {  # what gives a right or cannot be undone: a session whose code is old may not, nor any ApiToken
    ("POST", "/v1/users"),
    ("PUT", "/v1/users/12/role"),
    ("POST", "/v1/users/12/link"),
    ("DELETE", "/v1/users/12"),
    ("DELETE", "/v1/users/12/second-factor"),
    ("POST", "/v1/second-factor"),
    ("POST", "/v1/second-factor/confirm"),
    ("POST", "/v1/second-factor/recovery-codes"),
    ("DELETE", "/v1/second-factor"),
    ("DELETE", "/v1/sessions"),
    ("POST", "/v1/tokens"),
    ("POST", "/v1/grants"),
    ("GET", "/v1/export"),
    ("POST", "/v1/erasures"),
    ("DELETE", "/v1/holds/1"),
    ("POST", "/v1/tickets/1/purge"),
    ("DELETE", "/v1/messages/1/attachments/1"),
    ("POST", "/v1/accounts/current/deletion"),
    ("POST", "/v1/privacy-requests/1/approve"),
}
BY_TOKEN = {("POST", "/v1/tokens")}  # one that may do no more than itself


def test_what_needs_freshness_is_what_the_table_says(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all routes open to an owner, a session whose code is old, and an ApiToken, are refused exactly these."""
    app, stale = home.app(), Asker(app=home.app(), token=stale_session(home))
    token = Asker(app=app, token=home.token(11))
    refused: dict[str, set[tuple[str, str]]] = {"session": set(), "token": set()}

    def act(*_: object, **__: object) -> None:
        raise Passed

    with monkeypatch.context() as patched:
        patched.setattr(WritingThread, "run", act)
        patched.setattr("mailhub.callers.problems.STATUSES", ((Passed, PASSED, "passed"), *problems.STATUSES))
        for method, target, body in operations(home):
            for kind, asker in (("session", stale), ("token", token)):
                answer = asker(method, target, body)
                if answer.status == REFUSED and b"second factor" in answer.body:
                    refused[kind].add((method, target.partition("?")[0]))
    assert refused["session"] == FRESHLY
    own_login = {
        each for each in FRESHLY if each[1].startswith("/v1/second-factor")
    }  # refused before freshness is
    assert refused["token"] | own_login | BY_TOKEN == FRESHLY | BY_TOKEN


def stale_session(home: Home) -> str:
    """A session of the owner, who has a second factor that was shown long ago."""
    made, now = new_bearer(Kind.SESSION), clock.now()

    def add(transaction: Transaction) -> None:
        connection = transaction.connection
        second_factors.set_pending(connection, 1, 11, b"sealed")
        assert second_factors.confirm_pending(connection, 1, 11, b"sealed", timecode=1, at=1)
        row = Session(
            hash=made.hash,
            id=transaction.new_id(),
            account_id=1,
            user_id=11,
            peer="203.0.113.5",
            created_at=now,
            last_used_at=now,
            expires_at=now + clock.DAY,
            fresh_until=now - 1,
        )
        add_session(connection, row)

    home.house.writer.run(add)
    return made.text


# --- the fourth axis: an ApiToken's scopes ----------------------------------------------------------------------------


def test_scopes_narrow_every_route(home: Home, questions: Questions) -> None:
    """With the scope of its first question a route lets an owner's token pass, with another it does not, and
    `read` opens what reads alone.
    """
    app = home.app()
    wide, reading = Asker(app=app, token=home.token(11)), Asker(app=app, token=home.token(11, scopes="read"))
    tokens: dict[str, Asker] = {}
    wrong = []
    for method, target, body in operations(home):
        questions.asked.clear()
        if wide(method, target, body).status != PASSED:
            continue
        action = questions.asked[0][1]
        other = "sender.manage" if not action.startswith("sender.") else "ticket.work"
        for scope in (action, action.partition(".")[0], other):
            tokens.setdefault(scope, Asker(app=app, token=home.token(11, scopes=scope)))
        asked = {
            action: (tokens[action], True),
            action.partition(".")[0]: (tokens[action.partition(".")[0]], True),
            other: (tokens[other], False),
            "read": (reading, action in roles.READING),
        }
        for scope, (asker, may) in asked.items():
            if (asker(method, target, body).status == PASSED) is not may:
                wrong.append((method, target, scope))
    assert wrong == []
    assert len(tokens) > 40
