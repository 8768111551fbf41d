"""A new account with its owner, in one act: who makes it invites the owner by a link. Until then nobody is in it."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.access.actor import Actor, Role
from mailhub.accounts import lifecycle
from mailhub.people import people
from mailhub.people.people import HandedLink, LinkTerms
from mailhub.proof.act import Act
from storage.accounts.accounts import Account
from storage.people.users import User


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedAccount:
    """The account, its owner, and the link that lets the owner in."""

    account: Account
    owner: User
    handed: HandedLink


def open_account(
    act: Act, *, name: str, billing: str, owner: str, owner_name: str, caller: Actor, terms: LinkTerms
) -> OpenedAccount:
    """Make an account: a trial with ``billing`` external, else active; its owner gets a link by ``terms``."""
    account = lifecycle.new_account(act, name=name, billing=billing)
    within = act.of(account.id)
    user = people.add_user(within, email=owner, name=owner_name, role=Role.OWNER, caller=caller)
    handed = people.hand_link(within, user.id, caller=caller, terms=terms)

    return OpenedAccount(account=account, owner=user, handed=handed)
