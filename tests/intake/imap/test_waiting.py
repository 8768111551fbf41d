"""Waiting for mail with IDLE: nothing that the server told before or beside it is lost."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from mailhub.intake.imap.conversation import Conversation
from tests.houses.dovecot import PASSWORD, Dovecot
from tests.intake.imap.conftest import Fetcher, letters
from tests.intake.imap.hostile import mute, repeating, scripted
from tests.intake.imap.test_hostile import converse


@pytest.fixture
def wake() -> Iterator[socket.socket]:
    """What nobody wakes."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours


@pytest.fixture
def conversation(server: Dovecot, user: str) -> Iterator[Conversation]:
    """With an INBOX open that has a mail, and nothing to be told of."""
    server.append(user, *letters(1))
    conversation = converse(server.port)
    conversation.log_in(user, PASSWORD)
    conversation.open("INBOX", read_only=False)
    assert list(conversation.uids(1, None)) == [1]
    yield conversation
    conversation.log_out()


def test_mail_told_of_between_looking_and_waiting_is_heard(
    conversation: Conversation, server: Dovecot, user: str, wake: socket.socket
) -> None:
    """A server says once that mail came: one that said so with another command's answer says nothing under IDLE."""
    assert not conversation.idle(0.0, wake)
    server.append(user, *letters(1))
    assert list(conversation.flags([1])) == [1]
    assert conversation.idle(0.0, wake)
    assert list(conversation.uids(1, None)) == [1, 2]
    assert not conversation.idle(0.0, wake)


def test_mail_that_comes_as_another_goes_is_heard(
    conversation: Conversation, server: Dovecot, user: str, wake: socket.socket
) -> None:
    """As many as before are others than before, once one was removed."""
    conversation.add_flag([1], "\\Deleted")
    server.append(user, *letters(1))
    conversation.expunge([1])
    assert conversation.idle(0.0, wake)
    assert list(conversation.uids(1, None)) == [2]
    assert not conversation.idle(0.0, wake)


def test_folders_are_counted_apart(
    conversation: Conversation, server: Dovecot, user: str, wake: socket.socket
) -> None:
    """As many as there are in the folder that was open before is news all the same."""
    server.append(user, *letters(2), folder="Junk")
    for name in ("Junk", "INBOX"):
        conversation.open(name, read_only=True)
        conversation.uids(1, None)
    server.append(user, *letters(1))
    assert list(conversation.flags([1])) == [1]
    assert conversation.idle(0.0, wake)


def test_a_server_that_repeats_itself_keeps_nobody_busy(wake: socket.socket) -> None:
    """That there are as many mails as before, with every answer, is no news."""
    with scripted(repeating) as port:
        conversation = converse(port)
        conversation.log_in("any", "body")
        conversation.open("INBOX", read_only=True)
        assert list(conversation.uids(1, None)) == [1]
        assert not conversation.idle(0.0, wake)
        conversation.close()


def test_a_server_that_never_speaks_under_idle_is_polled(fetcher: Fetcher) -> None:
    """It says that it can, takes IDLE and tells of nothing: after three mails found without a word we poll."""
    idles: list[bytes] = []
    fetcher.hub.end()
    fetcher.hub.environment |= {"MAILHUB_IMAP__IDLE_SECONDS": "0.1"}
    fetcher.hub.start()
    with scripted(mute(idles)) as port:
        fetcher.add("127.0.0.1", port, "any")
        fetcher.wait(6)
    assert len(idles) == 3
