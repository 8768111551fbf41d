"""The support addresses of an account: served from the commit on, and no longer from another.

The doors ask a copy in memory (``Directory``): it is read anew after the commit. Must not: know how mail of a
mailbox is fetched; whoever does is told by ``fetched_no_more``.
"""

from __future__ import annotations

from collections.abc import Callable

from mailhub.access.quotas import require_room
from mailhub.accounts.mailbox_domains import require_address
from mailhub.config import Config
from mailhub.directory import Directory
from mailhub.errors import BadRequest, Conflict, NotFound
from mailhub.proof.act import Act
from storage.mail import mailboxes
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
        raise Conflict("this address is served already")

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


def delete(act: Act, directory: Directory, mailbox: int, *, fetched_no_more: Callable[[], None]) -> None:
    """Serve an address no longer. ``Conflict`` while tickets name it: they say by which address they came."""
    connection = act.transaction.connection
    if mailboxes.find_mailbox(connection, act.account, mailbox) is None:
        raise NotFound(f"no such mailbox: {mailbox}")
    if mailboxes.is_used(connection, act.account, mailbox):
        raise Conflict("tickets came in by this mailbox: it cannot be deleted while they exist")

    if source := imap_sources.find_source_of_mailbox(connection, act.account, mailbox):
        imap_sources.delete_source(connection, act.account, source.id)
        act.transaction.after_commit(fetched_no_more)
    mailboxes.delete_mailbox(connection, act.account, mailbox)
    act.record("mailbox.delete", f"mailbox:{mailbox}")
    act.transaction.after_commit(directory.refresh)
