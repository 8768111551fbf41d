"""Who may do what: one table, and ``require``, which every act asks first. Default deny; a test walks the whole matrix.

The operator runs the service; what people wrote is closed to them without a grant by an owner or admin, which
lets them read and nothing else (``mailhub/access/grants.py``). A user acts only inside their own account:
elsewhere they hear "not found".
"""

from __future__ import annotations

from mailhub.access.actor import Actor, Role
from mailhub.errors import Forbidden, NotFound

_EVERYONE = frozenset(Role)
_STAFF = frozenset({Role.OWNER, Role.ADMIN, Role.AGENT})
_HEADS = frozenset({Role.OWNER, Role.ADMIN})
_OWNERS = frozenset({Role.OWNER})
_RUNNING = frozenset({Role.OPERATOR, Role.OWNER, Role.ADMIN})
_OPERATOR = frozenset({Role.OPERATOR})

ACTIONS: dict[str, frozenset[Role]] = {
    # what people wrote
    "ticket.read": _STAFF,
    "ticket.work": _STAFF,  # reply, note, assign, close, reopen, merge, split, trash, restore
    "ticket.purge": _HEADS,
    "message.read": _STAFF,
    "spam.mark": _STAFF,
    "spam.revoke": _HEADS,  # anybody's marks
    "spam.explain": _STAFF,
    "contact.read": _STAFF,
    "contact.manage": _STAFF,
    "contact.erase": _EVERYONE,  # by exact address; the operator sees counts only
    "erasure.read": _EVERYONE,
    "privacy-request.read": _STAFF,  # what people ask about their own data
    "privacy-request.decide": _STAFF,
    "rule.read": _STAFF,
    "rule.manage": _HEADS,  # what is done to tickets without anybody
    # how the service is doing
    "status.read": _EVERYONE,
    "intake.read": _EVERYONE,
    "intake.work": _RUNNING,  # retry, discard
    "refusal.read": _OPERATOR,
    "spam.stats": _EVERYONE,
    "spam.verify": _RUNNING,
    "spam.rebuild": _RUNNING,
    "sender.read": _EVERYONE,
    "sender.manage": _RUNNING,
    "mail.deliver": _EVERYONE,
    "mail.reparse": _RUNNING,
    "mail.import": _RUNNING,
    # the account
    "account.read": _EVERYONE,
    "account.manage": _OPERATOR,  # create, activate, suspend, terminate, payments, sweeps
    "account.lift": frozenset({Role.OPERATOR, Role.OWNER}),  # a suspension
    "account.delete": frozenset({Role.OPERATOR, Role.OWNER}),  # ask for it
    "account.export": _OWNERS,
    "contact.export": _STAFF,
    "user.read": _EVERYONE,
    "user.manage": _RUNNING,
    "allow-list.read": _RUNNING,
    "allow-list.manage": _RUNNING,
    "mailbox.read": _EVERYONE,
    "mailbox.manage": _RUNNING,
    "login.own": _STAFF,  # a user's own password, second factor and sessions
    "session.manage": _RUNNING,  # everybody's
    "token.own": _STAFF,  # a user's own ApiTokens
    "token.manage": _HEADS,  # everybody's
    "retention.read": _RUNNING,
    "privacy.read": _EVERYONE,  # the record of processing
    "breach.read": _RUNNING,
    "breach.manage": _RUNNING,
    "hold.read": _RUNNING,
    "hold.manage": _RUNNING,
    "grant.read": _EVERYONE,
    "grant.manage": _HEADS,
    "journal.read": _RUNNING,
    "journal.verify": _RUNNING,
    "journal.machine": _OPERATOR,  # acts that concern no account, and the anchors
    "backup.create": _OPERATOR,
    "backup.read": _OPERATOR,
}

ENROLMENT = frozenset(
    {"login.own"}
)  # what a session may do before its user has the second factor their role needs

WHILE_CLOSED = (
    frozenset(  # in an account that is suspended or gone: nothing that shows or changes what people wrote
        {
            "account.read",
            "account.manage",
            "account.lift",
            "account.delete",
            "hold.read",
            "hold.manage",
            "status.read",
            "login.own",
            "mail.deliver",
            "refusal.read",
            "journal.read",
            "journal.verify",
            "journal.machine",
            "backup.create",
            "backup.read",
        }
    )
)

READING = frozenset(action for action in ACTIONS if action.endswith((".read", ".explain", ".stats")))


def needs_grant(actor: Actor, action: str) -> bool:
    """Whether this is an operator who wants to read what people wrote: a grant can allow that."""
    return actor.role is Role.OPERATOR and action in READING and Role.OPERATOR not in ACTIONS[action]


def allowed(actor: Actor, action: str) -> bool:
    """Whether the actor's role, and the scopes of their ApiToken, allow the action; KeyError for an unknown action."""
    roles = ACTIONS[action]
    return (actor.role in roles or (actor.machine and Role.OPERATOR in roles)) and _in_scope(
        actor.scopes, action
    )


def _in_scope(scopes: frozenset[str], action: str) -> bool:
    """A scope is an action (``ticket.read``), a noun (``ticket``), or ``read`` for everything that only reads."""
    noun = action.split(".", 1)[0]
    return not scopes or action in scopes or noun in scopes or ("read" in scopes and action in READING)


def require(actor: Actor, action: str, account: int | None) -> None:
    """Raise unless the actor may do this in this account.

    Raises ``NotFound`` for a user outside their account (they do not learn that it exists), ``Forbidden`` otherwise.
    """
    elsewhere = account is not None and actor.account != account
    if elsewhere and not (actor.machine and Role.OPERATOR in ACTIONS[action]):
        if actor.role is Role.OPERATOR:
            raise Forbidden(
                f"{actor.role} may not {action}: it needs a grant by an owner or admin of the account"
            )
        raise NotFound("no such account")
    if not allowed(actor, action):
        raise Forbidden(f"{actor.role} may not {action}{_limited(actor)}")


def _limited(actor: Actor) -> str:
    if not actor.scopes:
        return ""
    return (
        " with this ApiToken"
        if actor.session is None
        else " before he has a second factor: mailhub user totp"
    )


def known_scopes() -> frozenset[str]:
    """Every scope an ApiToken can be limited to."""
    return frozenset(ACTIONS) | {action.split(".", 1)[0] for action in ACTIONS} | {"read"}


RANKS = tuple(Role)  # from the widest to the narrowest


def require_grant(actor: Actor, role: str) -> None:
    """Raise ``Forbidden`` where somebody would give a role that is wider than their own."""
    if not actor.machine and RANKS.index(Role(role)) < RANKS.index(actor.role):
        raise Forbidden(f"{actor.role} may not make anybody {role}")


def require_touch(actor: Actor, role: str) -> None:
    """Raise ``Forbidden`` unless the actor may change, reset or end what belongs to another user of this role.

    Owners may for everybody in their account, others only for those below them: an admin's password cannot be
    reset by another admin, who would then act under their name.
    """
    if actor.machine or actor.role in (Role.OPERATOR, Role.OWNER):
        return
    if RANKS.index(Role(role)) <= RANKS.index(actor.role):
        raise Forbidden(f"{actor.role} may not touch the login of an {role}")
