"""From which networks the people of an account may come: rules added and removed. What a rule means is
``access.networks``.

The first rule of a list shuts everybody else out, but never who makes it: they could not take it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.access.networks import Address, admits, parse_rule
from mailhub.access.quotas import require_room
from mailhub.config import Quotas
from mailhub.errors import Conflict, NotFound
from mailhub.proof.act import Act
from storage.people import allow_lists
from storage.people.allow_lists import AllowedNetwork


@dataclass(frozen=True, slots=True)
class WayBack:
    """Where somebody comes from who must be able to come again, with this role."""

    role: str
    address: Address | None

    def require_in(self, rules: Sequence[tuple[str, str]]) -> None:
        """Raise ``Conflict`` if by these rules the next request from there would be refused."""
        if not admits(rules, self.role, self.address):
            raise Conflict(
                "this would lock you out: the lists would not hold the address you come from. Add that first, or let"
                " the machine's administrator do it"
            )


def add_rule(
    act: Act, *, network: str, role: str, quotas: Quotas, way_back: WayBack | None
) -> AllowedNetwork:
    """Let people of a role, or ``everyone``, come from this network. ``BadRequest`` for what is none."""
    connection = act.transaction.connection
    written = str(parse_rule(network))
    rules = allow_lists.networks_by_role(connection, act.account)
    if (role, written) in rules:
        raise Conflict("this rule is there already")

    require_room(act, quotas, "allowed_networks")
    if way_back is not None:
        way_back.require_in([*rules, (role, written)])

    rule = AllowedNetwork(
        account_id=act.account, id=act.transaction.new_id(), role=role, network=written, created_at=act.now
    )
    allow_lists.add_allowed_network(connection, rule)
    act.record("allow-list.add", f"allow-list:{rule.id}")

    return rule


def remove_rule(act: Act, rule: int, *, way_back: WayBack | None) -> None:
    """Remove a rule. With the last one of a list that list is gone, and nobody is shut out by it."""
    connection = act.transaction.connection
    if not allow_lists.remove_allowed_network(connection, act.account, rule):
        raise NotFound(f"no such rule: {rule}")
    if way_back is not None:
        way_back.require_in(allow_lists.networks_by_role(connection, act.account))
    act.record("allow-list.remove", f"allow-list:{rule}")
