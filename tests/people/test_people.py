"""Users: who may change whom, the last owner, what a deletion leaves, links and resets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from mailhub import clock
from mailhub.access.actor import Actor, Role, operator
from mailhub.access.bearers import Kind, bearer_hash, new_bearer
from mailhub.errors import BadRequest, Conflict, Forbidden, MailhubError, NotAuthenticated, NotFound
from mailhub.people import enrolment, people
from mailhub.proof.act import perform
from storage.database import Database
from storage.people import api_tokens, users
from storage.people.sessions import find_session
from storage.people.users import User
from storage.proof import journal
from storage.schema import ticket, user
from storage.writer import WritingThread
from tests.houses.desk import Desk
from tests.houses.gate import PASSWORD, Gate

OWNER, AGENT, ADMIN = 11, 12, 13


@pytest.fixture
def gate(database: Database, writer: WritingThread) -> Gate:
    """Account 1 with an owner, an agent and an admin, on each engine."""
    return Gate(database=database, writer=writer)


def find(gate: Gate, user: int) -> User | None:
    with gate.database.read() as connection:
        return users.find_user(connection, 1, user)


def verbs(gate: Gate, on: str) -> list[str]:
    with gate.database.read() as connection:
        return [entry.verb for entry in journal.of_object(connection, 1, on)]


def change_role(gate: Gate, actor: Actor, user: int, role: str) -> User:
    return gate.act(people.change_role, actor, user, role, caller=actor)


def add(gate: Gate, actor: Actor, role: str, email: str = "new@first.example") -> User:
    return gate.act(people.add_user, actor, email=email, name="New", role=role, caller=actor)


def delete(gate: Gate, actor: Actor, user: int, heir: int | None = None) -> people.DeletedUser:
    return people.delete_user(gate.writer, actor, 1, user, heir=heir, now=gate.now)


def link(gate: Gate, actor: Actor, user: int) -> str:
    _, made = gate.act(people.make_link, actor, user, expires_at=gate.now + clock.DAY, caller=actor)
    return made.text


def use(gate: Gate, text: str, password: str) -> None:
    encoded = gate.passwords.hash(password)
    gate.writer.run(people.use_link, bearer_hash(text), encoded, now=gate.now)


MAY_GRANT = {"O": {"owner", "admin", "agent"}, "o": {"owner", "admin", "agent"}, "a": {"admin", "agent"}}
ANOTHER_ADMIN = "another admin"
MAY_TOUCH: dict[str, set[object]] = {
    "O": {OWNER, AGENT, ADMIN, ANOTHER_ADMIN},
    "o": {OWNER, AGENT, ADMIN, ANOTHER_ADMIN},
    "a": {AGENT, ADMIN},
}


def actor(gate: Gate, letter: str) -> Actor:
    return {"O": operator(0), "o": gate.actor(OWNER), "a": gate.actor(ADMIN)}[letter]


@pytest.mark.parametrize("letter", ["O", "o", "a"])
@pytest.mark.parametrize("role", ["owner", "admin", "agent"])
def test_nobody_grants_more_than_he_has(gate: Gate, letter: str, role: str) -> None:
    """An admin makes admins and agents, an owner and the operator make owners too; adding and changing alike."""
    acts = (add, partial(change_role, user=AGENT))
    for act in acts:
        if role in MAY_GRANT[letter]:
            assert act(gate, actor(gate, letter), role=role).role == role
        else:
            with pytest.raises(Forbidden):
                act(gate, actor(gate, letter), role=role)


@pytest.mark.parametrize("letter", ["O", "o", "a"])
@pytest.mark.parametrize("whose", [OWNER, ADMIN, ANOTHER_ADMIN, AGENT])
def test_who_may_touch_whose_login(gate: Gate, letter: str, whose: int | str) -> None:
    """Owners and the operator everybody's, an admin their own and those of agents: not an owner's, not
    another admin's.
    """
    other = add(gate, gate.actor(OWNER), "admin").id
    user = whose if isinstance(whose, int) else other
    gate.enrol(OWNER), gate.enrol(AGENT), gate.enrol(ADMIN)
    who = actor(gate, letter)
    may_touch = whose in MAY_TOUCH[letter]
    acts: list[Any] = [
        partial(gate.act, people.make_link, who, user, expires_at=gate.now + 1, caller=who),
        partial(gate.act, people.end_sessions, who, user, caller=who),
    ]
    if user != other or not may_touch:  # who has no second factor loses none
        acts.append(partial(gate.act, enrolment.reset, who, user, caller=who))
    for act in acts:
        if may_touch:
            act()
        else:
            with pytest.raises(Forbidden):
                act()
    if not may_touch:
        with pytest.raises(Forbidden):
            delete(gate, who, user)
        with pytest.raises(Forbidden):
            change_role(gate, who, user, "agent")


def test_the_last_owner_stays(gate: Gate) -> None:
    """They are neither deleted nor demoted, by nobody, until there is another."""
    for who in (gate.actor(OWNER), operator(0)):
        with pytest.raises(Conflict, match="last owner"):
            delete(gate, who, OWNER)
        with pytest.raises(Conflict, match="last owner"):
            change_role(gate, who, OWNER, "admin")
    change_role(gate, gate.actor(OWNER), ADMIN, "owner")
    assert change_role(gate, gate.actor(OWNER), OWNER, "agent").role == "agent"
    with pytest.raises(Conflict, match="last owner"):
        delete(gate, operator(0), ADMIN)


def test_two_owners_cannot_demote_each_other_at_once(gate: Gate, database: Database) -> None:
    """Of two nodes that each demote another owner, one finds that they would be the last (PostgreSQL: row locks)."""
    change_role(gate, gate.actor(OWNER), ADMIN, "owner")
    writers = [WritingThread(database, node=number) for number in (1, 2)]
    for each in writers:
        each.start()

    def demote(pair: tuple[WritingThread, int]) -> bool:
        try:
            who = operator(0)
            pair[0].run(perform, people.change_role, who.name, 1, gate.now, pair[1], "agent", caller=who)
        except (Conflict, MailhubError):
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(demote, zip(writers, (OWNER, ADMIN), strict=True)))
    for each in writers:
        each.close()
    with database.read() as connection:
        assert len([user for user in users.list_users(connection, 1) if user.role == Role.OWNER]) >= 1
    assert sum(done) == 1


def test_a_deleted_user_is_a_pseudonym(gate: Gate) -> None:
    """Name and login are gone, sessions and ApiTokens have ended, links and second factor too; the login is free."""
    app, _ = gate.enrol(AGENT)
    gate.login(code=gate.code(app))
    token, invitation = new_bearer(Kind.API_TOKEN), link(gate, operator(0), AGENT)
    row = api_tokens.ApiToken(
        hash=token.hash,
        id=77,
        account_id=1,
        user_id=AGENT,
        name="x",
        scopes="",
        created_at=1,
        expires_at=None,
    )
    gate.writer.run(lambda tx: api_tokens.add_api_token(tx.connection, row))
    done = delete(gate, gate.actor(ADMIN), AGENT)
    assert (done.sessions, done.tokens) == (1, 1)
    assert find(gate, AGENT) is None
    with pytest.raises(NotAuthenticated):
        gate.login(code=gate.code(app, 1))
    with pytest.raises(NotFound):
        use(gate, invitation, PASSWORD)
    with gate.database.read() as connection:
        kept: Any = connection.execute(select(user).where(user.c.id == AGENT)).one()
    assert (kept.email, kept.name, kept.password_hash) == ("former-12", "", None)
    assert add(gate, operator(0), "agent", email="ana@first.example").email == "ana@first.example"
    with pytest.raises(NotFound):
        delete(gate, gate.actor(OWNER), AGENT)


def test_a_role_change_and_a_deletion_are_on_record(gate: Gate) -> None:
    """Who did it, to whom, and no name or login in the journal."""
    change_role(gate, gate.actor(OWNER), AGENT, "admin")
    delete(gate, operator(0), AGENT)
    assert verbs(gate, "user:12") == ["user.role", "user.delete"]
    with gate.database.read() as connection:
        entries = journal.of_object(connection, 1, "user:12")
    assert [entry.actor for entry in entries] == ["user:11", "operator:0"]
    assert "ana" not in repr(entries)


@pytest.mark.parametrize("inherits", [True, False])
def test_tickets_of_a_deleted_user_go_to_the_heir_or_to_nobody(
    desk: Desk, inherits: bool, monkeypatch: Any
) -> None:
    """Every ticket of theirs, in any state, step by step; each is on record; what others have stays."""
    monkeypatch.setattr(people, "TICKETS_A_TURN", 2)
    desk.do(lambda tx: users.add_user(tx.connection, _colleague(desk, 501, "leo")))
    desk.do(lambda tx: users.add_user(tx.connection, _colleague(desk, 502, "kim")))
    tickets = [desk.ticket_of(desk.mail(f"p{number}@customer.example")) for number in range(6)]
    for each in tickets:
        _give(desk, each, 502 if each == tickets[5] else 501)
    heir = desk.ana if inherits else None
    done = people.delete_user(desk.writer, operator(0), desk.account, 501, heir=heir, now=desk.now)
    assert done.tickets == 5
    assert [desk.ticket(each).assignee_id for each in tickets] == [heir] * 5 + [502]
    with desk.database.read() as connection:
        last = journal.find_last(connection, desk.account, f"ticket:{tickets[0]}", "ticket.assign")
    assert last is not None
    assert dict(last.detail) == {"before": {"assignee_id": 501}, "after": {"assignee_id": heir}}


@pytest.mark.parametrize("wrote", [True, False], ids=["wrote before", "never wrote"])
def test_a_deleted_user_who_also_wrote_is_told_of(desk: Desk, wrote: bool) -> None:
    """Their own mail as a contact is not theirs as a user: it stays, and the answer says that it does."""
    if wrote:
        desk.mail("Leo <leo@x.example>")
    desk.do(lambda tx: users.add_user(tx.connection, _colleague(desk, 501, "leo")))
    done = people.delete_user(desk.writer, operator(0), desk.account, 501, heir=None, now=desk.now)
    assert done.is_contact is wrote


def _give(desk: Desk, which: int, whom: int) -> None:
    change = ticket.update().where(ticket.c.id == which).values(assignee_id=whom)
    desk.do(lambda tx: tx.connection.execute(change))


def _colleague(desk: Desk, user: int, name: str) -> User:
    return User(
        account_id=desk.account,
        id=user,
        email=f"{name}@x.example",
        name="",
        role="agent",
        created_at=desk.now,
    )


def test_an_heir_is_somebody_else_who_is_there(gate: Gate) -> None:
    """Neither the user themselves nor one who does not exist inherits."""
    with pytest.raises(BadRequest):
        delete(gate, operator(0), AGENT, heir=AGENT)
    with pytest.raises(NotFound):
        delete(gate, operator(0), AGENT, heir=99)
    assert find(gate, AGENT) is not None


def test_a_link_sets_a_password_once(gate: Gate) -> None:
    """The new password logs in, the old one and open sessions are over, and so is the link."""
    gate.login()
    text = link(gate, gate.actor(OWNER), AGENT)
    use(gate, text, "another good sentence")
    with pytest.raises(NotAuthenticated):
        gate.login()
    assert gate.login(password="another good sentence")
    with pytest.raises(NotFound):
        use(gate, text, "a third good sentence")
    assert verbs(gate, "user:12") == ["user.link", "user.password"]


def test_one_link_in_parallel_is_used_once(gate: Gate) -> None:
    """Twenty at once: one sets the password."""
    text = link(gate, operator(0), AGENT)

    def attempt(number: int) -> bool:
        try:
            use(gate, text, f"good sentence {number}")
        except NotFound:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(attempt, range(20))) == 1


def test_a_link_ends_after_a_day_and_with_the_next(gate: Gate) -> None:
    """It is worth nothing after its time, and a newer one ends it."""
    first = link(gate, operator(0), AGENT)
    second = link(gate, operator(0), AGENT)
    with pytest.raises(NotFound):
        use(gate, first, PASSWORD)
    gate.now += clock.DAY
    with pytest.raises(NotFound):
        use(gate, second, PASSWORD)


def test_a_reset_second_factor_logs_everybody_out(gate: Gate) -> None:
    """After a reset the password alone opens again, the old recovery codes do not, and open sessions are over."""
    app, codes = gate.enrol(AGENT)
    opened = gate.login(code=gate.code(app))
    gate.act(enrolment.reset, gate.actor(OWNER), AGENT, caller=gate.actor(OWNER))
    assert gate.login().session.fresh_until is None
    with gate.database.read() as connection:
        found = find_session(connection, opened.bearer.hash)
    assert found is not None
    assert found.revoked_at == gate.now
    new, _ = gate.enrol(AGENT)
    with pytest.raises(NotAuthenticated):
        gate.login(code=codes[0])
    assert gate.login(code=gate.code(new))
