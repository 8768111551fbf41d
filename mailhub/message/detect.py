"""Which charset unlabelled bytes are in. Job: the most likely text, by validity first, then by letter statistics.

Works on at most ``SAMPLE_BYTES`` to choose, then decodes all. Each rule stands on how the encoding lays out
its common characters, not on any message: kana of Japanese, level-1 rows of the Chinese sets, hangul rows of
KS X 1001; running text of the alphabets is lower case; letters inside of Latin words tell its sets. Must not:
raise, or look at labels.
"""

from __future__ import annotations

import re

SAMPLE_BYTES = 8 * 1024

_SURROGATE = re.compile("[\ud800-\udfff]")
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_HIGH = re.compile(rb"[\x80-\xff]+")
_CYRILLIC = re.compile("[а-яёіїєґў]")
_GREEK = re.compile("[α-ωάέήίόύώς]")
_HEBREW = re.compile("[א-ת]")
_ALPHABETS = (
    ("cp1251", _CYRILLIC),
    ("koi8-r", _CYRILLIC),
    ("iso8859_5", _CYRILLIC),
    ("cp866", _CYRILLIC),
    ("cp1253", _GREEK),
)
_HEBREW_FREQUENT = re.compile(
    rb"[\xf8-\xfa]"
)  # resh, shin, tav: a fifth of Hebrew; as Cyrillic they are the rarest
_TURKISH = re.compile(
    rb"[A-Za-z][\xfd\xfe\xf0]|[\xfd\xfe\xf0][a-z]"
)  # dotless i, s and g with marks inside words
_ICELANDIC = re.compile(rb"[\xe6\xe1\xed\xfa\xf3]")  # ae and acute vowels, which Turkish has not
_CENTRAL = re.compile(
    rb"[A-Za-z][\xb3\xbf\xb9\x9f\x9d\x9a\x9e\xb1\xb6\xbc\xbe]|[\xb3\xbf\x9f\x9a\x9e\xb6\xbc\xbe\xa9\xae][a-z]"
)
_CENTRAL_WINDOWS = re.compile(rb"[\xb9\x9f\x9d\x9a\x9e]")  # not 0x9c: French writes its oe there
_CENTRAL_ISO = re.compile(rb"[\xb1\xb6\xbc\xbe\xbb]")
_HIRAGANA = re.compile("[\u3041-\u3096\u30a1-\u30fc]")
_HALF_WIDTH = re.compile("[\uff61-\uff9f]")
_WIDE = re.compile("[\u0080-\uffff]")
_HANGUL = re.compile(rb"[\xb0-\xc8][\xa1-\xfe]")  # KS X 1001 rows of syllables
_HANZI = re.compile(rb"[\xb0-\xd7][\xa1-\xfe]|[\xa1\xa3][\xa1-\xfe]")  # GB 2312 level 1 and punctuation
_BIG5 = re.compile(
    rb"[\xa4-\xc6][\x40-\x7e\xa1-\xfe]|[\xa1\xa3][\x40-\x7e\xa1-\xfe]"
)  # level 1 and punctuation
_PAIR = re.compile(rb"[\x81-\xfe][\x40-\xfe]")


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

    return _multibyte(sample) or _alphabet(sample) or _latin(sample)


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
    """The east Asian set that is valid and whose everyday characters are most of the text."""
    runs = _HIGH.findall(sample)
    high = sum(map(len, runs))
    if high < 4 or sum(len(run) == 1 for run in runs) * 4 > high:  # lone high bytes are accented letters
        return ""

    for name in ("euc_jp", "cp932"):
        if _valid(sample, name) and _is_japanese(sample.decode(name, "replace")):
            return name

    pairs = len(_PAIR.findall(sample))
    if (
        _valid(sample, "cp949") and len(_HANGUL.findall(sample)) >= 0.9 * pairs
    ):  # Chinese reaches far beyond these rows
        return "cp949"

    for name, common in (("gb18030", _HANZI), ("big5hkscs", _BIG5)):
        if _valid(sample, name) and len(common.findall(sample)) >= 0.8 * pairs:
            return name

    return ""


def _is_japanese(text: str) -> bool:
    """Running Japanese is a third kana; other sets misread as Japanese give half-width kana."""
    wide = len(_WIDE.findall(text))
    return len(_HIRAGANA.findall(text)) >= 0.3 * wide and len(_HALF_WIDTH.findall(text)) <= 0.1 * wide


def _alphabet(sample: bytes) -> str:
    """A single-byte set whose words are made of high letters; running text is mostly in lower case."""
    runs = _HIGH.findall(sample)
    high = sum(map(len, runs))
    if high < 6 or high < 2.5 * len(runs):  # accented letters of Latin text stand alone
        return ""

    hebrew = len(_HEBREW.findall(sample.decode("cp1255", "replace")))
    if hebrew >= 0.95 * high and len(_HEBREW_FREQUENT.findall(sample)) >= 0.1 * high:
        return "cp1255"

    best = ""
    best_share = 0.6

    for name, lower in _ALPHABETS:
        share = len(lower.findall(sample.decode(name, "replace"))) / high
        if share > best_share:
            best = name
            best_share = share

    return best


def _latin(sample: bytes) -> str:
    """Latin text of single accented letters: western unless letters stand in words that only other sets have there."""
    if len(_TURKISH.findall(sample)) >= 2 and not _ICELANDIC.search(sample):
        return "cp1254"
    if len(_CENTRAL.findall(sample)) >= 2:
        windows = len(_CENTRAL_WINDOWS.findall(sample))
        iso = len(_CENTRAL_ISO.findall(sample))
        return "cp1250" if windows >= iso else "iso8859_2"
    return "cp1252"
