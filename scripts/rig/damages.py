"""What can become of a file on its way: a bit that turns, an end that is missing, chunks that change places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

BITS = range(8)


def turned(data: bytes, bits: Sequence[int] = BITS, *, stride: int = 1) -> Iterator[bytes]:
    """The file with one bit turned: each of ``bits`` of every byte, or of each ``stride``-th."""
    for position in range(0, len(data), stride):
        for bit in bits:
            yield data[:position] + bytes([data[position] ^ 1 << bit]) + data[position + 1 :]


def cut(data: bytes) -> Iterator[bytes]:
    """A backup that ends within its first line, before each chunk, and one byte to either side of that."""
    borders = [len(_head(data))]
    for chunk in chunks(data):
        borders.append(borders[-1] + len(chunk))
    ends = {0, borders[0] // 2, *(border + by for border in borders for by in (-1, 0, 1))} - {
        len(data),
        len(data) + 1,
    }
    for end in sorted(ends):
        yield data[:end]


def misplaced(data: bytes) -> Iterator[bytes]:
    """A backup in which each chunk stands twice, or is missing, or changed places with another."""
    head, whole = _head(data), chunks(data)
    for at, chunk in enumerate(whole):
        before, after = whole[:at], whole[at + 1 :]
        yield head + b"".join([*before, chunk, chunk, *after])
        yield head + b"".join([*before, *after])
        for other in range(at + 1, len(whole)):
            yield head + b"".join([*before, whole[other], *whole[at + 1 : other], chunk, *whole[other + 1 :]])


def chunks(data: bytes) -> list[bytes]:
    """The chunks of a whole backup, each with its length before it."""
    found, position = [], len(_head(data))
    while position < len(data):
        end = position + 4 + int.from_bytes(data[position : position + 4], "big")
        found.append(data[position:end])
        position = end
    return found


def _head(data: bytes) -> bytes:
    return data[: data.index(b"\n") + 1]
