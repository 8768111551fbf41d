"""Which mailbox an address leads to: any string is answered, without a query."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from mailhub.directory import Directory
from mailhub.envelope import Recipient, Refusal
from storage.mail import mailboxes
from storage.mail.mailboxes import Mailbox, Route, add_address, add_mailbox, delete_mailbox
from tests.houses.postroom import HELP, OURS, SALES, START, SUPPORT, THEIRS, PostRoom

STRANGE = [
    "",
    "@",
    "@@",
    "+",
    "+@",
    "a",
    "@example.com",
    "support",
    "abuse",
    "support@",
    "support@@example.com",
    "\0",
]
STRANGE += [
    "support @example.com",
    "support@example.com ",
    "+support@example.com",
    "x" * 100_000,
    "\ud800@example.com",
]
STRANGE += ["support@sub.example.com", "xsupport@example.com", "postmaster@elsewhere.example"]


def led_to(directory: Directory, address: str) -> tuple[int, int, str] | None:
    """(account, mailbox, plus part), None when refused."""
    found = directory.resolve(address)
    return (found.account, found.mailbox, found.detail) if isinstance(found, Recipient) else None


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("support@example.com", (OURS, SUPPORT, "")),
        ("SUPPORT+Token@EXAMPLE.com", (OURS, SUPPORT, "token")),
        ("sales+a+b@example.com", (OURS, SALES, "a+b")),
        ("support+@example.com", (OURS, SUPPORT, "")),
        ("help@other.example", (THEIRS, HELP, "")),
        ("postmaster", (OURS, SUPPORT, "")),
        ("Postmaster@Other.Example", (THEIRS, HELP, "")),
        ("abuse+x@example.com", (OURS, SUPPORT, "x")),
    ],
)
def test_served_addresses(room: PostRoom, address: str, expected: tuple[int, int, str]) -> None:
    """Case and plus part do not count; role accounts of a domain lead to its first mailbox."""
    assert led_to(room.directory, address) == expected


def test_any_other_string_is_refused(room: PostRoom) -> None:
    """Whatever is no served address is unknown, and nothing raises."""
    assert {address: room.directory.resolve(address) for address in STRANGE} == dict.fromkeys(
        STRANGE, Refusal.UNKNOWN
    )


def test_the_catch_all_is_a_setting(room: PostRoom) -> None:
    """With the catch-all every local part of a served domain is taken, no other domain, and none of it is our own."""
    directory = Directory(room.database, catch_all=True)
    assert led_to(directory, "anybody+x@example.com") == (OURS, SUPPORT, "x")
    assert led_to(directory, "sales@example.com") == (OURS, SALES, "")
    assert led_to(directory, "anybody@elsewhere.example") is None
    assert [directory.is_own(OURS, each) for each in ("anybody@example.com", "sales@example.com")] == [
        False,
        True,
    ]


def test_own_addresses_are_the_accounts_own(room: PostRoom) -> None:
    """An address is own in the account it leads to, with plus part too; an empty sender never is."""
    own = {each for each in ("support+x@EXAMPLE.com", "abuse@example.com", "help@other.example", "") if
           room.directory.is_own(OURS, each)}  # fmt: skip
    assert own == {"support+x@EXAMPLE.com", "abuse@example.com"}


def test_changes_are_seen_after_a_refresh(room: PostRoom) -> None:
    """New mailboxes and further addresses lead somewhere after a refresh, deleted ones nowhere; a plus row wins."""
    made = Mailbox(account_id=OURS, id=77, address="new@third.example", name="", created_at=START)
    exact = Route(address="support+vip@example.com", account_id=OURS, mailbox_id=SALES)
    room.do(lambda tx: add_mailbox(tx.connection, made))
    room.do(lambda tx: add_address(tx.connection, exact))
    room.do(lambda tx: delete_mailbox(tx.connection, THEIRS, HELP))
    assert led_to(room.directory, "new@third.example") is None
    room.directory.refresh()
    assert (
        led_to(room.directory, "new@third.example")
        == led_to(room.directory, "abuse@third.example")
        == (OURS, 77, "")
    )
    assert led_to(room.directory, "Support+VIP@example.com") == (OURS, SALES, "")
    assert led_to(room.directory, "help@other.example") is None
    assert (room.directory.find_mailbox(77), room.directory.find_mailbox(HELP)) == (made, None)


def test_an_older_picture_never_replaces_a_newer_one(room: PostRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two refreshes at once, the one that read before a mailbox was made does not have the last word."""
    original, read, go_on = mailboxes.list_routes, threading.Event(), threading.Event()

    def slow(connection: Any) -> Any:
        routes = original(connection)
        if threading.current_thread() is older:
            read.set()
            go_on.wait(30)
        return routes

    older, newer = (threading.Thread(target=room.directory.refresh) for _ in range(2))
    monkeypatch.setattr("mailhub.directory.list_routes", slow)
    older.start()
    assert read.wait(30)
    made = Mailbox(account_id=OURS, id=77, address="new@third.example", name="", created_at=START)
    room.do(lambda tx: add_mailbox(tx.connection, made))
    newer.start()
    newer.join(0.2)  # without the lock it ends here, before the older one
    go_on.set()
    older.join(30)
    newer.join(30)
    assert led_to(room.directory, "new@third.example") == (OURS, 77, "")
