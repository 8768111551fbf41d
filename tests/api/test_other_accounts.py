"""Nothing of another account is found: every route, with every id of its objects, in path, query and body.

The routes come from the OpenAPI document. A route with a parameter that this file does not know fails the test: say in
``KINDS`` which object it names (and make one in ``Belongings``), or in ``NO_OBJECT`` that it names none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import Table, select

from mailhub import clock
from mailhub.api.frame.description import operations
from storage.people.sessions import Session, add_session
from storage.privacy.erasures import Erasure, add_erasure
from storage.privacy.privacy_requests import PrivacyRequest, add_request
from storage.schema import intake, metadata
from tests.houses.asking import Answered, Asker

if TYPE_CHECKING:
    from storage.writer import Transaction
    from tests.api.conftest import Home

KINDS = {  # parameter of a path or a query, or field of a body: the kind of object that it names
    "assignee": "user",
    "breach": "breach",
    "consent": "consent",
    "contact": "contact",
    "delivery": "delivery",
    "draft": "draft",
    "quoted": "message",
    "erasure": "erasure",
    "grant": "grant",
    "heir": "user",
    "hold": "hold",
    "into": "ticket",
    "person": "contact",
    "domain": "domain",
    "mailbox": "mailbox",
    "message": "message",
    "messages": "message",
    "note": "note",
    "object": "ticket",
    "request": "privacy-request",
    "responsible": "user",
    "rule": "rule",
    "rules": "rule",
    "session": "session",
    "tag": "tag",
    "ticket": "ticket",
    "token": "token",
    "user": "user",
}
NO_OBJECT = {  # what narrows, counts, or says something; no id of an object that an account has
    *(
        "account",
        "actor",
        "after",
        "confirm",
        "at",  # where a search goes on
        "names",
        "anyway",
        "to",  # whom a notice is for
        "facts",
        "effects",
        "remedies",
        "node",  # of the installation, as is the directory
        "path",
        "fate",
        "index",
        "limit",
        "machine",
        "mail_from",
        "names",
        "query",
        "reasons",
    ),
    *("recipient", "source", "state", "verb", "verdict", "yes"),
    *("attachments", "order", "priority", "unread", "waiting", "watching"),
    *(
        "address",
        "addresses",
        "anchors",
        "code",
        "copies",
        "days",
        "email",
        "ends_at",
        "invite",
        "kind",
        "label",
        "link",
        "name",
    ),
    "backup",  # of the whole installation
    *(
        "network",
        "networks",
        "on_reply_to_closed",
        "operator",
        "password",
        "present",
        "reason",
        "role",
        "scopes",
    ),
    *("erase_there", "feedback_from_moves", "junk_folder", "show", "show_link", "suggestions"),
    *("billing", "confirm_clock", "dry_run", "now", "owner", "owner_name"),
    *("given_at", "how", "noticed_at", "outcome", "purpose", "text_version", "until", "whom"),
    "to",  # of an answer: which of the addresses the mail names
    *("sequences", "since", "text"),  # sequences are counted in each account
    *("bcc", "cc", "close", "not_before", "seen", "subject", "to", "undo_seconds", "version"),
    *("answer", "handle", "oauth", "refresh_token"),
    *(
        "after_filing",
        "folders",
        "host",
        "idle",
        "keyword",
        "login",
        "move_to",
        "password_credential",
        "password_file",
    ),
    *("ham_threshold", "limit_hours", "pattern", "poll_seconds", "port", "threshold", "tls"),
}
ANSWERED: Mapping[
    tuple[str, str, str], Callable[[Answered], bool]
] = {  # where the answer is that there is nothing, and not 404
    ("post", "/v1/mailbox-domains", "domain"): lambda answer: (
        answer.status == 403
    ),  # a name, no object of theirs
    ("post", "/v1/mailbox-domain-grants", "domain"): lambda answer: (
        answer.status == 403
    ),  # the operator's act
    ("get", "/v1/intake", "message"): lambda answer: answer.json["items"] == [],
    ("get", "/v1/spam/choose", "contact"): lambda answer: answer.json["messages"] == [],
    ("get", "/v1/journal", "object"): lambda answer: answer.json["items"] == [],
    ("post", "/v1/spam/marks", "messages"): lambda answer: (
        {each["outcome"] for each in answer.json} == {"not-found"}
    ),
    ("post", "/v1/spam/reviewed", "messages"): lambda answer: (
        {each["outcome"] for each in answer.json} == {"not-found"}
    ),
    ("delete", "/v1/spam/marks", "messages"): lambda answer: (
        {each["outcome"] for each in answer.json} == {"not-found"}
    ),
}
BESIDE: Mapping[
    tuple[str, str, str], dict[str, Any]
] = {  # what a request needs to get as far as looking for the object
    ("post", "/v1/spam/revoke", "user"): {"since": "2020-01-01T00:00:00Z", "sequences": [], "mailbox": None},
    ("post", "/v1/spam/revoke", "mailbox"): {"since": "2020-01-01T00:00:00Z", "sequences": [], "user": None},
    ("put", "/v1/mailboxes/{mailbox}/imap/password", "mailbox"): {
        "password_file": None,
        "password_credential": None,
    },
    ("post", "/v1/mailboxes/{mailbox}/imap", "mailbox"): {
        "oauth": None,
        "password_file": None,
        "password_credential": None,
        "move_to": None,
    },
    ("patch", "/v1/drafts/{draft}", "quoted"): {"version": 1},
    ("get", "/v1/touched", "object"): {"kind": "ticket"},
    ("get", "/v1/touched/people", "object"): {"kind": "ticket"},
    ("post", "/v1/holds", "object"): {"kind": "ticket", "ends_at": None},
}
RULE = 'on = "time"\nidle = "1d"\n[then]\ntag = "x"'
OPEN = {"/livez", "/readyz", "/metrics", "/v1/login", "/v1/links/use", "/v1/billing"}  # the last by signature


class Belongings:
    """One object of every kind in an account, by kind."""

    def __init__(self, home: Home, owner: Asker, account: int, user: int, domain: str) -> None:
        mail = f"From: kim@{domain}\r\nMessage-ID: <1@{domain}>\r\n\r\nIt smokes.\r\n".encode()
        outcome = owner("POST", "/v1/deliveries", raw=mail).json["outcomes"][0]
        ticket, message = outcome["ticket"], outcome["message"]
        agent = {"email": f"new@{domain}"}
        grant = {"operator": 0, "reason": "x", "ends_at": clock.to_iso(clock.now() + clock.HOUR)}
        hold = {"kind": "ticket", "object": ticket, "reason": "x"}
        contact = owner("GET", "/v1/contacts").json["items"][0]["id"]
        consent = {"purpose": "news", "text": "x", "text_version": "1", "how": "form"}
        rule = {"network": "192.0.2.0/24", "role": "agent"}
        tag = f"tag-{user}"
        assert owner("POST", f"/v1/tickets/{ticket}/tags", {"names": [tag]}).status == 200
        self.ids: dict[str, list[int | str]] = {
            "tag": [tag],
            "ticket": [ticket],
            "message": [message],
            "delivery": [_only(home, intake, account)],
            "mailbox": [account, f"support@{domain}"],
            "domain": [domain],
            "user": [user, _made(owner("POST", "/v1/users", agent)), agent["email"]],
            "note": [_made(owner("POST", f"/v1/tickets/{ticket}/notes", {"text": "x"}))],
            "draft": [_made(owner("POST", f"/v1/tickets/{ticket}/drafts", {"kind": "answer"}))],
            "token": [_made(owner("POST", "/v1/tokens", {"name": "x"}))],
            "grant": [_made(owner("POST", "/v1/grants", grant))],
            "hold": [_made(owner("POST", "/v1/holds", hold))],
            "rule": [
                _made(owner("POST", "/v1/allow-list", rule)),
                _made(owner("POST", "/v1/rules", {"text": f'name = "r{user}"\n{RULE}'})),
            ],
            "session": [_session(home, account, user)],
            "contact": [contact],
            "consent": [_made(owner("POST", f"/v1/contacts/{contact}/consents", consent))],
            "breach": [_made(owner("POST", "/v1/breaches", {"kind": "integrity"}))],
            "erasure": [_erasure(home, account)],
            "privacy-request": [_request(home, account)],
        }


def _made(answer: Answered) -> int:
    assert answer.status == 201, answer.body
    made: int = answer.json["id"]
    return made


def _only(home: Home, table: Table, account: int) -> int:
    """The id of the account's only row in a table."""
    with home.house.database.read() as connection:
        found: int = connection.execute(select(table.c.id).where(table.c.account_id == account)).scalar_one()
        return found


