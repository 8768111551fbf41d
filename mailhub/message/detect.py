"""Which charset unlabelled bytes are in. Job: the most likely text, by validity first, then by letter statistics.

Works on at most ``SAMPLE_BYTES`` to choose, then decodes all. Each rule stands on how the encoding lays out its common
characters, not on any message: kana of Japanese, level-1 rows of the Chinese sets, hangul rows of KS X 1001, and for
the Cyrillic single-byte sets that running text is lower case. Must not: raise, or look at labels.
"""

from __future__ import annotations

import re

SAMPLE_BYTES = 8 * 1024

_SURROGATE = re.compile("[\ud800-\udfff]")
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_HIGH = re.compile(rb"[\x80-\xff]+")
_KANA = re.compile("[\u3040-\u30ff]")
_CYRILLIC_LOWER = re.compile("[а-яёіїєґў]")
_CYRILLIC = re.compile("[А-яЁёІіЇїЄєҐґЎў]")
_COMMON = {  # bytes pairs that carry most running text of the multi-byte sets
    "euc_jp": re.compile(rb"[\xa4\xa5][\xa1-\xf6]|\xa1[\xa2-\xbc]"),
    "cp949": re.compile(rb"[\xb0-\xc8][\xa1-\xfe]"),
    "gb18030": re.compile(rb"[\xb0-\xd7][\xa1-\xfe]|\xa3[\xa1-\xfe]|\xa1[\xa2\xa3\xb0\xb1]"),
    "big5hkscs": re.compile(rb"[\xa4-\xc6][\x40-\x7e\xa1-\xfe]|\xa1[\x40-\x49]"),
    "cp932": re.compile(rb"[\x82\x83][\x40-\xf1]|\x81[\x40-\x5b]"),
}
_PREFERENCE = ("euc_jp", "cp932", "gb18030", "big5hkscs", "cp949")


def decode(data: bytes) -> str:
    """``data`` in its most likely charset, without lone surrogates. Never raises; linear."""
    text = data.decode(guess(data), "replace")
    return _SURROGATE.sub("\ufffd", text).removeprefix("\ufeff")


def guess(data: bytes) -> str:
    """The codec that most likely wrote ``data``; "cp1252" when nothing speaks for another."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            return name
    if b"\x1b$" in data:
        return "iso2022_kr" if b"\x1b$)C" in data else "iso2022_jp"
    sample = data[:SAMPLE_BYTES]
    wide = _utf16(sample)
    if wide:
        return wide
    if data.isascii():
        return "utf-8"
    if _valid(sample, "utf-8"):
        return "utf-8"
    return _multibyte(sample) or _cyrillic(sample) or "cp1252"


def _utf16(sample: bytes) -> str:
    """UTF-16 without a mark: Latin text has a zero in every second byte."""
    half = len(sample) // 2
    if half < 8 or sample.count(0) * 10 < half * 8:
        return ""
    return "utf-16-le" if sample[1::2].count(0) > sample[0::2].count(0) else "utf-16-be"


def _valid(sample: bytes, name: str) -> bool:
    """Whether the sample decodes; the last character may be cut through."""
    for cut in range(4):
        try:
            sample[: len(sample) - cut].decode(name)
        except UnicodeError:
            continue
        return True
    return False


def _multibyte(sample: bytes) -> str:
    """The east Asian set whose everyday characters cover the high bytes best, at least 60% of them."""
    runs = _HIGH.findall(sample)
    high = sum(map(len, runs))
    if high < 4 or sum(len(run) == 1 for run in runs) * 4 > high:  # lone high bytes are accented letters
        return ""
    best, best_share = "", 0.6
    for name in _PREFERENCE:
        if not _valid(sample, name):
            continue
        share = sum(sum(byte >= 0x80 for byte in pair) for pair in _COMMON[name].findall(sample)) / high
        if name == "cp932" and not _KANA.search(sample.decode(name, "replace")):
            continue
        if share > best_share + 0.02:
            best, best_share = name, share
    return best


def _cyrillic(sample: bytes) -> str:
    """windows-1251 or koi8-r, when words are made of high letters and running text would be lower case."""
    runs = _HIGH.findall(sample)
    high = sum(map(len, runs))
    if high < 6 or high < 2.5 * len(runs):  # accented letters of Latin text stand alone
        return ""
    best, best_share = "", 0.6
    for name in ("cp1251", "koi8-r", "iso8859_5", "cp866"):
        text = sample.decode(name, "replace")
        letters = len(_CYRILLIC.findall(text))
        share = len(_CYRILLIC_LOWER.findall(text)) / high
        if letters * 10 >= high * 9 and share > best_share:
            best, best_share = name, share
    return best
