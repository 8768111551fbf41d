"""Passwords and what callers show, as values."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from argon2 import PasswordHasher, extract_parameters

from mailhub.access import passwords
from mailhub.access.bearers import Kind, bearer_hash, kind_of, new_bearer
from mailhub.access.passwords import Passwords, one_time_password, require_length
from mailhub.api.frame.app import THREADS
from mailhub.errors import BadRequest, Unavailable

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def test_password_verifies_against_its_hash_only() -> None:
    """The right password fits its argon2id hash, another does not."""
    made = Passwords()
    encoded = made.hash("correct horse")
    assert encoded.startswith("$argon2id$")
    assert made.verify(encoded, "correct horse")
    assert not made.verify(encoded, "correct house")


def test_user_without_a_password_never_logs_in() -> None:
    """No hash, or one that is damaged, fits no password."""
    assert not Passwords(CHEAP).verify(None, "anything")
    assert not Passwords(CHEAP).verify("$argon2id$broken", "anything")


@pytest.mark.parametrize("hasher", [PasswordHasher(), CHEAP])
def test_nobodys_hash_costs_what_a_users_does(hasher: PasswordHasher) -> None:
    """What an unknown name's password is compared with has the parameters of a user's hash, length included."""
    made = Passwords(hasher)
    assert extract_parameters(made._nobodys) == extract_parameters(made.hash("correct horse"))


def test_a_hash_of_other_parameters_is_outdated() -> None:
    """A hash made with other parameters is to be made anew, one of today's is not."""
    assert Passwords().is_outdated(Passwords(CHEAP).hash("correct horse"))
    assert not Passwords(CHEAP).is_outdated(Passwords(CHEAP).hash("correct horse"))


def test_only_so_many_verify_or_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strangers never take all threads of the API: beyond those who verify and wait one hears to try again."""
    assert passwords.AT_ONCE + passwords.WAITING < THREADS
    monkeypatch.setattr(passwords, "PATIENCE_SECONDS", 0.0)
    made = Passwords(CHEAP)
    with ExitStack() as taken:
        for _ in range(passwords.AT_ONCE):
            taken.enter_context(made._place())
        with pytest.raises(Unavailable, match="try again"):
            made.verify(None, "anything")
        with pytest.raises(Unavailable, match="try again"):
            made.hash("anything")
    with ThreadPoolExecutor(passwords.AT_ONCE) as pool:
        assert (
            list(pool.map(lambda _: made.verify(None, "x"), range(passwords.AT_ONCE)))
            == [False] * passwords.AT_ONCE
        )


@pytest.mark.parametrize("length", [11, 1025])
def test_a_new_password_has_a_sensible_length(length: int) -> None:
    """Too short is guessed, too long is no password."""
    with pytest.raises(BadRequest, match="12 to 1024"):
        require_length("x" * length)
    require_length("x" * 12)


def test_one_time_passwords_are_long_and_differ() -> None:
    """Five groups of four characters that are not misread."""
    made = {one_time_password() for _ in range(50)}
    assert len(made) == 50
    assert {len(each) for each in made} == {24}
    assert not set("".join(made)) & set("ilo01")


@pytest.mark.parametrize("kind", list(Kind))
def test_a_bearer_is_stored_as_a_hash(kind: Kind) -> None:
    """What is stored finds it but does not reveal it, nor does its repr; scanners know it by its form."""
    made = new_bearer(kind)
    assert re.fullmatch(r"mh[sl]?_[0-9A-Za-z]{49}", made.text)
    assert made.hash == bearer_hash(made.text)
    assert made.text not in repr(made)
    assert kind_of(made.text) is kind


def test_a_mistyped_bearer_is_known_without_a_database() -> None:
    """Any one character changed, left out or doubled, or another prefix, is seen by the checksum."""
    text = new_bearer(Kind.API_TOKEN).text
    for place in range(len(text)):
        other = "a" if text[place] != "a" else "b"
        assert kind_of(text[:place] + other + text[place + 1 :]) is None
        assert kind_of(text[:place] + text[place + 1 :]) is None
        assert kind_of(text[: place + 1] + text[place:]) is None
    assert kind_of("mhs_" + text.removeprefix("mh_")) is None
    assert kind_of("") is None
    assert kind_of("mh_" + "é" * 49) is None
