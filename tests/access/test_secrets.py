"""Passwords and ApiTokens as values."""

from __future__ import annotations

from mailhub.access.api_tokens import new_token, token_hash
from mailhub.access.passwords import hash_password, one_time_password, verify_password


def test_password_verifies_against_its_hash_only() -> None:
    """The right password fits its argon2id hash, another does not."""
    encoded = hash_password("correct horse")
    assert encoded.startswith("$argon2id$")
    assert verify_password(encoded, "correct horse")
    assert not verify_password(encoded, "correct house")


def test_user_without_a_password_never_logs_in() -> None:
    """No hash, or one that is damaged, fits no password."""
    assert not verify_password(None, "anything")
    assert not verify_password("$argon2id$broken", "anything")


def test_one_time_passwords_are_long_and_differ() -> None:
    """Five groups of four characters that are not misread."""
    made = {one_time_password() for _ in range(50)}
    assert len(made) == 50
    assert {len(each) for each in made} == {24}
    assert not set("".join(made)) & set("ilo01")


def test_token_is_stored_as_a_hash() -> None:
    """What is stored finds the token but does not reveal it, nor does its repr."""
    made = new_token()
    assert made.text.startswith("mailhub_")
    assert made.hash == token_hash(made.text)
    assert made.text not in repr(made)
