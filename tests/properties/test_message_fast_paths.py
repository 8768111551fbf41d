"""Fast paths say what the slow path beside them says, and mutated mails keep every promise."""

from __future__ import annotations

import binascii
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.message import addresses, body, headers, parameters, words
from scripts import fuzz_parse, hostile_mails

_NAME = st.text(alphabet="ABCz 09._'-\"", max_size=12)
_LOCAL = st.text(alphabet="abZ09.+_'-=?", min_size=1, max_size=8)
_DOMAIN = st.text(alphabet="abZ0-.", min_size=1, max_size=8)


@settings(max_examples=300, deadline=None)
@given(_NAME, _LOCAL, _DOMAIN, st.sampled_from(["{n} <{l}@{d}>", '"{n}" <{l}@{d}>', "{l}@{d}", "<{l}@{d}>"]))
def test_simple_addresses_are_read_alike(name: str, local: str, domain: str, form: str) -> None:
    """An address that the fast path takes is the one the full reader finds (which also mends what is broken)."""
    text = form.format(n=name, l=local, d=domain)
    fast, slow = addresses.parse(text, []), addresses._mailboxes(text, [])
    if domain.endswith(".") or "=?" in text:
        return
    assert [each.address for each in slow] == [each.address for each in fast]
    assert ["".join(each.name.split()).strip("'\"") for each in slow] == [
        "".join(each.name.split()).strip("'\"") for each in fast
    ]


@settings(max_examples=300, deadline=None)
@given(
    st.text(alphabet="ab =?utf-8q_\t:", max_size=60),
    st.lists(st.sampled_from(["\r\n ", "\n\t", "\r\n  \t"]), max_size=3),
)
def test_plain_values_are_read_alike(text: str, folds: list[str]) -> None:
    """A field value that the fast path takes is the one that unfolding, decoding and cleaning give."""
    value = ("x".join([text, *(fold + "y" for fold in folds)])).encode()
    ((_, fast),) = headers.decode_all([(b"Subject", value)], "", [])
    assert headers.clean(words.decode(headers.unfold(value, "", []), [])) == fast


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["text/plain", "Text/HTML", "application/pdf"]),
    st.text(alphabet="utf-8AZ_1", max_size=10),
)
def test_plain_types_are_read_alike(kind: str, label: str) -> None:
    """A Content-Type that the fast path takes is read the same with a parameter that forces the full reader."""
    fast, values = parameters.content_type(f"{kind}; charset={label}".encode(), [])
    slow, more = parameters.content_type(f"{kind}; charset={label}; x=y".encode(), [])
    assert (fast, values.get("charset", "")) == (slow, more.get("charset", ""))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_sound_base64_is_read_alike(data: bytes) -> None:
    """Sound base64 gives the same bytes by the strict reader and by the lenient one."""
    coded = binascii.b2a_base64(data, newline=False)
    assert data == body.base64_body(coded) == words.base64(coded)


@pytest.mark.parametrize("name", sorted(hostile_mails.ATTACKS))
def test_mutated_attacks_keep_every_promise(name: str) -> None:
    """Fifteen mutations of each attack: nothing raises, faults, is unclean, slow or active."""
    chance = random.Random(name)
    seed = hostile_mails.ATTACKS[name](1_500)
    assert [fuzz_parse.fault(fuzz_parse.mutate(seed, chance)) for _ in range(15)] == [""] * 15
