"""`mailbox test`: whatever is wrong on the way, the step at which it is says what to do."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from mailhub.config import Imap
from mailhub.intake.imap.login import Logins
from mailhub.intake.imap.tokens import AccessTokens
from mailhub.intake.imap.trial import TrialStep, try_out
from mailhub.keys import Keys
from storage.sources.imap_sources import ImapFolder, ImapSource
from tests.houses.imap_rows import source_row
from tests.intake.imap.hostile import Line, Script, junk, scripted, silence

FOLDER = ImapFolder(account_id=1, id=3, source_id=2, name="INBOX")


def refusing(what: bytes) -> Script:
    """A server that says NO to one command."""

    def talk(line: Line) -> None:
        line.send(b"* OK ready\r\n")
        while True:
            tag, rest = line.command()
            line.send(b'* CAPABILITY IMAP4rev1\r\n* LIST () "/" Post\r\n')
            line.send(tag + (b" NO not for you\r\n" if what in rest else b" OK done\r\n"))

    return talk


def tried(make_source: Callable[..., ImapSource], script: Script, tls: str = "none") -> TrialStep:
    """The last step of a test of a server that goes by ``script``."""
    with scripted(script) as port:
        return last_step(make_source(port=port, tls=tls))


def last_step(source: ImapSource) -> TrialStep:
    """The step that failed."""
    logins = Logins(Keys(bytes(32)), cast(AccessTokens, None))
    *before, last = try_out(
        source, [FOLDER], Imap(command_seconds=1, local_servers=f"{source.host}:{source.port}"), logins
    )
    assert [step.ok for step in before] == [True] * len(before)
    assert not last.ok
    return last


@pytest.fixture
def make_source(tmp_path: Path) -> Callable[..., ImapSource]:
    """Mailboxes on this machine, opened by a password."""
    password = tmp_path / "password"
    password.write_text("any", encoding="utf-8")

    def make(*, port: int, tls: str = "none", host: str = "localhost") -> ImapSource:
        return source_row(
            account=1,
            source=2,
            mailbox=3,
            host=host,
            port=port,
            tls=tls,
            secret_from=f"file:{password}",
            idle=1,
        )

    return make


def test_a_host_that_is_not_there(make_source: Callable[..., ImapSource]) -> None:
    """A name nobody knows, and a port where nobody listens."""
    step = last_step(make_source(port=1, host="nowhere.invalid"))
    assert (step.name, "cannot be found: check it" in step.text) == ("name", True)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    step = last_step(make_source(port=port, host="127.0.0.1"))
    assert (step.name, "check host and port" in step.text) == ("connection", True)


@pytest.mark.parametrize(
    ("script", "tls", "name", "advice"),
    [
        (junk, "none", "greeting", "Is it an IMAP server"),
        (silence, "none", "greeting", "993"),
        (junk, "implicit", "encryption", "--imap-tls"),
        (refusing(b"STARTTLS"), "starttls", "encryption", "993"),
        (refusing(b"LOGIN"), "none", "login", "app password"),
        (refusing(b"EXAMINE"), "none", "folder INBOX", "The folders there: Post"),
    ],
)
def test_each_fault_has_its_advice(
    make_source: Callable[..., ImapSource], script: Script, tls: str, name: str, advice: str
) -> None:
    """Not IMAP, silent, TLS on the wrong port, no STARTTLS, a refused login, no such folder."""
    step = tried(make_source, script, tls)
    assert (step.name, advice in step.text) == (name, True), step.text
