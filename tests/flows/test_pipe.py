"""`mailhub deliver` bounces a mail only when it is certain; on any doubt the caller keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.houses.hub import Hub

RAW = b"From: ana@customer.example\r\nSubject: piped\r\nMessage-ID: <p@customer.example>\r\n\r\nx\r\n"
TO = ("--recipient", "support@example.com")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--account", "nobody", *TO),  # an account that is not there
        ("--account", "nobody"),
        (*TO, "--colour"),  # a wrong call
        (*TO, "--sender"),
        (*TO, "surplus"),
    ],
)
def test_a_doubt_is_75(hub: Hub, arguments: tuple[str, ...]) -> None:
    """A missing account or a wrong call is somebody's to mend: the mail is tried again."""
    assert hub.run("deliver", *arguments, stdin=RAW).returncode == 75


def test_too_long_is_65(idle_hub: Hub) -> None:
    """A message over the limit will never be taken: the sender hears of it."""
    idle_hub.environment["MAILHUB_LIMITS__MESSAGE_BYTES"] = "65536"
    idle_hub.start()
    assert idle_hub.run("deliver", *TO, stdin=RAW + b"x" * 70_000).returncode == 65
    assert idle_hub.stop() == 0
