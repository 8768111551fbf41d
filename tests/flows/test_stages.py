"""An account's whole life by the command line of a real daemon: what its doors say in each stage, and what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailhub.cli.client import ApiError

if TYPE_CHECKING:
    from tests.houses.hub import Hub

HEAD = b"From: kim@customer.example\r\nTo: support@example.com\r\nSubject: zanzibar\r\n"
MAIL = HEAD + b"Message-ID: <%d@x>\r\n\r\nhello\r\n"


def rcpt(hub: Hub) -> int:
    """What RCPT answers for the account's address."""
    with hub.smtp() as smtp:
        smtp.ehlo()
        smtp.mail("kim@customer.example")
        return int(smtp.rcpt("support@example.com")[0])


def unmap(hub: Hub) -> None:
    """The administrator is no user of the account any more: that one goes."""
    hub.stop()
    lines = hub.config.read_text(encoding="utf-8").splitlines(keepends=True)
    hub.config.write_text("".join(line for line in lines if not line.startswith("users")), encoding="utf-8")
    hub.start()


@pytest.mark.parametrize("setting", ["hold", "defer"])
def test_from_active_to_deleted(idle_hub: Hub, setting: str) -> None:
    """Suspended: mail is held or deferred and nobody reads; lifted: it is all there; asked to go: three
    sweeps later the address is unknown, nothing of the mail is in the data directory, and the receipt
    verifies offline.
    """
    hub = idle_hub
    hub.environment |= {"MAILHUB_LIFECYCLE__SUSPENDED_MAIL": setting}
    hub.start()
    hub.send(MAIL % 1)
    hub.json("account", "suspend")
    assert rcpt(hub) == (250 if setting == "hold" else 450)
    if setting == "hold":
        hub.send(MAIL % 2)
    with pytest.raises(ApiError, match="sealed"):
        hub.json("ticket", "list")
    assert hub.json("account", "resume")["stage"] == "active"
    assert len(hub.json("ticket", "list")) == (2 if setting == "hold" else 1)
    asked = hub.json("account", "delete", "--yes")
    assert asked["next"]["reason"] == "owner-asked"
    unmap(hub)
    stages = []
    for _ in range(3):
        assert hub.json("sweep")["clock"] == "sane"
        stages.append(hub.json("account", "show")["stage"])
        if stages[-1] == "terminated":
            assert rcpt(hub) == 550
    assert stages == ["suspended", "terminated", "deleted"]
    shown = hub.json("account", "show")
    assert (shown["name"], shown["next"]["to"]) == ("", "purged")
    (hub.directory / "receipt.json").write_text(shown["receipts"][0], encoding="ascii")
    verified = hub.run("erasure", "verify", "receipt.json")
    assert verified.returncode == 0, verified.stderr
    assert hub.stop() == 0
    files = [path for path in hub.directory.rglob("*") if path.is_file()]
    assert [path.name for path in files if b"zanzibar" in path.read_bytes()] == []
