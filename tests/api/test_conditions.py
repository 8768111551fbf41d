"""Writes that happen once (Idempotency-Key), and only on what the client saw (If-Match)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select

from mailhub import clock
from mailhub.service.jobs import sweep_keys
from mailhub.system.queues import Queue
from storage.people.idempotency import (
    RequestKey,
    add_done,
    find_done,
    forget_answers,
    keep_answer,
    requests_over,
)
from storage.people.users import set_role
from storage.proof.journal import MACHINE
from storage.schema import idempotency, note, user
from tests.houses.asking import Answered, Asker

if TYPE_CHECKING:
    from storage.database import Database
    from storage.writer import WritingThread
    from tests.api.conftest import Home

MAIL = b"From: Kim <kim@customer.example>\r\nMessage-ID: <1@customer.example>\r\nSubject: Oven\r\n\r\nIt smokes.\r\n"


@pytest.fixture
def owner(home: Home) -> Asker:
    """The owner of the first account, whose ticket 1 is open."""
    asker = Asker(
        app=home.mapping(u4000="owner@first.example").app(), uid=4000
    )  # adding users needs freshness
    assert asker("POST", "/v1/deliveries", raw=MAIL).status == 200
    return asker


def rows(home: Home, table: Any) -> int:
    """How many rows a table has."""
    with home.house.database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def keyed(key: str) -> dict[str, str]:
    """The header."""
    return {"Idempotency-Key": key}


def test_a_repeated_key_gets_the_first_answer_again(home: Home, owner: Asker) -> None:
    """The act happens once, and the answer, a password shown once included, is the same."""
    before, body = rows(home, user), {"email": "new@first.example", "role": "agent"}
    first = owner("POST", "/v1/users", body, headers=keyed("a"))
    again = owner("POST", "/v1/users", body, headers=keyed("a"))
    assert (first.status, again.status, again.body) == (201, 201, first.body)
    assert (again.headers["idempotency-replayed"], "idempotency-replayed" in first.headers) == ("true", False)
    assert rows(home, user) == before + 1


def test_a_key_belongs_to_one_request(owner: Asker) -> None:
    """Another body, or another ticket, under the same key is refused; another route or user has keys of their own."""
    assert owner("POST", "/v1/tickets/1/notes", {"text": "a"}, headers=keyed("k")).status == 201
    other = owner("POST", "/v1/tickets/1/notes", {"text": "b"}, headers=keyed("k"))
    assert (other.status, other.json["code"]) == (422, "key-reused")
    assert owner("POST", "/v1/tickets/2/notes", {"text": "a"}, headers=keyed("k")).status == 422
    assert owner("POST", "/v1/tickets/1/close", headers=keyed("k")).status == 200
    assert owner("POST", "/v1/tickets/1/close", headers=keyed("")).status == 400
    assert owner("POST", "/v1/tickets/1/close", headers=keyed("x" * 256)).status == 400


def test_a_key_is_its_users(home: Home, owner: Asker) -> None:
    """Two users with the same key are two requests."""
    agent = replace(owner, token=home.token(12))
    for asker in (owner, agent):
        assert asker("POST", "/v1/tickets/1/notes", {"text": "a"}, headers=keyed("k")).status == 201
    assert rows(home, note) == 2


def test_a_refused_request_leaves_no_key(home: Home, owner: Asker) -> None:
    """What was not done may be tried again with the same key."""
    assert owner("POST", "/v1/tickets/1/restore", headers=keyed("k")).status == 409
    assert rows(home, idempotency) == 0
    assert owner("DELETE", "/v1/tickets/1").status == 200
    assert owner("POST", "/v1/tickets/1/restore", headers=keyed("k")).status == 200


def test_parallel_twins_act_once(home: Home, owner: Asker) -> None:
    """Of ten at once with one key one acts; the others hear its answer, or that it was done."""
    body = {"email": "new@first.example"}

    async def all_at_once() -> list[Answered]:
        twins = [owner.ask("POST", "/v1/users", body, headers=keyed("k")) for _ in range(10)]
        return await asyncio.gather(*twins)

    answers = asyncio.run(all_at_once())
    made = [each for each in answers if each.status == 201]
    assert len({each.body for each in made}) == 1
    assert len([each for each in made if "idempotency-replayed" not in each.headers]) == 1
    assert {each.status for each in answers} <= {201, 409}


def test_an_answer_that_is_lost_is_told(home: Home, owner: Asker) -> None:
    """After a removal no answer is kept that could speak of what went; the client hears that their act was done."""
    assert owner("POST", "/v1/tickets/1/close", headers=keyed("k")).status == 200
    home.house.writer.run(lambda tx: forget_answers(tx.connection, 1))
    again = owner("POST", "/v1/tickets/1/close", headers=keyed("k"))
    assert (again.status, "carried out already" in again.json["detail"]) == (409, True)


def test_answers_are_sealed(home: Home, owner: Asker) -> None:
    """What is kept is not readable in the database."""
    link = owner("POST", "/v1/users", {"email": "new@first.example"}, headers=keyed("k")).json["link"]
    with home.house.database.read() as connection:
        kept = connection.execute(select(idempotency.c.answer)).scalar_one()
    assert kept
    assert link.encode() not in kept


def test_keys_end_after_a_day(database: Database, writer: WritingThread) -> None:
    """A key is forgotten after its time, by look-up, by the sweep, and when it is used again."""
    key = RequestKey(account_id=1, actor="user:1", route="POST /x", key="k")
    assert writer.run(lambda tx: add_done(tx.connection, key, b"1", at=100, since=0))
    assert not writer.run(lambda tx: add_done(tx.connection, key, b"1", at=110, since=0))
    writer.run(lambda tx: keep_answer(tx.connection, key, b"sealed"))
    with database.read() as connection:
        assert find_done(connection, key, since=101) is None
        found = find_done(connection, key, since=100)
    assert found
    assert (found.request, found.answer) == (b"1", b"sealed")
    assert writer.run(lambda tx: add_done(tx.connection, key, b"2", at=200, since=150))
    queue = Queue(database, writer, "idempotency", now=300)
    assert [queue.sweep(MACHINE, requests_over(before)) for before in (200, 201)] == [0, 1]


def test_the_job_sweeps(home: Home) -> None:
    """The job deletes what is older than a day, and nothing else."""

    def add(key: str, at: int) -> bool:
        row = RequestKey(account_id=1, actor="user:1", route="POST /x", key=key)
        return home.house.writer.run(lambda tx: add_done(tx.connection, row, b"", at=at, since=0))

    assert all(add(f"old{n}", clock.now() - 2 * clock.DAY + n) for n in range(3))
    assert add("new", clock.now())
    assert (sweep_keys(home.house, now=clock.now()), rows(home, idempotency)) == (3, 1)


def test_a_stale_write_is_refused(owner: Asker) -> None:
    """If-Match with the tag of an older state is 412 and changes nothing; with the present one it is done."""
    seen = owner("GET", "/v1/tickets/1").headers["etag"]
    assert seen.startswith('"')
    closed = owner("POST", "/v1/tickets/1/close", headers={"If-Match": seen})
    assert closed.status == 200
    stale = owner("POST", "/v1/tickets/1/reopen", headers={"If-Match": seen})
    assert (stale.status, stale.json["code"]) == (412, "stale")
    shown = owner("GET", "/v1/tickets/1")
    assert (shown.json["state"], shown.headers["etag"]) == ("closed", closed.headers["etag"])
    assert (
        owner("POST", "/v1/tickets/1/reopen", headers={"If-Match": f'"x", {closed.headers["etag"]}'}).status
        == 200
    )


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/tickets/1/notes", {"text": "a"}),
        ("POST", "/v1/tickets/1/assign", {"assignee": "me"}),
        ("DELETE", "/v1/tickets/1", None),
        ("POST", "/v1/tickets/1/purge?confirm=1", None),
    ],
)
def test_every_write_to_a_ticket_takes_a_condition(
    home: Home, owner: Asker, method: str, path: str, body: Any
) -> None:
    """Notes, deleting and purging included; a weak tag never matches, a star matches what is there."""
    owner = Asker(
        app=home.mapping(u4000="owner@first.example").app(), uid=4000
    )  # purging needs a fresh second factor
    tag = owner("GET", "/v1/tickets/1").headers["etag"]
    for wrong in ('"x"', f"W/{tag}"):
        assert owner(method, path, body, headers={"If-Match": wrong}).status == 412
    assert owner("GET", "/v1/tickets/1").headers["etag"] == tag
    assert owner(method, path, body, headers={"If-Match": "*"}).status < 300
    missing = path.replace("tickets/1", "tickets/9").replace("=1", "=9")
    assert owner(method, missing, body, headers={"If-Match": "*"}).status == 404


def test_a_new_mail_changes_the_tag(owner: Asker) -> None:
    """What a customer writes meanwhile makes a write stale."""
    tag = owner("GET", "/v1/tickets/1").headers["etag"]
    more = MAIL.replace(b"Message-ID: <1", b"In-Reply-To: <1@customer.example>\r\nMessage-ID: <2")
    assert owner("POST", "/v1/deliveries", raw=more).status == 200
    assert owner("POST", "/v1/tickets/1/close", headers={"If-Match": tag}).status == 412


def test_an_answer_is_not_given_again_to_fewer_rights(home: Home) -> None:
    """A secret shown once stays unseen by an ApiToken of less scope, and by a user of a lower role."""
    app, token, agent = home.app(), {"name": "ci"}, {"email": "new@first.example"}
    wide, narrow = (Asker(app=app, token=home.token(11, scopes=scopes)) for scopes in ("", "ticket.read"))
    first = wide("POST", "/v1/tokens", token, headers=keyed("t"))
    limited = narrow("POST", "/v1/tokens", token, headers=keyed("t"))
    assert (first.status, limited.status, limited.json["code"]) == (201, 409, "conflict")
    assert wide("POST", "/v1/tokens", token, headers=keyed("t")).body == first.body
    admin = Asker(app=home.mapping(u4000="admin@first.example").app(), uid=4000)
    assert admin("POST", "/v1/users", agent, headers=keyed("u")).status == 201
    home.house.writer.run(lambda tx: set_role(tx.connection, 1, 13, "agent"))
    assert admin("POST", "/v1/users", agent, headers=keyed("u")).status == 409
