"""Texts that no table and no terminal takes are refused at the API's door."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from mailhub.api.mailboxes.mailboxes import NewMailbox
from mailhub.api.people.users import NewUser
from mailhub.api.tickets.ticket_work import Assignment, Text
from mailhub.api.tickets.tickets import VERDICTS, _verdict
from mailhub.callers.problems import _said
from mailhub.errors import BadRequest

BAD_NAMES = ["a\0b", "a\x1b[31mb", "a\nb", "a\rb", "a\u2028b", "\ud800", "x" * 201]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_is_one_line_of_text(name: str) -> None:
    """Names of users and mailboxes hold no control characters and no half surrogates."""
    with pytest.raises(ValidationError):
        NewUser(email="a@example.com", name=name)
    with pytest.raises(ValidationError):
        NewMailbox(address="a@example.com", name=name)


def test_an_address_has_no_control_characters() -> None:
    """No escape sequence gets into a login, and so into an agent's terminal."""
    with pytest.raises(ValidationError):
        NewUser(email="a\x1b[31m@example.com")


@pytest.mark.parametrize("text", ["\ud800", "a\udfff", "a\0b"])
def test_any_text_is_one_that_can_be_stored(text: str) -> None:
    """A lone surrogate or a NUL is a bad request, wherever it stands; other text of any script is none."""
    with pytest.raises(ValidationError):
        Assignment(assignee=text)
    with pytest.raises(ValidationError):
        Text(text=text)
    assert Text(text="Grüße 👋\n\tÜ").text == "Grüße 👋\n\tÜ"


def test_a_fault_can_be_said() -> None:
    """The name of an unknown key goes back as text that can be sent."""
    assert _said("body.\ud800").encode() == b"body.?"


def test_an_unknown_verdict_is_a_bad_request() -> None:
    """A list by a verdict that there is not is refused, not empty."""
    assert [_verdict(each) for each in (None, *VERDICTS)] == [None, "spam", "ham", "unsure"]
    with pytest.raises(BadRequest):
        _verdict("bogus")
