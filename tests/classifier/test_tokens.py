"""Features: the same everywhere, distinct, bounded, nameable."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import naming, tokens
from classifier.tokens import (
    GROUP_BITS,
    GROUPS,
    Document,
    features,
    features_from_bytes,
    features_of_each,
    features_to_bytes,
)
from tests.houses.counted_work import calls_of

ROOT = Path(__file__).parents[2]
IDS = st.lists(st.integers(0, (len(GROUPS) << GROUP_BITS) - 1), unique=True).map(sorted)
DOCUMENTS = st.builds(
    Document,
    headers=st.lists(st.tuples(st.text(max_size=20), st.text(max_size=60)), max_size=5).map(tuple),
    marks=st.lists(st.text(max_size=9), max_size=3).map(tuple),
    subject=st.text(max_size=50),
    text=st.text(max_size=300),
    hidden_text=st.text(max_size=30),
    html=st.text(alphabet="<>ab =\"'/é", max_size=80),
    links=st.lists(st.text(max_size=30), max_size=3).map(tuple),
    structure=st.lists(st.text(max_size=9), max_size=3).map(tuple),
    spelling=st.text(max_size=200),
)
SAMPLE = Document(
    headers=(("from", "Shop <news@shop.example>"), ("received", "from mx1.shop.example by mail.example.com")),
    marks=("zone-_2b0100", "net-192-0"),
    subject="Grüße: 50% off $$$",
    text="Dear friend, buy now! 東京都の天気 Привет мир " * 3,
    hidden_text="unrelated prose",
    html='<p style="color:#fff">Hello <a href="https://shop.example/x">x</a></p>',
    links=("https://shop.example/deals/1",),
    structure=("type-text_2fhtml", "charset-utf-8"),
    spelling="From: Shop <news@shop.example>\nSubject: x\n",
)


def test_features_are_the_same_on_every_machine() -> None:
    """The ids of a fixed document are these, whatever the machine, the interpreter or numpy."""
    digest = hashlib.sha256(features(SAMPLE).astype("<u4").tobytes()).hexdigest()
    assert (tokens.FEATURES_VERSION, digest[:16]) == (tokens.FEATURES_VERSION, "a3720d7037e9008e")


@given(st.lists(DOCUMENTS, max_size=5), st.integers(0, 2**64 - 1))
def test_documents_together_have_the_features_of_each_alone(documents: list[Document], secret: int) -> None:
    """What stands beside a document changes none of its ids."""
    together = features_of_each([*documents, SAMPLE, *documents], secret=secret)
    alone = [features(document, secret=secret) for document in [*documents, SAMPLE, *documents]]
    assert [each.tolist() for each in alone] == [each.tolist() for each in together]


def test_documents_together_cost_less_work() -> None:
    """Sixteen documents in one pass take fewer than half of the calls that they take one by one."""
    one, sixteen = calls_of(lambda: features(SAMPLE)), calls_of(lambda: features_of_each([SAMPLE] * 16))
    assert sixteen < 16 * one / 2


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_features_do_not_depend_on_the_hash_seed(seed: str) -> None:
    """Another process with another PYTHONHASHSEED finds the same ids."""
    program = (
        "import sys, hashlib; sys.path.insert(0, '.')\n"
        "from classifier.tokens import Document, features\n"
        "d = Document(headers=(('to', 'a b c'), ('cc', 'd')), subject='s t u', text='v w x y z', links=('http://a.b/c',))\n"
        "print(features(d).tolist())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    expected = Document(
        headers=(("to", "a b c"), ("cc", "d")), subject="s t u", text="v w x y z", links=("http://a.b/c",)
    )
    assert str(features(expected).tolist()) == run.stdout.strip()


@given(DOCUMENTS, st.integers(0, 2**64 - 1))
def test_any_document_gives_sorted_distinct_ids_of_known_groups(document: Document, secret: int) -> None:
    """Whatever the fields hold, the ids ascend strictly and belong to a group."""
    found = features(document, secret=secret)
    assert np.uint32 == found.dtype
    assert bool((found[1:] > found[:-1]).all())
    assert found.size == 0 or int(found[-1]) >> GROUP_BITS < len(GROUPS)


@given(DOCUMENTS, st.integers(0, 2**64 - 1))
def test_every_feature_has_a_name(document: Document, secret: int) -> None:
    """An explanation can name each id that was counted, in the group the id says."""
    found = features(document, secret=secret).tolist()
    named = naming.name_features(document, found, secret=secret)
    assert {each: tokens.group_of(each) for each in found} == {
        each: name.group for each, name in named.items()
    }


def test_names_say_field_and_words() -> None:
    """A header word is named with its header, a sparse bigram with its gap."""
    document = Document(headers=(("x-mailer", "Quux 9"),), text="one two three")
    named = {
        (name.field, name.words)
        for name in naming.name_features(document, features(document).tolist()).values()
    }
    assert {("x-mailer", "quux"), ("x-mailer", "quux 9"), ("text", "one … three")} <= named


def test_a_secret_changes_the_ids() -> None:
    """Two sites do not share ids, so a collision found at one is worth nothing at the other."""
    assert features(SAMPLE).tolist() != features(SAMPLE, secret=1).tolist()


def test_one_token_a_million_times_is_counted_once() -> None:
    """Repetition adds nothing."""
    once, often = features(Document(text="token " * 20)), features(Document(text="token " * 1_000_000))
    assert once.tolist() == often.tolist()


def test_an_empty_document_has_no_features_but_its_header_order() -> None:
    """Nothing in, nothing out, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert features(Document()).tolist() == []


