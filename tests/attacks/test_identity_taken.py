"""Nobody gets another person's mail dropped as a copy by sending it first."""

from __future__ import annotations

import pytest

from mailhub.envelope import Fate, Source
from tests.houses.postroom import KIM, MALLORY, PostRoom, mail

ID = "order-1@customer.example"


@pytest.mark.parametrize("id", [ID, None])
def test_the_same_mail_under_another_from_is_another_message(room: PostRoom, id: str | None) -> None:
    """Whoever sends the same id and text first in their own name keeps the genuine mail from nobody."""
    first = room.deliver(mail("I order.", sender=MALLORY, id=id))
    genuine = room.deliver(mail("I order.", sender=KIM, id=id))
    assert (genuine.fate, room.requester(genuine.ticket)) == (Fate.FILED, KIM)
    assert genuine.message != first.message


@pytest.mark.parametrize("id", [ID, None])
def test_without_a_from_the_reverse_path_tells_two_senders_apart(room: PostRoom, id: str | None) -> None:
    """Two mails without a From, equal in all but their reverse path, are two messages."""
    fates = [room.deliver(mail("x", sender=None, id=id), mail_from=each).fate for each in (MALLORY, KIM, KIM)]
    assert fates == [Fate.FILED, Fate.FILED, Fate.DUPLICATE]


@pytest.mark.parametrize("source", [Source.LMTP, Source.SMTP])
def test_the_same_mail_by_two_doors_is_one_message(room: PostRoom, source: Source) -> None:
    """Door, reverse path and the spelling of From change nothing where there is a From."""
    first = room.deliver(mail("x", id=ID), source=source)
    again = room.deliver(mail("x", id=ID, sender="KIM@customer.example"), source=Source.PIPE, mail_from=None)
    assert (again.fate, again.message) == (Fate.DUPLICATE, first.message)
