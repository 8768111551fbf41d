"""How much of a stranger's message is looked at. Job: every bound of this room in one place, each with its reason.

What is over a bound is flagged in ``Parsed.flags`` and read as far as the bound; the raw message is always
kept. The numbers are far above what real mail needs (the largest seen in 6,727 real messages stand beside
them) and low enough that a message at the size limit costs well under a second (scripts/bench_parse.py
--hostile).
"""

from __future__ import annotations

DEPTH = 100  # nested multiparts; seen: 8
PARTS = 1_000  # MIME entities of one message; seen: 47
HEADERS = 1_000  # header fields of one entity; seen: 105
HEADER_BYTES = 256 * 1024  # header block of one entity; seen: 33 KiB
VALUE_BYTES = 64 * 1024  # one header field; seen: 20 KiB
NAME_BYTES = 256  # name of a header field; RFC 5322 lines hold 998
ENCODED_WORDS = 1_000  # RFC 2047 words of one header field; seen: 212
ADDRESSES = 1_000  # mailboxes of one address header; seen: 405
MESSAGE_IDS = 1_000  # of References; seen: 92
PARAMETERS = 100  # of one Content-Type or Content-Disposition; seen: 12
PARAMETER_BYTES = 16 * 1024  # such a field altogether; seen: 1.3 KiB
BOUNDARY_BYTES = 256  # RFC 2046 allows 70, clients exceed it
FILENAME_BYTES = 240  # UTF-8, what every file system stores with room for a prefix
LINKS = 1_000  # of one HTML part; seen: 312
HTML_DEPTH = 200  # elements open at once before HTML counts as hostile; nh3 is quadratic in it. Seen: 118
