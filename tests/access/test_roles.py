"""Who may do what: the whole matrix, walked."""

from __future__ import annotations

import pytest

from mailhub.access.actor import Actor, Role, operator
from mailhub.access.roles import ACTIONS, READING, allowed, known_scopes, require
from mailhub.errors import Forbidden, NotFound

OWN, OTHER = 1, 2

EXPECTED = {  # action: who may, by first letter: operator O, owner o, admin a, agent g
    "ticket.read": "oag",
    "ticket.work": "oag",
    "ticket.purge": "oa",
    "message.read": "oag",
    "spam.mark": "oag",
    "spam.revoke": "oa",
    "spam.explain": "oag",
    "contact.read": "oag",
    "contact.manage": "oag",
    "contact.erase": "Ooag",
    "erasure.read": "Ooag",
    "privacy-request.read": "oag",
    "privacy-request.decide": "oag",
    "rule.read": "oag",
    "rule.manage": "oa",
    "status.read": "Ooag",
    "intake.read": "Ooag",
    "intake.work": "Ooa",
    "refusal.read": "O",
    "spam.stats": "Ooag",
    "spam.verify": "Ooa",
    "spam.rebuild": "Ooa",
    "sender.read": "Ooag",
    "sender.manage": "Ooa",
    "mail.deliver": "Ooag",
    "mail.reparse": "Ooa",
    "mail.import": "Ooa",
    "account.read": "Ooag",
    "account.manage": "O",
    "account.export": "o",
    "contact.export": "oag",
    "account.lift": "Oo",
    "account.delete": "Oo",
    "user.read": "Ooag",
    "user.manage": "Ooa",
    "allow-list.read": "Ooa",
    "allow-list.manage": "Ooa",
    "mailbox.read": "Ooag",
    "mailbox.manage": "Ooa",
    "login.own": "oag",
    "session.manage": "Ooa",
    "token.own": "oag",
    "token.manage": "oa",
    "retention.read": "Ooa",
    "privacy.read": "Ooag",
    "breach.read": "Ooa",
    "breach.manage": "Ooa",
    "hold.read": "Ooa",
    "hold.manage": "Ooa",
    "grant.read": "Ooag",
    "grant.manage": "oa",
    "journal.read": "Ooa",
    "journal.verify": "Ooa",
    "journal.machine": "O",
    "backup.create": "O",
    "backup.read": "O",
}
LETTERS = {Role.OPERATOR: "O", Role.OWNER: "o", Role.ADMIN: "a", Role.AGENT: "g"}


def user(role: Role, **more: object) -> Actor:
    """A user of the account OWN."""
    return Actor(role=role, account=OWN, user=5, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_matrix(action: str) -> None:
    """Each role may do exactly what this table says, and nothing is missing from it."""
    actors = [operator(0), user(Role.OWNER), user(Role.ADMIN), user(Role.AGENT)]
    may = "".join(LETTERS[actor.role] for actor in actors if allowed(actor, action))
    assert may == EXPECTED[action]


def test_unknown_action_is_an_error() -> None:
    """A route that asks for an action nobody defined fails loudly."""
    with pytest.raises(KeyError):
        allowed(user(Role.OWNER), "ticket.everything")


@pytest.mark.parametrize("action", sorted(ACTIONS))
@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN, Role.AGENT])
def test_nobody_acts_in_another_account(action: str, role: Role) -> None:
    """Outside of their account a user hears that there is nothing, whatever they ask."""
    with pytest.raises(NotFound):
        require(user(role), action, OTHER)


def test_content_is_closed_to_the_operator() -> None:
    """The operator runs the service but reads no mail."""
    with pytest.raises(Forbidden, match="grant"):
        require(operator(0), "ticket.read", OWN)
    require(operator(0), "intake.read", OWN)


def test_mapped_machine_uid_keeps_the_operators_rights() -> None:
    """A user whose uid is the service's may also do what the operator may, in every account."""
    owner = user(Role.OWNER, machine=True)
    require(owner, "backup.create", None)
    require(owner, "account.manage", OTHER)
    with pytest.raises(NotFound):
        require(owner, "ticket.read", OTHER)


@pytest.mark.parametrize(
    ("scopes", "may", "may_not"),
    [
        ({"read"}, "ticket.read", "ticket.work"),
        ({"ticket"}, "ticket.work", "message.read"),
        ({"ticket.read"}, "ticket.read", "ticket.work"),
        ({"spam", "read"}, "spam.mark", "mail.deliver"),
    ],
)
def test_scopes_only_take_away(scopes: set[str], may: str, may_not: str) -> None:
    """An ApiToken's scopes limit its user; they never give them more."""
    limited = user(Role.AGENT, scopes=frozenset(scopes))
    assert allowed(limited, may)
    assert not allowed(limited, may_not)
    assert not allowed(user(Role.AGENT, scopes=frozenset({"backup"})), "backup.create")


def test_scope_read_changes_nothing() -> None:
    """What the scope `read` opens are actions that only read."""
    assert {action.split(".")[1] for action in READING} == {"read", "explain", "stats"}
    assert "read" in known_scopes()
