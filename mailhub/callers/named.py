"""What a request names, found in its account: tickets by number or id, mailboxes by address, users by login.

Where a hold restricts what is named, whoever asks hears so here, at every door alike.
"""

from __future__ import annotations

from mailhub.callers.caller import Call, named_account
from mailhub.callers.names import is_id
from mailhub.errors import AccountNeeded, BadRequest, NotFound
from storage.database import Connection, Database
from storage.mail import mailboxes, message_lists
from storage.mail.message_lists import MessageRow
from storage.people import users
from storage.tickets import tickets
from storage.tickets.tickets import Ticket

NO_ACCOUNT = 0  # no account has this id: a name that leads nowhere fails as any other wrong login does


def account_named(database: Database, name: str | None) -> int | None:
    """The account that somebody who logs in names by id or name; None without one."""
    if name is None:
        return None
    try:
        with database.read() as connection:
            return named_account(connection, name)
    except (NotFound, AccountNeeded):
        return NO_ACCOUNT


def the_ticket(connection: Connection, call: Call, reference: str) -> Ticket:
    """The ticket given by id or by number, with or without #.

    Raises ``NotFound``, or ``Forbidden`` where a hold restricts it.
    """
    digits = reference.removeprefix("#")
    if not is_id(digits):
        raise BadRequest("name a ticket by its id or its number")
    found = tickets.find_ticket(connection, call.account, int(digits))
    if found is None:
        raise NotFound(f"no such ticket: {reference}")
    call.require_readable(connection, found.id)
    return found


def ticket_id(connection: Connection, call: Call, reference: str) -> int:
    """The id of the ticket given by id or by number; raises as ``the_ticket`` does."""
    return the_ticket(connection, call, reference).id


def message_row(connection: Connection, call: Call, message: int) -> MessageRow:
    """The stored message, if the caller may read it; ``NotFound``, or ``Forbidden`` where a hold restricts it."""
    row = message_lists.find_message(connection, call.account, message)
    if row is None:
        raise NotFound(f"no such message: {message}")
    call.require_readable(connection, row.ticket_id)
    return row


def mailbox_id(connection: Connection, account: int, name: str) -> int:
    """The id of a mailbox given by address or id; raises ``NotFound``."""
    by_id = mailboxes.find_mailbox(connection, account, int(name)) if is_id(name) else None
    found = by_id or mailboxes.find_mailbox_by_address(connection, account, name)
    if found is None:
        raise NotFound(f"no such mailbox: {name}")
    return found.id


def the_user(connection: Connection, account: int, name: str) -> users.User:
    """The user with this id or login; NotFound without one."""
    by_id = users.find_user(connection, account, int(name)) if is_id(name) else None
    found = by_id or users.find_user_by_email(connection, account, name)
    if found is None:
        raise NotFound(f"there is no user {name}")
    return found


def user_id(connection: Connection, account: int, name: str) -> int:
    """The id of a user given by login or id; raises ``NotFound``."""
    return the_user(connection, account, name).id
