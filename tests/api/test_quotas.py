"""What one account may have of all that costs a thread, a connection, a file, a job or a row: every quota holds."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from typing import Any

import anyio.to_thread
import pytest

from mailhub import clock
from mailhub.access.passwords import Passwords
from mailhub.access.quotas import CURES, require_room
from mailhub.api.frame import app as app_module
from mailhub.config import Imap, Quotas
from mailhub.config.live import Live
from mailhub.errors import Conflict
from mailhub.proof.act import Act
from storage.accounts.accounts import Account, add_account
from storage.database import Database
from storage.mail.mailboxes import Mailbox, add_mailbox
from storage.people import users
from storage.people.users import User, add_user
from storage.schema import contact, contact_address
from storage.writer import Transaction, WritingThread
from tests.api.conftest import NOW, Home
from tests.houses.asking import Answered, Asker
from tests.houses.gate import CHEAP, PASSWORD

GUARD_SECONDS = 60  # against hanging; not a measure
LATER = clock.to_iso(clock.now() + clock.DAY)
CONTACT = 700
RULE = 'name = "r{}"\non = "filed"\n[then]\ntag = "x"'
OPERATOR = os.geteuid()

Add = Callable[[Home, int], Answered]


def people(transaction: Transaction) -> None:
    """Two more mailboxes, a contact with two addresses, and a second one."""
    for number in (31, 32):
        address = f"more{number}@first.example"
        add_mailbox(
            transaction.connection, Mailbox(account_id=1, id=number, address=address, name="", created_at=NOW)
        )
    for number in (CONTACT, CONTACT + 1):
        transaction.connection.execute(
            contact.insert().values(account_id=1, id=number, name="", created_at=NOW)
        )
        row = {"account_id": 1, "address": f"p{number}@customer.example", "contact_id": number}
        transaction.connection.execute(contact_address.insert().values(row))


def by_owner(method: str, path: str, body: Callable[[int], Any]) -> Add:
    """Added by an owner's ApiToken."""
    return lambda home, number: Asker(app=home.app(), token=home.token(11))(method, path, body(number))


def by_operator(method: str, path: Callable[[int], str], body: Callable[[int], Any]) -> Add:
    """Added by the operator."""
    return lambda home, number: Asker(app=home.app(), uid=OPERATOR)(
        method, f"{path(number)}?account=1", body(number)
    )


def log_in(home: Home, _: int) -> Answered:
    """One more session of the agent."""
    cheap = Passwords(CHEAP)
    encoded = cheap.hash(PASSWORD)
    home.house.writer.run(lambda tx: users.set_password(tx.connection, 1, 12, encoded))
    app = Home(house=replace(home.house, passwords=cheap)).app()
    body = {"email": "agent@first.example", "password": PASSWORD, "account": "first"}
    return Asker(app=app)("POST", "/v1/login", body)


def source(number: int) -> dict[str, Any]:
    """A mailbox at a provider, with so many folders."""
    return {
        "host": "imap.example.com",
        "login": "a",
        "password": "b",
        "folders": ["INBOX"] * number or ["INBOX"],
    }


def tag_one(home: Home, number: int) -> Answered:
    """One more tag of the account, put on a ticket that is there already the second time."""
    owner = Asker(app=home.app(), token=home.token(11))
    mail = b"From: kim@customer.example\r\nMessage-ID: <tagged@customer.example>\r\n\r\nIt smokes.\r\n"
    filed = owner("POST", "/v1/deliveries?recipient=support@first.example", raw=mail).json["outcomes"][0]
    return owner("POST", f"/v1/tickets/{filed['ticket']}/tags", {"names": [f"tag{number}"]})


