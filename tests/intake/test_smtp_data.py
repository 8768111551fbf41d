"""The end-of-data reader: what ends a message, what is kept, what is bounded."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.intake.smtp.data import DataFault, DataReader


def read(*chunks: bytes, limit: int = 10_000, line_limit: int = 5_000) -> tuple[DataReader, bytes | None]:
    reader = DataReader(limit_bytes=limit, line_limit_bytes=line_limit)
    rest: bytes | None = None
    for chunk in chunks:
        assert rest is None
        rest = reader.feed(chunk)
    return reader, rest


def by_lines(stream: bytes) -> tuple[bytes, bytes] | None:
    """RFC 5321 4.5.2 word by word: lines end with CRLF; a lone dot ends; a leading dot of another line goes."""
    kept, position = b"", 0
    while (end := stream.find(b"\r\n", position)) >= 0:
        line = stream[position : end + 2]
        position = end + 2
        if line == b".\r\n":
            return kept, stream[position:]
        kept += line[1:] if line.startswith(b".") else line
    return None


STREAMS = st.lists(
    st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"a", b"\r\n.\r\n", b"..", b"\0", b"b" * 70])
).map(b"".join)


@settings(deadline=None)
@given(STREAMS, st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_reads_as_the_rfc_says_however_the_bytes_are_cut(stream: bytes, widths: list[int]) -> None:
    """Any stream in any pieces gives the message and the rest that a reader line by line gives."""
    reader = DataReader(limit_bytes=10**6, line_limit_bytes=10**6)
    position, turn, rest = 0, 0, None
    while position < len(stream) and rest is None:
        width = widths[turn % len(widths)]
        rest = reader.feed(stream[position : position + width])
        position, turn = position + width, turn + 1
    expected = by_lines(stream)
    if expected is None:
        assert rest is None
        assert not reader.ended
    else:
        assert rest is not None
        assert (reader.take(), rest + stream[position:]) == expected
        assert reader.size == len(expected[0])


def test_an_empty_message_is_empty() -> None:
    """A dot right after DATA ends a message of no bytes."""
    reader, rest = read(b".\r\nQUIT\r\n")
    assert (reader.take(), rest) == (b"", b"QUIT\r\n")


@pytest.mark.parametrize("width", [1, 2, 3, 4096, 100_000])
def test_a_large_message_comes_back_whole(width: int) -> None:
    """Small pieces and large ones give the same bytes, with stuffed dots removed."""
    line = b"..stuffed and long enough to count for something\r\n"
    stuffed = line * (300 if width < 4 else 8_000)
    stream = stuffed + b".\r\n"
    reader, rest = read(*(stream[i : i + width] for i in range(0, len(stream), width)), limit=10**6)
    assert rest == b""
    assert reader.take() == stuffed.replace(b"..stuffed", b".stuffed")


def test_size_limit_is_exact() -> None:
    """A message of just the limit is kept, one byte more is swallowed, and its end is still found."""
    reader, _ = read(b"x" * 98 + b"\r\n.\r\n", limit=100)
    assert (reader.fault, reader.size) == (None, 100)
    reader, rest = read(b"x" * 99 + b"\r\n.\r\nNEXT", limit=100)
    assert (reader.fault, reader.take(), rest) == (DataFault.TOO_BIG, b"", b"NEXT")


@pytest.mark.parametrize("width", [1, 7, 64, 1_000])
def test_line_limit_counts_the_line_end(width: int) -> None:
    """A line of the limit with its CRLF is kept; one byte more is a fault, however it arrives."""
    for length, fault in ((100, None), (101, DataFault.LINE_TOO_LONG)):
        stream = b"short\r\n" + b"x" * (length - 2) + b"\r\nshort\r\n.\r\n"
        reader, rest = read(*(stream[i : i + width] for i in range(0, len(stream), width)), line_limit=100)
        assert (reader.fault, rest) == (fault, b"")


def test_a_swallowed_message_holds_no_memory() -> None:
    """After a fault nothing is kept but the few bytes the end may hide in."""
    reader, rest = read(*([b"x" * 1_000] * 50), limit=2_000)
    assert (reader.fault, rest, reader.take()) == (DataFault.TOO_BIG, None, b"")
    assert reader.fed_bytes == 50_000


def test_what_follows_a_fault_is_not_kept() -> None:
    """Ordinary lines after the fault are swallowed like what came before it."""
    reader, _ = read(b"ordinary\r\n")
    reader.discard(DataFault.NO_ROOM)
    assert reader.feed(b"ordinary\r\n" * 50) is None
    assert reader.feed(b".\r\nNEXT") == b"NEXT"
    assert reader.take() == b""


def test_the_first_fault_stands() -> None:
    """A message refused for one reason is not given another later."""
    reader, _ = read(b"x")
    reader.discard(DataFault.NO_ROOM)
    reader.discard(DataFault.TOO_BIG)
    assert reader.fault is DataFault.NO_ROOM