def _erasure(home: Home, account: int) -> int:
    """One that is held, so that no job goes on with it."""

    def add(transaction: Transaction) -> int:
        row = Erasure(
            account_id=account,
            id=transaction.new_id(),
            node=99,
            state="held",
            step="hold",
            position=0,
            actor="system",
            begun_at=1,
            cut_at=1,
            person=None,
            commitment="",
            counts={},
        )
        add_erasure(transaction.connection, row)
        return row.id

    return home.house.writer.run(add)


def _request(home: Home, account: int) -> int:
    """One that waits for an agent."""

    def add(transaction: Transaction) -> int:
        row = PrivacyRequest(
            account_id=account,
            id=transaction.new_id(),
            kind="withdrawal",
            address="kim@customer.example",
            mailbox_id=account,
            state="proven",
            link=bytes([account]) * 32,
            created_at=1,
            expires_at=1,
            proven_at=1,
        )
        add_request(transaction.connection, row)
        return row.id

    return home.house.writer.run(add)


def _session(home: Home, account: int, user: int) -> int:
    now = clock.now()

    def add(transaction: Transaction) -> int:
        row = Session(
            hash=bytes([user]) * 32,
            id=transaction.new_id(),
            account_id=account,
            user_id=user,
            peer="192.0.2.1",
            created_at=now,
            last_used_at=now,
            expires_at=now + clock.DAY,
        )
        add_session(transaction.connection, row)
        return row.id

    return home.house.writer.run(add)


