"""From a parsed message to a verdict in words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.model import Counts, Score, train
from classifier.tokens import Document, features
from mailhub.filter.explaining import explain
from mailhub.filter.verdict import FilterSettings, Verdict, decide
from mailhub.message.parse import parse
from mailhub.reading.document import document

HAM = (
    b"Received: from mx.friend.example (mx.friend.example [192.0.2.7]) by in.example.net; Mon, 5 Jan 2026 10:00:00\r\n"
    b"From: Ana <ana@friend.example>\r\nTo: support@example.com\r\nSubject: printer question\r\n"
    b"Date: Mon, 5 Jan 2026 10:00:00 +0100\r\nMessage-ID: <abc.123@friend.example>\r\n\r\n"
    b"My printer says paper jam, but there is no paper in it. See http://friend.example/photo\r\n"
)
SPAM = (
    b"From: Deals <win@prize.example>\r\nTo: support@example.com\r\nSubject: You won $$$\r\nX-Mailer: Blaster 3\r\n\r\n"
    b"Claim your prize today at http://prize.example/claim before it expires\r\n"
)


def shown(raw: bytes, authentication: dict[str, str] | None = None) -> Document:
    return document(raw, parse(raw), authentication)


def model_of(spam: int, ham: int) -> Counts:
    counts = Counts()
    for _ in range(spam):
        train(counts, features(shown(SPAM)), "spam")
    for _ in range(ham):
        train(counts, features(shown(HAM)), "ham")
    return counts


@pytest.mark.parametrize(
    "line",
    [
        b"X-Spam-Status: Yes, score=12",
        b"X-Spam-Flag: YES",
        b"X-Foo-Spam-Level: 9",
        b"X-MailScanner-SpamCheck: spam",
        b"X-Bogosity: Spam",
        b"X-Virus-Scanned: by foo",
        b"X-Mailhub-Verdict: spam",
        b"X-IMAPbase: 1 2",
        b"X-IMAP: 12",
        b"X-UID: 7",
        b"Status: RO",
        b"Authentication-Results: mx.example; dkim=pass",
    ],
)
def test_what_a_filter_or_store_added_changes_nothing(line: bytes) -> None:
    """With or without such a line, the features are the same."""
    plain, added = shown(HAM), shown(line + b"\r\n" + HAM)
    assert replace(plain, structure=()) == replace(
        added, structure=()
    )  # sizes are powers of two of the whole


def test_what_the_sender_wrote_changes_features() -> None:
    """A header of the sender's program counts."""
    assert features(shown(HAM)).tolist() != features(shown(b"X-Mailer: Quux\r\n" + HAM)).tolist()


def test_the_document_holds_what_the_message_is() -> None:
    """Subject, links of plain text, shapes of id and date, network and authentication are fields of their own."""
    found = shown(HAM, {"dkim": "pass"})
    assert found.subject == "printer question"
    assert found.links == ("http://friend.example/photo",)
    assert {"auth-dkim-pass", "net-192-0-2", "net-192-0", "id-a_2e0", "zone-_2b0100"} <= {*found.marks}
    assert "type-text_2fplain" in found.structure


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=600))
def test_any_bytes_give_features(raw: bytes) -> None:
    """Nothing a stranger sends stops the filter."""
    found = features(shown(raw))
    assert bool((found[1:] > found[:-1]).all())


@pytest.mark.parametrize(
    ("probability", "spam", "ham", "expected"),
    [
        (0.99, 20, 20, Verdict.SPAM),
        (0.9, 20, 20, Verdict.SPAM),
        (0.899, 20, 20, Verdict.UNSURE),
        (0.3, 20, 20, Verdict.UNSURE),
        (0.299, 20, 20, Verdict.HAM),
        (0.99, 4, 20, Verdict.UNSURE),
        (0.01, 20, 4, Verdict.UNSURE),
        (0.0, 20, 20, Verdict.HAM),
        (1.0, 20, 20, Verdict.SPAM),
    ],
)
def test_a_verdict_follows_from_thresholds_and_minimum(
    probability: float, spam: int, ham: int, expected: Verdict
) -> None:
    """Below the minimum of either kind it says unsure, whatever the score."""
    assert expected == decide(Score(probability, 0.0), spam=spam, ham=ham, settings=FilterSettings())


def test_an_explanation_names_what_decided_and_what_would_change_it() -> None:
    """A spam verdict shows spammy words with their counts; without the features named as nearest it is another one."""
    counts, limits = model_of(30, 30), FilterSettings()
    found = explain(counts, shown(SPAM), limits, reasons=400)
    assert found.verdict == Verdict.SPAM
    assert (found.spam, found.ham) == (30, 30)
    assert ("x-mailer", "blaster", 30, 0) in {
        (each.field, each.words, each.spam, each.ham) for each in found.reasons
    }
    assert found.nearest is not None
    assert found.nearest.verdict != Verdict.SPAM
    assert found.nearest.features >= len(found.nearest.without) > 0
    assert all(each.weight > 0 for each in found.nearest.without)


def test_below_the_minimum_the_nearest_change_is_more_labels() -> None:
    """A model that knows too little says how many labels it misses, and what it would say then."""
    found = explain(model_of(4, 30), shown(SPAM), FilterSettings())
    assert found.verdict == Verdict.UNSURE
    assert found.nearest is not None
    assert (found.nearest.verdict, found.nearest.missing_spam, found.nearest.missing_ham) == (
        Verdict.SPAM,
        1,
        0,
    )


def test_a_message_that_means_nothing_to_the_model_has_no_near_change() -> None:
    """Where no feature is known, none can be left out."""
    found = explain(model_of(30, 30), Document(text="zzzz yyyy xxxx"), FilterSettings())
    assert (found.verdict, found.nearest, found.reasons) == (Verdict.UNSURE, None, ())
