"""A database that went away (a volume not mounted, a file removed) must not make mailhub refuse mail for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailhub.cli.client import ApiError

if TYPE_CHECKING:
    from tests.houses.hub import Hub


@pytest.mark.parametrize("left", [None, b""])
def test_serve_makes_no_database(idle_hub: Hub, left: bytes | None) -> None:
    """Where the database is missing or empty the daemon does not start (78), says what to do, and makes none."""
    database = idle_hub.directory / "mailhub.sqlite3"
    kept = database.read_bytes()
    database.unlink()
    if left is not None:
        database.write_bytes(left)
    done = idle_hub.run("serve")
    assert done.returncode == 78
    assert b"there is no database in" in done.stderr
    assert database.exists() is (left is not None)
    database.write_bytes(kept)
    idle_hub.start()
    assert idle_hub.stop() == 0


def test_without_any_mailbox_nobody_is_refused_for_good(own_hub: Hub) -> None:
    """When no mailbox is left every recipient hears a temporary 450, and /readyz says no."""
    own_hub.call("DELETE", "/v1/mailboxes/support@example.com")
    with own_hub.smtp() as smtp:
        smtp.ehlo()
        smtp.mail("ana@customer.example")
        assert smtp.rcpt("support@example.com")[0] == 450
    with pytest.raises(ApiError) as raised:
        own_hub.call("GET", "/readyz")
    assert raised.value.http_status == 503