ADDED: dict[str, tuple[int, Add]] = {  # by quota: how many there are already, and how one more is added
    "imap_sources": (0, by_operator("POST", lambda n: f"/v1/mailboxes/{31 + n}/imap", lambda _: source(1))),
    "imap_folders": (0, by_operator("POST", lambda n: f"/v1/mailboxes/{31 + n}/imap", lambda _: source(1))),
    "mailboxes": (3, by_owner("POST", "/v1/mailboxes", lambda n: {"address": f"new{n}@first.example"})),
    "users": (3, by_owner("POST", "/v1/users", lambda n: {"email": f"new{n}@first.example", "invite": True})),
    "api_tokens": (
        2,
        by_owner("POST", "/v1/tokens", lambda n: {"name": f"t{n}"}),
    ),  # each asker makes one, too
    "sessions": (0, log_in),
    "tags": (0, tag_one),
    "rules": (0, by_owner("POST", "/v1/rules", lambda n: {"text": RULE.format(n)})),
    "drafts": (0, by_owner("POST", "/v1/drafts", lambda n: {"mailbox": "1"})),
    "allowed_networks": (
        0,
        by_operator(
            "POST", lambda _: "/v1/allow-list", lambda n: {"role": "agent", "network": f"192.0.2.{n}"}
        ),
    ),
    "sender_rules": (
        0,
        by_owner("POST", "/v1/spam/senders/deny", lambda n: {"pattern": f"bad{n}@spam.example"}),
    ),
    "contact_addresses": (
        1,
        by_owner(
            "POST", f"/v1/contacts/{CONTACT}/addresses", lambda n: {"address": f"n{n}@customer.example"}
        ),
    ),
    "grants": (
        0,
        by_owner("POST", "/v1/grants", lambda n: {"operator": n + 5, "reason": "x", "ends_at": LATER}),
    ),
    "holds": (
        0,
        by_owner("POST", "/v1/holds", lambda n: {"kind": "contact", "object": CONTACT + n, "reason": "x"}),
    ),
    "breaches": (0, by_owner("POST", "/v1/breaches", lambda _: {"kind": "integrity"})),
    "erasures": (
        0,
        by_operator(
            "POST",
            lambda _: "/v1/erasures",
            lambda n: {
                "addresses": [f"p{CONTACT + n}@customer.example"],
                "confirm": f"p{CONTACT + n}@customer.example",
                "anyway": True,
            },
        ),
    ),
}
RUN = {"exports": "/v1/export", "backtests": "/v1/spam/backtest?threshold=0.9"}  # what has no row
COUNTED_ELSEWHERE = {  # routes that make something: by which quota, or what bounds them
    "/v1/mailbox-domains": "at most mailbox_domains.DOMAINS of an account",
    "/v1/mailbox-domain-grants": "the operator's act",
    "/v1/users/{user}/link": "one of a user is in force: a new one ends those before",
    "/v1/second-factor": "one of a user",
    "/v1/accounts": "the operator's alone",
    "/v1/anchors": "the operator's alone",
    "/v1/backups": "the operator's alone, one at a time",
    "/v1/backups/recovery-key": "the operator's alone, one",
    "/v1/contacts/{contact}/consents": "rows that are read with their contact alone",
    "/v1/tickets/{ticket}/notes": "content, as mail",
    "/v1/tickets/{ticket}/replies": "content, as mail",
    "/v1/drafts/{draft}/send": "it ends a draft",
}
QUOTA_OF = {
    "/v1/mailboxes/{mailbox}/imap": "imap_sources",
    "/v1/mailboxes": "mailboxes",
    "/v1/users": "users",
    "/v1/tokens": "api_tokens",
    "/v1/login": "sessions",
    "/v1/drafts": "drafts",
    "/v1/tickets/{ticket}/drafts": "drafts",
    "/v1/allow-list": "allowed_networks",
    "/v1/spam/senders/{name}": "sender_rules",
    "/v1/contacts/{contact}/addresses": "contact_addresses",
    "/v1/grants": "grants",
    "/v1/holds": "holds",
    "/v1/breaches": "breaches",
    "/v1/rules": "rules",
    "/v1/erasures": "erasures",
}


def configured(home: Home, **sections: Any) -> Home:
    """The same with other settings."""
    return Home(house=replace(home.house, configuration=Live(replace(home.house.config, **sections))))


def test_every_quota_is_walked_here() -> None:
    """Each setting of [quotas] has a row in these tables, and each that counts rows has words for what to do."""
    names = {field.name for field in fields(Quotas)}
    assert names == {*ADDED, *RUN}
    assert set(CURES) == set(ADDED)


def test_every_route_that_makes_something_has_a_quota(home: Home) -> None:
    """A route that answers 201 or 202 is counted by a quota, or it is said here what bounds it instead."""
    paths = home.app().openapi()["paths"]
    made = {
        path
        for path, verbs in paths.items()
        if {"201", "202"} & verbs.get("post", {}).get("responses", {}).keys()
    }
    assert made - COUNTED_ELSEWHERE.keys() == set(QUOTA_OF)
    assert COUNTED_ELSEWHERE.keys() <= made