@pytest.mark.parametrize(
    "document",
    [
        Document(text="".join(f"w{n} " for n in range(300_000))),
        Document(html="<" * 500_000),
        Document(html="<a b=c>" * 100_000),
        Document(subject="\u200b" * 500_000),
        Document(subject="аa" * 300_000),
        Document(text="аa" * 300_000),
        Document(headers=tuple((f"x-{n}", "v " * 1000) for n in range(20_000))),
        Document(links=tuple(f"http://{n}.example/" + "a/" * 500 for n in range(20_000))),
        Document(marks=("m" * 100_000,) * 500, structure=("s" * 1000,) * 5000),
        Document(spelling="".join(map(chr, range(256))) * 10_000),
    ],
    ids=[
        "words",
        "open",
        "tags",
        "invisible",
        "mixed-subject",
        "mixed-text",
        "headers",
        "links",
        "marks",
        "spelling",
    ],
)
def test_hostile_documents_give_a_bounded_number_of_features(document: Document) -> None:
    """The ceiling follows from the constants: twice the words that fit the fields, four bigrams a word, the 4-grams."""
    words = (
        tokens.HEADER_LINES * tokens.LINE_CHARACTERS
        + tokens.LINKS * tokens.LINE_CHARACTERS
        + tokens.MARKUP_CHARACTERS
        + 8_000
        + tokens.TEXT_CHARACTERS
    ) // 2
    assert features(document).size <= 2 * words + 4 * tokens.PHRASE_WORDS + 2 * tokens.GRAM_BYTES


def test_look_alikes_and_invisible_characters_are_folded_and_noted() -> None:
    """A Latin word with Cyrillic letters or zero-width spaces counts as the plain word, and the trick as a feature."""
    notes: list[str] = []
    assert tokens.fold("P\u0430y\u200bpal", notes, "text") == "paypal"
    assert notes == ["invisible-text-1", "mixed-script-text-1"]


def test_words_of_scripts_without_spaces_are_characters() -> None:
    """Ideographs pair up one by one."""
    document = Document(subject="東京都")
    words = {name.words for name in naming.name_features(document, features(document).tolist()).values()}
    assert {"東", "京", "都", "東 京", "京 都"} == words


@given(IDS)
def test_the_compact_form_keeps_every_id(ids: list[int]) -> None:
    """What the ledger stores reads back as it was."""
    assert ids == features_from_bytes(features_to_bytes(np.array(ids, dtype=np.uint32))).tolist()


@pytest.mark.parametrize(
    "content", [b"\x80", b"\x01\x00", b"\xff\xff\xff\xff\x7f", b"\x80\x80\x80\x80\x01", b"\xff\xff\xff\x7f"]
)
def test_damaged_compact_form_is_detected(content: bytes) -> None:
    """Bytes that no list of features gives are refused."""
    with pytest.raises(ValueError, match="not a list of features"):
        features_from_bytes(content)
