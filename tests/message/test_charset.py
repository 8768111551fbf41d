"""Bytes to text: labels as the world writes them, and text under the wrong label."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.message import charset

_RUSSIAN = "Здравствуйте, прошу выслать счёт за прошлый месяц, заранее спасибо."
_GERMAN = "Grüße aus Köln, schöne Feiertage und bis nächste Woche!"
_JAPANESE = "お世話になっております。ご注文の商品についてお問い合わせいたします。"
_CHINESE = "您好，我们公司的产品质量好，价格便宜，请与我们联系。"
_KOREAN = "안녕하세요. 주문한 상품이 아직 도착하지 않았습니다. 확인 부탁드립니다."


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("utf-8", "utf-8"),
        ("UTF8", "utf-8"),
        ('"utf-8"', "utf-8"),
        ("uft-8", "utf-8"),
        ("3Dutf-8", "utf-8"),
        ("iso-8859-1", "cp1252"),
        ("latin1", "cp1252"),
        ("us-ascii", "ascii"),
        ("gb2312", "gb18030"),
        ("x-gbk", "gb18030"),
        ("iso-gb2312", "gb18030"),
        ("ks_c_5601-1987", "cp949"),
        ("shift_jis", "cp932"),
        ("unicode-1-1-utf-7", "utf_7"),
        ("hz-gb-2312", "hz"),
        ("windows-1251", "cp1251"),
        ("cp-850", "cp850"),
    ],
)
def test_labels_are_read_as_the_world_writes_them(label: str, codec: str) -> None:
    """A label in any spelling names the codec that browsers would take, or its superset."""
    assert codec == charset.codec(label)


@pytest.mark.parametrize(
    "label", ["", "x-unknown", "unknown-8bit", "default", "no such thing", "base64", "idna", "-", "\x00"]
)
def test_labels_nobody_knows_are_none(label: str) -> None:
    """What names no charset is None, never an error."""
    assert charset.codec(label) is None


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        (_RUSSIAN, "utf-8"),
        (_RUSSIAN, "cp1251"),
        (_RUSSIAN, "koi8-r"),
        (_GERMAN, "cp1252"),
        (_GERMAN, "utf-8"),
        ("Ma sœur écrit des œuvres à cœur ouvert, déjà prêtes pour Noël", "cp1252"),
        ("Fyrirspurn um þjónustu og verð á æfingum, með kveðju", "cp1252"),
        ("Καλησπέρα σας, θα ήθελα πληροφορίες για την παραγγελία μου.", "cp1253"),
        ("שלום רב, רציתי לשאול על ההזמנה שלי מהשבוע שעבר", "cp1255"),
        ("Sipariş durumunu öğrenmek istiyorum, teşekkürler, kolay gelsin, ışık", "cp1254"),
        ("Proszę o przesłanie faktury, dziękuję i życzę miłego dnia, łączę", "cp1250"),
        ("Proszę o przesłanie faktury, dziękuję, ślę pozdrowienia źródło", "iso8859_2"),
        ("Příloha s žádostí, děkuji a přeji hezký den, šťastnou cestu, žluťoučký", "cp1250"),
        (_JAPANESE, "cp932"),
        (_JAPANESE, "euc_jp"),
        (_JAPANESE, "iso2022_jp"),
        (_JAPANESE, "utf-16"),
        (_CHINESE, "gb18030"),
        (_CHINESE, "big5hkscs"),
        (_KOREAN, "cp949"),
        ("plain text in two bytes each", "utf-16-le"),
    ],
)
@pytest.mark.parametrize("label", ["", "x-unknown"])
def test_unlabelled_text_is_recovered(text: str, codec: str, label: str) -> None:
    """Running text without a usable label is read as it was written."""
    traditional = text.translate(str.maketrans("们质价请与联", "們質價請與聯")).replace("产", "產")
    meant = traditional if codec == "big5hkscs" else text
    assert meant == charset.decode(meant.encode(codec), label)[0]


@pytest.mark.parametrize("label", ["us-ascii", "iso-8859-1", "windows-1251", "koi8-r"])
def test_utf8_under_a_single_byte_label_is_utf8(label: str) -> None:
    """Valid UTF-8 is never an accident in text of a single-byte charset."""
    assert charset.decode(_RUSSIAN.encode(), label) == (_RUSSIAN, "")


def test_a_broken_character_costs_only_itself() -> None:
    """One bad byte in labelled text becomes U+FFFD and the rest stays."""
    text, flag = charset.decode("schöne Grüße".encode() + b"\xff" + b" und Text" * 5, "utf-8")
    assert text.startswith("schöne Grüße\ufffd und Text")
    assert flag == "charset-wrong"


def test_latin_text_under_utf8_is_recovered() -> None:
    """windows-1252 sent as UTF-8 is read as windows-1252 when it is more than a byte."""
    assert charset.decode("äöü ß ü".encode("cp1252"), "utf-8")[0] == "äöü ß ü"


def test_japanese_extensions_are_read() -> None:
    """Circled numbers in ISO-2022-JP, which the standard does not have and Windows sends."""
    data = "①ご案内".encode("iso2022_jp_2004").replace(b"\x1b$(Q", b"\x1b$B")
    assert charset.decode(data, "iso-2022-jp")[0] == "①ご案内"


def test_an_explicit_label_is_believed_when_asked() -> None:
    """Without guessing, bytes outside of a known charset become U+FFFD."""
    assert charset.decode(b"W\xf6lbung", "us-ascii", guess=False) == ("W\ufffdlbung", "charset-wrong")


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=200),
    st.sampled_from(["", "utf-8", "utf-7", "gb2312", "iso-2022-jp", "utf-16", "hz", "x-y", "big5"]),
)
def test_any_bytes_become_clean_text(data: bytes, label: str) -> None:
    """Any bytes under any label give text that UTF-8 can hold."""
    text, _ = charset.decode(data, label)
    text.encode("utf-8")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=100))
def test_labelled_text_round_trips(text: str) -> None:
    """Text in UTF-8 under its label comes back (a leading byte order mark is no text)."""
    assert text.removeprefix("\ufeff") == charset.decode(text.encode(), "utf-8")[0]
