"""Who asks. Job: the value every permission check takes. How a caller becomes one: ``callers/caller.py``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """From the widest to the narrowest (docs/design.md, "Who may do what")."""

    OPERATOR = "operator"
    OWNER = "owner"
    ADMIN = "admin"
    AGENT = "agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """One caller. The operator belongs to no account; a user to exactly one."""

    role: Role
    account: int | None = None
    user: int | None = None
    uid: int | None = None  # of the peer on the admin socket
    scopes: frozenset[str] = frozenset()  # what they are limited to; empty means all their role may
    token: int | None = None  # id of the ApiToken, if one was sent
    session: int | None = None  # id of the session, if one was sent
    fresh_until: int | None = None  # of the session's second factor; see ``freshness``
    machine: bool = False  # a user whose uid is root's or the service's: the operator's rights are theirs too

    @property
    def kind(self) -> str:
        """``operator`` or ``user``."""
        return "operator" if self.role is Role.OPERATOR else "user"

    @property
    def name(self) -> str:
        """How the journal writes it: ``user:12`` or ``operator:0``."""
        return f"operator:{self.uid}" if self.user is None else f"user:{self.user}"


def operator(uid: int) -> Actor:
    """The machine's administrator."""
    return Actor(role=Role.OPERATOR, uid=uid, machine=True)
