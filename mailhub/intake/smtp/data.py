"""Read the bytes after DATA: find the end, undo dot-stuffing, bound what is kept. Pure bytes, no sockets.

Only ``<CR><LF>.<CR><LF>`` ends a message (RFC 5321 4.1.1.4); a bare CR or LF is content, whatever stands
around it, so no server behind or before us can be made to see two messages where we see one (SMTP smuggling,
CVE-2023-51764). Must not: normalise, add or drop anything but the stuffed dots.
"""

from __future__ import annotations

from enum import StrEnum

END = b"\r\n.\r\n"

# Every way in which a chunk can end inside END, or before a dot that is to be removed. Longest first.
_CUTS = (b"\r\n.\r", b"\r\n.", b"\r\n", b"\r")

# Pieces below this are gathered first: one object per TCP segment of a byte would cost 30 times its payload.
_SMALL_PIECE_BYTES = 16 * 1024
_GATHERED_BYTES = 64 * 1024


class DataFault(StrEnum):
    """Why a message is swallowed instead of kept. The value is the machine reason."""

    TOO_BIG = "message-too-big"
    LINE_TOO_LONG = "line-too-long"
    NO_ROOM = "in-flight-full"


class DataReader:
    """Collects one message. ``feed`` takes bytes as they come; ``take`` gives the message once ``feed`` found its end.

    Large pieces are kept as they came and joined once: a message is copied once, and its dots are removed
    piece by piece. After a fault nothing is kept but the few bytes that the end may hide in.
    """

    __slots__ = (
        "_carry",
        "_gathered",
        "_limit",
        "_line_bytes",
        "_line_limit",
        "_pieces",
        "ended",
        "fault",
        "fed_bytes",
        "size",
    )

    def __init__(self, *, limit_bytes: int, line_limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._line_limit = line_limit_bytes
        self._pieces: list[bytes] = []
        self._gathered = bytearray()
        self._carry = b"\r\n"  # the line end of the DATA command: a dot right after it begins a line, too
        self._line_bytes = 0
        self.size = -2  # bytes of the message so far; the line end of DATA is not of the message
        self.fed_bytes = 0  # bytes received, kept or not
        self.ended = False  # the final dot was seen
        self.fault: DataFault | None = None

    def feed(self, chunk: bytes) -> bytes | None:
        """Take more bytes. None while the message goes on; at its end, what follows it (the next commands)."""
        self.fed_bytes += len(chunk)
        if self._carry:
            chunk = self._carry + chunk
        dot = chunk.find(b"\r\n.")  # one search for both: most messages have no such line before their end
        end = chunk.find(END, dot) if dot >= 0 else -1
        if end >= 0:
            self._carry = b""
            self.ended = True
            self._keep(chunk[: end + 2], stuffed=dot < end)
            return chunk[end + len(END) :]

        self._carry = next((cut for cut in _CUTS if chunk.endswith(cut)), b"")
        self._keep(chunk[: -len(self._carry)] if self._carry else chunk, stuffed=dot >= 0)

        return None

    def discard(self, fault: DataFault) -> None:
        """From now on swallow the message; the first fault stands."""
        self.fault = self.fault or fault
        self._pieces.clear()
        self._gathered.clear()

    def take(self) -> bytes:
        """The message, dots unstuffed, everything else as received; the reader is empty afterwards."""
        self._flush()
        pieces = self._pieces
        self._pieces = []
        if not pieces:
            return b""
        pieces[0] = pieces[0][
            2:
        ]  # the line end of the DATA command, which no cut parts; only this piece is copied
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _keep(self, piece: bytes, *, stuffed: bool) -> None:
        if stuffed:
            piece = piece.replace(b"\r\n.", b"\r\n")
        self.size += len(piece)
        if self.fault is not None or not piece:
            return

        if self.size > self._limit:
            self.discard(DataFault.TOO_BIG)
        elif self._line_too_long(piece):
            self.discard(DataFault.LINE_TOO_LONG)
        elif len(piece) < _SMALL_PIECE_BYTES and self._pieces:
            self._gathered += piece
            if len(self._gathered) >= _GATHERED_BYTES:
                self._flush()
        else:
            self._flush()
            self._pieces.append(piece)

    def _flush(self) -> None:
        if self._gathered:
            self._pieces.append(bytes(self._gathered))
            self._gathered.clear()

    def _line_too_long(self, piece: bytes) -> bool:
        """Whether a line, ended by any LF, passes its limit; windows of the limit's size cannot hide a longer one."""
        for start in range(0, len(piece), self._line_limit):
            stop = min(start + self._line_limit, len(piece))
            first = piece.find(b"\n", start, stop)
            if first < 0:
                self._line_bytes += stop - start
            else:
                self._line_bytes += first + 1 - start
                if self._line_bytes > self._line_limit:
                    return True
                self._line_bytes = stop - 1 - piece.rfind(b"\n", start, stop)
            if self._line_bytes > self._line_limit:
                return True

        return False
