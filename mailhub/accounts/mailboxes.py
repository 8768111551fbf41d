"""The support addresses of an account: served from the commit on, changed, retired, and no longer from another.

The doors ask a copy in memory (``Directory``): it is read anew after the commit. Must not: know how mail of a
mailbox is fetched; whoever does is told by ``fetched_no_more``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mailhub.access.quotas import require_room
from mailhub.accounts.mailbox_domains import require_address
from mailhub.config import Config
from mailhub.directory import Directory
from mailhub.errors import BadRequest, Conflict, NotFound
from mailhub.proof.act import Act
from storage.mail import mailboxes, watches
from storage.mail.mailboxes import Mailbox
from storage.sources import imap_sources

LOCAL_PART_OCTETS = 64 - 27  # RFC 5321 4.5.3.1.1, less "+" and the 26 characters of a reply token


def require_room_for_tokens(address: str) -> None:
    """Raise ``BadRequest`` for an address that reply tokens cannot be put into."""
    local = address.rpartition("@")[0]
    if "+" in local:
        raise BadRequest("an address with + cannot be served: what follows the + marks replies")
    if len(local.encode()) > LOCAL_PART_OCTETS:
        raise BadRequest(
            f"at most {LOCAL_PART_OCTETS} octets before the @: reply addresses add 27, the limit is 64"
        )


def add(
    act: Act,
    config: Config,
    directory: Directory,
    *,
    address: str,
    name: str,
    on_reply_to_closed: str,
    purpose: str,
    operator: bool,
) -> Mailbox:
    """Serve an address from now on. Raises as ``require_address`` does; ``Conflict`` where it is served already."""
    require_room_for_tokens(address)
    connection = act.transaction.connection
    served = require_address(connection, config, act.account, address, operator=operator)
    if mailboxes.find_route(connection, served):
        known = mailboxes.find_mailbox_by_address(connection, act.account, served)
        retired = known is not None and known.retired_at is not None
        cure = ", and is retired: mailhub mailbox reinstate" if retired else ""
        raise Conflict(f"this address is served already{cure}")

    require_room(act, config.quotas, "mailboxes")
    mailbox = Mailbox(
        account_id=act.account,
        id=act.transaction.new_id(),
        address=served,
        name=name,
        on_reply_to_closed=on_reply_to_closed,
        purpose=purpose,
        created_at=act.now,
    )
    mailboxes.add_mailbox(connection, mailbox)
    act.record("mailbox.add", f"mailbox:{mailbox.id}")
    act.transaction.after_commit(directory.refresh)

    return mailbox


def change(
    act: Act, directory: Directory, mailbox: int, *, name: str | None, on_reply_to_closed: str | None
) -> Mailbox:
    """Another name in From of replies, or another way with replies to closed tickets; None leaves what there is."""
    before = _find(act, mailbox)
    wanted = {"name": name, "on_reply_to_closed": on_reply_to_closed}
    changed: dict[str, Any] = {
        key: value for key, value in wanted.items() if value is not None and value != getattr(before, key)
    }
    if not changed:
        return before

    _change(act, directory, mailbox, **changed)
    policy = {key: value for key, value in changed.items() if key != "name"}  # a name may be a person's
    act.record("mailbox.change", f"mailbox:{mailbox}", changed=sorted(changed), **policy)
    return replace(before, **changed)


def retire(act: Act, directory: Directory, mailbox: int, *, fetched_no_more: Callable[[], None]) -> Mailbox:
    """Take no new mail for an address that stays the account's: its tickets are read and answered as before.

    What a provider has stays there; fetching is paused. Retiring it again changes nothing.
    """
    before = _find(act, mailbox)
    if before.retired_at is not None:
        return before

    connection = act.transaction.connection
    source = imap_sources.find_source_of_mailbox(connection, act.account, mailbox)
    if source is not None and source.paused_at is None:
        imap_sources.set_paused(connection, act.account, source.id, at=act.now)
        act.transaction.after_commit(fetched_no_more)
    watch = watches.find_watch(connection, act.account, mailbox)
    if watch is not None and watch.silent_at is not None:
        watches.put_watch(connection, replace(watch, silent_at=None))  # no mail is no alarm from here on
    _change(act, directory, mailbox, retired_at=act.now)
    act.record("mailbox.retire", f"mailbox:{mailbox}")
    return replace(before, retired_at=act.now)


def reinstate(act: Act, directory: Directory, mailbox: int) -> Mailbox:
    """Take new mail again. Fetching from a provider stays paused until it is resumed."""
    before = _find(act, mailbox)
    if before.retired_at is None:
        return before

    _change(act, directory, mailbox, retired_at=None)
    act.record("mailbox.reinstate", f"mailbox:{mailbox}")
    return replace(before, retired_at=None)


def _find(act: Act, mailbox: int) -> Mailbox:
    found = mailboxes.find_mailbox(act.transaction.connection, act.account, mailbox)
    if found is None:
        raise NotFound(f"no such mailbox: {mailbox}")
    return found


def _change(act: Act, directory: Directory, mailbox: int, **values: object) -> None:
    mailboxes.change_mailbox(act.transaction.connection, act.account, mailbox, **values)
    act.transaction.after_commit(directory.refresh)


def delete(act: Act, directory: Directory, mailbox: int, *, fetched_no_more: Callable[[], None]) -> None:
    """Serve an address no longer. ``Conflict`` while tickets name it: they say by which address they came."""
    connection = act.transaction.connection
    _find(act, mailbox)
    if mailboxes.is_used(connection, act.account, mailbox):
        raise Conflict(
            "tickets came in by this mailbox: it cannot be deleted while they exist, but retired (mailhub mailbox retire)"
        )

    if source := imap_sources.find_source_of_mailbox(connection, act.account, mailbox):
        imap_sources.delete_source(connection, act.account, source.id)
        act.transaction.after_commit(fetched_no_more)
    mailboxes.delete_mailbox(connection, act.account, mailbox)
    act.record("mailbox.delete", f"mailbox:{mailbox}")
    act.transaction.after_commit(directory.refresh)
