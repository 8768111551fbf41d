"""A forgotten password is set by a mailed link; nobody learns who has a login."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from mailhub import clock
from mailhub.access.actor import operator
from mailhub.people import people
from storage.accounts.accounts import Account, add_account
from storage.people.users import User, add_user
from storage.schema import outbox
from tests.houses.asking import Asker

if TYPE_CHECKING:
    from tests.web.conftest import Visitor

OWNER = "owner@first.example"
NEW = "correct horse battery staple 9"

Visiting = Callable[..., "Visitor"]


def test_a_forgotten_password_is_set_once(visiting: Visiting) -> None:
    """Ask, open, set: the new one lets them in, and the link is over."""
    visitor = visiting()
    assert visitor.post("/password", email=f" {OWNER.upper()} ").status == 200
    [(kind, recipient, path)] = visitor.letters()
    assert (kind, recipient) == ("forgotten", OWNER)
    assert visitor.get(path).status == 200
    assert visitor.post(path, password=NEW, again="another one entirely").status == 400
    assert visitor.post(path, password=NEW, again=NEW).status == 200
    assert [visitor.get(path).status, visitor.post(path, password=NEW, again=NEW).status] == [404, 404]
    body = {"email": OWNER, "password": NEW, "account": "first"}
    assert Asker(app=visitor.app)("POST", "/v1/login", body).status == 201


def test_the_answer_is_the_same_whoever_is_named(visiting: Visiting) -> None:
    """Somebody's login, two people's, nobody's, no address: the same page; one letter to each who has it."""
    visitor = visiting()
    named = (OWNER, "agent@first.example", "nobody@first.example", "no address", "a@b\r\nBcc: c@d")
    assert len({visitor.post("/password", email=each).body for each in named}) == 1
    assert [to for _, to, _ in visitor.letters()] == [OWNER, "agent@first.example"]
    assert visitor.letters(2) == []  # the link of the other account is in the same letter


def test_who_has_logins_in_many_accounts_gets_all_links(visiting: Visiting) -> None:
    """One letter, with a link for each account that works, not for the first two alone."""
    visitor = visiting()
    for account in (3, 4):
        row = Account(
            id=account, name=str(account), stage="active", billing="none", created_at=1, stage_entered_at=1
        )
        user = User(
            account_id=account, id=account, email="agent@first.example", name="", role="agent", created_at=1
        )
        visitor.house.writer.run(lambda tx, row=row: add_account(tx.connection, row))  # type: ignore[misc]
        visitor.house.writer.run(lambda tx, user=user: add_user(tx.connection, user))  # type: ignore[misc]
    visitor.post("/password", email="agent@first.example")
    assert [len(visitor.letters(account)) for account in (1, 2, 3, 4)] == [1, 0, 0, 0]
    assert [visitor.get(path).status for path in visitor.links()] == [200] * 4


def test_a_deleted_users_letters_are_gone(visiting: Visiting) -> None:
    """Neither a letter that waits, nor the address of one that left, outlives the user; others' stay."""
    visitor = visiting()
    for login in (OWNER, "agent@first.example"):
        visitor.post("/password", email=login)
    assert [to for _, to, _ in visitor.letters()] == [OWNER, "agent@first.example"]
    people.delete_user(visitor.house.writer, operator(0), 1, 12, heir=None, now=clock.now())
    with visitor.house.database.read() as connection:
        left = connection.execute(select(outbox.c.recipient).where(outbox.c.account_id == 1)).scalars().all()
    assert left == [OWNER]


def test_who_asks_too_often_ends_no_link_on_its_way(visiting: Visiting) -> None:
    """Within the hour no second letter goes and no link is made: the one that was mailed still works."""
    visitor = visiting()
    for _ in range(8):
        visitor.post("/password", email=OWNER)
    [(_, _, path)] = visitor.letters()
    assert visitor.get(path).status == 200


def test_a_reset_is_blocked_by_no_other_letter(visiting: Visiting) -> None:
    """Links that an admin makes, and what somebody asks about the same address as a contact, take no turn of it."""
    visitor = visiting()
    ask = owner_of(visitor)
    for _ in range(2):
        assert ask("POST", "/v1/users/12/link?account=1", {}).status == 201
    visitor.post("/privacy", mailbox="support@first.example", address="agent@first.example", kind="export")
    visitor.post("/password", email="agent@first.example")
    assert [kind for kind, _, _ in visitor.letters()].count("forgotten") == 1


def owner_of(visitor: Visitor) -> Any:
    """Asks on the admin socket."""
    return Asker(app=visitor.app, uid=0)


def test_an_invitation_is_mailed_or_shown_never_both(visiting: Visiting) -> None:
    """Where letters are written the link goes to its user alone; with show_link, and without letters, it is shown."""
    ask = owner_of(visitor := visiting())
    new = {"email": "new@first.example", "invite": True}
    mailed = ask("POST", "/v1/users?account=1", new).json
    assert (mailed["mailed"], mailed["link"]) == (True, None)
    [(kind, recipient, path)] = visitor.letters()
    assert (kind, recipient, path.startswith("/password/mhl_")) == ("invitation", "new@first.example", True)
    shown = ask(
        "POST", "/v1/users?account=1", {"email": "other@first.example", "invite": True, "show_link": True}
    ).json
    assert (shown["mailed"], shown["link"][:4]) == (False, "mhl_")
    assert len(visitor.letters()) == 1
    silent = owner_of(visiting(sender=""))
    told = silent("POST", "/v1/users?account=1", {"email": "third@first.example", "invite": True}).json
    assert (told["mailed"], told["link"][:4]) == (False, "mhl_")


def test_a_link_for_one_thing_does_no_other(visiting: Visiting) -> None:
    """A link that sets a password confirms no deletion and opens no request."""
    visitor = visiting()
    visitor.post("/password", email=OWNER)
    link = visitor.letters()[0][2].rpartition("/")[2]
    fields = {"email": OWNER, "password": NEW, "code": "123456"}
    assert visitor.get(f"/deletion/{link}").status == 404
    assert visitor.post(f"/deletion/{link}", **fields).status == 404
    assert visitor.get(f"/privacy/1/{link}").status == 404
