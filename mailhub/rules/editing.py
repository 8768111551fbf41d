"""An account's rules: added, written anew, switched on and off, put in order, deleted. Acts of its owners and admins.

A rule is told by its id or its name; two of one name there are not. What it says is checked before it is stored, and
whoever it names is a user then. Raise ``BadRequest`` (the text, with the place), ``NotFound``, ``Conflict``; they
leave nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mailhub.access.quotas import require_room
from mailhub.config import Quotas
from mailhub.errors import BadRequest, Conflict, NotFound
from mailhub.proof.act import Act
from mailhub.rules.form import On, WrittenRule, read_rule
from storage.accounts.accounts import lock_account
from storage.database import Connection
from storage.people.users import find_user_by_email
from storage.rules import rules
from storage.rules.rules import RuleRow


def find(connection: Connection, account: int, name: str) -> RuleRow:
    """The rule with this id or name."""
    wanted = name.strip().casefold()
    for row in rules.list_rules(connection, account):
        if str(row.id) == wanted or row.name.casefold() == wanted:
            return row
    raise NotFound("there is no such rule")


def add(act: Act, text: str, *, user: int, quotas: Quotas) -> RuleRow:
    """Put a rule behind the others. It runs from now on."""
    said = _checked(act, text)
    require_room(act, quotas, "rules")
    _require_free(act, said.name, None)
    connection = act.transaction.connection
    row = RuleRow(
        account_id=act.account,
        id=act.transaction.new_id(),
        position=rules.last_position(connection, act.account) + 1,
        name=said.name,
        text=text,
        user_id=user,
        looked_until=_from_now(act, said),
        created_at=act.now,
        updated_at=act.now,
    )
    rules.add_rule(connection, row)
    act.record("rule.add", f"rule:{row.id}")
    return row


def rewrite(act: Act, name: str, text: str, *, user: int) -> RuleRow:
    """Let a rule say something else. It stays on or off, and where it is."""
    lock_account(act.transaction.connection, act.account)
    row = find(act.transaction.connection, act.account, name)
    said = _checked(act, text)
    if row.text == text:
        return row
    _require_free(act, said.name, row.id)
    changed = replace(
        row, name=said.name, text=text, user_id=user, updated_at=act.now, looked_until=_from_now(act, said)
    )
    return _put(act, row, changed, "rule.rewrite")


def switch(act: Act, name: str, *, on: bool) -> RuleRow:
    """Let a rule run, or not. On, it is given another try whatever went wrong before, and looks ahead only."""
    row = find(act.transaction.connection, act.account, name)
    if bool(row.enabled) == on:
        return row
    said = _checked(act, row.text) if on else None
    changed = replace(row, enabled=int(on), fault=None)
    if said is not None:
        changed = replace(changed, looked_until=_from_now(act, said))
    return _put(act, row, changed, "rule.on" if on else "rule.off")


def delete(act: Act, name: str) -> None:
    """Remove a rule. What it did stays done."""
    row = find(act.transaction.connection, act.account, name)
    rules.delete_rule(act.transaction.connection, act.account, row.id)
    act.record("rule.delete", f"rule:{row.id}")


def order(act: Act, names: Sequence[str]) -> Sequence[RuleRow]:
    """Let these rules run first, in this order; the others follow as they were."""
    connection = act.transaction.connection
    lock_account(connection, act.account)
    first = [find(connection, act.account, name) for name in names]
    if len({row.id for row in first}) < len(first):
        raise BadRequest("a rule is named twice")
    chosen = {row.id for row in first}
    rest = [row for row in rules.list_rules(connection, act.account) if row.id not in chosen]
    for position, row in enumerate([*first, *rest], start=1):
        if row.position != position:
            rules.change_rule(connection, act.account, row.id, position=position)
    act.record("rule.order", "rule:0", rules=[row.id for row in first])
    return rules.list_rules(connection, act.account)


def _put(act: Act, before: RuleRow, after: RuleRow, verb: str) -> RuleRow:
    changed = {
        name: getattr(after, name)
        for name in RuleRow.__slots__
        if getattr(after, name) != getattr(before, name)
    }
    rules.change_rule(act.transaction.connection, act.account, before.id, **changed)
    act.record(verb, f"rule:{before.id}")
    return after


def _checked(act: Act, text: str) -> WrittenRule:
    """The rule that a text says, all of whose people are users."""
    said = read_rule(text)
    for action in said.then:
        for login in action.values if action.verb == "assign" else ():
            if find_user_by_email(act.transaction.connection, act.account, login.casefold()) is None:
                raise BadRequest(f"then.assign: there is no user {login}")
    return said


def _require_free(act: Act, name: str, own: int | None) -> None:
    known = rules.list_rules(act.transaction.connection, act.account)
    if any(row.name.casefold() == name.casefold() and row.id != own for row in known):
        raise Conflict("there is a rule of this name already")


def _from_now(act: Act, said: WrittenRule) -> int | None:
    """A rule that waits for time to pass looks at what becomes due from now on: not at years of old tickets."""
    return act.now - said.idle if On.TIME in said.on else None