def rows_of(home: Home, account: int) -> Mapping[str, Any]:
    """Every row of an account, by table."""
    with home.house.database.read() as connection:
        return {
            table.name: sorted(
                map(repr, connection.execute(select(table).where(table.c.account_id == account)))
            )
            for table in metadata.sorted_tables
            if "account_id" in table.c
        }


@pytest.fixture
def neighbours(home: Home) -> tuple[Asker, Belongings, Belongings]:
    """The owner of the first account with every right they can have, their objects, and those of the second account."""
    app = home.mapping(u4000="owner@first.example", u4001="owner@second.example").app()
    first, second = Asker(app=app, uid=4000), Asker(app=app, uid=4001)
    mine = Belongings(home, first, 1, 11, "first.example")
    return first, mine, Belongings(home, second, 2, 21, "second.example")


def fields_of(described: dict[str, Any], operation: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(where, name) of everything that a request to this operation may hold, headers aside."""
    for each in operation.get("parameters", []):
        if each["in"] != "header":
            yield each["in"], each["name"]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    shape = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    for name in described["components"]["schemas"].get(shape, {}).get("properties", {}):
        yield "body", name


def _is_not_found(answer: Answered) -> bool:
    return answer.status == 404


def ask(
    owner: Asker, where: tuple[str, str], operation: dict[str, Any], ids: Mapping[str, Any], **given: Any
) -> Answered:
    """A request with these ids in the path, the example as its body, and these values in query or body."""
    method, path = where
    content = operation.get("requestBody", {}).get("content", {})
    body = dict(content["application/json"]["example"]) if "application/json" in content else None
    named = [each["name"] for each in operation.get("parameters", []) if each["in"] == "query"]
    query = {name: value for name, value in given.items() if name in named}
    if body is not None:
        body |= {name: value for name, value in given.items() if name not in named}
    if "confirm" in named:
        query["confirm"] = ids["ticket"]
    if any(each["name"] == "query" for each in operation.get("parameters", [])):
        query["query"] = "x"
    target = path.format(**{"name": "allow", "act": "suspend", **ids, "index": 0})
    raw = b"From: a@example.com\r\n\r\nx" if "message/rfc822" in content else None
    return owner(method.upper(), f"{target}?{urlencode(query)}", body, raw=raw)


def test_every_parameter_is_known(home: Home) -> None:
    """Each parameter and field either names a kind of object, or no object at all."""
    described = home.app().openapi()
    found = {
        name
        for path, _, operation in operations(described)
        if path not in OPEN
        for _, name in fields_of(described, operation)
    }
    assert found - KINDS.keys() - NO_OBJECT == set(), "new: say in KINDS or NO_OBJECT what it names"
    assert not KINDS.keys() & NO_OBJECT


def test_no_path_leads_to_another_account(
    home: Home, neighbours: tuple[Asker, Belongings, Belongings]
) -> None:
    """Every route with an object in its path answers 404 to the ids of another account's, and changes nothing there."""
    owner, mine, theirs = neighbours
    described, before, wrong, asked = home.app().openapi(), rows_of(home, 2), [], 0
    for path, method, operation in operations(described):
        own = {name: mine.ids[kind][0] for name, kind in KINDS.items()}
        for name in [
            name for where, name in fields_of(described, operation) if where == "path" and name in KINDS
        ]:
            for foreign in theirs.ids[KINDS[name]]:
                more = BESIDE.get((method, path, name), {})
                answer = ask(owner, (method, path), operation, own | {name: foreign}, **more)
                expected = {404} if isinstance(foreign, int) else {404, 400}  # some paths take numbers only
                wrong += (
                    [(method, path, name, answer.status, answer.body)]
                    if answer.status not in expected
                    else []
                )
                asked += 1
    assert wrong == []
    assert asked > 40
    assert rows_of(home, 2) == before


def test_no_field_leads_to_another_account(
    home: Home, neighbours: tuple[Asker, Belongings, Belongings]
) -> None:
    """Every id of another account's objects in a query or a body is not found, and nothing there is changed."""
    owner, mine, theirs = neighbours
    described, before, wrong, asked = home.app().openapi(), rows_of(home, 2), [], 0
    own = {name: mine.ids[kind][0] for name, kind in KINDS.items()}
    for path, method, operation in operations(described):
        if path in OPEN:
            continue
        for where, name in fields_of(described, operation):
            if where == "path" or name not in KINDS:
                continue
            for foreign in theirs.ids[KINDS[name]]:
                value = (
                    [foreign]
                    if name == "messages"
                    else [str(foreign)]
                    if name == "rules"
                    else foreign
                    if name == "object"
                    else str(foreign)
                )
                more = BESIDE.get((method, path, name), {})
                answer = ask(owner, (method, path), operation, own, **{name: value}, **more)
                nothing = ANSWERED.get((method, path, name), _is_not_found)
                wrong += [(method, path, name, answer.status, answer.body)] if not nothing(answer) else []
                asked += 1
    assert wrong == []
    assert asked > 10
    assert rows_of(home, 2) == before


def test_nobody_is_let_in_without_credentials(home: Home) -> None:
    """Every route that is not open answers 401 to a stranger, before it looks at what they sent."""
    app, wrong = home.app(), []
    stranger, described = Asker(app=app), app.openapi()
    for path, method, operation in operations(described):
        if path not in OPEN:
            ids = dict.fromkeys([*KINDS, *NO_OBJECT], "1") | {"index": 0}
            body = (
                operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
            )
            answer = stranger(method.upper(), path.format(**ids), json.loads(json.dumps(body)))
            wrong += [(method, path, answer.status)] if answer.status != 401 else []
    assert wrong == []
