"""The proof that an answer belongs to a ticket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailhub.reading import reply_token

KEY = bytes(range(32))
IDS = st.integers(min_value=0, max_value=2**36 - 1)


@given(IDS, IDS)
def test_reads_what_it_made(ticket: int, contact: int) -> None:
    """A token is 26 lower-case letters and digits and gives back both ids, whatever its case became."""
    token = reply_token.make(ticket, contact, KEY)
    assert len(token) == reply_token.CHARACTERS
    assert token.isalnum()
    assert token == token.lower()
    assert reply_token.read(token, KEY) == (ticket, contact)
    assert reply_token.read(token.upper(), KEY) == (ticket, contact)


@given(IDS, IDS, st.integers(min_value=0, max_value=25), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_no_other_character_will_do(ticket: int, contact: int, position: int, character: str) -> None:
    """A token in which one character was changed is read as nothing, or as the same two ids."""
    token = reply_token.make(ticket, contact, KEY)
    changed = token[:position] + character + token[position + 1 :]
    assert reply_token.read(changed, KEY) in (
        {None} if position < 25 and changed != token else {None, (ticket, contact)}
    )


@given(st.text(max_size=40))
def test_any_string_can_be_read(text: str) -> None:
    """A string that we did not make is no token, and never an error."""
    assert reply_token.read(text, KEY) is None
    assert reply_token.read_message_id(text, KEY) is None


@pytest.mark.parametrize("text", ["0" * 26, "!" * 26, "é" * 26, "a" * 26, "a" * 25, ""])
def test_what_is_no_base32(text: str) -> None:
    """Characters that no token has, and tokens cut short, are read as nothing."""
    assert reply_token.read(text, KEY) is None


def test_another_key_reads_nothing() -> None:
    """A token of another installation joins nothing here."""
    assert reply_token.read(reply_token.make(7, 9, KEY), bytes(32)) is None


def test_a_token_of_one_person_is_not_one_of_another() -> None:
    """The ids of two tokens cannot be put together into a third."""
    first, second = reply_token.make(7, 9, KEY), reply_token.make(7, 10, KEY)
    assert reply_token.read(first[:16] + second[16:], KEY) is None


def test_message_id_carries_the_proof() -> None:
    """Our Message-ID yields ticket and contact, and differs for each message of a ticket."""
    made = [reply_token.make_message_id(7, 9, message=m, domain="example.com", key=KEY) for m in (1, 2)]
    assert len(set(made)) == 2
    assert [reply_token.read_message_id(name, KEY) for name in made] == [(7, 9), (7, 9)]


@pytest.mark.parametrize("ids", [(2**36, 1), (1, 2**36), (-1, 1)])
def test_an_id_that_does_not_fit_is_refused(ids: tuple[int, int]) -> None:
    """An id of more than 36 bits raises ValueError instead of naming another ticket."""
    with pytest.raises(ValueError, match="too large"):
        reply_token.make(*ids, KEY)


def test_reply_address() -> None:
    """The token is the plus part of the mailbox's address."""
    assert reply_token.reply_address("support@example.com", "abc") == "support+abc@example.com"
