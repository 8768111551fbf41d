"""A thousand searches in ten scripts, held against an oracle that compares texts and knows no index, on both engines.

In scripts that set blanks between words a search finds the messages that have the word: as typed, in any case, and
typed without accents in either spelling. In the others it finds every message that has what was typed in one piece;
it may find one more that has its pairs of characters apart, which the test counts.
"""

from __future__ import annotations

import random
import unicodedata

import pytest

from storage.database import Database
from storage.mail.search import add_to_index, find_messages, words
from storage.writer import WritingThread

NEWEST = 1 << 62
MESSAGES, SEARCHES = 240, 1_000
STRAYS = 10  # of all: messages found that have only the pairs of what was typed

SPACED = {
    "latin": """Müller Kühlschrank café défectueux señor mañana façade Łódź smørrebrød ångström czytać żółty
        über straße größer piñata coração façam città perché účet příliš şeker ısıtma invoice order delivery""",
    "cyrillic": """счёт ёлка заказ доставка оплата письмо холодильник район чайник объект Їжак ґанок вулиця
        дякую замовлення број плаћање поръчка сметка""",
    "greek": "παραγγελία τιμολόγιο αποστολή διεύθυνση πρόβλημα ψυγείο λάθος ερώτηση καλημέρα Ελλάς",
    "arabic": "الفاتورة طلب توصيل مشكلة عنوان كتاب شكرا سؤال الثلاجة مدرسة أحمد إلى",
    "hebrew": "חשבונית הזמנה משלוח בעיה כתובת שלום תודה שאלה מקרר",
    "devanagari": "चालान आदेश वितरण समस्या पता धन्यवाद प्रश्न हिन्दी में लिखा किताब",
    "hangul": "청구서를 주문 배송 문제가 주소 감사합니다 질문 냉장고가",
}
UNSPACED = {
    "thai": "ใบแจ้งหนี้ คำสั่งซื้อ การจัดส่ง ปัญหา ที่อยู่ ขอบคุณ คำถาม ตู้เย็น เสียแล้ว",
    "han": "发票 订单 送货 问题 地址 谢谢 冰箱 请求 退款 打印机 坏了 電話 號碼 國際",
    "kana": "プリンター れいぞうこ ありがとう ございます おねがい キャンセル サポート ください",
}


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).casefold())


def _bare(word: str) -> str:
    """Without accents and points, by names of characters: another way than the index goes."""
    letters = {"ł": "l", "ø": "o", "ı": "i", "æ": "ae", "ى": "ي", "ة": "ه"}
    kept = []
    for character in unicodedata.normalize("NFD", word):
        mark = unicodedata.category(character) == "Mn" and not unicodedata.name(character).startswith(
            "DEVANAGARI"
        )
        kept.append("" if mark else letters.get(character, character))
    return unicodedata.normalize("NFC", "".join(kept))


class _Oracle:
    """Texts and what is found in them, by looking at each."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.texts = {number: self._written() for number in range(1, MESSAGES + 1)}
        self.words = {number: {_normal(word) for word in text.split()} for number, text in self.texts.items()}

    def _written(self) -> str:
        """Some words of one or two scripts, those without blanks in one run."""
        pieces = []
        for name in self.chance.sample([*SPACED, *UNSPACED], self.chance.randint(1, 2)):
            chosen = self.chance.choices((SPACED | UNSPACED)[name].split(), k=self.chance.randint(2, 6))
            pieces.append((" " if name in SPACED else "").join(chosen))
        return " ".join(pieces)

    def search(self) -> tuple[str, set[int], bool]:
        """What somebody types, the messages that have it, and whether it is a piece of a text without blanks."""
        if self.chance.random() < 0.3:
            name = self.chance.choice([*UNSPACED])
            run = "".join(self.chance.choices(UNSPACED[name].split(), k=2))
            start = self.chance.randrange(len(run) - 1)
            typed = run[start : start + self.chance.randint(1, 4)]
            typed = typed if unicodedata.category(typed[0])[0] == "L" else run
            return (
                typed,
                {number for number, text in self.texts.items() if _normal(typed) in _normal(text)},
                True,
            )

        several = [self._typed() for _ in range(1 if self.chance.random() < 0.8 else 2)]
        found = set(self.texts)
        for each in several:
            found &= {
                number for number, words in self.words.items() if any(_is(each, word) for word in words)
            }
        return " ".join(several), found, False

    def _typed(self) -> str:
        word = self.chance.choice(SPACED[self.chance.choice([*SPACED])].split())
        way = self.chance.randrange(6)
        if way == 0:
            return word.upper()
        if way == 1:
            return _bare(_normal(word))
        if way == 2:
            return word[: self.chance.randint(2, max(2, len(word) - 1))] + "*"
        if way == 3:
            return word[::-1] + "q" if word.isascii() else word[1:] + word[0]
        return word


def _is(typed: str, word: str) -> bool:
    """Whether a word of a text is what was typed, or begins so."""
    wanted = _normal(typed.rstrip("*"))
    begins = typed.endswith("*")
    return any(each.startswith(wanted) if begins else each == wanted for each in {word, _bare(word)})


@pytest.mark.parametrize("seed", [1])
def test_a_thousand_searches_find_what_a_reader_would(
    database: Database, writer: WritingThread, seed: int
) -> None:
    """Every message that has what was typed is found, and in scripts with blanks no other."""
    oracle = _Oracle(random.Random(seed))
    rows = [(1, number, words([text])) for number, text in oracle.texts.items()]
    writer.run(lambda tx: add_to_index(tx.connection, rows))
    missed, strays, empty = [], 0, 0

    with database.read() as connection:
        for _ in range(SEARCHES):
            typed, wanted, in_a_run = oracle.search()
            found = set(find_messages(connection, 1, typed, before=NEWEST, limit=MESSAGES))
            empty += not wanted
            strays += len(found - wanted) if in_a_run else 0
            if wanted - found or (found - wanted and not in_a_run):
                missed.append((typed, sorted(wanted - found), sorted(found - wanted)))

    assert missed == []
    assert strays <= STRAYS
    assert empty < SEARCHES // 2, "most searches should look for something that is there"