@pytest.mark.parametrize("name", ADDED)
def test_a_quota_holds(home: Home, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Up to the quota one more is added; beyond it the answer is 409, with the setting, and nothing is."""
    monkeypatch.setattr("mailhub.callers.caller.require_fresh", lambda *_: None)
    home.house.writer.run(people)
    there, add = ADDED[name]
    full = configured(home, quotas=Quotas(**{name: there + 1}))
    assert add(full, 0).status < 300
    refused = add(full, 1)
    assert (refused.status, refused.json["code"]) == (409, "conflict"), refused.body
    assert f"at most {there + 1} " in refused.json["detail"]
    assert f"quotas.{name}" in refused.json["detail"]
    wider = configured(home, quotas=Quotas(**{name: there + 5}))
    assert add(wider, 1).status < 300


@pytest.mark.parametrize("name", RUN)
def test_what_runs_has_a_quota(home: Home, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """While one runs, the account's next is 429 with the setting; another account's runs, and one later does."""
    began, end = threading.Semaphore(0), threading.Event()

    def wait() -> None:
        began.release()
        assert end.wait(GUARD_SECONDS)

    def archive(*_: object, **__: object) -> Iterator[bytes]:
        wait()
        yield b"zip"

    def counted(*_: object, **__: object) -> Any:
        wait()
        raise Conflict("nothing to show")

    monkeypatch.setattr("mailhub.api.privacy.exports.export.of_account", archive)
    monkeypatch.setattr("mailhub.api.filter.backtests.backtest", counted)
    monkeypatch.setattr("mailhub.callers.caller.require_fresh", lambda *_: None)
    app = home.app()
    one, other = Asker(app=app, token=home.token(11)), Asker(app=app, token=home.token(21, account=2))

    async def story() -> None:
        async with app.router.lifespan_context(app):
            running = [asyncio.create_task(each.ask("GET", RUN[name])) for each in (one, other)]
            for _ in running:
                assert await asyncio.to_thread(began.acquire, timeout=GUARD_SECONDS)
            refused = await one.ask("GET", RUN[name])
            assert (refused.status, f"quotas.{name}" in refused.json["detail"]) == (429, True), refused.body
            assert int(refused.headers["retry-after"]) > 0
            end.set()
            assert 429 not in {each.status for each in await asyncio.gather(*running)}
            assert (await one.ask("GET", RUN[name])).status != 429

    asyncio.run(story())


def test_all_accounts_together_have_a_bound_of_mailboxes_at_providers(home: Home) -> None:
    """Whoever adds the mailbox that is one too many for the machine hears 409, whatever their own quota leaves."""
    home.house.writer.run(people)
    _, add = ADDED["imap_sources"]
    full = configured(home, imap=Imap(mailboxes=1))
    assert add(full, 0).status == 201
    refused = add(full, 1)
    assert (refused.status, "imap.mailboxes" in refused.json["detail"]) == (409, True), refused.body


def test_nodes_that_add_at_once_stay_within_the_quota(database: Database) -> None:
    """Of twenty users that two nodes add at once under a quota of five, five are added, on both engines."""
    writers = [WritingThread(database, node=number) for number in (0, 1)]
    for each in writers:
        each.start()
    row = Account(id=1, name="first", stage="active", billing="none", created_at=NOW, stage_entered_at=NOW)
    writers[0].run(lambda tx: add_account(tx.connection, row))

    def add(number: int) -> bool:
        def work(transaction: Transaction) -> None:
            require_room(Act(transaction, "operator:0", 1, NOW), Quotas(users=5), "users")
            email = f"u{number}@first.example"
            add_user(
                transaction.connection,
                User(account_id=1, id=number, email=email, name="", role="agent", created_at=NOW),
            )

        try:
            writers[number % 2].run(work)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        added = sum(pool.map(add, range(1, 21)))
    for each in writers:
        each.close()
    assert added == 5


def test_a_request_without_a_thread_is_503(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the machine gives no thread, a request is answered 503, to be sent again, and not 500."""

    async def none(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    app, token = home.app(), home.token(11)
    monkeypatch.setattr(anyio.to_thread, "run_sync", none)
    answered = Asker(app=app, token=token)("GET", "/v1/tickets")
    assert (answered.status, answered.json["code"]) == (503, "unavailable")


def test_the_apis_threads_are_there_from_the_start(home: Home) -> None:
    """Once the API is up it needs no new thread: as many as it uses at once were started, and stay when idle."""
    app, token = home.app(), home.token(11)
    earlier = set(threading.enumerate())  # an app that ended in this process may have some that go right now

    async def story() -> None:
        async with app.router.lifespan_context(app):
            kept = [each for each in threading.enumerate() if "AnyIO" in each.name and each not in earlier]
            assert len(kept) == app_module.THREADS
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(threading.Thread, "start", _no_thread)
                answers = [Asker(app=app, token=token).ask("GET", "/v1/tickets") for _ in range(12)]
                assert {each.status for each in await asyncio.gather(*answers)} == {200}

    asyncio.run(story())


def _no_thread(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")
