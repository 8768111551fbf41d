"""Receipts can be checked by anybody who has the public key, and by nobody be changed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailhub.errors import BadRequest
from mailhub.keys import Keys
from mailhub.proof import receipts

KEYS = Keys(bytes(range(32)))
PUBLIC = receipts.public_key_of(KEYS)
BODY = {
    "kind": "erasure",
    "erasure": 1017,
    "counts": {"messages": 3},
    "done_at": "2026-11-24T15:00:00Z",
    "person": "-",
}
ISSUED = receipts.issue(KEYS, BODY)


def test_a_receipt_is_verified_with_the_public_key_alone() -> None:
    """What was issued is read back, and the same body is the same text again."""
    assert receipts.verify(ISSUED, PUBLIC) == BODY
    assert receipts.issue(KEYS, dict(reversed(BODY.items()))) == ISSUED


def test_it_may_be_printed_otherwise() -> None:
    """White space and the order of keys do not matter, what it says does."""
    assert receipts.verify(json.dumps(json.loads(ISSUED), indent=4), PUBLIC) == BODY


@given(st.integers(0, len(ISSUED) - 1), st.characters(codec="ascii"))
def test_a_changed_character_is_found(at: int, character: str) -> None:
    """No single character can be another, but for the case of a hex digit of the signature."""
    changed = ISSUED[:at] + character + ISSUED[at + 1 :]
    if changed.lower() != ISSUED.lower():
        with pytest.raises(BadRequest):
            receipts.verify(changed, PUBLIC)


def test_another_installations_receipt_says_so() -> None:
    """One that another root key signed is told from one that was changed."""
    other = receipts.issue(Keys(bytes(32)), BODY)
    with pytest.raises(BadRequest, match="another key"):
        receipts.verify(other, PUBLIC)
    with pytest.raises(BadRequest, match="changed"):
        receipts.verify(ISSUED.replace('"messages":3', '"messages":2'), PUBLIC)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "[" * 100_000, '{"format":"mailhub-receipt/1"}', ISSUED + " " * 2**20]
)
def test_what_is_no_receipt_is_refused(text: str) -> None:
    """Whatever is handed in, the answer is a bad request."""
    with pytest.raises(BadRequest, match="no receipt"):
        receipts.verify(text, PUBLIC)


@pytest.mark.parametrize("key", ["", "zz", "ab" * 31, "ab" * 33])
def test_what_is_no_public_key_is_refused(key: str) -> None:
    """A key that cannot be one is named."""
    with pytest.raises(BadRequest, match="64 hex digits"):
        receipts.verify(ISSUED, key)


def test_only_who_has_the_key_knows_the_person() -> None:
    """The commitment is the same for the same address and key, however written, and for no other."""
    key = receipts.new_commitment_key()
    body = {**BODY, "person": receipts.commitment("kim@customer.example", key)}
    assert receipts.is_about(body, " Kim@Customer.EXAMPLE", key)
    assert not receipts.is_about(body, "leo@customer.example", key)
    assert not receipts.is_about(body, "kim@customer.example", receipts.new_commitment_key())


def test_each_address_is_provable() -> None:
    """A receipt about several addresses of a person is about each of them, and about nobody else."""
    key = receipts.new_commitment_key()
    body = {
        "person": receipts.commitment("a@x.example", key),
        "also": [receipts.commitment("b@x.example", key)],
    }
    assert [receipts.is_about(body, f"{each}@x.example", key) for each in "abc"] == [True, True, False]


def test_a_name_that_stands_twice_is_refused() -> None:
    """Two readers would see two receipts: the signature covers one of the values alone."""
    twice = ISSUED.replace('{"', '{"messages":99,"messages":3,"', 1)
    nested = ISSUED.replace('"messages":3', '"messages":99,"messages":3')
    for text in (twice, nested):
        with pytest.raises(BadRequest):
            receipts.verify(text, PUBLIC)


def test_a_receipt_is_of_a_known_kind() -> None:
    """Nothing else is signed with this key."""
    with pytest.raises(ValueError, match="erasure"):
        receipts.issue(KEYS, {"kind": "cheque"})
