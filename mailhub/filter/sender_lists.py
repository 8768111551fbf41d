"""An account's allow and deny lists of senders: rules put on them and taken away. Which rule wins is ``senders``."""

from __future__ import annotations

from mailhub.access.quotas import require_room
from mailhub.config import Quotas
from mailhub.errors import Conflict, NotFound
from mailhub.filter.senders import ALLOW, DENY, pattern_of
from mailhub.proof.act import Act
from storage.filter import senders
from storage.filter.senders import SenderRule


def require_list(name: str) -> None:
    """Raise ``NotFound`` for what is no list."""
    if name not in (ALLOW, DENY):
        raise NotFound(f"no such list: {name}; there are allow and deny")


def add_rule(act: Act, name: str, pattern: str, *, quotas: Quotas) -> SenderRule:
    """Put a sender on a list; they are on one of them at most. It holds for mail that comes from now on."""
    require_list(name)
    wanted = pattern_of(pattern)
    connection = act.transaction.connection
    known = senders.find_sender_rule(connection, act.account, wanted)
    if known is not None:
        raise Conflict(f"there is a rule for this sender already: {known.id}, on the {known.list} list")

    require_room(act, quotas, "sender_rules")
    rule = SenderRule(
        account_id=act.account, id=act.transaction.new_id(), list=name, pattern=wanted, created_at=act.now
    )
    senders.add_sender_rule(connection, rule)
    act.record(f"spam.{name}-add", f"sender-rule:{rule.id}")

    return rule


def remove_rule(act: Act, name: str, rule: int) -> None:
    """Take a rule away. What it decided before stays decided."""
    require_list(name)
    if not senders.remove_sender_rule(act.transaction.connection, act.account, name, rule):
        raise NotFound(f"no such rule on the {name} list: {rule}")
    act.record(f"spam.{name}-remove", f"sender-rule:{rule}")
