"""The first half of the way in: bytes to values, without a database, never an exception."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from mailhub.envelope import Source
from mailhub.message.parse import parse
from mailhub.reading import prepare as preparing
from mailhub.reading import reply_token
from mailhub.reading.prepare import REFERENCES_LOOKED_AT, Arrived, id_hash, prepare_each, storable, usable
from tests.houses.postroom import KIM, PostRoom, answering, mail


def references(
    room: PostRoom, headers: Sequence[tuple[str, str]], *, id: str | None = None
) -> list[tuple[str, str]]:
    """(Message-ID, reason) of what a mail is said to answer, in order; ids as n@x.example."""
    known = {id_hash(room.secrets.references, f"{n}@x.example"): f"{n}" for n in range(200)}
    return [(known[each], reason) for each, reason in room.prepare(mail(id=id, headers=headers)).references]


def ids(*numbers: int) -> list[str]:
    return [f"{n}@x.example" for n in numbers]


def test_references_are_nearest_first_and_distinct(room: PostRoom) -> None:
    """In-Reply-To in order, then References from the right, each id once, its own id never."""
    headers = answering(*ids(3, 9), references=ids(1, 2, 3, 5))
    found = references(room, headers, id="5@x.example")
    assert found == [("3", "in-reply-to"), ("9", "in-reply-to"), ("2", "references"), ("1", "references")]


def test_references_are_bounded(room: PostRoom) -> None:
    """Of hundreds of ids the nearest are looked at."""
    found = references(room, answering(references=ids(*range(200))))
    assert [id for id, _ in found] == [str(n) for n in range(199, 199 - REFERENCES_LOOKED_AT, -1)]


@pytest.mark.parametrize("source", list(Source))
def test_identity_is_keyed_and_of_the_content(room: PostRoom, source: Source) -> None:
    """The same mail has one identity by every door, another text another; without the key it cannot be computed."""
    raw = mail(id="a@x.example")
    same = {room.prepare(raw, source=each).identity for each in (Source.SMTP, source)}
    same.add(room.prepare(b"Received: from a by b\n" + raw.replace(b"\r\n", b"\n"), source=source).identity)
    assert len(same) == 1
    assert room.prepare(mail("Another.", id="a@x.example")).identity not in same
    keys = preparing.Secrets(b"x" * 32, b"x" * 32, b"x" * 32, b"x" * 32, 1)
    envelope = room.prepare(raw).envelope
    assert preparing.prepare(raw, envelope, keys, room.directory).identity not in same


def test_proofs_are_read_wherever_they_come(room: PostRoom) -> None:
    """A token is found in the recipient, in To and Cc, and in ids of ours; forged and foreign ones are passed over."""
    key = room.secrets.reply_token
    token = reply_token.make(5, 6, key)
    ours = reply_token.make_message_id(7, 8, message=9, domain="example.com", key=key)
    headers = [
        ("Cc", f"a+{token.upper()}@example.com, b+{'q' * 26}@example.com"),
        *answering("x@y.example", ours),
    ]
    prepared = room.prepare(mail(headers=headers), recipients=[f"support+{token}@example.com"])
    assert prepared.tokens == ((5, 6, "reply-address"), (5, 6, "reply-address"), (7, 8, "reply-message-id"))


def test_what_cannot_be_read_is_prepared_from_its_bytes(
    room: PostRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault in reading, scoring or indexing yields an unreadable message that nothing claims to know about."""
    for name in ("parse", "features_of_each", "words"):
        with monkeypatch.context() as patch:
            patch.setattr(preparing, name, _raise_once(getattr(preparing, name)))
            prepared = room.prepare(mail(id="a@x.example"))
        assert (prepared.unreadable, prepared.parsed.flags) == (True, ("unreadable",))
        assert (prepared.own_id, prepared.references, prepared.tokens, prepared.words) == (None, (), (), [])
        assert prepared.sender == "envelope@customer.example"


def _raise_once(original: Callable[..., Any]) -> Callable[..., Any]:
    """Raises the first time; what prepares the unreadable form may use the same function."""
    left = [RecursionError()]

    def broken(*arguments: Any, **named: Any) -> Any:
        if left:
            raise left.pop()
        return original(*arguments, **named)

    return broken


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (KIM, True),
        ("", False),
        ("kim", False),
        ("@x.example", False),
        ("kim@", False),
        ("a@b@x.example", True),
        ("k" * 308 + "@" + "x.example", True),
        ("k" * 320 + "@x.example", False),
    ],
)
def test_usable_addresses(address: str, expected: bool) -> None:
    """An address is usable when both sides of its @ are there and it is no longer than a path can be."""
    assert usable(address) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("plain", "plain"), ("é", "é"), ("a\0b", "a\ufffdb"), ("a\udcffb", "a?b"), ("", "")],
)
def test_storable_text(value: str, expected: str) -> None:
    """NUL and lone surrogates are replaced, everything else stays."""
    assert storable(value) == expected


def test_what_cannot_be_read_spares_what_came_with_it(
    room: PostRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages are prepared together as each alone, and one that fails is the only one that is unreadable."""
    raws = [mail(f"Text {n}.", id=f"{n}@x.example") for n in range(5)]
    alone = [room.prepare(raw) for raw in raws]
    read = parse

    def fail(raw: bytes, **how: Any) -> Any:
        if b"Text 3." in raw:
            raise ValueError("strange")
        return read(raw, **how)

    arrived = [Arrived(raw, each.envelope) for raw, each in zip(raws, alone, strict=True)]
    together = prepare_each(arrived, room.secrets, room.directory)
    assert [each.features.tolist() for each in alone] == [each.features.tolist() for each in together]
    monkeypatch.setattr(preparing, "parse", fail)
    failing = prepare_each(arrived, room.secrets, room.directory)
    assert [each.unreadable for each in failing] == [False, False, False, True, False]
    assert [each.identity for each in alone[:3]] == [each.identity for each in failing[:3]]
